//! What an instance does by itself: small, repeatable steps on a timer. Any number of instances may run them at once.

use std::time::Duration;

use crate::app::AppState;
use crate::clock::unix_seconds;
use crate::{auth, db, enrolment, ledger, sync};

const EVERY: Duration = Duration::from_hours(1);

/// Runs the housekeeping now and then once an hour, for as long as the instance runs.
pub async fn run(app: AppState) {
    let mut timer = tokio::time::interval(EVERY);
    loop {
        timer.tick().await;
        housekeeping(&app).await;
    }
}

/// One round: cashback that is due becomes available, the trust list is kept fresh, what is over is removed. A step that
/// fails is reported and tried again with the next round; it never keeps the others from being done.
pub async fn housekeeping(app: &AppState) {
    let (now, today) = (app.clock.now(), app.clock.today());
    report("trust list", app.keys.renew_trust_list(unix_seconds(now)));
    report("journal months", db::ensure_journal_partitions(&app.db, today).await);
    report("confirm", ledger::confirm::confirm_due(app, today).await.map(drop));
    report("sessions", auth::store::prune_sessions(&app.db, now).await);
    report("challenges", enrolment::store::prune_challenges(&app.db, now).await);
    report("changes", sync::store::prune_changes(&app.db, now).await);
}

fn report(step: &str, outcome: Result<(), impl std::fmt::Display>) {
    if let Err(error) = outcome {
        tracing::error!(
            step,
            error = format!("{error:#}"),
            "housekeeping failed; it is tried again in an hour"
        );
    }
}
