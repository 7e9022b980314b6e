//! Watches for a transaction that holds the feed of changes back. A pull hands out only what lies below the oldest
//! transaction that is still running and has written, in any database of the server; one that was forgotten stops all
//! pulls, and nothing else would tell.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

/// The age from which an open transaction is logged, and the time after which it is logged again.
const WARN_EVERY: TimeDelta = TimeDelta::seconds(60);

/// The watch over the oldest running transaction. Its age is reckoned from when it was first seen, since the start of
/// another role's transaction is not ours to know.
#[derive(Default)]
pub struct FeedWatch {
    oldest: Option<SeenTransaction>,
}

struct SeenTransaction {
    xid: String,
    seen_at: DateTime<Utc>,
    warned_at: DateTime<Utc>,
}

/// The transaction that holds the feed back.
pub struct Blocker {
    /// A session's process id and application, or the name of a prepared transaction.
    pub who: String,
    /// Seconds for which it has held the feed back at least.
    pub seconds: i64,
}

impl FeedWatch {
    /// Looks once; answers the transaction that is to be logged, if it is time to.
    pub async fn check(&mut self, db: &PgPool, now: DateTime<Utc>) -> anyhow::Result<Option<Blocker>> {
        let Some(running) = oldest_running(db).await? else {
            self.oldest = None;
            gauge(0);
            return Ok(None);
        };
        let oldest = match self.oldest.take() {
            Some(oldest) if oldest.xid == running.xid => oldest,
            _ => SeenTransaction { xid: running.xid, seen_at: now, warned_at: now },
        };
        let oldest = self.oldest.insert(oldest);
        let seconds = (now - oldest.seen_at).num_seconds().max(0);
        gauge(seconds);
        if now - oldest.warned_at < WARN_EVERY {
            return Ok(None);
        }
        oldest.warned_at = now;
        Ok(Some(Blocker { who: running.who, seconds }))
    }
}

fn gauge(seconds: i64) {
    metrics::gauge!("profcards_feed_held_back_seconds")
        .set(f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)));
}

struct RunningTransaction {
    xid: String,
    who: String,
}

/// The transaction at which the feed ends; none while nothing that has written is running. What a session is doing is not asked:
/// statements may hold what people typed.
async fn oldest_running(db: &PgPool) -> sqlx::Result<Option<RunningTransaction>> {
    sqlx::query_as!(
        RunningTransaction,
        r#"with running as (
               select pg_snapshot_xmin(snapshot) as xid from pg_current_snapshot() snapshot
               where pg_snapshot_xmin(snapshot) < pg_snapshot_xmax(snapshot)
           )
           select r.xid::text as "xid!",
                  coalesce(
                      (select format('process %s, %s', a.pid, coalesce(nullif(a.application_name, ''), 'without a name'))
                       from pg_stat_activity a where a.backend_xid = r.xid::xid),
                      (select format('prepared transaction %s', p.gid) from pg_prepared_xacts p
                       where p.transaction = r.xid::xid),
                      'a transaction that is not shown') as "who!"
           from running r"#
    )
    .fetch_optional(db)
    .await
}
