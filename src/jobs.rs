//! What an instance does by itself: small, repeatable steps on a timer. Any number of instances may run them at once.

use std::time::Duration;

use crate::app::AppState;
use crate::clock::unix_seconds;
use crate::{auth, db, enrolment, ledger, notices, sync};

const EVERY: Duration = Duration::from_hours(1);

/// How soon an instance takes up keys and trust lists that another one, or a command, has changed.
const LOOK_AT_KEYS_EVERY: Duration = Duration::from_secs(5);

/// Runs all of it, for as long as the instance runs.
pub async fn run(app: AppState) {
    tokio::join!(keep_house(&app), keep_keys(&app));
}

async fn keep_keys(app: &AppState) {
    let mut timer = tokio::time::interval(LOOK_AT_KEYS_EVERY);
    loop {
        timer.tick().await;
        if let Err(error) = app.keys.refresh(&app.db, unix_seconds(app.clock.now())).await {
            tracing::error!(
                error = format!("{error:#}"),
                "the keys in force could not be looked at; tried again soon"
            );
        }
    }
}

/// Housekeeping now and then once an hour.
async fn keep_house(app: &AppState) {
    let mut timer = tokio::time::interval(EVERY);
    loop {
        timer.tick().await;
        housekeeping(app).await;
    }
}

/// One round: cashback that is due becomes available, the trust list is kept fresh, what is over is removed. A step that
/// fails is reported and tried again with the next round; it never keeps the others from being done.
pub async fn housekeeping(app: &AppState) {
    let (now, today) = (app.clock.now(), app.clock.today());
    report("trust list", app.keys.refresh(&app.db, unix_seconds(now)).await);
    report("journal months", db::ensure_journal_partitions(&app.db, today).await);
    report("confirm", ledger::confirm::confirm_due(app, today).await.map(drop));
    report("sessions", auth::store::prune_sessions(&app.db, now).await);
    report("challenges", enrolment::store::prune_challenges(&app.db, now).await);
    report("notices", notices::store::prune(&app.db, now).await);
    report("lookups", ledger::lookup::prune(&app.db, now).await);
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
