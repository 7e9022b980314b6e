//! Issuing and revoking membership cards, and publishing what verifiers need. The format itself is the crate
//! `profcards-card`; here it meets the members, the tables and the keys of this instance.

pub mod change;
pub mod keys;
pub mod lists;
pub mod routes;
pub mod store;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use profcards_card::constants::{PAPER_CARD_SECONDS, PHONE_CARD_RENEW_SECONDS, PHONE_CARD_SECONDS};
use profcards_card::{
    CardClaims, CardClass, Category, DeviceKey, Shown, StatusRef, full_hour, issue_card, short_name,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::app::App;
use crate::clock::{from_unix_seconds, unix_seconds};
use crate::error::{Error, Result};

/// So many taken places in a row mean that a list is about half full, and the next one is opened: with `n` places that is
/// to be expected at a share of `(17 / n)^(1/17)`, which is 0.52 for the million places of a list.
const DRAWS_PER_LIST: usize = 16;

/// Whom a card is made for, and in which form.
pub struct Order<'a> {
    /// The membership.
    pub membership_id: Uuid,
    /// The phone and its key; a paper card has neither. A sample has a key and no phone.
    pub key: Option<&'a DeviceKey>,
    /// The phone.
    pub device_id: Option<Uuid>,
    /// A sample replaces nothing and belongs to no phone.
    pub sample: bool,
}

/// A card as it was issued.
#[derive(Clone, Debug)]
pub struct IssuedCard {
    /// The COSE bytes, without a presentation.
    pub cose: Vec<u8>,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// From when it is no longer valid.
    pub expires_at: DateTime<Utc>,
}

impl IssuedCard {
    /// Whether a phone should have a newer one.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        unix_seconds(now) >= unix_seconds(self.issued_at) + PHONE_CARD_RENEW_SECONDS
    }
}

/// Signs a card, gives it a place on a status list and records it. An earlier card of the same class is superseded: it
/// simply ends, since marking it would only make the lists longer.
pub async fn issue(
    app: &App,
    conn: &mut PgConnection,
    order: &Order<'_>,
    now: DateTime<Utc>,
) -> Result<IssuedCard> {
    let holder = store::holder(&mut *conn, order.membership_id).await?.ok_or(Error::NotFound)?;
    let iat = full_hour(unix_seconds(now));
    let lifetime_seconds = if order.key.is_some() { PHONE_CARD_SECONDS } else { PAPER_CARD_SECONDS };
    let mut claims = CardClaims {
        number: holder.number.parse().context("a membership number in the tables is not one")?,
        exp: iat + lifetime_seconds,
        iat,
        cnf: order.key.copied(),
        status: StatusRef { uri: String::new(), idx: 0 },
        shown: shown(&holder)?,
    };
    if !order.sample {
        store::supersede(&mut *conn, order.membership_id, claims.class(), now).await?;
    }
    let cose = place_and_record(app, conn, order, &mut claims).await?;
    metrics::counter!("profcards_cards_issued_total", "class" => claims.class().as_str()).increment(1);
    Ok(IssuedCard {
        cose,
        issued_at: from_unix_seconds(claims.iat),
        expires_at: from_unix_seconds(claims.exp),
    })
}

/// What a card of this holder shows.
fn shown(holder: &store::Holder) -> Result<Shown> {
    let category =
        u64::try_from(holder.category).ok().and_then(Category::from_value).unwrap_or(Category::Working);
    let name = short_name(&holder.last_name, &holder.first_name, holder.middle_name.as_deref());
    let region = u8::try_from(holder.region_okato).unwrap_or(0);
    Ok(Shown::new(name, region, category).context("the card cannot show this name")?)
}

async fn place_and_record(
    app: &App,
    conn: &mut PgConnection,
    order: &Order<'_>,
    claims: &mut CardClaims,
) -> Result<Vec<u8>> {
    let key = app.keys.card_key(unix_seconds(app.clock.now()))?;
    loop {
        let list = store::newest_list(&mut *conn).await?;
        for _ in 0..DRAWS_PER_LIST {
            let idx = app.random.below(list.capacity.unsigned_abs());
            claims.status = StatusRef { uri: list.uri.clone(), idx: u64::from(idx) };
            let cose = issue_card(claims, &key).context("the card key does not sign this card")?;
            let record = store::NewCard {
                id: app.random.uuid(),
                order,
                class: claims.class(),
                list_n: list.n,
                idx: i32::try_from(idx).context("a status list is longer than an index can tell")?,
                kid: key.kid(),
                cnf: order.key.map(DeviceKey::to_cose_key),
                cose: &cose,
                issued_at: from_unix_seconds(claims.iat),
                expires_at: from_unix_seconds(claims.exp),
            };
            if store::insert(&mut *conn, &record).await? {
                return Ok(cose);
            }
        }
        if list.n >= lists::DECLARED_LISTS {
            return Err(Error::Internal(anyhow::anyhow!(
                "all status lists that the root has declared are full"
            )));
        }
        lists::open(&mut *conn, list.n + 1, app.clock.now()).await?;
    }
}

/// Marks every living card of a membership as revoked, ends its phone, and the codes by which another could be enrolled: a
/// lost sheet holds one. On the public list with the next request.
pub async fn revoke_all(
    conn: &mut PgConnection,
    membership_id: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    // Codes, phone, cards, lists: everyone takes these locks in this order.
    crate::enrolment::store::end_unused_codes(&mut *conn, membership_id, now).await?;
    store::end_device(&mut *conn, membership_id, reason, now).await?;
    store::mark_revoked(conn, membership_id, None, reason, now).await
}

/// Ends a membership's present phone and revokes its card, because another phone takes its place or it was signed out.
pub async fn retire_phone(
    conn: &mut PgConnection,
    membership_id: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    store::end_device(&mut *conn, membership_id, reason, now).await?;
    store::mark_revoked(conn, membership_id, Some(CardClass::Phone), reason, now).await
}
