//! Cards and the phones that hold them, in SQL; what is published has a room of its own in `lists`, and so have the `places` there.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use profcards_card::{CardClass, Kid};
use sqlx::PgConnection;

use super::lists::store::bump_revisions;
use super::places::Place;
use super::{CardOrder, CardStatus, IssuedCard, MarkReason, Purpose};
use crate::access::EndReason;
use crate::base::error::Result;
use crate::base::ids::{CardId, DeviceId, MembershipId};
use crate::registry::members::{self, Category};

/// The holder of a card, as the card names them.
pub struct Holder {
    /// The membership.
    pub membership_id: MembershipId,
    /// The membership number, twelve digits.
    pub number: String,
    /// The surname (фамилия).
    pub last_name: String,
    /// The first name (имя).
    pub first_name: String,
    /// The middle name (отчество).
    pub middle_name: Option<String>,
    /// The member's category.
    pub category: Category,
    /// First two digits of the region's ОКАТО; 0 where the organisation belongs to no region.
    pub region_okato: i16,
}

/// The holder as of now.
pub async fn holder(conn: &mut PgConnection, membership_id: MembershipId) -> Result<Option<Holder>> {
    Ok(holders(conn, &[membership_id]).await?.pop())
}

/// The members among these that may hold cards, as of now; the region is that of the nearest organisation above that
/// has one.
pub async fn holders(conn: &mut PgConnection, membership_ids: &[MembershipId]) -> Result<Vec<Holder>> {
    let rows = sqlx::query!(
        r#"select id as "membership_id!: MembershipId", number as "number!", last_name as "last_name!", first_name as "first_name!",
                  middle_name, category as "category!: Category", organisation_path as "organisation_path!"
           from registered_member where id = any ($1) and status = 'active'"#,
        membership_ids as &[MembershipId]
    )
    .fetch_all(&mut *conn)
    .await?;
    // A few dozen, so they are told apart here and not once for each member there.
    let regions: HashMap<String, i16> = sqlx::query!(
        r#"select path, region_okato as "region_okato!" from organisation where region_okato is not null"#
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|region| (region.path, region.region_okato))
    .collect();
    let holders = rows.into_iter().map(|row| Holder {
        membership_id: row.membership_id,
        number: row.number,
        last_name: row.last_name,
        first_name: row.first_name,
        middle_name: row.middle_name,
        category: row.category,
        region_okato: region_of(&row.organisation_path, &regions),
    });
    Ok(holders.collect())
}

/// The region of the nearest organisation on the path that has one; 0 if none has.
fn region_of(path: &str, regions: &HashMap<String, i16>) -> i16 {
    let mut upwards = path.rmatch_indices('.').map(|(end, _)| &path[..=end]);
    upwards.find_map(|above| regions.get(above).copied()).unwrap_or(0)
}

/// A card to be recorded.
pub struct NewCard<'a> {
    /// The card.
    pub id: CardId,
    /// The order for it.
    pub order: &'a CardOrder<'a>,
    /// The class: phone or paper.
    pub class: CardClass,
    /// The card's place on the status lists.
    pub place: Place,
    /// The key that signed it.
    pub kid: Kid,
    /// The phone's `COSE_Key`.
    pub cnf: Option<Vec<u8>>,
    /// The card itself.
    pub card: &'a IssuedCard,
}

/// Records a card; `false` if its place was taken.
pub async fn insert(conn: &mut PgConnection, new: &NewCard<'_>) -> Result<bool> {
    let purpose = if new.order.sample { Purpose::Sample } else { Purpose::Member };
    let inserted = sqlx::query!(
        "insert into card (id, membership_id, device_id, class, purpose, place, list_n, idx, kid, cnf, cose, issued_at,
                           expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (list_n, idx) do nothing",
        new.id.0,
        new.order.membership_id.0,
        new.order.device_id as Option<DeviceId>,
        i16::from(new.class.value()),
        purpose as Purpose,
        new.place.number,
        new.place.list_n,
        new.place.idx,
        &new.kid.0[..],
        new.cnf,
        new.card.cose,
        new.card.issued_at,
        new.card.expires_at
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Marks what is not revoked yet of a membership's cards (of one class, or all) and lets their lists be published anew. Those that
/// have ended by this machine's clock are marked too: it may be ahead, and they live.
pub async fn mark_revoked(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    class: Option<CardClass>,
    reason: MarkReason,
    now: DateTime<Utc>,
) -> Result<()> {
    members::store::lock(&mut *conn, &[membership_id]).await?;
    let marked = sqlx::query_scalar!(
        "update card set status = 1, status_at = $4, status_reason = $3
         where membership_id = $1 and ($2::smallint is null or class = $2) and purpose = 'member'
           and status <> 1
         returning list_n",
        membership_id.0,
        class.map(|class| i16::from(class.value())),
        reason as MarkReason,
        now
    )
    .fetch_all(&mut *conn)
    .await?;
    bump_revisions(conn, &marked).await
}

/// Ends the present phone of a membership; its session ends with it.
pub async fn end_device(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update device set ended_at = $3, ended_reason = $2 where membership_id = $1 and ended_at is null",
        membership_id.0,
        reason as EndReason,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The card that a phone holds; a suspended one is held too.
pub async fn card_of_device(conn: &mut PgConnection, device_id: DeviceId) -> Result<Option<IssuedCard>> {
    Ok(sqlx::query_as!(
        IssuedCard,
        r#"select cose as "cose!", issued_at as "issued_at!", expires_at as "expires_at!",
                  is_lost_card_key(kid) as "is_of_lost_key!"
           from card
           where membership_id = (select membership_id from device where id = $1) and class = 1
             and device_id = $1 and purpose = 'member' and status <> 1
           order by place desc, issued_at desc limit 1"#,
        device_id.0
    )
    .fetch_optional(conn)
    .await?)
}

/// A card that this instance has issued, with its present status.
pub struct KnownCard {
    /// The card.
    pub id: CardId,
    /// The membership.
    pub membership_id: MembershipId,
    /// The COSE bytes.
    pub cose: Vec<u8>,
    /// The card's present status.
    pub status: CardStatus,
    /// The moment since which it has that status.
    pub status_at: Option<DateTime<Utc>>,
}

/// The card that was issued for a place on a list, unless its key was given up: then somebody else may have made the card
/// that was shown, and nothing of it counts, whatever trust list is in force.
pub async fn find_at_place(conn: &mut PgConnection, uri: &str, idx: u64) -> Result<Option<KnownCard>> {
    let Ok(idx) = i32::try_from(idx) else { return Ok(None) };
    Ok(sqlx::query_as!(
        KnownCard,
        r#"select c.id, c.membership_id, c.cose, c.status as "status: CardStatus", c.status_at
           from card c join status_list l on l.n = c.list_n
           where l.uri = $1 and c.idx = $2 and not is_lost_card_key(c.kid)"#,
        uri,
        idx
    )
    .fetch_optional(conn)
    .await?)
}

/// A living card, with what another one for the same holder of a key is made from.
pub struct LivingCard {
    /// The COSE bytes.
    pub cose: Vec<u8>,
    /// The phone; a paper card has none.
    pub device_id: Option<DeviceId>,
    /// The phone's `COSE_Key`.
    pub cnf: Option<Vec<u8>>,
    /// Whether its signing key was given up, so that nobody accepts it.
    pub is_of_lost_key: bool,
}

/// The living cards of a membership: at most one of each class.
pub async fn living_cards(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    now: DateTime<Utc>,
) -> Result<Vec<LivingCard>> {
    Ok(sqlx::query_as!(
        LivingCard,
        r#"select cose as "cose!", device_id as "device_id: DeviceId", cnf, is_lost_card_key(kid) as "is_of_lost_key!" from living_card
           where membership_id = $1 and expires_at > $2
           order by class"#,
        membership_id.0,
        now
    )
    .fetch_all(conn)
    .await?)
}

/// Marks the cards of a membership as suspended, those that seem to have ended among them, and lets their lists be published anew.
pub async fn mark_suspended(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    now: DateTime<Utc>,
) -> Result<()> {
    let marked = sqlx::query_scalar!(
        "update card set status = 2, status_at = $2, status_reason = 'suspended'
         where membership_id = $1 and purpose = 'member' and status = 0
         returning list_n",
        membership_id.0,
        now
    )
    .fetch_all(&mut *conn)
    .await?;
    bump_revisions(conn, &marked).await
}

/// Makes the suspended cards of a membership valid again and lets their lists be published anew.
pub async fn unmark_suspended(conn: &mut PgConnection, membership_id: MembershipId) -> Result<()> {
    let unmarked = sqlx::query_scalar!(
        "update card set status = 0, status_at = null, status_reason = null
         where membership_id = $1 and purpose = 'member' and status = 2
         returning list_n",
        membership_id.0
    )
    .fetch_all(&mut *conn)
    .await?;
    bump_revisions(conn, &unmarked).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_region_above_counts() {
        let regions = HashMap::from([("1.17.".to_owned(), 42), ("1.17.305.9.".to_owned(), 97)]);
        let found = |path| region_of(path, &regions);
        assert_eq!(
            [found("1.17.305."), found("1.17.305.9.2."), found("1.17."), found("1.170.5.")],
            [42, 97, 42, 0]
        );
    }
}
