//! Issuing and revoking membership cards, and publishing what verifiers need. The format itself is the crate
//! `profcards-card`; here it meets the members, the tables and the keys of this instance.

pub mod enrolment;
mod issuer;
pub mod keys;
pub mod lists;
pub mod outdated;
pub mod places;
pub mod reissue;
pub mod routes;
pub mod store;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use profcards_card::constants::{PAPER_CARD_SECONDS, PHONE_CARD_RENEW_SECONDS, PHONE_CARD_SECONDS};
use profcards_card::{
    CardClaims, CardClass, DeviceKey, Shown, Status, StatusRef, full_hour, issue_card, short_name,
};
use sqlx::PgConnection;

pub use self::issuer::Issuer;
use crate::access::EndReason;
use crate::base::clock::{CLOCKS_APART, from_unix_seconds, unix_seconds};
use crate::base::error::{Error, Result};
use crate::base::ids::{CardId, DeviceId, MembershipId};
use crate::base::words::{number_enum, word_enum};
use crate::registry::members;
use places::Place;

/// Days for which a till may be out of contact and still hand in what it recorded: for as long, a card must be
/// verifiable as it was.
pub const MAX_OFFLINE_DAYS: i64 = 35;
/// Tries to find a free place. One can only be taken already while an older version of the server, which draws at
/// random, issues cards too.
const TRIES_FOR_A_PLACE: usize = 16;

number_enum! {
    /// The status with which a card is marked in the status lists.
    pub enum CardStatus in "card.status" {
        /// The card is not marked.
        Valid = 0,
        /// The card was revoked.
        Revoked = 1,
        /// The card is suspended with the membership.
        Suspended = 2,
    }
}

impl From<CardStatus> for Status {
    fn from(status: CardStatus) -> Self {
        match status {
            CardStatus::Valid => Self::Valid,
            CardStatus::Revoked => Self::Invalid,
            CardStatus::Suspended => Self::Suspended,
        }
    }
}

word_enum! {
    /// The purpose of a card.
    pub enum Purpose in "card.purpose" {
        /// The card of a member.
        Member = "member",
        /// A sample card for those who build verifiers.
        Sample = "sample",
    }
}

word_enum! {
    /// Why a card was marked.
    pub enum MarkReason in "card.status_reason" {
        /// The member enrolled another phone.
        Replaced = "replaced",
        /// The phone was signed out.
        SignedOut = "signed-out",
        /// The phone, the sheet or the card is lost.
        Lost = "lost",
        /// The member has left the union.
        Left = "left",
        /// The card was issued by mistake.
        Error = "error",
        /// The card's data are out of date.
        Changed = "changed",
        /// The membership is suspended.
        Suspended = "suspended",
    }
}

impl From<EndReason> for MarkReason {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::Replaced => Self::Replaced,
            EndReason::SignedOut => Self::SignedOut,
            EndReason::Lost => Self::Lost,
            EndReason::Left => Self::Left,
            EndReason::Error => Self::Error,
        }
    }
}

/// An order for a card: the member whom it is made for, and its form.
pub struct CardOrder<'a> {
    /// The membership.
    pub membership_id: MembershipId,
    /// The phone and its key; a paper card has neither. A sample has a key and no phone.
    pub key: Option<&'a DeviceKey>,
    /// The phone.
    pub device_id: Option<DeviceId>,
    /// Whether it is a sample, which replaces nothing and belongs to no phone.
    pub sample: bool,
}

/// A card as it was issued.
#[derive(Clone, Debug)]
pub struct IssuedCard {
    /// The COSE bytes, without a presentation.
    pub cose: Vec<u8>,
    /// The moment of issue.
    pub issued_at: DateTime<Utc>,
    /// The end of its validity.
    pub expires_at: DateTime<Utc>,
    /// Whether its signing key was given up, so that nobody accepts it.
    pub is_of_lost_key: bool,
}

impl IssuedCard {
    /// Whether a phone should have a newer one. One that a clock ahead has issued is accepted by nobody before its day.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.is_of_lost_key
            || unix_seconds(now) >= unix_seconds(self.issued_at) + PHONE_CARD_RENEW_SECONDS
            || self.issued_at > now + CLOCKS_APART
    }
}

/// Gives a card a place on a status list, signs and records it. An earlier card of the same class simply ends, since marking
/// it would only make the lists longer.
pub async fn issue(
    issuer: &Issuer,
    conn: &mut PgConnection,
    order: &CardOrder<'_>,
    now: DateTime<Utc>,
) -> Result<IssuedCard> {
    members::store::lock(&mut *conn, &[order.membership_id]).await?;
    let holder = store::holder(&mut *conn, order.membership_id).await?.ok_or(Error::NotFound)?;
    let key = issuer.keys.card_key(unix_seconds(now))?;
    for _ in 0..TRIES_FOR_A_PLACE {
        let place = places::take(issuer, &mut *conn, 1)
            .await?
            .pop()
            .context("one place was asked for and none came")?;
        let claims = claims_of(&holder, order.key.copied(), place, now)?;
        let cose = issue_card(&claims, &key).context("the card key does not sign this card")?;
        let card = IssuedCard {
            cose,
            issued_at: from_unix_seconds(claims.iat),
            expires_at: from_unix_seconds(claims.exp),
            is_of_lost_key: false,
        };
        let record = store::NewCard {
            id: CardId(issuer.random.uuid()),
            order,
            class: claims.class(),
            place,
            kid: key.kid(),
            cnf: order.key.map(DeviceKey::to_cose_key),
            card: &card,
        };
        if store::insert(&mut *conn, &record).await? {
            metrics::counter!("profcards_cards_issued_total", "class" => claims.class().as_str())
                .increment(1);
            return Ok(card);
        }
    }
    Err(Error::Internal(anyhow::anyhow!("{TRIES_FOR_A_PLACE} places in a row were taken")))
}

/// The claims of a card for this holder when it is issued now: for a phone with this key, or on paper.
fn claims_of(
    holder: &store::Holder,
    key: Option<DeviceKey>,
    place: Place,
    now: DateTime<Utc>,
) -> anyhow::Result<CardClaims> {
    let iat = full_hour(unix_seconds(now));
    let lifetime_seconds = if key.is_some() { PHONE_CARD_SECONDS } else { PAPER_CARD_SECONDS };
    Ok(CardClaims {
        number: holder.number.parse().context("a membership number in the tables is not one")?,
        exp: iat + lifetime_seconds,
        iat,
        cnf: key,
        status: StatusRef {
            uri: lists::uri(place.list_n),
            idx: u64::try_from(place.idx).context("an index is never negative")?,
        },
        shown: shown(holder)?,
    })
}

/// The part of this holder's card that is shown to people.
fn shown(holder: &store::Holder) -> anyhow::Result<Shown> {
    let name = short_name(&holder.last_name, &holder.first_name, holder.middle_name.as_deref());
    let region = u8::try_from(holder.region_okato).unwrap_or(0);
    Shown::new(name, region, holder.category.into()).context("the card cannot show this name")
}

/// Ends a membership's present phone and revokes its card, because another phone takes its place or it was signed out.
pub async fn retire_phone(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<()> {
    members::store::lock(&mut *conn, &[membership_id]).await?;
    store::end_device(&mut *conn, membership_id, reason, now).await?;
    store::mark_revoked(conn, membership_id, Some(CardClass::Phone), reason.into(), now).await
}
