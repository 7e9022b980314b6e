//! Paying part of a purchase from the balance. It takes a living code that was made for this very operation of this very
//! till, a rule that allows it, a balance that holds it, and the network: nothing is promised on credit.

use chrono::{DateTime, TimeDelta, Utc};
use profcards_card::Code;
use sqlx::PgConnection;
use uuid::Uuid;

use super::customer::{Customer, Presented, When, identify};
use super::purchase::{Circumstances, Sale};
use super::rules::Offer;
use super::{Applied, Refusal, RefusalDetail, store};
use crate::app::App;
use crate::clock::from_unix_seconds;
use crate::error::Result;
use crate::money::{Kopecks, MAX_PURCHASE_KOPECKS};
use crate::partners;
use crate::partners::challenge::ChallengeKey;

/// A redemption that reaches us later was made without the network.
const MAX_DELAY: TimeDelta = TimeDelta::seconds(120);
/// How far beyond its newest purchase a till may number a redemption: what it has not yet handed in, took back or was refused
/// lies between. Any more would let a till that was tampered with look for a number whose digits are those that another till has
/// shown.
const MAX_NUMBERS_AHEAD: i64 = 50;
/// How far behind: a redemption that had to be sent twice may be overtaken by what was made after it.
const MAX_NUMBERS_BEHIND: i64 = 10;

/// The digits of an operation of a till.
pub(super) fn challenge(app: &App, terminal_id: Uuid, op_no: i64) -> String {
    ChallengeKey::of(&app.secret, terminal_id).digits(op_no)
}

/// Whether an operation's number is one that the till could come to when the member's code was made. Only what was booked
/// before that moment counts: a till that has seen the digits of another cannot move its own numbers to where they fit.
async fn is_number_in_turn(
    conn: &mut PgConnection,
    terminal_id: Uuid,
    op_no: i64,
    customer: &Customer,
) -> Result<bool> {
    let Some(proof) = customer.proof() else { return Ok(false) };
    let newest = store::newest_op_no(conn, terminal_id, from_unix_seconds(proof.iat)).await?;
    Ok((newest - MAX_NUMBERS_BEHIND..=newest.saturating_add(MAX_NUMBERS_AHEAD)).contains(&op_no))
}

/// How much a purchase may take, and what of it the balance holds.
struct Bounds {
    /// By the rule and by what the member allowed.
    agreed: Kopecks,
    /// By the balance.
    available: Kopecks,
}

impl Bounds {
    fn most(&self) -> Kopecks {
        self.agreed.min(self.available)
    }
}

/// The bounds of a purchase; none where the rule allows no redemption. Exact only while the balance is locked.
async fn bounds(
    conn: &mut PgConnection,
    offer: Option<&Offer>,
    amount: Kopecks,
    customer: &Customer,
) -> Result<Option<Bounds>> {
    let Some(by_rule) = offer.and_then(|offer| offer.redeemable(amount)) else { return Ok(None) };
    // A proof that names no sum allows none.
    let by_member = customer.proof().and_then(|proof| proof.max_redemption_kopecks).unwrap_or(0);
    let by_member = Kopecks(i64::try_from(by_member).unwrap_or(i64::MAX));
    let balance = store::balance(conn, customer.membership_id).await?.balance;
    // A hold is part of the available, so this never goes below zero.
    let available = Kopecks(balance.available_kopecks.0 - balance.held_kopecks.0);
    Ok(Some(Bounds { agreed: by_rule.min(by_member), available }))
}

/// Why the redemption of a sale is refused, its balance being locked; nothing where there is none to refuse.
pub(super) async fn why_not(
    conn: &mut PgConnection,
    offer: Option<&Offer>,
    sale: &Sale<'_>,
    about: &Circumstances<'_>,
) -> Result<Option<Refusal>> {
    if sale.redeem == Kopecks::ZERO {
        return Ok(None);
    }
    if about.when.now - sale.customer.event_at > MAX_DELAY {
        return Ok(Some(Refusal::of("redemption-offline")));
    }
    if !is_number_in_turn(&mut *conn, about.terminal_id, sale.request.op_no, &sale.customer).await? {
        return Ok(Some(Refusal::of(Code::ChallengeWrong.as_str())));
    }
    let Some(bounds) = bounds(conn, offer, Kopecks(sale.request.amount_kopecks), &sale.customer).await?
    else {
        return Ok(Some(Refusal::of("redemption-not-allowed")));
    };
    let (code, detail) = if sale.redeem > bounds.agreed {
        let max_kopecks = Some(bounds.most().0);
        ("redemption-too-much", RefusalDetail { max_kopecks, ..RefusalDetail::default() })
    } else if sale.redeem > bounds.available {
        let available_kopecks = Some(bounds.available.0);
        ("balance-too-low", RefusalDetail { available_kopecks, ..RefusalDetail::default() })
    } else {
        return Ok(None);
    };
    Ok(Some(Refusal { code, detail: Some(detail) }))
}

/// A purchase whose redemption is still to be agreed on.
pub struct Question<'a> {
    /// The text of the QR code.
    pub token: &'a str,
    /// The till's number of the purchase.
    pub op_no: i64,
    /// What it costs.
    pub amount_kopecks: i64,
}

/// The most that a purchase may take from the balance at this moment. The code is verified as it will be when the purchase is
/// booked, and is not used up.
pub async fn most(
    app: &App,
    conn: &mut PgConnection,
    terminal_id: Uuid,
    question: &Question<'_>,
    now: DateTime<Utc>,
) -> Applied<Kopecks> {
    if !(1..=MAX_PURCHASE_KOPECKS).contains(&question.amount_kopecks) {
        return Ok(Err(Refusal::of("amount-invalid")));
    }
    if question.op_no < 1 {
        return Ok(Err(Refusal::of("op-number-invalid")));
    }
    let digits = challenge(app, terminal_id, question.op_no);
    let presented = Presented::Token(question.token);
    let customer = match identify(app, conn, presented, Some(&digits), terminal_id, &When::now(now)).await? {
        Ok(customer) => customer,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(proof) = customer.proof()
        && store::is_proof_spent(&mut *conn, &proof.identity.0).await?
    {
        return Ok(Err(Refusal::of("replayed")));
    }
    if store::is_op_no_used(&mut *conn, terminal_id, question.op_no).await? {
        return Ok(Err(Refusal::of("op-number-reused")));
    }
    if !is_number_in_turn(&mut *conn, terminal_id, question.op_no, &customer).await? {
        return Ok(Err(Refusal::of(Code::ChallengeWrong.as_str())));
    }
    let place = partners::store::place(&mut *conn, terminal_id).await?;
    let offer = store::offer_at(&mut *conn, place.partner_id, now).await?;
    let bounds = bounds(conn, offer.as_ref(), Kopecks(question.amount_kopecks), &customer).await?;
    Ok(bounds.map(|bounds| bounds.most()).ok_or(Refusal::of("redemption-not-allowed")))
}
