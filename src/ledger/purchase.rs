//! Booking a purchase that a till recorded, and taking one back. Each runs inside the transaction that also holds the
//! mutation's idempotency key; a refusal leaves nothing behind but its answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use profcards_card::{Code, Context, ProofIdentity, StatusSource, Verdict, Wants, verify};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::rules::{self, Line, Offer};
use super::store::{self, Posting, PurchaseRow};
use crate::app::App;
use crate::auth::{member_audience, till_audience};
use crate::cards;
use crate::clock::{moscow_day, unix_seconds};
use crate::error::{Error, Result};
use crate::members;
use crate::money::{Kopecks, MAX_PURCHASE_KOPECKS};
use crate::partners;
use crate::partners::store::TerminalPlace;
use crate::sync::store::record_change;

/// How long a till may be out of contact and still hand in what it recorded.
const MAX_OFFLINE_DAYS: i64 = 35;
/// A proof that was booked is remembered in Redis for so long; after it Postgres alone remembers.
const NONCE_SECONDS: u64 = 24 * 3600;

/// Why a mutation has no effect: a stable code, which the till translates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal(pub &'static str);

/// The result of applying a mutation: refused, or failed without a decision.
pub type Applied<T> = Result<std::result::Result<T, Refusal>>;

/// A purchase as a till hands it in.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordPurchase {
    /// The text of the QR code.
    pub token: String,
    /// What was paid.
    pub amount_kopecks: i64,
    /// The till's own number of this operation.
    pub op_no: i64,
    /// Where it was made, as the till knew then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet_id: Option<Uuid>,
}

/// The wish to take a purchase back.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelPurchase {
    /// The mutation that recorded the purchase.
    pub mutation_id: Uuid,
    /// The till's own number of this operation.
    pub op_no: i64,
    /// As in [`RecordPurchase`]; nothing depends on it, since a purchase of another till is unknown here anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet_id: Option<Uuid>,
}

/// A mutation's own circumstances.
pub struct Circumstances<'a> {
    /// The till.
    pub terminal_id: Uuid,
    /// The owner of the idempotency key.
    pub principal: &'a str,
    /// The idempotency key.
    pub idem: Uuid,
    /// When it happened, as the till reckons: its clock corrected by the server offset that it knew then.
    pub at: u64,
    /// The server's time minus the till's, measured when the till sent this.
    pub till_skew_seconds: i64,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What a recorded purchase answers; stored, so that a retry gets the same.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PurchaseResult {
    /// The purchase.
    pub purchase_id: Uuid,
    /// The short number on the receipt.
    pub receipt: String,
    /// What was paid.
    pub amount_kopecks: i64,
    /// What it brings the member.
    pub accrual_kopecks: i64,
    /// From which day on it may be spent.
    pub confirm_on: NaiveDate,
    /// The name on the card.
    pub shown_name: String,
    /// Why these figures.
    pub explanation: Vec<Line>,
}

/// A booked operation: its answer, and what to do once it is committed.
pub struct Booked {
    /// The stored answer.
    pub result: serde_json::Value,
    /// Whose balance changed.
    pub membership_id: Uuid,
    /// The proof that is used up.
    pub proof: Option<ProofIdentity>,
}

/// A purchase as member and till see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PurchaseView {
    /// The purchase.
    pub id: Uuid,
    /// The short number on the receipt.
    pub receipt: String,
    /// The mutation that recorded it; for its till only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutation_id: Option<Uuid>,
    /// Where.
    pub partner_name: String,
    /// At which outlet.
    pub outlet_name: String,
    /// What was paid.
    pub amount_kopecks: i64,
    /// What it brings the member.
    pub accrual_kopecks: i64,
    /// `pending`, `available` or `cancelled`.
    pub state: String,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub event_at: DateTime<Utc>,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub booked_at: DateTime<Utc>,
    /// From which day on it may be spent.
    pub confirm_on: NaiveDate,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds_option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Why these figures, from the rule that was in force.
    pub explanation: Vec<Line>,
}

fn receipt(terminal_number: i32, op_no: i64) -> String {
    format!("{terminal_number}-{op_no:04}")
}

/// Purchases by id as people see them, in no order. Each explanation is computed anew from the rule's version.
pub async fn views(conn: &mut PgConnection, ids: &[Uuid], for_till: bool) -> Result<Vec<PurchaseView>> {
    let rows = store::purchases(&mut *conn, ids).await?;
    let mut offers = HashMap::new();
    for (partner_id, version) in rows.iter().filter_map(|row| Some((row.partner_id, row.rule_version?))) {
        if let Entry::Vacant(unread) = offers.entry((partner_id, version)) {
            unread.insert(store::offer_version(&mut *conn, partner_id, version).await?);
        }
    }
    let offer_of = |row: &PurchaseRow| offers.get(&(row.partner_id, row.rule_version?))?.as_ref();
    Ok(rows.iter().map(|row| view(row, offer_of(row), for_till)).collect())
}

fn view(row: &PurchaseRow, offer: Option<&Offer>, for_till: bool) -> PurchaseView {
    let outcome = rules::evaluate(offer, Kopecks(row.amount_kopecks), moscow_day(row.event_at));
    PurchaseView {
        id: row.id,
        receipt: receipt(row.terminal_number, row.op_no),
        mutation_id: for_till.then_some(row.idem),
        partner_name: row.partner_name.clone(),
        outlet_name: row.outlet_name.clone(),
        amount_kopecks: row.amount_kopecks,
        accrual_kopecks: row.accrual_kopecks,
        state: row.state.clone(),
        event_at: row.event_at,
        booked_at: row.booked_at,
        confirm_on: row.confirm_on,
        cancelled_at: row.cancelled_at,
        explanation: outcome.map(|outcome| outcome.explanation).unwrap_or_default(),
    }
}

/// Books a purchase: accrual only, by the rule of its own time.
pub async fn record(
    app: &App,
    conn: &mut PgConnection,
    request: &RecordPurchase,
    about: &Circumstances<'_>,
) -> Applied<Booked> {
    if !(1..=MAX_PURCHASE_KOPECKS).contains(&request.amount_kopecks) {
        return Ok(Err(Refusal("amount-invalid")));
    }
    if request.op_no < 1 {
        return Ok(Err(Refusal("op-number-invalid")));
    }
    let place = partners::store::place(&mut *conn, about.terminal_id).await?;
    // A tablet that was moved to another shop may still hold what the first one sold.
    if request.outlet_id.is_some_and(|made_at| made_at != place.outlet_id) {
        return Ok(Err(Refusal("other-outlet")));
    }
    let (event_at, verdict) = match verify_as_of_event(app, &request.token, about) {
        Ok(verified) => verified,
        // Our own list, not the card, is at fault: the till keeps the purchase and sends it again.
        Err(code @ (Code::TrustListBad | Code::TrustListRollback | Code::TrustListExpired)) => {
            return Err(Error::Unavailable(anyhow::anyhow!(
                "purchases cannot be verified: {}",
                code.as_str()
            )));
        }
        Err(code) => return Ok(Err(Refusal(code.as_str()))),
    };
    let card = match admissible_card(conn, &verdict, event_at).await? {
        Ok(card) => card,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let proof = verdict.proof.as_ref().map(|proof| proof.identity);
    if let Some(identity) = proof
        && app.cache.get(&nonce_key(&identity)).await.is_some_and(|owner| owner != nonce_owner(about))
        && store::is_proof_spent(&mut *conn, &identity.0).await?
    {
        // Redis spares the lock, Postgres decides.
        return Ok(Err(Refusal(Code::Replayed.as_str())));
    }
    store::lock_balance(&mut *conn, card.membership_id).await?;
    if let Some(identity) = proof
        && !store::claim_proof(&mut *conn, &identity.0, about.terminal_id, about.idem, about.now).await?
    {
        return Ok(Err(Refusal(Code::Replayed.as_str())));
    }
    if !store::claim_op_no(&mut *conn, about.terminal_id, request.op_no, about.idem).await? {
        return Ok(Err(Refusal("op-number-reused")));
    }
    let result = book(app, conn, request, about, &place, &card, event_at, shown_name(&verdict)).await?;
    Ok(Ok(Booked { result, membership_id: card.membership_id, proof }))
}

fn shown_name(verdict: &Verdict) -> String {
    verdict.shown().map(|shown| shown.name().to_owned()).unwrap_or_default()
}

/// Verifies the token as of the moment of the purchase. A till's clock may have been wrong, or have been set right since:
/// the moment is first taken as the till reckoned it, then as its clock is seen to be off now.
fn verify_as_of_event(
    app: &App,
    token: &str,
    about: &Circumstances<'_>,
) -> std::result::Result<(DateTime<Utc>, Verdict), Code> {
    let trust = app.keys.trust_list();
    // Neither the pairing nor the last contact is a bound: a till that was paired anew, or whose earlier push was answered
    // `retry`, hands in what is older than both.
    let earliest = about.now - TimeDelta::days(MAX_OFFLINE_DAYS);
    let mut refused = Code::Malformed;
    for (attempt, at) in
        [about.at, about.at.saturating_add_signed(about.till_skew_seconds)].into_iter().enumerate()
    {
        let event_at = crate::clock::from_unix_seconds(at).clamp(earliest, about.now);
        let context = Context {
            now: unix_seconds(event_at),
            trust: Ok(&trust.list),
            status: StatusSource::IssuerTables,
            challenge: None,
            wants: Wants::Accrual,
            seen: &|_| false,
        };
        let verdict = verify(token, &context);
        if verdict.accepted {
            return Ok((event_at, verdict));
        }
        if attempt == 0 {
            refused = verdict.code;
        }
    }
    Err(refused)
}

/// The card, if this instance issued it, it was not revoked at the time, and its holder takes part in the programme.
async fn admissible_card(
    conn: &mut PgConnection,
    verdict: &Verdict,
    event_at: DateTime<Utc>,
) -> Applied<cards::store::KnownCard> {
    let claims = verdict
        .card
        .as_ref()
        .ok_or_else(|| Error::Internal(anyhow::anyhow!("an accepted card has claims")))?;
    let known = cards::store::find(&mut *conn, &claims.status.uri, claims.status.idx).await?;
    let cnf = claims.cnf.map(|key| key.to_cose_key());
    let Some(card) = known.filter(|card| card.cnf == cnf && card.number == claims.number.to_string()) else {
        return Ok(Err(Refusal("card-not-issued-here")));
    };
    if card.status != 0 && card.status_at.is_none_or(|since| since <= event_at) {
        let code = if card.status == 2 { Code::Suspended } else { Code::Revoked };
        return Ok(Err(Refusal(code.as_str())));
    }
    // The card may be valid again by now; at the time it was not.
    if members::changes::store::was_suspended(&mut *conn, card.membership_id, event_at).await? {
        return Ok(Err(Refusal(Code::Suspended.as_str())));
    }
    if !store::takes_part(conn, card.membership_id, event_at).await? {
        return Ok(Err(Refusal("not-in-programme")));
    }
    Ok(Ok(card))
}

#[expect(clippy::too_many_arguments, reason = "all that a posting is made of, gathered by its one caller")]
async fn book(
    app: &App,
    conn: &mut PgConnection,
    request: &RecordPurchase,
    about: &Circumstances<'_>,
    place: &TerminalPlace,
    card: &cards::store::KnownCard,
    event_at: DateTime<Utc>,
    shown_name: String,
) -> Result<serde_json::Value> {
    let offer = store::offer_at(&mut *conn, place.partner_id, event_at).await?;
    let day = moscow_day(event_at);
    let outcome = rules::evaluate(offer.as_ref(), Kopecks(request.amount_kopecks), day)
        .ok_or_else(|| Error::Internal(anyhow::anyhow!("the rule's figures do not fit")))?;
    let posting = Posting {
        kind: "purchase",
        principal: about.principal,
        idem: about.idem,
        membership_id: card.membership_id,
        partner_id: place.partner_id,
        outlet_id: place.outlet_id,
        terminal_id: about.terminal_id,
        amount_kopecks: request.amount_kopecks,
        accrual_kopecks: outcome.accrual_kopecks.0,
        commission_kopecks: outcome.commission_kopecks.0,
        rule_version: offer.as_ref().map(|offer| offer.version),
        reverses: None,
        event_at,
        booked_at: about.now,
    };
    let seq = store::post(&mut *conn, &posting).await?;
    let purchase_id = app.random.uuid();
    let confirm_on = rules::confirm_day(day);
    store::insert_purchase(&mut *conn, purchase_id, seq, &posting, request.op_no, card.id, confirm_on)
        .await?;
    store::add_pending(&mut *conn, card.membership_id, posting.accrual_kopecks).await?;
    tell(conn, card.membership_id, about, purchase_id).await?;
    let result = PurchaseResult {
        purchase_id,
        receipt: receipt(place.number, request.op_no),
        amount_kopecks: request.amount_kopecks,
        accrual_kopecks: posting.accrual_kopecks,
        confirm_on,
        shown_name,
        explanation: outcome.explanation,
    };
    Ok(serde_json::to_value(result).map_err(anyhow::Error::from)?)
}

/// Takes a purchase back whole, while its return window is open. Only the till that recorded it can.
pub async fn cancel(
    conn: &mut PgConnection,
    request: &CancelPurchase,
    about: &Circumstances<'_>,
) -> Applied<Booked> {
    let Some((id, membership_id)) =
        store::find_purchase(&mut *conn, about.terminal_id, request.mutation_id).await?
    else {
        return Ok(Err(Refusal("unknown-purchase")));
    };
    store::lock_balance(&mut *conn, membership_id).await?;
    // Read again under the lock: a confirmation or another cancellation may have come between.
    let row = store::purchases(&mut *conn, &[id]).await?.pop().ok_or(Error::NotFound)?;
    match row.state.as_str() {
        "pending" => {}
        "cancelled" => return Ok(Err(Refusal("already-cancelled"))),
        _ => return Ok(Err(Refusal("cancel-too-late"))),
    }
    if request.op_no < 1
        || !store::claim_op_no(&mut *conn, about.terminal_id, request.op_no, about.idem).await?
    {
        return Ok(Err(Refusal("op-number-reused")));
    }
    let posting = Posting {
        kind: "refund",
        principal: about.principal,
        idem: about.idem,
        membership_id,
        partner_id: row.partner_id,
        outlet_id: row.outlet_id,
        terminal_id: about.terminal_id,
        amount_kopecks: row.amount_kopecks,
        accrual_kopecks: row.accrual_kopecks,
        commission_kopecks: store::commission_of(&mut *conn, row.seq).await?,
        rule_version: row.rule_version,
        reverses: Some(row.seq),
        event_at: about.now,
        booked_at: about.now,
    };
    store::post(&mut *conn, &posting).await?;
    store::cancel_purchase(&mut *conn, id, about.now).await?;
    store::add_pending(&mut *conn, membership_id, -row.accrual_kopecks).await?;
    tell(conn, membership_id, about, id).await?;
    metrics::counter!("profcards_purchases_cancelled_total").increment(1);
    let result = serde_json::json!({ "purchaseId": id, "state": "cancelled" });
    Ok(Ok(Booked { result, membership_id, proof: None }))
}

/// Puts what changed before the member's and the till's eyes.
async fn tell(
    conn: &mut PgConnection,
    membership_id: Uuid,
    about: &Circumstances<'_>,
    purchase_id: Uuid,
) -> Result<()> {
    let (member, id) = (member_audience(membership_id), purchase_id.to_string());
    record_change(&mut *conn, &member, "purchase", &id, about.now).await?;
    record_change(&mut *conn, &member, "balance", "me", about.now).await?;
    record_change(conn, &till_audience(about.terminal_id), "purchase", &id, about.now).await
}

fn nonce_key(identity: &ProofIdentity) -> String {
    format!("proof:{}", hex::encode(identity.0))
}

fn nonce_owner(about: &Circumstances<'_>) -> String {
    format!("{}/{}", about.principal, about.idem)
}

/// Once committed: the proof is remembered, the cached balance follows, the member's page is woken. None of it is
/// needed for the books to be right.
pub async fn after_commit(app: &crate::app::AppState, booked: &Booked, about: &Circumstances<'_>) {
    if let Some(identity) = &booked.proof {
        app.cache.set(&nonce_key(identity), &nonce_owner(about), NONCE_SECONDS).await;
    }
    super::refresh_balance(app, booked.membership_id).await;
    crate::live::wake(app, &member_audience(booked.membership_id)).await;
}
