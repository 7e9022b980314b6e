//! What every instance watches for itself, in loops: its keys, its clock, the feed, and what there is to tell a monitor. Also what would
//! cost a row of `job` every few seconds and has neither an end, nor progress, nor anything to resume: the chain of the record, of which
//! a lock lets one instance link at a time, and the look for revoked keys.

use std::time::Duration;

use super::{App, kinds, log_change, reissue, rounds, timer};
use crate::act::audit::chain;
use crate::act::feed_watch::{Blocker, FeedWatch};
use crate::act::jobs::store;
use crate::base::clock::unix_seconds;
use crate::base::faults;

/// The interval at which an instance checks its clock and the ends of its keys.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_hours(1);
/// The interval at which an instance loads keys and trust lists that another one, or a command, has changed.
pub(super) const LOOK_AT_KEYS_EVERY: Duration = Duration::from_secs(5);
/// The time limit for a check, which normally takes milliseconds.
const LOOK_WITHIN: Duration = Duration::from_secs(30);
/// The interval at which it is checked whether changes still reach phones and tills.
const LOOK_AT_FEED_EVERY: Duration = Duration::from_secs(10);
/// The interval at which committed acts are linked to the chain.
const LINK_EVERY: Duration = Duration::from_secs(5);
/// The interval at which the jobs' states are counted for the metrics.
const LOOK_AT_JOBS_EVERY: Duration = Duration::from_secs(10);

/// Runs all watches. It ends only by a panic.
pub(super) async fn run(app: &App) {
    tokio::join!(
        watch_clock(app),
        watch_keys(app),
        watch_lost_keys(app),
        watch_feed(app),
        watch_jobs(app),
        keep_chain(app)
    );
}

/// The check's own outcome, or an error after the time limit: when the database's host has vanished, the loop would
/// wait for ever.
async fn with_time_limit(look: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::time::timeout(LOOK_WITHIN, look)
        .await
        .unwrap_or_else(|_| Err(anyhow::anyhow!("no end within {LOOK_WITHIN:?}")))
}

async fn watch_keys(app: &App) {
    let (mut timer, mut last) = (timer(LOOK_AT_KEYS_EVERY), None);
    loop {
        timer.tick().await;
        log_change(&mut last, "keys", with_time_limit(look_at_keys(app)).await);
    }
}

async fn look_at_keys(app: &App) -> anyhow::Result<()> {
    let now = unix_seconds(app.clock.now());
    app.keys.refresh(&app.db_jobs, now).await?;
    app.keys.save_copy()?;
    Ok(app.keys.is_ready(now)?)
}

async fn watch_lost_keys(app: &App) {
    let (mut timer, mut last) = (timer(LOOK_AT_KEYS_EVERY), None);
    loop {
        timer.tick().await;
        log_change(
            &mut last,
            "cards of a revoked key",
            with_time_limit(reissue::enqueue_lost_keys(app)).await,
        );
    }
}

async fn keep_chain(app: &App) {
    let (mut timer, mut last) = (timer(LINK_EVERY), None);
    loop {
        timer.tick().await;
        let linking = async { Ok(chain::link(&app.db_jobs, app.clock.now()).await.map(drop)?) };
        log_change(&mut last, "the chain of the record", with_time_limit(linking).await);
    }
}

async fn watch_jobs(app: &App) {
    let (mut timer, mut last) = (timer(LOOK_AT_JOBS_EVERY), None);
    loop {
        timer.tick().await;
        log_change(&mut last, "watching the jobs", with_time_limit(look_at_jobs(app)).await);
    }
}

async fn watch_clock(app: &App) {
    let mut timer = timer(LOOK_AT_CLOCK_EVERY);
    loop {
        timer.tick().await;
        faults::at("housekeeping");
        rounds::warn_of_ends(app);
        let _ = tokio::time::timeout(LOOK_WITHIN, rounds::look_at_clock(app)).await;
    }
}

async fn watch_feed(app: &App) {
    let (mut timer, mut watch, mut last) = (timer(LOOK_AT_FEED_EVERY), FeedWatch::default(), None);
    loop {
        timer.tick().await;
        log_change(&mut last, "watching the feed", with_time_limit(look_at_feed(app, &mut watch)).await);
    }
}

async fn look_at_feed(app: &App, watch: &mut FeedWatch) -> anyhow::Result<()> {
    if let Some(Blocker { who, seconds }) = watch.check(&app.db_jobs, app.clock.now()).await? {
        tracing::warn!(who, seconds, "an open transaction keeps all changes from phones and tills: end it");
    }
    Ok(())
}

/// Sets the metrics of the jobs of all instances.
pub async fn look_at_jobs(app: &App) -> anyhow::Result<()> {
    let set_aside = store::count_set_aside(&app.db_jobs).await?;
    metrics::gauge!("profcards_jobs_set_aside").set(figure(set_aside.unsigned_abs()));
    let overdue_seconds = store::overdue_seconds(&app.db_jobs).await?;
    metrics::gauge!("profcards_jobs_overdue_seconds").set(figure(overdue_seconds.unsigned_abs()));
    for outcome in store::step_outcomes(&app.db_jobs).await? {
        let Some(kind) = kinds::KINDS.iter().find(|kind| kind.name == outcome.step) else { continue };
        set_step_failed(kind.name, outcome.has_failed);
        if kind.name == kinds::CONFIRM
            && let Some(members) = outcome.result.and_then(|result| result["setAside"].as_u64())
        {
            metrics::gauge!("profcards_confirm_set_aside").set(figure(members));
        }
    }
    Ok(())
}

/// Sets the metric that says whether a step has failed.
pub(super) fn set_step_failed(step: &'static str, has_failed: bool) {
    metrics::gauge!("profcards_housekeeping_failed", "step" => step).set(if has_failed { 1.0 } else { 0.0 });
}

fn figure(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
