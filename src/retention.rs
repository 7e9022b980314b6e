//! What is removed when it has served: one list of all of it. How long each table keeps a row, and why, stands in
//! `docs/operating.md`; a test compares that with the schema. Every step may be repeated, and run by several instances at once.

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::error::Result;
use crate::http::{idempotency, limits};
use crate::sweep::Bound;
use crate::{auth, enrolment, ledger, notices, partners, sync, vendors};

/// Rows that one statement removes: so many are gone before anybody waits for them.
pub const BATCH: i64 = 5_000;

/// Removes everything whose time is over; answers what became of each step. One that fails never keeps the others from being done.
pub async fn prune_all(app: &App, now: DateTime<Utc>, bound: Bound) -> Vec<(&'static str, Result<()>)> {
    let db = &app.db_jobs;
    let mut outcomes = Vec::new();
    for table in [Table::Sessions, Table::Notices, Table::Lookups, Table::Changes] {
        outcomes.push((table.name(), sweep(app, table, now, bound).await));
    }
    // Short lives, of which an hour ends nearly all; and guards, which go in small batches.
    outcomes.extend([
        ("limits", limits::prune(db, now).await),
        ("challenges", enrolment::store::prune_challenges(db, now).await),
        ("activation codes", enrolment::store::prune_codes(db, now).await),
        ("pairing codes", partners::store::prune_codes(db, now).await),
        ("showings", vendors::store::prune_proofs(db, now).await),
        ("redemption digits", partners::challenge::prune(db, now).await),
        ("idempotency keys", idempotency::prune(db, now).await),
        ("proofs", ledger::guards::prune_proofs(db, now).await),
        ("operation numbers", ledger::guards::prune_op_numbers(db, now).await),
    ]);
    outcomes
}

/// What is kept for long, so that a round removes a small part of it.
#[derive(Clone, Copy)]
enum Table {
    Sessions,
    Notices,
    Lookups,
    Changes,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Notices => "notices",
            Self::Lookups => "lookups",
            Self::Changes => "changes",
        }
    }
}

async fn sweep(app: &App, table: Table, now: DateTime<Utc>, bound: Bound) -> Result<()> {
    let mut tx = app.db_jobs.begin().await?;
    let swept = match table {
        Table::Sessions => auth::store::prune_sessions(&mut tx, now).await,
        Table::Notices => notices::store::prune(&mut tx, now).await,
        Table::Lookups => ledger::lookup::prune(&mut tx, now).await,
        Table::Changes => sync::store::prune_changes(&mut tx, now).await,
    };
    bound.check(swept?)?;
    tx.commit().await?;
    Ok(())
}
