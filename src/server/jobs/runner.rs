//! Running jobs: a job is claimed, run while its lease is renewed, and its outcome is stored. Several instances do so
//! at once.

use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{App, log_change, timer};
use crate::act::jobs::{ClaimedJob, JobState, LEASE_SECONDS, MAX_ATTEMPTS, TakenOver, store};
use crate::base::error::{Error, Result};
use crate::base::ids::JobId;
use crate::base::sweep::LiftedSteps;
use crate::base::{faults, trusted_time};

/// The interval at which due jobs are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const LEASE: Duration = Duration::from_secs(LEASE_SECONDS as u64);
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// The longest attempt; one that is cut off goes on from its mark.
const ATTEMPT_WITHIN: Duration = Duration::from_hours(6);
/// The time limit for a query about a job's row, which normally takes milliseconds.
const ASK_WITHIN: Duration = Duration::from_secs(30);

/// A running job's future, which owns what it needs.
pub type Work = Pin<Box<dyn Future<Output = Result<Value>> + Send>>;

/// A kind of job: its name, and the function that does it.
#[derive(Clone, Copy, Debug)]
pub struct JobKind {
    /// The name by which a job of this kind is enqueued.
    pub name: &'static str,
    schedule: Schedule,
}

#[derive(Clone, Copy, Debug)]
enum Schedule {
    Once(fn(App, ClaimedJob) -> Work),
    Hourly(fn(App, LiftedSteps) -> Work),
}

impl JobKind {
    /// A kind that runs once for each job that an act has enqueued. It may be cut off anywhere and is begun again from
    /// its mark; its answer is stored as the result.
    pub const fn once(name: &'static str, run: fn(App, ClaimedJob) -> Work) -> Self {
        Self { name, schedule: Schedule::Once(run) }
    }

    /// A kind that runs once an hour, done or failed the last time, and only while the clock is trusted.
    pub const fn hourly(name: &'static str, run: fn(App, LiftedSteps) -> Work) -> Self {
        Self { name, schedule: Schedule::Hourly(run) }
    }

    /// Whether the kind is a step of the hourly round.
    pub fn is_hourly(&self) -> bool {
        matches!(self.schedule, Schedule::Hourly(_))
    }

    fn begin(&self, app: &App, job: &ClaimedJob, lifted: LiftedSteps) -> Work {
        match self.schedule {
            Schedule::Once(run) => run(app.clone(), job.clone()),
            Schedule::Hourly(run) => run(app.clone(), lifted),
        }
    }
}

/// Inserts the rows of those hourly steps that have none yet.
async fn ensure_hourly(app: &App, kinds: &[JobKind]) -> Result<()> {
    let hourly = kinds.iter().filter(|kind| kind.is_hourly());
    let steps: Vec<_> = hourly.map(|kind| (JobId(app.random.uuid()), kind.name)).collect();
    store::ensure_hourly(&app.db_jobs, &steps).await
}

/// Runs the due jobs of these kinds, one after the other, until it is told to stop.
pub async fn work(app: &App, kinds: &[JobKind], mut stop: watch::Receiver<bool>) {
    let (mut timer, mut last) = (timer(LOOK_EVERY), None);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = stop_requested(&mut stop) => return,
        }
        let outcome = do_due(app, kinds, &mut stop).await;
        log_change(&mut last, "jobs", outcome.map_err(Into::into));
    }
}

/// The step's own outcome, or an error after the time limit: when the database's host has vanished, none of the
/// database's own limits holds, and the loop would wait for ever.
async fn with_time_limit<T>(limit: Duration, step: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(limit, step)
        .await
        .unwrap_or_else(|_| Err(Error::Unavailable(anyhow!("no end within {limit:?}"))))
}

async fn stop_requested(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left who could tell.
        std::future::pending::<()>().await;
    }
}

/// Runs the jobs of these kinds that are due now.
///
/// # Errors
/// [`Error::Unavailable`] while nothing may be claimed here, as by a wrong clock.
pub async fn do_due(app: &App, kinds: &[JobKind], stop: &mut watch::Receiver<bool>) -> Result<()> {
    if kinds.iter().any(JobKind::is_hourly) {
        with_time_limit(ASK_WITHIN, ensure_hourly(app, kinds)).await?;
    }
    while let Some((kind, job)) = with_time_limit(ASK_WITHIN, claim(app, kinds)).await? {
        faults::at("job-claimed");
        tokio::select! {
            outcome = attempt(app, &kind, &job) => {
                faults::at("job-ended");
                store_outcome(app, &kind, &job, outcome).await;
            }
            () = stop_requested(stop) => return with_time_limit(ASK_WITHIN, store::give_back(&app.db_jobs, &job)).await,
        }
        if *stop.borrow() {
            break;
        }
    }
    Ok(())
}

/// Claims a due job. An instance whose clock is wrong claims nothing and leaves the jobs to the others; the hourly
/// steps, which cannot be undone, need a trusted time.
async fn claim(app: &App, kinds: &[JobKind]) -> Result<Option<(JobKind, ClaimedJob)>> {
    let names: Vec<_> = kinds.iter().map(|kind| kind.name.to_owned()).collect();
    if !store::is_due(&app.db_jobs, &names).await? {
        return Ok(None);
    }
    if kinds.iter().any(JobKind::is_hourly) {
        trusted_time::now(app).await?;
    } else {
        trusted_time::ensure_agreement(app, app.clock.now()).await?;
    }
    let Some(job) = store::claim(&app.db_jobs, &names, app.random.uuid()).await? else { return Ok(None) };
    let kind =
        kinds.iter().find(|kind| kind.name == job.kind).context("a job of a kind that nobody asked for")?;
    Ok(Some((*kind, job)))
}

/// Runs one attempt, which ends by itself, by a panic, or at the time limit.
async fn attempt(app: &App, kind: &JobKind, job: &ClaimedJob) -> Result<Value> {
    if job.attempts > MAX_ATTEMPTS {
        return Err(Error::Internal(anyhow!("whatever process was at it has ended in the middle")));
    }
    // A task of its own, so that a panic is this job's and not the server's; it ends with the set.
    let mut task = JoinSet::new();
    task.spawn(kind.begin(app, job, LiftedSteps::Nothing));
    let end = async { task.join_next().await.context("a job without a task")?.context("its task ended")? };
    run_under_lease(app, job, with_time_limit(ATTEMPT_WITHIN, end)).await
}

/// Runs a step of the hourly round at once, also if another process runs it or it is not due.
pub async fn do_now(app: &App, kind: &JobKind, lifted: LiftedSteps) -> Result<bool> {
    ensure_hourly(app, std::slice::from_ref(kind)).await?;
    let id = store::hourly(&app.db_jobs, kind.name).await?;
    let mut conn = app.db_jobs.acquire().await?;
    let job = store::take_over(&mut conn, id, app.random.uuid()).await?.context("the step has no row")?;
    drop(conn);
    let outcome = run_under_lease(app, &job, kind.begin(app, &job, lifted)).await;
    Ok(store_outcome(app, kind, &job, outcome).await)
}

/// Renews a job's lease while the work is done. When the lease is lost, the work is cut off.
pub async fn run_under_lease<T>(
    app: &App,
    job: &ClaimedJob,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        outcome = work => outcome,
        () = until_lost(app, job) => Err(TakenOver.into()),
    }
}

async fn until_lost(app: &App, job: &ClaimedJob) {
    let mut renewed_at = Instant::now();
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match tokio::time::timeout(RENEW_EVERY, store::renew(&app.db_jobs, job)).await {
            Ok(Ok(true)) => renewed_at = Instant::now(),
            Ok(Ok(false)) => return,
            // The database is away: for as long as the lease lasts nobody else is at it.
            _ if renewed_at.elapsed() < LEASE => {}
            _ => return,
        }
    }
}

/// Stores and logs the outcome of an attempt; answers whether the attempt succeeded. If it cannot be stored, the job is
/// claimed again when its lease is over.
pub async fn store_outcome(app: &App, kind: &JobKind, job: &ClaimedJob, outcome: Result<Value>) -> bool {
    if outcome.as_ref().is_err_and(TakenOver::is_behind) {
        tracing::warn!(id = %job.id, kind = kind.name, "another process has taken a job over");
        return false;
    }
    let is_done = outcome.is_ok();
    let writing = async {
        match kind.schedule {
            Schedule::Hourly(_) => settle_hourly(app, kind, job, outcome).await,
            Schedule::Once(_) => settle_once(app, job, outcome).await,
        }
    };
    if let Err(error) = with_time_limit(ASK_WITHIN, writing).await {
        let error = cause_of(&error);
        tracing::warn!(id = %job.id, kind = kind.name, error, "what came of a job could not be written down");
    }
    is_done
}

/// The whole cause of a failed attempt, for the operator.
pub(super) fn cause_of(error: &Error) -> String {
    match error {
        Error::Internal(cause) | Error::Unavailable(cause) => format!("{cause:#}"),
        error => error.to_string(),
    }
}

async fn settle_hourly(app: &App, kind: &JobKind, job: &ClaimedJob, outcome: Result<Value>) -> Result<()> {
    let outcome = outcome.map_err(|error| cause_of(&error));
    super::rounds::report(kind.name, outcome.as_ref().err().map(String::as_str));
    store::let_step_rest(&app.db_jobs, job, outcome.as_ref().map_err(String::as_str)).await
}

async fn settle_once(app: &App, job: &ClaimedJob, outcome: Result<Value>) -> Result<()> {
    let (id, kind) = (job.id, &job.kind);
    let error = match outcome {
        Ok(result) => {
            if !store::finish(&app.db_jobs, job, &result).await? {
                tracing::warn!(%id, kind, "another process has taken a job over that was done");
            }
            return Ok(());
        }
        Err(error) => cause_of(&error),
    };
    match store::fail(&app.db_jobs, job, &error).await? {
        Some(JobState::SetAside) => {
            tracing::error!(%id, kind, error, "a job is set aside: when its cause is mended, `profcards jobs retry` tries it again");
        }
        Some(_) => {
            tracing::warn!(%id, kind, attempts = job.attempts, error, "a job failed; it is tried again");
        }
        None => tracing::warn!(%id, kind, error, "a job is another process's by now"),
    }
    Ok(())
}
