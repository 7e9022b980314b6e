//! Paying part of a purchase from the balance. It takes the network from beginning to end: the till asks for digits, the member's
//! phone makes a living code with them, and the purchase is booked within that code's minute. The code's phone must have held the
//! card long enough, the rule must allow it and the balance hold it: nothing is promised on credit.

use chrono::{DateTime, Utc};
use profcards_card::{Proof, VerdictCode};
use sqlx::PgConnection;

use super::customer::{Customer, EventTime, Presented, identify};
use super::purchase::{MutationContext, Sale};
use super::{Applied, Refusal, RefusalDetail, Stop, guards, store};
use crate::base::clock::from_unix_seconds;
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::ids::TerminalId;
use crate::base::money::{Kopecks, MAX_PURCHASE_KOPECKS};
use crate::base::trusted_time;
use crate::cards::{Issuer, enrolment};
use crate::programme::offers::{self, Offer};
use crate::programme::partners;
use crate::programme::partners::challenge::{self, Asker, Challenge};

/// A purchase of which a member wants to pay a part from the balance.
#[derive(Clone, Copy)]
pub struct Intent {
    /// The till.
    pub terminal_id: TerminalId,
    /// The till's number of the purchase.
    pub op_no: i64,
    /// The amount of the purchase.
    pub amount_kopecks: i64,
}

impl Intent {
    async fn check(&self, conn: &mut PgConnection) -> Applied<()> {
        if !(1..=MAX_PURCHASE_KOPECKS).contains(&self.amount_kopecks) {
            return Err(Code::AmountInvalid.into());
        }
        if !guards::is_op_no_near(conn, self.terminal_id, self.op_no).await? {
            return Err(Code::OpNumberInvalid.into());
        }
        Ok(())
    }
}

/// Draws the digits of a purchase, if any of it may be paid from a balance.
pub async fn draw_challenge(issuer: &Issuer, intent: &Intent, now: DateTime<Utc>) -> Applied<Challenge> {
    // Digits of a wrong hour would pay in none.
    issuer.keys.check_clock()?;
    let mut conn = issuer.db_tills.acquire().await?;
    intent.check(&mut conn).await?;
    if guards::is_op_no_used(&mut conn, intent.terminal_id, intent.op_no).await? {
        return Err(Code::OpNumberReused.into());
    }
    let outlet = partners::store::outlet_of_terminal(&mut conn, intent.terminal_id).await?;
    let offer = offers::store::offer_at(&mut conn, outlet.partner_id, now).await?;
    if offer.and_then(|offer| offer.redeemable(Kopecks(intent.amount_kopecks))).is_none() {
        return Err(Code::RedemptionNotAllowed.into());
    }
    drop(conn);
    let operation = intent.op_no.to_string();
    Ok(challenge::issue(issuer, Asker::Till(intent.terminal_id), &operation, now).await?)
}

/// Finds out who pays, and with which digits the code was made. The code is judged by the server's time alone, whatever
/// the till says of its own.
pub(super) async fn identify_payer(
    issuer: &Issuer,
    conn: &mut PgConnection,
    presented: Presented<'_>,
    (terminal_id, op_no): (TerminalId, i64),
    now: DateTime<Utc>,
) -> Applied<(Customer, Challenge)> {
    if let Presented::Lookup(_) = presented {
        return Err(Code::RedemptionNotAllowed.into());
    }
    let asked = challenge::newest(&mut *conn, Asker::Till(terminal_id), &op_no.to_string(), now).await?;
    let challenge = asked.ok_or(Code::ChallengeOver)?;
    let time = EventTime::now(now);
    let customer = identify(issuer, conn, presented, Some(&challenge.digits), terminal_id, &time).await?;
    Ok((customer, challenge))
}

/// The refusal that a booking gives for a code that is too old by now: it was not when the till took it.
pub(super) fn as_booking_refusal(stop: Stop) -> Stop {
    match stop {
        Stop::Refused(refusal) if refusal.code == Code::Verdict(VerdictCode::ProofStale) => {
            Code::RedemptionOffline.into()
        }
        stop => stop,
    }
}

/// Counts a code with other digits against those of its operation, after a refusal of a purchase that was to be paid
/// from a balance. It runs in the transaction that keeps the answer.
pub async fn note_refusal(
    conn: &mut PgConnection,
    refusal: &Refusal,
    (terminal_id, op_no): (TerminalId, i64),
    now: DateTime<Utc>,
) -> Result<()> {
    if refusal.code != Code::Verdict(VerdictCode::ChallengeWrong) {
        return Ok(());
    }
    challenge::count_wrong_answer(conn, Asker::Till(terminal_id), &op_no.to_string(), now).await
}

/// The bounds of what a purchase may take from a balance.
struct RedemptionBounds {
    /// The most by the rule and by what the member allowed.
    agreed: Kopecks,
    /// The most by the balance.
    available: Kopecks,
}

impl RedemptionBounds {
    fn max_redeemable(&self) -> Kopecks {
        self.agreed.min(self.available)
    }
}

/// The bounds of what may be paid of a purchase from the balance. Exact only while the balance is locked.
async fn bounds(
    conn: &mut PgConnection,
    offer: Option<&Offer>,
    amount: Kopecks,
    customer: &Customer,
) -> Applied<RedemptionBounds> {
    let by_rule = offer.and_then(|offer| offer.redeemable(amount)).ok_or(Code::RedemptionNotAllowed)?;
    // A proof that names no sum allows none.
    let by_member = customer.proof().and_then(|proof| proof.max_redemption_kopecks).unwrap_or(0);
    let by_member = Kopecks(i64::try_from(by_member).unwrap_or(i64::MAX));
    let available = store::balance(conn, customer.membership_id).await?.balance.free_kopecks();
    Ok(RedemptionBounds { agreed: by_rule.min(by_member), available })
}

/// Whether a code was made after the digits that it carries.
pub fn is_answered_by(challenge: &Challenge, proof: Option<&Proof>) -> bool {
    proof.is_some_and(|proof| challenge.is_before(from_unix_seconds(proof.iat)))
}

/// Refuses digits, or a phone, that cannot pay now, whatever the purchase is.
async fn check_payer(
    issuer: &Issuer,
    conn: &mut PgConnection,
    customer: &Customer,
    challenge: &Challenge,
    terminal_id: TerminalId,
    now: DateTime<Utc>,
) -> Applied<()> {
    if !challenge.is_live(now) {
        return Err(Code::ChallengeOver.into());
    }
    if !is_answered_by(challenge, customer.proof()) {
        return Err(Code::Verdict(VerdictCode::ProofStale).into());
    }
    // A card of no phone: there is nobody who could have agreed.
    let redeems_from = enrolment::moving::redeems_from(conn, customer.card_id).await?;
    let redeems_from = redeems_from.ok_or(Code::RedemptionNotAllowed)?;
    if trusted_time::has_come(&mut *conn, issuer, redeems_from).await? {
        return Ok(());
    }
    if now >= redeems_from {
        return Err(Stop::Failed(Error::Unavailable(anyhow::anyhow!(
            "a new phone's wait is over by a clock that may be wrong"
        ))));
    }
    tracing::warn!(membership = %customer.membership_id, terminal = %terminal_id, "a redemption by a phone that was enrolled lately is refused");
    metrics::counter!("profcards_redemptions_too_soon_total").increment(1);
    let detail = RefusalDetail { redeems_from: Some(redeems_from.timestamp()), ..RefusalDetail::default() };
    Err(Refusal { code: Code::RedemptionTooSoon, detail: Some(detail) }.into())
}

/// Uses up the digits of a sale that is paid in part from the balance, which is locked, or refuses the payment. Does
/// nothing where no part is paid so.
pub(super) async fn use_up_digits(
    issuer: &Issuer,
    conn: &mut PgConnection,
    offer: Option<&Offer>,
    sale: &Sale<'_>,
    context: &MutationContext<'_>,
) -> Applied<()> {
    let (Some(challenge), now) = (&sale.challenge, context.time.now) else { return Ok(()) };
    check_payer(issuer, &mut *conn, &sale.customer, challenge, context.terminal_id, now).await?;
    let amount = Kopecks(sale.request.amount_kopecks);
    let bounds = bounds(&mut *conn, offer, amount, &sale.customer).await?;
    if sale.redeem > bounds.agreed {
        let detail =
            RefusalDetail { max_kopecks: Some(bounds.max_redeemable().0), ..RefusalDetail::default() };
        return Err(Refusal { code: Code::RedemptionTooMuch, detail: Some(detail) }.into());
    }
    if sale.redeem > bounds.available {
        let available_kopecks = Some(bounds.available.0);
        let detail = RefusalDetail { available_kopecks, ..RefusalDetail::default() };
        return Err(Refusal { code: Code::BalanceTooLow, detail: Some(detail) }.into());
    }
    let (asker, operation) = (Asker::Till(context.terminal_id), sale.request.op_no.to_string());
    if !challenge::use_up(conn, asker, &operation, &challenge.digits, now).await? {
        return Err(Code::ChallengeOver.into());
    }
    Ok(())
}

/// The most that a purchase may take from the balance at this moment. The code is verified as it will be when the purchase is
/// booked, and neither it nor its digits are used up.
pub async fn max_redeemable(
    issuer: &Issuer,
    conn: &mut PgConnection,
    intent: &Intent,
    token: &str,
    now: DateTime<Utc>,
) -> Applied<Kopecks> {
    let Intent { terminal_id, op_no, amount_kopecks } = *intent;
    intent.check(&mut *conn).await?;
    let presented = Presented::Token(token);
    let payer = identify_payer(issuer, conn, presented, (terminal_id, op_no), now).await;
    if let Err(Stop::Refused(refusal)) = &payer {
        note_refusal(conn, refusal, (terminal_id, op_no), now).await?;
    }
    let (customer, challenge) = payer?;
    if let Some(proof) = customer.proof()
        && guards::is_proof_spent(&mut *conn, &proof.identity.0).await?
    {
        return Err(Code::Verdict(VerdictCode::Replayed).into());
    }
    if guards::is_op_no_used(&mut *conn, terminal_id, op_no).await? {
        return Err(Code::OpNumberReused.into());
    }
    check_payer(issuer, &mut *conn, &customer, &challenge, terminal_id, now).await?;
    let outlet = partners::store::outlet_of_terminal(&mut *conn, terminal_id).await?;
    let offer = offers::store::offer_at(&mut *conn, outlet.partner_id, now).await?;
    Ok(bounds(conn, offer.as_ref(), Kopecks(amount_kopecks), &customer).await?.max_redeemable())
}
