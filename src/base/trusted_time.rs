//! The time as it is trusted by what cannot be undone: money that becomes spendable, rows that are deleted. Such a step
//! asks here first, and waits while this machine's clock and the database's disagree, or after both have jumped.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::base::Base;
use crate::base::clock::{self, ClockRecord};
use crate::base::db::clock_seconds;
use crate::base::error::{Error, Result};

/// The present moment, if it is to be trusted.
///
/// # Errors
/// [`Error::Unavailable`] if it is not, and why.
pub async fn now(base: &Base) -> Result<DateTime<Utc>> {
    let now = base.clock.now();
    ensure_agreement(base, now).await?;
    if !base.clock.is_machine_clock() {
        return Ok(now);
    }
    let mut tx = base.db_jobs.begin().await?;
    let before = seen(&mut tx).await?;
    let seen = before.map_or(ClockRecord::trusted(now), |before| before.observe(now));
    save(&mut tx, seen).await?;
    tx.commit().await?;
    metrics::gauge!("profcards_clock_doubted").set(if seen.doubted_since.is_some() { 1.0 } else { 0.0 });
    match seen.doubted_since {
        None => Ok(now),
        Some(since) => Err(doubted(now - seen.trusted_at, now - since)),
    }
}

fn doubted(jump: TimeDelta, watched: TimeDelta) -> Error {
    Error::Unavailable(anyhow::anyhow!(
        "the clock is {} hours on since it was last believed: either no server ran, or it is wrong; nothing is settled until it has \
         gone on evenly for a day ({} hours so far), or `profcards housekeeping --anyway` says that it is right",
        jump.num_hours(),
        watched.num_hours()
    ))
}

/// Trusts the present time, as somebody says who has looked at a clock; not while it disagrees with the database's.
pub async fn confirm_now(base: &Base) -> Result<()> {
    let now = base.clock.now();
    ensure_agreement(base, now).await?;
    save(&mut *base.db_jobs.acquire().await?, ClockRecord::trusted(now)).await
}

/// Whether the time would not be trusted: then no refusal for its sake may be final.
pub async fn is_doubted(conn: &mut PgConnection, base: &Base) -> Result<bool> {
    if !base.clock.is_machine_clock() {
        return Ok(false);
    }
    Ok(seen(conn).await?.is_some_and(|seen| seen.is_jump(base.clock.now())))
}

/// Whether a moment has come by a time that is trusted: while it is doubted, only if the moment had come before.
pub async fn has_come(conn: &mut PgConnection, base: &Base, moment: DateTime<Utc>) -> Result<bool> {
    let now = base.clock.now();
    if moment > now || !base.clock.is_machine_clock() {
        return Ok(moment <= now);
    }
    Ok(seen(conn).await?.is_none_or(|seen| !seen.is_jump(now) || moment <= seen.trusted_at))
}

/// Whether this machine's clock is right by the database's.
///
/// # Errors
/// [`Error::Unavailable`] while the two disagree.
pub async fn ensure_agreement(base: &Base, now: DateTime<Utc>) -> Result<()> {
    if !base.clock.is_machine_clock() {
        return Ok(());
    }
    let ahead_seconds = now.timestamp() - clock_seconds(&base.db_jobs).await?;
    clock::ensure_agreement(ahead_seconds).map_err(Error::Unavailable)
}

async fn seen(conn: &mut PgConnection) -> Result<Option<ClockRecord>> {
    Ok(sqlx::query_as!(ClockRecord, "select trusted_at, seen_at, doubted_since from clock_seen")
        .fetch_optional(conn)
        .await?)
}

async fn save(conn: &mut PgConnection, seen: ClockRecord) -> Result<()> {
    sqlx::query!(
        "insert into clock_seen (trusted_at, seen_at, doubted_since) values ($1, $2, $3)
         on conflict (one) do update
         set trusted_at = excluded.trusted_at, seen_at = excluded.seen_at, doubted_since = excluded.doubted_since",
        seen.trusted_at,
        seen.seen_at,
        seen.doubted_since
    )
    .execute(conn)
    .await?;
    Ok(())
}
