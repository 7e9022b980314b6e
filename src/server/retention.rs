//! What is removed when it has served: one list of all of it. How long each table keeps a row, and why, stands in
//! `docs/operating.md`; a test compares that with the schema. Every step may be repeated, and run by several instances at once.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::App;
use crate::access;
use crate::access::limits;
use crate::act::{audit, change_log, idempotency};
use crate::base::error::Result;
use crate::base::sweep::{BATCH, Lifted};
use crate::cards::enrolment;
use crate::informing;
use crate::programme::{ledger, partners, vendors};

/// Removes everything whose time is over; answers what became of each step. One that fails never keeps the others from being done.
pub async fn prune_all(app: &App, now: DateTime<Utc>, lifted: Lifted) -> Vec<(&'static str, Result<()>)> {
    let db = &app.db_jobs;
    let mut outcomes = Vec::new();
    for table in [Table::Sessions, Table::Notices, Table::Lookups, Table::Changes] {
        outcomes.push((table.name(), sweep(db, table, now, lifted).await));
    }
    // Short lives, of which an hour ends nearly all; and guards, which go in small batches.
    outcomes.extend([
        ("limits", limits::prune(db, now).await),
        ("challenges", enrolment::store::prune_challenges(db, now).await),
        ("activation codes", enrolment::store::prune_codes(db, now).await),
        ("pairing codes", partners::store::prune_codes(db, now).await),
        ("partners' redemptions", vendors::store::prune_redemptions(db, now).await),
        ("redemption digits", partners::challenge::prune(db, now).await),
        ("who read what", audit::prune(db, now).await),
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

/// Counts first: what is too much for one round is not even begun. What is not goes in small steps.
async fn sweep(db: &PgPool, table: Table, now: DateTime<Utc>, lifted: Lifted) -> Result<()> {
    let due = match table {
        Table::Sessions => access::store::sessions_due(db, now).await,
        Table::Notices => informing::store::due(db, now).await,
        Table::Lookups => ledger::lookup::due(db, now).await,
        Table::Changes => change_log::changes_due(db, now).await,
    };
    lifted.bound(table.name()).check(due?)?;
    loop {
        let gone = match table {
            Table::Sessions => access::store::prune_sessions(db, now).await,
            Table::Notices => informing::store::prune(db, now).await,
            Table::Lookups => ledger::lookup::prune(db, now).await,
            Table::Changes => change_log::prune_changes(db, now).await,
        };
        if gone? < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::sweep::STEPS;

    #[test]
    fn every_table_with_a_bound_can_be_named() {
        for table in [Table::Sessions, Table::Notices, Table::Lookups, Table::Changes] {
            assert!(STEPS.contains(&table.name()));
        }
    }
}
