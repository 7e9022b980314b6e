//! Booking a purchase that a till recorded, inside the transaction that also holds the mutation's idempotency key; a refusal
//! leaves nothing behind but its answer.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use profcards_card::{ProofIdentity, VerdictCode};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::customer::{Customer, EventTime, Evidence, Presented, identify};
use super::rules::{self, ExplanationLine, RuleOutcome};
use super::store::{self, Movement, NewPurchase, Posting};
use super::views::{self, PurchaseStatus, receipt};
use super::{Applied, PostingKind, PurchaseState, ShownBy, guards, lookup, redemption};
use crate::access::{member_audience, till_audience};
use crate::act::change_log::{Entity, ME, record_change};
use crate::base::clock::CLOCKS_APART;
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::ids::{LookupId, MembershipId, OutletId, PurchaseId, TerminalId};
use crate::base::money::{Kopecks, MAX_PURCHASE_KOPECKS};
use crate::base::{Base, live};
use crate::cards::{self, Issuer};
use crate::programme::offers::{self, Offer};
use crate::programme::partners;
use crate::programme::partners::challenge::Challenge;
use crate::programme::partners::store::TerminalOutlet;

/// Seconds for which Redis remembers a proof that was booked; after that Postgres alone does.
const NONCE_SECONDS: u64 = 24 * 3600;
/// The limit of a till, in limits of a member: a till that was away for a while hands in what many members bought, each
/// a little.
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
    pub lookup_id: Option<LookupId>,
    /// The amount of the purchase.
    pub amount_kopecks: i64,
    /// The part of it that is paid from the balance; nothing where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redeem_kopecks: Option<i64>,
    /// The till's own number of this operation.
    pub op_no: i64,
    /// The outlet at which it was made, as the till knew then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet_id: Option<OutletId>,
}

impl RecordPurchase {
    /// Whether a part is to be paid from the balance.
    pub fn redeems(&self) -> bool {
        self.redeem_kopecks.is_some_and(|kopecks| kopecks > 0)
    }

    /// The card as it was handed in.
    fn presented(&self) -> std::result::Result<Presented<'_>, Code> {
        match (self.token.as_deref(), self.lookup_id) {
            (Some(token), None) => Ok(Presented::Token(token)),
            (None, Some(id)) => Ok(Presented::Lookup(id)),
            _ => Err(Code::MalformedArgs),
        }
    }
}

/// The context of a mutation: its till, its idempotency key and its time.
pub struct MutationContext<'a> {
    /// The till.
    pub terminal_id: TerminalId,
    /// The owner of the idempotency key.
    pub principal: &'a str,
    /// The idempotency key.
    pub idem: Uuid,
    /// The time of the event.
    pub time: EventTime,
}

/// The answer to a recorded purchase; stored, so that a retry gets the same. The stored answer is kept for long, so the
/// name on the card is not in it: [`add_shown_name`].
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PurchaseResult {
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The short number on the receipt.
    pub receipt: String,
    /// The amount of the purchase.
    pub amount_kopecks: i64,
    /// The part of it that was paid from the balance.
    pub redeem_kopecks: i64,
    /// The part that is left to pay.
    pub payable_kopecks: i64,
    /// The cashback that it brings the member.
    pub accrual_kopecks: i64,
    /// The day from which the cashback may be spent.
    pub confirm_on: NaiveDate,
    /// The explanation of these figures.
    pub explanation: Vec<ExplanationLine>,
}

/// A booked operation: its answer, and what to do once it is committed.
pub struct Booked {
    /// The stored answer.
    pub result: serde_json::Value,
    /// The membership whose balance changed.
    pub membership_id: MembershipId,
    /// The proof that is used up.
    pub proof: Option<ProofIdentity>,
}

/// Books a purchase by the rule of its own time, unless it is late; part of it paid from the balance if the member has agreed to that.
pub async fn record(
    issuer: &Issuer,
    conn: &mut PgConnection,
    request: &RecordPurchase,
    context: &MutationContext<'_>,
) -> Applied<Booked> {
    let redeem = Kopecks(request.redeem_kopecks.unwrap_or(0));
    if !(1..=MAX_PURCHASE_KOPECKS).contains(&request.amount_kopecks) || redeem < Kopecks::ZERO {
        return Err(Code::AmountInvalid.into());
    }
    if !guards::is_op_no_near(&mut *conn, context.terminal_id, request.op_no).await? {
        return Err(Code::OpNumberInvalid.into());
    }
    let presented = request.presented()?;
    let outlet = partners::store::outlet_of_terminal(&mut *conn, context.terminal_id).await?;
    // A tablet that was moved to another shop may still hold what the first one sold.
    if request.outlet_id.is_some_and(|made_at| made_at != outlet.outlet_id) {
        return Err(Code::OtherOutlet.into());
    }
    let (customer, challenge) = identify_buyer(issuer, conn, request, presented, context).await?;
    let sale = Sale { request, redeem, challenge, outlet, customer };
    use_up_evidence(issuer, conn, &sale, context).await?;
    let offer = offers::store::offer_at(&mut *conn, sale.outlet.partner_id, sale.customer.event_at).await?;
    redemption::use_up_digits(issuer, conn, offer.as_ref(), &sale, context).await?;
    let proof = sale.customer.proof().map(|proof| proof.identity);
    let result = book(issuer, conn, &sale, offer.as_ref(), context).await?;
    Ok(Booked { result, membership_id: sale.customer.membership_id, proof })
}

/// Finds out who buys, and, where a part is to be paid from the balance, by which digits the member has agreed.
async fn identify_buyer(
    issuer: &Issuer,
    conn: &mut PgConnection,
    request: &RecordPurchase,
    presented: Presented<'_>,
    context: &MutationContext<'_>,
) -> Applied<(Customer, Option<Challenge>)> {
    if !request.redeems() {
        let customer = identify(issuer, conn, presented, None, context.terminal_id, &context.time).await?;
        return Ok((customer, None));
    }
    let operation = (context.terminal_id, request.op_no);
    let payer = redemption::identify_payer(issuer, conn, presented, operation, context.time.now).await;
    let (customer, challenge) = payer.map_err(redemption::as_booking_refusal)?;
    Ok((customer, Some(challenge)))
}

/// A purchase that is being booked.
pub(super) struct Sale<'a> {
    /// The purchase as the till handed it in.
    pub(super) request: &'a RecordPurchase,
    /// The part of it that is paid from the balance.
    pub(super) redeem: Kopecks,
    /// The digits of a redemption.
    pub(super) challenge: Option<Challenge>,
    /// The outlet at which it was made.
    pub(super) outlet: TerminalOutlet,
    /// The customer who makes it.
    pub(super) customer: Customer,
}

/// Locks the balance, and uses up what may serve one purchase only: the proof or the lookup, and the operation number.
async fn use_up_evidence(
    issuer: &Issuer,
    conn: &mut PgConnection,
    sale: &Sale<'_>,
    context: &MutationContext<'_>,
) -> Applied<()> {
    let proof = sale.customer.proof().map(|proof| proof.identity);
    if let Some(identity) = proof
        && issuer
            .cache
            .get(&nonce_key(&identity))
            .await
            .is_some_and(|owner| owner != nonce_owner(context.principal, context.idem))
        && guards::is_proof_spent(&mut *conn, &identity.0).await?
    {
        // Redis spares the lock, Postgres decides.
        return Err(Code::Verdict(VerdictCode::Replayed).into());
    }
    store::lock_balance(&mut *conn, sale.customer.membership_id).await?;
    if let Some(identity) = proof
        && !guards::spend_proof(&mut *conn, &identity.0, context.terminal_id, context.idem, context.time.now)
            .await?
    {
        return Err(Code::Verdict(VerdictCode::Replayed).into());
    }
    if let Evidence::Lookup(id) = sale.customer.evidence
        && !lookup::use_up(&mut *conn, id, context.idem).await?
    {
        return Err(Code::LookupUsed.into());
    }
    let (op_no, now) = (sale.request.op_no, context.time.now);
    if !guards::use_op_no(conn, context.terminal_id, op_no, context.idem, now).await? {
        return Err(Code::OpNumberReused.into());
    }
    Ok(())
}

/// The rule by which a purchase is booked, and what it brings: that of its own time; where it is handed in late, the one of
/// then and of now that gives the member less, since a till could name whatever day it likes.
async fn terms(
    conn: &mut PgConnection,
    sale: &Sale<'_>,
    of_event: Option<&Offer>,
    now: DateTime<Utc>,
) -> Result<(Option<i32>, RuleOutcome)> {
    let evaluate = |offer: Option<&Offer>| {
        let outcome = rules::evaluate(offer, Kopecks(sale.request.amount_kopecks), sale.redeem)
            .ok_or_else(|| Error::Internal(anyhow::anyhow!("the rule's figures do not fit")))?;
        Ok::<_, Error>((offer.map(|offer| offer.version), outcome))
    };
    let own = evaluate(of_event)?;
    if !rules::is_late(sale.customer.event_at, now) {
        return Ok(own);
    }
    let of_now = evaluate(offers::store::offer_at(conn, sale.outlet.partner_id, now).await?.as_ref())?;
    Ok(if of_now.1.accrual_kopecks < own.1.accrual_kopecks { of_now } else { own })
}

/// Whether what is booked on a till's word waits for a person: where it brings something, and with what else was booked so
/// lately is more than is let pass. Split into small ones it is as much.
async fn is_held(
    issuer: &Issuer,
    conn: &mut PgConnection,
    sale: &Sale<'_>,
    accrual: Kopecks,
    context: &MutationContext<'_>,
) -> Result<bool> {
    if accrual == Kopecks::ZERO {
        return Ok(false);
    }
    let (since, until) =
        (context.time.now - TimeDelta::days(cards::MAX_OFFLINE_DAYS), context.time.now + CLOCKS_APART);
    let sums =
        store::booked_on_trust(conn, sale.customer.membership_id, context.terminal_id, since, until).await?;
    let (amount, limit) = (sale.request.amount_kopecks, issuer.config.held_above_kopecks);
    Ok(sums.of_member_kopecks.saturating_add(amount) > limit
        || sums.of_till_kopecks.saturating_add(amount) > limit.saturating_mul(TILL_TIMES_MEMBER))
}

async fn book(
    issuer: &Issuer,
    conn: &mut PgConnection,
    sale: &Sale<'_>,
    offer: Option<&Offer>,
    context: &MutationContext<'_>,
) -> Result<serde_json::Value> {
    let Sale { request, redeem, outlet, customer, .. } = sale;
    let now = context.time.now;
    let is_late = rules::is_late(customer.event_at, now);
    let on_trust = is_late || customer.has_ended_since;
    let (rule_version, outcome) = terms(&mut *conn, sale, offer, now).await?;
    let is_held = on_trust && is_held(issuer, &mut *conn, sale, outcome.accrual_kopecks, context).await?;
    let posting = Posting {
        kind: PostingKind::Purchase,
        principal: context.principal,
        idem: context.idem,
        membership_id: customer.membership_id,
        partner_id: outlet.partner_id,
        outlet_id: outlet.outlet_id,
        terminal_id: context.terminal_id,
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
        id: PurchaseId(issuer.random.uuid()),
        seq: store::post(&mut *conn, &posting).await?,
        op_no: request.op_no,
        card_id: customer.card_id,
        shown_by: match customer.evidence {
            Evidence::Token(_) => ShownBy::Token,
            Evidence::Lookup(_) => ShownBy::Number,
        },
        confirm_on: rules::confirm_day(customer.event_at, now),
        on_trust,
        state: if is_held { PurchaseState::Held } else { PurchaseState::Pending },
    };
    store::insert_purchase(&mut *conn, &new, &posting).await?;
    let movement = Movement {
        pending_kopecks: posting.accrual_kopecks,
        available_kopecks: -posting.redeem_kopecks,
        ..Movement::default()
    };
    store::move_balance(&mut *conn, customer.membership_id, movement).await?;
    record_purchase_change(conn, customer.membership_id, context.terminal_id, new.id, now).await?;
    if is_held {
        metrics::counter!("profcards_purchases_held_total").increment(1);
    }
    let status =
        PurchaseStatus { is_late, state: new.state, taken_back_debt: None, confirm_on: new.confirm_on };
    let result = PurchaseResult {
        purchase_id: new.id,
        receipt: receipt(outlet.number, request.op_no),
        amount_kopecks: request.amount_kopecks,
        redeem_kopecks: redeem.0,
        payable_kopecks: request.amount_kopecks - redeem.0,
        accrual_kopecks: posting.accrual_kopecks,
        confirm_on: new.confirm_on,
        explanation: status.explain(outcome, true),
    };
    Ok(serde_json::to_value(result).map_err(anyhow::Error::from)?)
}

/// Adds to the answer of a recorded purchase the name on the card by which the member was known.
pub async fn add_shown_name(conn: &mut PgConnection, result: &mut serde_json::Value) -> Result<()> {
    let purchase_id: PurchaseId =
        serde_json::from_value(result["purchaseId"].clone()).map_err(anyhow::Error::from)?;
    let card = store::card_of_purchase(conn, purchase_id).await?;
    result["shownName"] = lookup::shown(&card)?.name().into();
    Ok(())
}

/// The answer that was given when this mutation recorded a purchase, read from the purchase: the stored answer is kept
/// for a hundred days, a till may keep its question for longer.
pub async fn recorded_before(
    conn: &mut PgConnection,
    context: &MutationContext<'_>,
) -> Result<Option<serde_json::Value>> {
    let Some((id, _)) = store::find_purchase(&mut *conn, context.terminal_id, context.idem).await? else {
        return Ok(None);
    };
    let Some(booked) = views::purchases(conn, &[id], true).await?.pop() else { return Ok(None) };
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

/// Records that a purchase and its member's balance have changed, for the member and for the till.
pub(super) async fn record_purchase_change(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    terminal_id: TerminalId,
    purchase_id: PurchaseId,
    now: DateTime<Utc>,
) -> Result<()> {
    let (member, id) = (member_audience(membership_id), purchase_id.to_string());
    record_change(&mut *conn, &member, Entity::Purchase, &id, now).await?;
    record_change(&mut *conn, &member, Entity::Balance, ME, now).await?;
    record_change(conn, &till_audience(terminal_id), Entity::Purchase, &id, now).await
}

fn nonce_key(identity: &ProofIdentity) -> String {
    format!("proof:{}", hex::encode(identity.0))
}

fn nonce_owner(principal: &str, idem: Uuid) -> String {
    format!("{principal}/{idem}")
}

/// Follows a committed booking: the proof is remembered, the cached balance follows, the member's page is woken. None
/// of it is needed for the books to be right.
pub async fn after_commit(base: &Base, booked: &Booked, principal: &str, idem: Uuid) {
    if let Some(identity) = &booked.proof {
        base.cache.set(&nonce_key(identity), &nonce_owner(principal, idem), NONCE_SECONDS).await;
    }
    super::refresh_balance(base, booked.membership_id).await;
    live::wake(base, &member_audience(booked.membership_id)).await;
}
