//! Signed trust lists and revoked keys in SQL. Never a secret.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use profcards_card::TrustedKey;
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::base::clock::CLOCKS_APART;

/// The time after which a key whose cards could not all be made has its turn again.
const TRIED_AGAIN_AFTER: TimeDelta = TimeDelta::hours(1);

/// The trust list with the highest seq.
pub async fn newest_trust_list(db: impl PgExecutor<'_>) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!("select cose from trust_list order by seq desc limit 1").fetch_optional(db).await
}

/// The highest seq, 0 before the first list.
pub async fn newest_seq(db: &PgPool) -> anyhow::Result<u64> {
    let seq = sqlx::query_scalar!(r#"select coalesce(max(seq), 0) as "seq!" from trust_list"#)
        .fetch_one(db)
        .await?;
    u64::try_from(seq).context("a trust list's seq is negative")
}

/// Keeps a trust list for every instance to publish; `false` where another one with this seq, or a later one, is kept.
pub async fn keep_trust_list(
    conn: &mut PgConnection,
    seq: u64,
    cose: &[u8],
    now: DateTime<Utc>,
) -> anyhow::Result<bool> {
    let seq = i64::try_from(seq)?;
    sqlx::query!(
        "insert into trust_list (seq, cose, installed_at)
         select $1, $2, $3 where not exists (select from trust_list where seq > $1)
         on conflict do nothing",
        seq,
        cose,
        now
    )
    .execute(&mut *conn)
    .await?;
    Ok(newest_trust_list(conn).await?.is_some_and(|newest| newest == cose))
}

/// The public keys that are trusted no more.
pub async fn revoked_keys(db: &PgPool) -> anyhow::Result<BTreeSet<[u8; 32]>> {
    let keys = sqlx::query_scalar!("select public_key from revoked_key").fetch_all(db).await?;
    let fixed = |key: Vec<u8>| key.as_slice().try_into().context("a revoked key has a wrong length");
    keys.into_iter().map(fixed).collect()
}

/// Trusts a key no more; harmless when repeated, and a moment from a clock that was ahead is put right by it.
pub async fn revoke(db: impl PgExecutor<'_>, key: &TrustedKey, now: DateTime<Utc>) -> anyhow::Result<()> {
    let done = sqlx::query!(
        "insert into revoked_key (public_key, kid, role, revoked_at) values ($1, $2, $3, $4)
         on conflict (public_key) do update
         set role = excluded.role, revoked_at = least(revoked_key.revoked_at, excluded.revoked_at)",
        &key.public_key[..],
        &key.kid.0[..],
        key.role.as_str(),
        now
    )
    .execute(db)
    .await?;
    ensure!(done.rows_affected() == 1, "the key was not recorded as revoked");
    Ok(())
}

/// The card keys that were revoked longer than `heard_within` ago and whose cards are yet to be issued anew. A key with cards
/// that could not be made has its turn once an hour. What is dated ahead was done before, by a clock that was ahead.
pub async fn keys_to_replace(
    db: &PgPool,
    heard_within: TimeDelta,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        "select kid from revoked_key
         where role = 'card' and reissued_at is null and (revoked_at < $1 or revoked_at > $3)
           and (tried_at is null or tried_at < $2 or tried_at > $3)
         order by revoked_at",
        now - heard_within,
        now - TRIED_AGAIN_AFTER,
        now + CLOCKS_APART
    )
    .fetch_all(db)
    .await
}

/// Notes that the cards of a revoked key were gone through; it is done with when no living card of it is left.
pub async fn note_reissued(db: &PgPool, kid: &[u8], now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "update revoked_key
         set tried_at = $2,
             reissued_at = case when not exists (select from living_card c where c.kid = $1 and c.expires_at > $2) then $2 end
         where kid = $1 and role = 'card'",
        kid,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The number of living member cards that a key has signed.
pub async fn living_cards(db: &PgPool, kid: &[u8], now: DateTime<Utc>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from living_card where kid = $1 and expires_at > $2"#,
        kid,
        now
    )
    .fetch_one(db)
    .await
}
