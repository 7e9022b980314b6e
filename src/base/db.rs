//! The way to the database: its connections, by what they are for, the limits that each of them is under, the schema and
//! its housekeeping. Queries live in the `store.rs` of their feature.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::NaiveDate;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool, Row as _};

use crate::base::clock::Clock;
use crate::base::config::Config;

/// Months of the journal that are made ahead.
const JOURNAL_MONTHS_AHEAD: i32 = 3;
/// The time for which a server waits for another one that is migrating.
const MIGRATION_LOCK_WAIT: &str = "2min";
/// The silence after which a migrating server counts as frozen, and loses its lock to the others.
const MIGRATION_SILENCE: &str = "1min";
/// The time within which a returned connection must say how it stands. After it the connection is given up: its last
/// statement goes on for nobody, or its host is gone.
const RELEASE_WITHIN: Duration = Duration::from_secs(10);

/// The settings that keep what is stored out of the database's log: neither the row that broke a constraint, nor the
/// statement that failed, nor its parameters.
pub const LOG_WITHOUT_ROWS: [(&str, &str); 4] = [
    ("log_error_verbosity", "terse"),
    ("log_min_error_statement", "panic"),
    ("log_parameter_max_length", "0"),
    ("log_parameter_max_length_on_error", "0"),
];

/// The longest life of a connection: after a failover behind one name, one that nobody uses may go on leading to the
/// former primary.
const MAX_LIFETIME: Duration = Duration::from_mins(5);

/// The connections of one instance. What is slow or stuck in one pool leaves the others alone, so a search never keeps a
/// till waiting. Together they are 30: PostgreSQL's default of 100 leaves room for three instances.
#[derive(Clone)]
pub struct Pools {
    /// For staff and members, one person at a time.
    pub registry: PgPool,
    /// For what goes through many rows of the registry: few at once, and none for long.
    pub searches: PgPool,
    /// For the counters of what strangers try, which meet in few rows.
    pub doors: PgPool,
    /// For tills and partners' servers, and the lists that they download.
    pub tills: PgPool,
    /// For what an instance does by itself, and for commands.
    pub jobs: PgPool,
}

/// The purpose of a pool, and the limits that the database itself enforces on each of its connections, however the
/// process at its end fares: a server that is frozen in the middle of a transaction must not keep its locks.
struct Purpose {
    name: &'static str,
    connections: u32,
    /// The longest wait for a connection.
    acquire_seconds: u64,
    statement_seconds: u64,
    lock_seconds: u64,
    /// The longest silence within a transaction, which then is ended.
    idle_in_transaction_seconds: u64,
}

const REGISTRY: Purpose = Purpose {
    name: "registry",
    connections: 8,
    acquire_seconds: 5,
    statement_seconds: 10,
    lock_seconds: 5,
    idle_in_transaction_seconds: 15,
};
const SEARCHES: Purpose = Purpose {
    name: "searches",
    connections: 4,
    acquire_seconds: 2,
    statement_seconds: 3,
    lock_seconds: 2,
    idle_in_transaction_seconds: 5,
};
const DOORS: Purpose = Purpose {
    name: "doors",
    connections: 4,
    acquire_seconds: 3,
    statement_seconds: 3,
    lock_seconds: 3,
    idle_in_transaction_seconds: 5,
};
const TILLS: Purpose = Purpose {
    name: "tills",
    connections: 8,
    acquire_seconds: 5,
    statement_seconds: 5,
    lock_seconds: 3,
    idle_in_transaction_seconds: 10,
};
/// A batch of a bulk re-issue is signed, and waits for the one before it, inside its transaction. An instance does three jobs at a time.
const JOBS: Purpose = Purpose {
    name: "jobs",
    connections: 6,
    acquire_seconds: 10,
    statement_seconds: 60 * 60,
    lock_seconds: 10,
    idle_in_transaction_seconds: 60,
};

impl Purpose {
    /// A pool that connects when it is first asked.
    fn pool(&self, to: &PgConnectOptions) -> PgPool {
        PgPoolOptions::new()
            .max_connections(self.connections)
            .acquire_timeout(Duration::from_secs(self.acquire_seconds))
            .max_lifetime(MAX_LIFETIME)
            .after_release(|conn, _| Box::pin(is_reusable(conn)))
            .connect_lazy_with(self.limited(to))
    }

    fn limited(&self, to: &PgConnectOptions) -> PgConnectOptions {
        to.clone().application_name(&format!("profcards {}", self.name)).options([
            ("statement_timeout", format!("{}s", self.statement_seconds)),
            ("lock_timeout", format!("{}s", self.lock_seconds)),
            ("idle_in_transaction_session_timeout", format!("{}s", self.idle_in_transaction_seconds)),
            // A statement whose client is gone ends, and a client that the network has swallowed is noticed.
            ("client_connection_check_interval", "5s".to_owned()),
            ("tcp_keepalives_idle", "30".to_owned()),
            ("tcp_keepalives_interval", "10".to_owned()),
            ("tcp_keepalives_count", "3".to_owned()),
            ("tcp_user_timeout", "60s".to_owned()),
        ])
    }
}

/// Whether a connection that comes back is fit for the next request; one that is not is closed. It leads to a database that takes
/// writes: after a failover the one that did may answer on.
///
/// A request whose client hangs up is dropped wherever it stands, also between sending `BEGIN` and hearing that it was done; sqlx
/// 0.9 then takes the session for one outside any transaction. What others did through it would look done and be lost.
async fn is_reusable(conn: &mut PgConnection) -> sqlx::Result<bool> {
    // What the dropped request had begun is still read to its end here, and that end may never come.
    let asked = tokio::time::timeout(RELEASE_WITHIN, is_clean_primary(conn));
    let is_fit = asked.await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
    if !matches!(is_fit, Ok(true)) {
        metrics::counter!("profcards_db_connections_closed_total").increment(1);
    }
    is_fit
}

/// A statement outside any transaction begins one at the moment at which it came; inside, the transaction is older, or has
/// failed and answers nothing. A former primary has become a standby, which only reads. The simple protocol, as the statement must
/// come in one message.
async fn is_clean_primary(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::raw_sql("select now() = statement_timestamp() and current_setting('transaction_read_only') = 'off'")
        .fetch_one(conn)
        .await?
        .try_get(0)
}

/// Connects, and brings the schema up to date.
pub async fn open(config: &Config, clock: &Clock) -> anyhow::Result<Pools> {
    let pools = connect(config).await?;
    migrate(&pools.jobs, clock.today()).await?;
    Ok(pools)
}

/// Opens the pools; the first connection must succeed.
async fn connect(config: &Config) -> anyhow::Result<Pools> {
    let to = config.database()?;
    let [registry, searches, doors, tills, jobs] =
        [REGISTRY, SEARCHES, DOORS, TILLS, JOBS].map(|purpose| purpose.pool(&to));
    let mut first = jobs.acquire().await.context("the database does not answer")?;
    let found = sqlx::query!(
        r#"select current_setting('server_encoding') as "encoding!", current_setting('lock_timeout') as "lock_limit!""#
    )
    .fetch_one(&mut *first)
    .await?;
    ensure!(
        found.encoding == "UTF8",
        "the database's encoding is {}: make it anew, with -E UTF8",
        found.encoding
    );
    // A pooler drops them without a word.
    ensure!(
        found.lock_limit == format!("{}s", JOBS.lock_seconds),
        "connections lose their time limits on the way: connect to PostgreSQL itself, without a pooler between"
    );
    if config.production {
        for (setting, wanted) in settings_that_log_rows(&mut first).await? {
            tracing::warn!(
                setting,
                wanted,
                "the database's log may tell what is stored; docs/operating.md has its settings"
            );
        }
    }
    drop(first);
    Ok(Pools { registry, searches, doors, tills, jobs })
}

/// The settings of [`LOG_WITHOUT_ROWS`] that differ here, and the values that they should have.
pub async fn settings_that_log_rows(
    conn: &mut PgConnection,
) -> sqlx::Result<Vec<(&'static str, &'static str)>> {
    let (names, values): (Vec<_>, Vec<_>) =
        LOG_WITHOUT_ROWS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).unzip();
    let places = sqlx::query_scalar!(
        r#"select wanted.place as "place!"
           from unnest($1::text[], $2::text[]) with ordinality wanted (name, value, place)
           where current_setting(wanted.name) <> wanted.value order by wanted.place"#,
        &names,
        &values
    )
    .fetch_all(conn)
    .await?;
    Ok(places
        .into_iter()
        .filter_map(|place| LOG_WITHOUT_ROWS.get(usize::try_from(place - 1).ok()?).copied())
        .collect())
}

/// Brings the schema up to date and makes the journal's coming months.
pub async fn migrate(db: &PgPool, today: NaiveDate) -> anyhow::Result<()> {
    // A connection of its own, as a change of a large table may take long.
    let mut conn = db.acquire().await.context("the database does not answer")?.detach();
    sqlx::query!(
        "select set_config('statement_timeout', '0', false) as statement, set_config('lock_timeout', $1, false) as lock,
                set_config('idle_session_timeout', $2, false) as idle",
        MIGRATION_LOCK_WAIT,
        MIGRATION_SILENCE
    )
    .fetch_one(&mut conn)
    .await?;
    // What a newer release has added is left alone: migrations leave tables as an older server knows them, and one must be able to
    // start beside it, or again.
    sqlx::migrate!()
        .set_ignore_missing(true)
        .run(&mut conn)
        .await
        .context("the database could not be migrated")?;
    conn.close().await?;
    ensure_journal_partitions(db, today).await
}

/// Makes the journal's partitions from this month on; safe to repeat.
pub async fn ensure_journal_partitions(db: &PgPool, today: NaiveDate) -> anyhow::Result<()> {
    sqlx::query!(r#"select ensure_journal_partitions($1, $2) as "done: ()""#, today, JOURNAL_MONTHS_AHEAD)
        .fetch_one(db)
        .await
        .context("the journal's months could not be made")?;
    Ok(())
}

/// The database's clock, Unix seconds.
pub async fn clock_seconds(db: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select extract(epoch from clock_timestamp())::bigint as "seconds!""#)
        .fetch_one(db)
        .await
}
