//! The kinds of job, each a line: its name, and the function that does it. CONTRIBUTING.md says what such a function must keep to.

use serde_json::Value;

use super::reissue;
use super::runner::JobKind;
use crate::access::limits;
use crate::act::{audit, idempotency, jobs};
use crate::base::clock::moscow_day;
use crate::base::db;
use crate::base::error::Result;
use crate::base::sweep::LiftedSteps;
use crate::cards::enrolment::store as enrolment;
use crate::cards::{self, lists};
use crate::programme::ledger::{confirm, guards};
use crate::programme::partners::{self, challenge};
use crate::programme::vendors;
use crate::server::App;
use crate::server::retention::{self, Table};

/// An hourly step that needs the database and the time alone.
macro_rules! step {
    ($name:literal, $step:path) => {
        JobKind::hourly($name, |app, _| {
            Box::pin(async move { $step(&app.db_jobs, app.clock.now()).await.map(|()| Value::Null) })
        })
    };
}

/// All kinds of job that a server knows.
pub const KINDS: [JobKind; 19] = [
    JobKind::once(cards::reissue::KIND, |app, job| Box::pin(reissue::run(app, job))),
    JobKind::hourly("journal months", |app, _| Box::pin(make_journal_months(app))),
    JobKind::hourly(CONFIRM, |app, lifted| Box::pin(confirm_cashback(app, lifted))),
    step!("status lists", lists::mark_ended),
    JobKind::hourly("sessions", |app, lifted| Box::pin(retention::sweep(app, Table::Sessions, lifted))),
    JobKind::hourly("notices", |app, lifted| Box::pin(retention::sweep(app, Table::Notices, lifted))),
    JobKind::hourly("lookups", |app, lifted| Box::pin(retention::sweep(app, Table::Lookups, lifted))),
    JobKind::hourly("changes", |app, lifted| Box::pin(retention::sweep(app, Table::Changes, lifted))),
    // Short lives, of which an hour ends nearly all; and guards, which go in small batches.
    step!("limits", limits::prune),
    step!("challenges", enrolment::prune_challenges),
    step!("activation codes", enrolment::prune_codes),
    step!("pairing codes", partners::store::prune_codes),
    step!("partners' redemptions", vendors::store::prune_redemptions),
    step!("redemption digits", challenge::prune),
    step!("who read what", audit::prune),
    step!("idempotency keys", idempotency::prune),
    step!("proofs", guards::prune_proofs),
    step!("operation numbers", guards::prune_op_numbers),
    JobKind::hourly("jobs", |app, _| {
        Box::pin(async move { jobs::store::prune(&app.db_jobs).await.map(|()| Value::Null) })
    }),
];

async fn make_journal_months(app: App) -> Result<Value> {
    db::ensure_journal_partitions(&app.db_jobs, moscow_day(app.clock.now())).await?;
    Ok(Value::Null)
}

/// Makes cashback available whose return window has closed.
async fn confirm_cashback(app: App, lifted: LiftedSteps) -> Result<Value> {
    let today = moscow_day(app.clock.now());
    let confirmed = confirm::confirm_due(&app, today, lifted.bound(CONFIRM)).await?;
    Ok(serde_json::to_value(confirmed).map_err(anyhow::Error::from)?)
}

/// The step that makes cashback available.
pub const CONFIRM: &str = "confirm";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::sweep::STEPS;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_every_step_with_a_bound_is_one() {
        let names: BTreeSet<_> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), KINDS.len());
        assert!(STEPS.iter().all(|step| names.contains(step)));
    }
}
