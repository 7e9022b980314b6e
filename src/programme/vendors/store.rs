//! Partners' API keys, and what was shown to their servers, in SQL.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

use crate::base::error::Result;
use crate::base::ids::{MembershipId, PartnerId, PartnerKeyId};
use crate::base::sweep::BATCH;

/// Days for which the answers to partners' servers are kept: a year, and the month in which it is settled.
const REDEMPTION_DAYS: i64 = 400;

/// The key with this hash, unless it was revoked.
pub async fn living_key(db: &PgPool, key_hash: &[u8; 32]) -> Result<Option<PartnerKeyId>> {
    Ok(sqlx::query_scalar!(
        r#"select id as "id: PartnerKeyId" from partner_key where key_hash = $1 and revoked_at is null"#,
        &key_hash[..]
    )
    .fetch_optional(db)
    .await?)
}

/// A redemption that a member allows, as a partner's server was told.
pub struct AllowedRedemption {
    /// The moment of the answer.
    pub allowed_at: DateTime<Utc>,
    /// The partner's name.
    pub partner_name: String,
    /// The name of the key.
    pub key_name: String,
    /// The partner's own name of the purchase.
    pub operation: String,
    /// The number of the membership whose balance it is about.
    pub membership_number: String,
    /// The most that may be taken.
    pub most_kopecks: i64,
}

/// Writes down what a partner's server is told of a showing.
pub async fn record_redemption(
    conn: &mut PgConnection,
    identity: &[u8; 32],
    (partner_key_id, operation): (PartnerKeyId, &str),
    membership_id: MembershipId,
    most_kopecks: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into vendor_redemption (identity, partner_key_id, operation, membership_id, most_kopecks, allowed_at)
         values ($1, $2, $3, $4, $5, $6)",
        &identity[..],
        partner_key_id.0,
        operation,
        membership_id.0,
        most_kopecks,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The redemptions that partners' servers were told of since a moment, the oldest first.
pub async fn redemptions(db: &PgPool, since: DateTime<Utc>, limit: i64) -> Result<Vec<AllowedRedemption>> {
    Ok(sqlx::query_as!(
        AllowedRedemption,
        "select r.allowed_at, p.name as partner_name, k.name as key_name, r.operation, m.number as membership_number, r.most_kopecks
         from vendor_redemption r
         join partner_key k on k.id = r.partner_key_id
         join partner p on p.id = k.partner_id
         join membership m on m.id = r.membership_id
         where r.allowed_at >= $1 order by r.allowed_at, r.identity limit $2",
        since,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Removes redemptions that were settled long ago.
pub async fn prune_redemptions(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    loop {
        let gone = sqlx::query!(
            "delete from vendor_redemption where identity in (select identity from vendor_redemption where allowed_at < $1 limit $2)",
            now - TimeDelta::days(REDEMPTION_DAYS),
            BATCH
        )
        .execute(db)
        .await?;
        if gone.rows_affected() < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}

/// Adds a key for a partner; `false` if there is no such partner.
pub async fn insert_key(
    conn: &mut PgConnection,
    id: PartnerKeyId,
    partner_id: PartnerId,
    name: &str,
    key_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool> {
    let inserted = sqlx::query!(
        "insert into partner_key (id, partner_id, name, key_hash, created_at)
         select $1, id, $3, $4, $5 from partner where id = $2",
        id.0,
        partner_id.0,
        name,
        &key_hash[..],
        now
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Ends a key; `false` if there is none that lives.
pub async fn revoke_key(conn: &mut PgConnection, id: PartnerKeyId, now: DateTime<Utc>) -> Result<bool> {
    let revoked =
        // A clock that was ahead when it was made must not keep it alive until then.
        sqlx::query!(
            "update partner_key set revoked_at = greatest($2, created_at) where id = $1 and revoked_at is null",
            id.0,
            now
        )
        .execute(conn)
        .await?;
    Ok(revoked.rows_affected() == 1)
}

/// A key as the command line lists it; a partner without keys has a row too, so that its id can be found.
pub struct KeyRow {
    /// The partner.
    pub partner_id: PartnerId,
    /// The partner's name.
    pub partner_name: String,
    /// The key.
    pub id: Option<PartnerKeyId>,
    /// The key's name.
    pub name: Option<String>,
    /// The moment at which it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// The moment at which it was revoked, if it was.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// All partners with their keys.
pub async fn keys(db: &PgPool) -> Result<Vec<KeyRow>> {
    Ok(sqlx::query_as!(
        KeyRow,
        r#"select p.id as partner_id, p.name as partner_name, k.id as "id?: PartnerKeyId", k.name as "name?",
                  k.created_at as "created_at?", k.revoked_at
           from partner p left join partner_key k on k.partner_id = p.id
           order by p.created_at, p.id, k.created_at, k.id"#
    )
    .fetch_all(db)
    .await?)
}
