//! Partners' API keys, and what was shown to their servers, in SQL.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::error::Result;
use crate::retention::BATCH;

/// The key with this hash, unless it was revoked.
pub async fn living_key(db: &PgPool, key_hash: &[u8; 32]) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar!(
        "select id from partner_key where key_hash = $1 and revoked_at is null",
        &key_hash[..]
    )
    .fetch_optional(db)
    .await?)
}

/// Remembers a showing until it can be good no more; `false` if it is remembered already. Asking and remembering are one
/// step, so of two requests at once one is the first, at whatever instance.
pub async fn remember_proof(
    conn: &mut PgConnection,
    identity: &[u8; 32],
    until: DateTime<Utc>,
) -> Result<bool> {
    let remembered = sqlx::query!(
        "insert into vendor_proof (identity, expires_at) values ($1, $2) on conflict do nothing",
        &identity[..],
        until
    )
    .execute(conn)
    .await?;
    Ok(remembered.rows_affected() == 1)
}

/// Forgets showings that can be good no more.
pub async fn prune_proofs(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    loop {
        let gone = sqlx::query!(
            "delete from vendor_proof where identity in (select identity from vendor_proof where expires_at < $1 limit $2)",
            now,
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
    id: Uuid,
    partner_id: Uuid,
    name: &str,
    key_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool> {
    let inserted = sqlx::query!(
        "insert into partner_key (id, partner_id, name, key_hash, created_at)
         select $1, id, $3, $4, $5 from partner where id = $2",
        id,
        partner_id,
        name,
        &key_hash[..],
        now
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Ends a key; `false` if there is none that lives.
pub async fn revoke_key(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let revoked =
        // A clock that was ahead when it was made must not keep it alive until then.
        sqlx::query!(
            "update partner_key set revoked_at = greatest($2, created_at) where id = $1 and revoked_at is null",
            id,
            now
        )
        .execute(conn)
        .await?;
    Ok(revoked.rows_affected() == 1)
}

/// A key as the command line lists it; a partner without keys has a row too, so that its id can be found.
pub struct KeyRow {
    /// The partner.
    pub partner_id: Uuid,
    /// Its name.
    pub partner_name: String,
    /// The key.
    pub id: Option<Uuid>,
    /// What it is called.
    pub name: Option<String>,
    /// Since when it is.
    pub created_at: Option<DateTime<Utc>>,
    /// Since when it is not.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// All partners with their keys.
pub async fn keys(db: &PgPool) -> Result<Vec<KeyRow>> {
    Ok(sqlx::query_as!(
        KeyRow,
        r#"select p.id as partner_id, p.name as partner_name, k.id as "id?", k.name as "name?",
                  k.created_at as "created_at?", k.revoked_at
           from partner p left join partner_key k on k.partner_id = p.id
           order by p.created_at, p.id, k.created_at, k.id"#
    )
    .fetch_all(db)
    .await?)
}
