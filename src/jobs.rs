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
        if let Err(error) = housekeeping(&app).await {
            tracing::error!(
                error = format!("{error:#}"),
                "housekeeping failed; it is tried again in an hour"
            );
        }
    }
}

/// One round: cashback that is due becomes available, the trust list is kept fresh, what is over is removed.
pub async fn housekeeping(app: &AppState) -> anyhow::Result<()> {
    let (now, today) = (app.clock.now(), app.clock.today());
    let confirmed = ledger::confirm::confirm_due(app, today).await?;
    if confirmed > 0 {
        tracing::info!(confirmed, "cashback became available");
    }
    app.keys.renew_trust_list(unix_seconds(now))?;
    db::ensure_journal_partitions(&app.db, today).await?;
    auth::store::prune_sessions(&app.db, now).await?;
    enrolment::store::prune_challenges(&app.db, now).await?;
    sync::store::prune_changes(&app.db, now).await?;
    Ok(())
}
