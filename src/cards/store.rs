//! Cards, devices and status lists in SQL.

use chrono::{DateTime, Utc};
use profcards_card::{CardClass, Kid};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{IssuedCard, Order};
use crate::error::Result;

/// What a card says of its holder.
pub struct Holder {
    /// Twelve digits.
    pub number: String,
    /// Фамилия.
    pub last_name: String,
    /// Имя.
    pub first_name: String,
    /// Отчество.
    pub middle_name: Option<String>,
    /// 1, 2 or 3.
    pub category: i16,
    /// First two digits of the region's ОКАТО; 0 where the organisation belongs to no region.
    pub region_okato: i16,
}

/// The holder as of now; the region is that of the nearest organisation above that has one.
pub async fn holder(conn: &mut PgConnection, membership_id: Uuid) -> Result<Option<Holder>> {
    Ok(sqlx::query_as!(
        Holder,
        r#"select number as "number!", last_name as "last_name!", first_name as "first_name!", middle_name,
                  category as "category!",
                  coalesce((select up.region_okato from organisation up
                            where m.organisation_path ^@ up.path and up.region_okato is not null
                            order by length(up.path) desc limit 1), 0::smallint) as "region_okato!"
           from registered_member m where id = $1 and status = 'active'"#,
        membership_id
    )
    .fetch_optional(conn)
    .await?)
}

/// A status list that takes cards.
pub struct OpenList {
    /// Its number.
    pub n: i32,
    /// Its name on cards.
    pub uri: String,
    /// How many places it has.
    pub capacity: i32,
}

/// The list that takes new cards.
pub async fn newest_list(conn: &mut PgConnection) -> Result<OpenList> {
    Ok(sqlx::query_as!(OpenList, "select n, uri, capacity from status_list order by n desc limit 1")
        .fetch_one(conn)
        .await?)
}

/// A card to be recorded.
pub struct NewCard<'a> {
    /// The card.
    pub id: Uuid,
    /// What was ordered.
    pub order: &'a Order<'a>,
    /// Phone or paper.
    pub class: CardClass,
    /// The list.
    pub list_n: i32,
    /// The place on it.
    pub idx: i32,
    /// Which key signed.
    pub kid: Kid,
    /// The phone's `COSE_Key`.
    pub cnf: Option<Vec<u8>>,
    /// The card.
    pub cose: &'a [u8],
    /// Start of validity.
    pub issued_at: DateTime<Utc>,
    /// End of validity.
    pub expires_at: DateTime<Utc>,
}

/// Records a card; `false` if its place was taken.
pub async fn insert(conn: &mut PgConnection, card: &NewCard<'_>) -> Result<bool> {
    let inserted = sqlx::query!(
        "insert into card (id, membership_id, device_id, class, purpose, list_n, idx, kid, cnf, cose, issued_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (list_n, idx) do nothing",
        card.id,
        card.order.membership_id,
        card.order.device_id,
        i16::from(card.class.value()),
        if card.order.sample { "sample" } else { "member" },
        card.list_n,
        card.idx,
        &card.kid.0[..],
        card.cnf,
        card.cose,
        card.issued_at,
        card.expires_at
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Earlier cards of this class give way to a new one.
pub async fn supersede(
    conn: &mut PgConnection,
    membership_id: Uuid,
    class: CardClass,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update card set superseded_at = $3
         where membership_id = $1 and class = $2 and purpose = 'member' and superseded_at is null",
        membership_id,
        i16::from(class.value()),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks living cards of a membership (of one class, or all) and lets their lists be published anew.
pub async fn mark_revoked(
    conn: &mut PgConnection,
    membership_id: Uuid,
    class: Option<CardClass>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "with marked as (
             update card set status = 1, status_at = $4, status_reason = $3
             where membership_id = $1 and ($2::smallint is null or class = $2) and purpose = 'member'
               and status <> 1 and expires_at > $4
             returning list_n
         )
         update status_list set revision = revision + 1 where n in (select list_n from marked)",
        membership_id,
        class.map(|class| i16::from(class.value())),
        reason,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends the present phone of a membership; its session ends with it.
pub async fn end_device(
    conn: &mut PgConnection,
    membership_id: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update device set ended_at = $3, ended_reason = $2 where membership_id = $1 and ended_at is null",
        membership_id,
        reason,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The card that a phone holds; a suspended one is held too.
pub async fn card_of_device(conn: &mut PgConnection, device_id: Uuid) -> Result<Option<IssuedCard>> {
    Ok(sqlx::query_as!(
        IssuedCard,
        r#"select cose as "cose!", issued_at as "issued_at!", expires_at as "expires_at!" from held_card
           where device_id = $1
           order by issued_at desc limit 1"#,
        device_id
    )
    .fetch_optional(conn)
    .await?)
}

/// What this instance knows of a card that came back.
pub struct KnownCard {
    /// The card.
    pub id: Uuid,
    /// Whose it is.
    pub membership_id: Uuid,
    /// The phone's `COSE_Key`.
    pub cnf: Option<Vec<u8>>,
    /// 0 valid, 1 revoked, 2 suspended: now.
    pub status: i16,
    /// Since when.
    pub status_at: Option<DateTime<Utc>>,
    /// The membership's number.
    pub number: String,
}

/// The card that was issued for a place on a list.
pub async fn find(conn: &mut PgConnection, uri: &str, idx: u64) -> Result<Option<KnownCard>> {
    let Ok(idx) = i32::try_from(idx) else { return Ok(None) };
    Ok(sqlx::query_as!(
        KnownCard,
        "select c.id, c.membership_id, c.cnf, c.status, c.status_at, m.number
         from card c join status_list l on l.n = c.list_n join membership m on m.id = c.membership_id
         where l.uri = $1 and c.idx = $2",
        uri,
        idx
    )
    .fetch_optional(conn)
    .await?)
}

/// A status list as the tables have it, in one snapshot.
pub struct ListContent {
    /// Its revision.
    pub revision: i64,
    /// Its length.
    pub capacity: i32,
    /// The places that are marked.
    pub marked: Vec<i32>,
    /// Their marks, in the same order.
    pub marks: Vec<i16>,
}

/// The revision of a list; none if it was not opened yet.
pub async fn list_revision(db: &PgPool, n: i32) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!("select revision from status_list where n = $1", n).fetch_optional(db).await?)
}

/// A list and all its marks.
pub async fn list_content(db: &PgPool, n: i32) -> Result<Option<ListContent>> {
    Ok(sqlx::query_as!(
        ListContent,
        r#"select l.revision, l.capacity,
                  coalesce(array_agg(c.idx order by c.idx) filter (where c.idx is not null), '{}') as "marked!",
                  coalesce(array_agg(c.status order by c.idx) filter (where c.idx is not null), '{}') as "marks!"
           from status_list l left join card c on c.list_n = l.n and c.status <> 0
           where l.n = $1
           group by l.n"#,
        n
    )
    .fetch_optional(db)
    .await?)
}

/// A living card, with what another one for the same holder of a key is made from.
pub struct LivingCard {
    /// The card.
    pub cose: Vec<u8>,
    /// The phone; a paper card has none.
    pub device_id: Option<Uuid>,
    /// The phone's `COSE_Key`.
    pub cnf: Option<Vec<u8>>,
}

/// The living cards of a membership: at most one of each class.
pub async fn living(
    conn: &mut PgConnection,
    membership_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<LivingCard>> {
    Ok(sqlx::query_as!(
        LivingCard,
        r#"select cose as "cose!", device_id, cnf from living_card
           where membership_id = $1 and expires_at > $2
           order by class"#,
        membership_id,
        now
    )
    .fetch_all(conn)
    .await?)
}

/// Marks the living cards of a membership as suspended and lets their lists be published anew.
pub async fn mark_suspended(conn: &mut PgConnection, membership_id: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "with marked as (
             update card set status = 2, status_at = $2, status_reason = 'suspended'
             where membership_id = $1 and purpose = 'member' and status = 0 and expires_at > $2
             returning list_n
         )
         update status_list set revision = revision + 1 where n in (select list_n from marked)",
        membership_id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes the suspended cards of a membership valid again and lets their lists be published anew.
pub async fn unmark_suspended(conn: &mut PgConnection, membership_id: Uuid) -> Result<()> {
    sqlx::query!(
        "with unmarked as (
             update card set status = 0, status_at = null, status_reason = null
             where membership_id = $1 and purpose = 'member' and status = 2
             returning list_n
         )
         update status_list set revision = revision + 1 where n in (select list_n from unmarked)",
        membership_id
    )
    .execute(conn)
    .await?;
    Ok(())
}
