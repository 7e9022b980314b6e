//! The database's schema and housekeeping. Queries live in the `store.rs` of their feature.

use anyhow::Context as _;
use chrono::NaiveDate;
use sqlx::PgPool;

/// How many months of the journal are made ahead.
const JOURNAL_MONTHS_AHEAD: i32 = 3;

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
