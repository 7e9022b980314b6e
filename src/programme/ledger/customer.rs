//! Who stands before a till: the holder of a card whose token is verified again here, or of a card that was found by its
//! typed number. Either way the issuer's own tables have the last word.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use profcards_card::{
    Context, Proof, SignedCard, StatusSource, Token, Verdict, VerdictCode, Wants, from_text, verify,
};
use sqlx::PgConnection;

use super::{Applied, Stop, lookup};
use crate::base::clock::{from_unix_seconds, unix_seconds};
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::ids::{CardId, LookupId, MembershipId, TerminalId};
use crate::cards::{self, CardStatus, Issuer};
use crate::registry::members;

/// The card as a till hands it in.
#[derive(Clone, Copy, Debug)]
pub enum Presented<'a> {
    /// The text of the QR code.
    Token(&'a str),
    /// A number that this till has looked up.
    Lookup(LookupId),
}

/// The time of an event, by a clock that may be wrong or may have been set right since.
#[derive(Clone, Copy, Debug)]
pub struct EventTime {
    /// The moment as the till reckons it: its clock corrected by the server offset that it knew then.
    pub at: u64,
    /// The server's time minus the till's, measured when the till sent this.
    pub till_skew_seconds: i64,
    /// The present moment.
    pub now: DateTime<Utc>,
}

impl EventTime {
    /// The present moment, without a till's clock.
    pub fn now(now: DateTime<Utc>) -> Self {
        Self { at: unix_seconds(now), till_skew_seconds: 0, now }
    }

    /// The moments to be tried in turn: as the till reckoned, then as its clock is seen to be off now. Neither the pairing nor
    /// the last contact is a bound: a till that was paired anew, or whose earlier push was answered `retry`, hands in what
    /// is older than both. What is older than a till may be away is no candidate.
    pub fn candidates(&self) -> impl Iterator<Item = DateTime<Utc>> {
        let (earliest, now) = (self.now - TimeDelta::days(cards::MAX_OFFLINE_DAYS), self.now);
        [self.at, self.at.saturating_add_signed(self.till_skew_seconds)]
            .into_iter()
            .map(from_unix_seconds)
            .filter(move |at| *at >= earliest)
            .map(move |at| at.min(now))
    }

    /// The till's moment as it will be seen later, where it lies in this server's future: one of the two clocks is wrong. Only within
    /// the time of the trust list in force, so nothing can wait for a year that somebody made up.
    fn seen_later(&self, trusted_until: u64) -> Option<Self> {
        let is_ahead = from_unix_seconds(self.at) > self.now && self.at < trusted_until;
        is_ahead.then(|| Self { at: self.at, till_skew_seconds: 0, now: from_unix_seconds(trusted_until) })
    }
}

/// The customer whom the till serves.
pub struct Customer {
    /// The card by which the member is known.
    pub card_id: CardId,
    /// The membership whose balance it is.
    pub membership_id: MembershipId,
    /// The moment of the event.
    pub event_at: DateTime<Utc>,
    /// Whether the card was good then and is not now: that it was shown before it ended is only the till's word.
    pub has_ended_since: bool,
    /// The evidence of the showing, to be used up by one purchase.
    pub evidence: Evidence,
}

/// The evidence that ties a purchase to one showing.
pub enum Evidence {
    /// A token; a paper card's has no proof.
    Token(Option<Proof>),
    /// A lookup.
    Lookup(LookupId),
}

impl Customer {
    /// The proof of the showing, where there is one.
    pub fn proof(&self) -> Option<&Proof> {
        match &self.evidence {
            Evidence::Token(proof) => proof.as_ref(),
            Evidence::Lookup(_) => None,
        }
    }
}

/// Finds the member of a purchase by the code or the number shown. With a `challenge` the code is to pay from the
/// balance, which only a phone's living code with just these digits can do.
///
/// # Errors
/// [`Error::Unavailable`] where it is refused now and would not be at the moment that the till names, which this server's clock has
/// not reached: a phone's proof has to agree with the till about it.
pub async fn identify(
    issuer: &Issuer,
    conn: &mut PgConnection,
    presented: Presented<'_>,
    challenge: Option<&str>,
    terminal_id: TerminalId,
    time: &EventTime,
) -> Applied<Customer> {
    let identified = identify_at(issuer, &mut *conn, presented, challenge, terminal_id, time).await;
    let Err(Stop::Refused(refusal)) = identified else { return identified };
    let Some(later) = time.seen_later(issuer.keys.trust_list().list.claims().exp) else { return identified };
    match identify_at(issuer, conn, presented, challenge, terminal_id, &later).await {
        Ok(_) => Err(Stop::Failed(Error::Unavailable(anyhow::anyhow!(
            "refused as {}, and good at its own time, which this clock has not reached",
            refusal.code
        )))),
        Err(Stop::Refused(_)) => identified,
        Err(failed) => Err(failed),
    }
}

/// Finds out who it was, by one reading of the present time.
async fn identify_at(
    issuer: &Issuer,
    conn: &mut PgConnection,
    presented: Presented<'_>,
    challenge: Option<&str>,
    terminal_id: TerminalId,
    time: &EventTime,
) -> Applied<Customer> {
    if time.candidates().next().is_none() {
        return Err(Code::TooOld.into());
    }
    match presented {
        Presented::Token(token) => by_token(issuer, conn, token, challenge, time).await,
        Presented::Lookup(_) if challenge.is_some() => Err(Code::RedemptionNotAllowed.into()),
        Presented::Lookup(id) => by_lookup(conn, id, terminal_id, time).await,
    }
}

async fn by_token(
    issuer: &Issuer,
    conn: &mut PgConnection,
    token: &str,
    challenge: Option<&str>,
    time: &EventTime,
) -> Applied<Customer> {
    let (event_at, verdict) =
        verify_as_of_event(issuer, token, challenge, time).map_err(refused_by_format)?;
    if challenge.is_some() && !verdict.allowed.redemption {
        return Err(Code::RedemptionNotAllowed.into());
    }
    let card = issued_here(conn, token).await?.ok_or(Code::CardNotIssuedHere)?;
    let mark = CardMark { status: card.status, since: card.status_at };
    let has_ended_since = has_ended_since(conn, card.membership_id, &mark, event_at, time.now).await?;
    Ok(Customer {
        card_id: card.id,
        membership_id: card.membership_id,
        event_at,
        has_ended_since,
        evidence: Evidence::Token(verdict.proof),
    })
}

async fn by_lookup(
    conn: &mut PgConnection,
    id: LookupId,
    terminal_id: TerminalId,
    time: &EventTime,
) -> Applied<Customer> {
    // One that is unknown, another till's or long forgotten is answered like one that is too old.
    let found = lookup::find(&mut *conn, id, terminal_id).await?;
    let found = found.and_then(|found| Some((found.event_at(time)?, found)));
    let (event_at, found) = found.ok_or(Code::LookupExpired)?;
    let mark = CardMark { status: found.status, since: found.status_at };
    let has_ended_since = has_ended_since(conn, found.membership_id, &mark, event_at, time.now).await?;
    Ok(Customer {
        card_id: found.card_id,
        membership_id: found.membership_id,
        event_at,
        has_ended_since,
        evidence: Evidence::Lookup(id),
    })
}

/// A refusal by the card's format. Where our own list, not the card, is at fault, nothing is decided: the till keeps the
/// purchase and sends it again.
fn refused_by_format(code: VerdictCode) -> Stop {
    match code {
        VerdictCode::TrustListBad | VerdictCode::TrustListRollback | VerdictCode::TrustListExpired => {
            Stop::Failed(Error::Unavailable(anyhow::anyhow!("cards cannot be verified: {code}")))
        }
        code => Code::Verdict(code).into(),
    }
}

/// Verifies the token as of the moment of the event, whichever of the two that may be.
fn verify_as_of_event(
    issuer: &Issuer,
    token: &str,
    challenge: Option<&str>,
    time: &EventTime,
) -> std::result::Result<(DateTime<Utc>, Verdict), VerdictCode> {
    let trust = issuer.keys.trust_list();
    // Without an amount no redemption passes unchallenged, whatever the policy spares small ones.
    let wants = challenge.map_or(Wants::Accrual, |_| Wants::Redemption { amount_kopecks: None });
    let mut refused = None;
    for event_at in time.candidates() {
        let context = Context {
            now: unix_seconds(event_at),
            trust: Ok(&trust.list),
            status: StatusSource::IssuerTables,
            challenge,
            wants,
            seen: &|_| false,
        };
        let verdict = verify(token, &context);
        if verdict.accepted {
            return Ok((event_at, verdict));
        }
        refused.get_or_insert(verdict.code);
    }
    Err(refused.unwrap_or(VerdictCode::Malformed))
}

/// The card in the tables, if this instance issued just this one. Its place is not enough: whoever has a key that was given up
/// can sign a card for the place of one that another key signed.
pub async fn issued_here(
    conn: &mut PgConnection,
    accepted_token: &str,
) -> Result<Option<cards::store::KnownCard>> {
    let bytes = from_text(accepted_token).context("an accepted token is a text")?;
    let card = Token::parse(&bytes).context("an accepted token is one")?.card;
    let status_ref = &card.claims.status;
    let Some(known) = cards::store::find_at_place(conn, &status_ref.uri, status_ref.idx).await? else {
        return Ok(None);
    };
    let issued = SignedCard::parse(&known.cose).context("a card in the tables is not one")?;
    let is_this_one = (issued.kid, &issued.claims) == (card.kid, &card.claims);
    Ok(is_this_one.then_some(known))
}

/// The present mark of a card.
struct CardMark {
    /// The status with which the card was marked.
    status: CardStatus,
    /// The moment since which it has that status.
    since: Option<DateTime<Utc>>,
}

impl CardMark {
    /// Whether it counted at a moment. One from the future was made by a clock that was wrong, and has always counted.
    fn counts_at(&self, at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        self.status != CardStatus::Valid && self.since.is_none_or(|since| since <= at || since > now)
    }
}

/// Whether a genuine card that was valid at the time of the event no longer is.
///
/// # Errors
/// Refused where it was marked by then, and where its holder did not take part in the programme then, or does not now: who has
/// left it is booked nothing any more, whatever day a till names.
async fn has_ended_since(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    mark: &CardMark,
    event_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Applied<bool> {
    if mark.counts_at(event_at, now) {
        let code =
            if mark.status == CardStatus::Suspended { VerdictCode::Suspended } else { VerdictCode::Revoked };
        return Err(Code::Verdict(code).into());
    }
    // The card may be valid again by now; at the time it was not.
    if members::store::was_suspended(&mut *conn, membership_id, event_at).await? {
        return Err(Code::Verdict(VerdictCode::Suspended).into());
    }
    if !members::consents::store::took_part_then_and_now(&mut *conn, membership_id, event_at, now).await? {
        return Err(Code::NotInProgramme.into());
    }
    Ok(mark.status != CardStatus::Valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_counts_from_its_moment_on_and_one_from_the_future_always() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let revoked = |since| CardMark { status: CardStatus::Revoked, since };
        assert!(!CardMark { status: CardStatus::Valid, since: None }.counts_at(at(5), at(9)));
        assert!(revoked(None).counts_at(at(5), at(9)));
        assert!(revoked(Some(at(5))).counts_at(at(5), at(9)));
        assert!(!revoked(Some(at(6))).counts_at(at(5), at(9)));
        assert!(revoked(Some(at(10))).counts_at(at(5), at(9)), "a clock that was ahead must not let it pass");
    }
}
