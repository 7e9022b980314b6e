//! The database's schema and housekeeping. Queries live in the `store.rs` of their feature.

use anyhow::{Context as _, ensure};
use chrono::NaiveDate;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::clock::Clock;
use crate::config::Config;

/// Connections of one instance. PostgreSQL's default of 100 leaves room for several instances and for people.
const MAX_DB_CONNECTIONS: u32 = 16;

/// How many months of the journal are made ahead.
const JOURNAL_MONTHS_AHEAD: i32 = 3;

/// Connects, and brings the schema up to date.
pub async fn open(config: &Config, clock: &Clock) -> anyhow::Result<PgPool> {
    let db = connect(config).await?;
    migrate(&db, clock.today()).await?;
    Ok(db)
}

/// Opens the pool; the first connection must succeed.
async fn connect(config: &Config) -> anyhow::Result<PgPool> {
    let db = PgPoolOptions::new()
        .max_connections(MAX_DB_CONNECTIONS)
        .acquire_timeout(std::time::Duration::from_secs(5))
        .connect_with(config.database()?)
        .await
        .context("the database does not answer")?;
    let encoding = sqlx::query_scalar!(r#"select current_setting('server_encoding') as "encoding!""#);
    let encoding = encoding.fetch_one(&db).await?;
    ensure!(encoding == "UTF8", "the database's encoding is {encoding}: make it anew, with -E UTF8");
    Ok(db)
}

/// Brings the schema up to date and makes the journal's coming months.
pub async fn migrate(db: &PgPool, today: NaiveDate) -> anyhow::Result<()> {
    sqlx::migrate!().run(db).await.context("the database could not be migrated")?;
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
