//! Booking a purchase that a till recorded, and taking one back. Each runs inside the transaction that also holds the
//! mutation's idempotency key; a refusal leaves nothing behind but its answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use profcards_card::{Code, ProofIdentity};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::customer::{Customer, Evidence, Presented, When, identify};
use super::rules::{self, Line, Offer, Outcome};
use super::store::{self, Movement, NewPurchase, Posting, PurchaseRow};
use super::{Applied, Refusal, lookup, redemption};
use crate::app::App;
use crate::auth::{member_audience, till_audience};
use crate::cards;
use crate::clock::CLOCKS_APART;
use crate::error::{Error, Result};
use crate::money::{Kopecks, MAX_PURCHASE_KOPECKS};
use crate::partners;
use crate::partners::challenge::Challenge;
use crate::partners::store::TerminalPlace;
use crate::sync::store::record_change;

/// A proof that was booked is remembered in Redis for so long; after it Postgres alone remembers.
const NONCE_SECONDS: u64 = 24 * 3600;
/// A till that was away for a while hands in what many members bought, each a little.
const TILL_TIMES_MEMBER: i64 = 20;

/// A purchase as a till hands it in.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordPurchase {
    /// The text of the QR code. Exactly one of this and `lookupId` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// A number that this till has looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup_id: Option<Uuid>,
    /// What the purchase costs.
    pub amount_kopecks: i64,
    /// What of it is paid from the balance; nothing where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redeem_kopecks: Option<i64>,
    /// The till's own number of this operation.
    pub op_no: i64,
    /// Where it was made, as the till knew then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet_id: Option<Uuid>,
}

impl RecordPurchase {
    /// Whether a part is to be paid from the balance.
    pub fn redeems(&self) -> bool {
        self.redeem_kopecks.is_some_and(|kopecks| kopecks > 0)
    }

    /// What was handed in of the card.
    fn presented(&self) -> std::result::Result<Presented<'_>, Refusal> {
        match (self.token.as_deref(), self.lookup_id) {
            (Some(token), None) => Ok(Presented::Token(token)),
            (None, Some(id)) => Ok(Presented::Lookup(id)),
            _ => Err(Refusal::of("malformed-args")),
        }
    }
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
    /// When it happened.
    pub when: When,
}

/// What a recorded purchase answers; stored, so that a retry gets the same. The stored answer is kept for long, so the name on
/// the card is not in it: [`add_shown_name`].
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PurchaseResult {
    /// The purchase.
    pub purchase_id: Uuid,
    /// The short number on the receipt.
    pub receipt: String,
    /// What the purchase costs.
    pub amount_kopecks: i64,
    /// What of it was paid from the balance.
    pub redeem_kopecks: i64,
    /// What is left to pay.
    pub payable_kopecks: i64,
    /// What it brings the member.
    pub accrual_kopecks: i64,
    /// From which day on it may be spent.
    pub confirm_on: NaiveDate,
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
    /// What the purchase costs.
    pub amount_kopecks: i64,
    /// What of it was paid from the balance.
    pub redeem_kopecks: i64,
    /// What it brings the member.
    pub accrual_kopecks: i64,
    /// `pending`, `held` until a person has looked at it, `available` or `cancelled`.
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
    let (amount, redeem) = (Kopecks(row.amount_kopecks), Kopecks(row.redeem_kopecks));
    let outcome = rules::evaluate(offer, amount, redeem);
    let course = Course {
        is_late: row.on_trust && rules::is_late(row.event_at, row.booked_at),
        is_held: row.state == "held",
        taken_back_debt: row.taken_back_debt_kopecks.map(Kopecks),
        confirm_on: row.confirm_on,
    };
    PurchaseView {
        id: row.id,
        receipt: receipt(row.terminal_number, row.op_no),
        mutation_id: for_till.then_some(row.idem),
        partner_name: row.partner_name.clone(),
        outlet_name: row.outlet_name.clone(),
        amount_kopecks: row.amount_kopecks,
        redeem_kopecks: row.redeem_kopecks,
        accrual_kopecks: row.accrual_kopecks,
        state: row.state.clone(),
        event_at: row.event_at,
        booked_at: row.booked_at,
        confirm_on: row.confirm_on,
        cancelled_at: row.cancelled_at,
        explanation: outcome.map(|outcome| course.explain(outcome)).unwrap_or_default(),
    }
}

/// What became of a purchase beside its figures.
struct Course {
    is_late: bool,
    is_held: bool,
    taken_back_debt: Option<Kopecks>,
    confirm_on: NaiveDate,
}

impl Course {
    /// The rule's lines, and those of what became of what they brought.
    fn explain(&self, outcome: Outcome) -> Vec<Line> {
        let Outcome { accrual_kopecks, mut explanation, .. } = outcome;
        explanation.extend(self.is_late.then_some(Line::HandedInLate));
        if accrual_kopecks > Kopecks::ZERO {
            explanation.push(match self.taken_back_debt {
                Some(debt_kopecks) => Line::TakenBack {
                    available_kopecks: Kopecks(accrual_kopecks.0 - debt_kopecks.0),
                    debt_kopecks,
                },
                None if self.is_held => Line::UnderReview,
                None => Line::PendingUntil { date: self.confirm_on },
            });
        }
        explanation
    }
}

/// Books a purchase by the rule of its own time, unless it is late; part of it paid from the balance if the member has agreed to that.
pub async fn record(
    app: &App,
    conn: &mut PgConnection,
    request: &RecordPurchase,
    about: &Circumstances<'_>,
) -> Applied<Booked> {
    let redeem = Kopecks(request.redeem_kopecks.unwrap_or(0));
    if !(1..=MAX_PURCHASE_KOPECKS).contains(&request.amount_kopecks) || redeem < Kopecks::ZERO {
        return Ok(Err(Refusal::of("amount-invalid")));
    }
    if request.op_no < 1 {
        return Ok(Err(Refusal::of("op-number-invalid")));
    }
    let presented = match request.presented() {
        Ok(presented) => presented,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let place = partners::store::place(&mut *conn, about.terminal_id).await?;
    // A tablet that was moved to another shop may still hold what the first one sold.
    if request.outlet_id.is_some_and(|made_at| made_at != place.outlet_id) {
        return Ok(Err(Refusal::of("other-outlet")));
    }
    let (customer, challenge) = match identify_buyer(app, conn, request, presented, about).await? {
        Ok(buyer) => buyer,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let sale = Sale { request, redeem, challenge, place, customer };
    if let Some(refusal) = claim(app, conn, &sale, about).await? {
        return Ok(Err(refusal));
    }
    let offer = store::offer_at(&mut *conn, sale.place.partner_id, sale.customer.event_at).await?;
    if let Some(refusal) = redemption::why_not(app, conn, offer.as_ref(), &sale, about).await? {
        return Ok(Err(refusal));
    }
    let proof = sale.customer.proof().map(|proof| proof.identity);
    let result = book(app, conn, &sale, offer.as_ref(), about).await?;
    Ok(Ok(Booked { result, membership_id: sale.customer.membership_id, proof }))
}

/// Who buys, and, where a part is to be paid from the balance, the digits that the member has agreed by.
async fn identify_buyer(
    app: &App,
    conn: &mut PgConnection,
    request: &RecordPurchase,
    presented: Presented<'_>,
    about: &Circumstances<'_>,
) -> Applied<(Customer, Option<Challenge>)> {
    if !request.redeems() {
        let customer = identify(app, conn, presented, None, about.terminal_id, &about.when).await?;
        return Ok(customer.map(|customer| (customer, None)));
    }
    let operation = (about.terminal_id, request.op_no);
    let payer = redemption::identify_payer(app, conn, presented, operation, about.when.now).await?;
    Ok(payer.map(|(customer, challenge)| (customer, Some(challenge))).map_err(redemption::when_booked))
}

/// A purchase that is being booked.
pub(super) struct Sale<'a> {
    /// As the till handed it in.
    pub(super) request: &'a RecordPurchase,
    /// What of it is paid from the balance.
    pub(super) redeem: Kopecks,
    /// The digits of a redemption.
    pub(super) challenge: Option<Challenge>,
    /// Where it was made.
    pub(super) place: TerminalPlace,
    /// By whom.
    pub(super) customer: Customer,
}

/// Locks the balance, and uses up what may serve one purchase only: the proof or the lookup, and the operation number.
async fn claim(
    app: &App,
    conn: &mut PgConnection,
    sale: &Sale<'_>,
    about: &Circumstances<'_>,
) -> Result<Option<Refusal>> {
    let proof = sale.customer.proof().map(|proof| proof.identity);
    if let Some(identity) = proof
        && app.cache.get(&nonce_key(&identity)).await.is_some_and(|owner| owner != nonce_owner(about))
        && store::is_proof_spent(&mut *conn, &identity.0).await?
    {
        // Redis spares the lock, Postgres decides.
        return Ok(Some(Refusal::of(Code::Replayed.as_str())));
    }
    store::lock_balance(&mut *conn, sale.customer.membership_id).await?;
    if let Some(identity) = proof
        && !store::claim_proof(&mut *conn, &identity.0, about.terminal_id, about.idem, about.when.now).await?
    {
        return Ok(Some(Refusal::of(Code::Replayed.as_str())));
    }
    if let Evidence::Lookup(id) = sale.customer.evidence
        && !lookup::claim(&mut *conn, id, about.idem).await?
    {
        return Ok(Some(Refusal::of("lookup-used")));
    }
    let claimed =
        store::claim_op_no(conn, about.terminal_id, sale.request.op_no, about.idem, about.when.now).await?;
    Ok((!claimed).then(|| Refusal::of("op-number-reused")))
}

/// The rule by which a purchase is booked, and what it brings: that of its own time; where it is handed in late, the one of
/// then and of now that gives the member less, since a till could name whatever day it likes.
async fn terms(
    conn: &mut PgConnection,
    sale: &Sale<'_>,
    of_event: Option<&Offer>,
    now: DateTime<Utc>,
) -> Result<(Option<i32>, Outcome)> {
    let evaluate = |offer: Option<&Offer>| {
        let outcome = rules::evaluate(offer, Kopecks(sale.request.amount_kopecks), sale.redeem)
            .ok_or_else(|| Error::Internal(anyhow::anyhow!("the rule's figures do not fit")))?;
        Ok::<_, Error>((offer.map(|offer| offer.version), outcome))
    };
    let own = evaluate(of_event)?;
    if !rules::is_late(sale.customer.event_at, now) {
        return Ok(own);
    }
    let of_now = evaluate(store::offer_at(conn, sale.place.partner_id, now).await?.as_ref())?;
    Ok(if of_now.1.accrual_kopecks < own.1.accrual_kopecks { of_now } else { own })
}

/// Whether what is booked on a till's word waits for a person: where it brings something, and with what else was booked so
/// lately is more than is let pass. Split into small ones it is as much.
async fn is_held(
    app: &App,
    conn: &mut PgConnection,
    sale: &Sale<'_>,
    accrual: Kopecks,
    about: &Circumstances<'_>,
) -> Result<bool> {
    if accrual == Kopecks::ZERO {
        return Ok(false);
    }
    let (since, until) =
        (about.when.now - TimeDelta::days(cards::MAX_OFFLINE_DAYS), about.when.now + CLOCKS_APART);
    let sums =
        store::booked_on_trust(conn, sale.customer.membership_id, about.terminal_id, since, until).await?;
    let (amount, limit) = (sale.request.amount_kopecks, app.config.held_above_kopecks);
    Ok(sums.of_member_kopecks.saturating_add(amount) > limit
        || sums.of_till_kopecks.saturating_add(amount) > limit.saturating_mul(TILL_TIMES_MEMBER))
}

async fn book(
    app: &App,
    conn: &mut PgConnection,
    sale: &Sale<'_>,
    offer: Option<&Offer>,
    about: &Circumstances<'_>,
) -> Result<serde_json::Value> {
    let Sale { request, redeem, place, customer, .. } = sale;
    let now = about.when.now;
    let is_late = rules::is_late(customer.event_at, now);
    let on_trust = is_late || customer.has_ended_since;
    let (rule_version, outcome) = terms(&mut *conn, sale, offer, now).await?;
    let is_held = on_trust && is_held(app, &mut *conn, sale, outcome.accrual_kopecks, about).await?;
    let posting = Posting {
        kind: "purchase",
        principal: about.principal,
        idem: about.idem,
        membership_id: customer.membership_id,
        partner_id: place.partner_id,
        outlet_id: place.outlet_id,
        terminal_id: about.terminal_id,
        amount_kopecks: request.amount_kopecks,
        accrual_kopecks: outcome.accrual_kopecks.0,
        commission_kopecks: outcome.commission_kopecks.0,
        redeem_kopecks: redeem.0,
        debt_kopecks: 0,
        rule_version,
        reverses: None,
        event_at: customer.event_at,
        booked_at: now,
    };
    let new = NewPurchase {
        id: app.random.uuid(),
        seq: store::post(&mut *conn, &posting).await?,
        op_no: request.op_no,
        card_id: customer.card_id,
        shown_by: match customer.evidence {
            Evidence::Token(_) => "token",
            Evidence::Lookup(_) => "number",
        },
        confirm_on: rules::confirm_day(customer.event_at, now),
        on_trust,
        state: if is_held { "held" } else { "pending" },
    };
    store::insert_purchase(&mut *conn, &new, &posting).await?;
    let movement = Movement {
        pending_kopecks: posting.accrual_kopecks,
        available_kopecks: -posting.redeem_kopecks,
        ..Movement::default()
    };
    store::move_balance(&mut *conn, customer.membership_id, movement).await?;
    tell(conn, customer.membership_id, about.terminal_id, new.id, now).await?;
    if is_held {
        metrics::counter!("profcards_purchases_held_total").increment(1);
    }
    let course = Course { is_late, is_held, taken_back_debt: None, confirm_on: new.confirm_on };
    let result = PurchaseResult {
        purchase_id: new.id,
        receipt: receipt(place.number, request.op_no),
        amount_kopecks: request.amount_kopecks,
        redeem_kopecks: redeem.0,
        payable_kopecks: request.amount_kopecks - redeem.0,
        accrual_kopecks: posting.accrual_kopecks,
        confirm_on: new.confirm_on,
        explanation: course.explain(outcome),
    };
    Ok(serde_json::to_value(result).map_err(anyhow::Error::from)?)
}

/// Adds to the answer of a recorded purchase the name on the card by which the member was known.
pub async fn add_shown_name(conn: &mut PgConnection, result: &mut serde_json::Value) -> Result<()> {
    let purchase_id: Uuid =
        serde_json::from_value(result["purchaseId"].clone()).map_err(anyhow::Error::from)?;
    let card = store::card_of_purchase(conn, purchase_id).await?;
    result["shownName"] = lookup::shown(&card)?.name().into();
    Ok(())
}

/// Takes a purchase back whole, while its return window is open: what it was to bring goes, what it took from the balance
/// comes back. Only the till that recorded it can. Whether it is in time is judged when it is handed in, since the cashback may
/// have been spent by then; the books say when it happened.
pub async fn cancel(
    conn: &mut PgConnection,
    request: &CancelPurchase,
    about: &Circumstances<'_>,
) -> Applied<Booked> {
    let Some((id, membership_id)) =
        store::find_purchase(&mut *conn, about.terminal_id, request.mutation_id).await?
    else {
        return Ok(Err(Refusal::of("unknown-purchase")));
    };
    store::lock_balance(&mut *conn, membership_id).await?;
    // Read again under the lock: a confirmation or another cancellation may have come between.
    let row = store::purchases(&mut *conn, &[id]).await?.pop().ok_or(Error::NotFound)?;
    match row.state.as_str() {
        "pending" | "held" => {}
        "cancelled" => return Ok(Err(Refusal::of("already-cancelled"))),
        _ => return Ok(Err(Refusal::of("cancel-too-late"))),
    }
    if request.op_no < 1
        || !store::claim_op_no(&mut *conn, about.terminal_id, request.op_no, about.idem, about.when.now)
            .await?
    {
        return Ok(Err(Refusal::of("op-number-reused")));
    }
    let taken_back_at = about.when.candidates().find(|at| *at >= row.event_at);
    let reversal = Reversal {
        principal: about.principal,
        idem: about.idem,
        event_at: taken_back_at.unwrap_or(row.event_at),
        booked_at: about.when.now,
    };
    reverse(conn, &row, &reversal).await?;
    metrics::counter!("profcards_purchases_cancelled_total").increment(1);
    Ok(Ok(Booked { result: cancelled(id), membership_id, proof: None }))
}

fn cancelled(purchase_id: Uuid) -> serde_json::Value {
    serde_json::json!({ "purchaseId": purchase_id, "state": "cancelled" })
}

/// What was answered when this mutation recorded a purchase, read from the purchase: the stored answer is kept for a hundred days,
/// a till may keep its question for longer.
pub async fn recorded_before(
    conn: &mut PgConnection,
    about: &Circumstances<'_>,
) -> Result<Option<serde_json::Value>> {
    let Some((id, _)) = store::find_purchase(&mut *conn, about.terminal_id, about.idem).await? else {
        return Ok(None);
    };
    let Some(booked) = views(conn, &[id], true).await?.pop() else { return Ok(None) };
    let result = PurchaseResult {
        purchase_id: id,
        receipt: booked.receipt,
        amount_kopecks: booked.amount_kopecks,
        redeem_kopecks: booked.redeem_kopecks,
        payable_kopecks: booked.amount_kopecks - booked.redeem_kopecks,
        accrual_kopecks: booked.accrual_kopecks,
        confirm_on: booked.confirm_on,
        explanation: booked.explanation,
    };
    Ok(Some(serde_json::to_value(result).map_err(anyhow::Error::from)?))
}

/// The same for a mutation that took a purchase back.
pub async fn cancelled_before(
    conn: &mut PgConnection,
    request: &CancelPurchase,
    about: &Circumstances<'_>,
) -> Result<Option<serde_json::Value>> {
    let Some((id, membership_id)) =
        store::find_purchase(&mut *conn, about.terminal_id, request.mutation_id).await?
    else {
        return Ok(None);
    };
    let is_ours = store::is_cancelled_by(conn, membership_id, about.principal, about.idem).await?;
    Ok(is_ours.then(|| cancelled(id)))
}

/// Who undoes a purchase, and when.
pub(super) struct Reversal<'a> {
    pub(super) principal: &'a str,
    pub(super) idem: Uuid,
    pub(super) event_at: DateTime<Utc>,
    pub(super) booked_at: DateTime<Utc>,
}

/// Undoes a purchase whole, its balance being locked: what it took from the balance comes back, and what it brought goes, from
/// what waits or, once it was available, from the balance; what is not there any more becomes debt. Answers the posting.
pub(super) async fn reverse(conn: &mut PgConnection, row: &PurchaseRow, by: &Reversal<'_>) -> Result<i64> {
    let (accrual, redeem) = (row.accrual_kopecks, row.redeem_kopecks);
    let (kind, movement) = if row.state == "available" {
        let balance = store::balance(&mut *conn, row.membership_id).await?.balance;
        // A hold is part of the available, and stays.
        let there = balance.available_kopecks.0 - balance.held_kopecks.0 + redeem;
        let debt_kopecks = (accrual - there).max(0);
        let available_kopecks = redeem - (accrual - debt_kopecks);
        ("take-back", Movement { pending_kopecks: 0, available_kopecks, debt_kopecks })
    } else {
        ("refund", Movement { pending_kopecks: -accrual, available_kopecks: redeem, debt_kopecks: 0 })
    };
    let posting = Posting {
        kind,
        principal: by.principal,
        idem: by.idem,
        membership_id: row.membership_id,
        partner_id: row.partner_id,
        outlet_id: row.outlet_id,
        terminal_id: row.terminal_id,
        amount_kopecks: row.amount_kopecks,
        accrual_kopecks: accrual,
        commission_kopecks: store::commission_of(&mut *conn, row.seq).await?,
        redeem_kopecks: redeem,
        debt_kopecks: movement.debt_kopecks,
        rule_version: row.rule_version,
        reverses: Some(row.seq),
        event_at: by.event_at,
        booked_at: by.booked_at,
    };
    let seq = store::post(&mut *conn, &posting).await?;
    store::cancel_purchase(&mut *conn, row.id, by.booked_at).await?;
    store::move_balance(&mut *conn, row.membership_id, movement).await?;
    tell(conn, row.membership_id, row.terminal_id, row.id, by.booked_at).await?;
    Ok(seq)
}

/// Puts what changed before the member's and the till's eyes.
pub(super) async fn tell(
    conn: &mut PgConnection,
    membership_id: Uuid,
    terminal_id: Uuid,
    purchase_id: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    let (member, id) = (member_audience(membership_id), purchase_id.to_string());
    record_change(&mut *conn, &member, "purchase", &id, now).await?;
    record_change(&mut *conn, &member, "balance", "me", now).await?;
    record_change(conn, &till_audience(terminal_id), "purchase", &id, now).await
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
