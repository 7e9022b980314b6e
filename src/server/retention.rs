//! What is kept for long and swept in small steps, as hourly steps of [`kinds`](super::jobs::kinds). How long each table keeps a row, and
//! why, stands in `docs/operating.md`; a test compares that with the schema.

use serde_json::Value;

use super::App;
use crate::access;
use crate::act::change_log;
use crate::base::error::Result;
use crate::base::sweep::{BATCH, LiftedSteps};
use crate::informing;
use crate::programme::ledger;

/// A table whose rows are kept for long, so that a round removes a small part of them.
#[derive(Clone, Copy, Debug)]
pub enum Table {
    /// Sessions that ended long ago.
    Sessions,
    /// Notices to members.
    Notices,
    /// Lookups of numbers that were typed at tills.
    Lookups,
    /// The log of changes.
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

/// Prunes a table. It counts first: what is too much for one round is not even begun. The rest goes in small steps.
pub async fn sweep(app: App, table: Table, lifted: LiftedSteps) -> Result<Value> {
    let (db, now) = (&app.db_jobs, app.clock.now());
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
            return Ok(Value::Null);
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
