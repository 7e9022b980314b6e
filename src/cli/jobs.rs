//! `jobs`: the work that the servers do behind the acts, and what waits for a person.

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use clap::Subcommand;

use crate::access::rights::Action;
use crate::act::audit::Entry;
use crate::act::jobs::store::{self, ListedJob};
use crate::act::jobs::{JobState, subject};
use crate::act::{self, ActSpec};
use crate::base::ids::JobId;
use crate::server::App;
use crate::server::jobs::kinds::KINDS;

/// The most rows that are listed at once.
const LISTED: i64 = 200;

#[derive(Subcommand)]
pub enum Jobs {
    /// List what was set aside, what runs, the hourly steps, what waits, and what was done last.
    List,
    /// Show one job: what it is to do, how far it is, why it failed, what came of it.
    Show {
        /// The job's id, as listed.
        id: JobId,
    },
    /// Let a job be tried again that was set aside.
    Retry {
        /// The job's id, as listed.
        id: JobId,
    },
    /// Let go of a job that is not to be done any more, or cannot be; what it has done stays done.
    Drop {
        /// The job's id, as listed.
        id: JobId,
    },
}

/// Runs one of the commands; answers the exit code.
pub async fn run(app: &App, login: Option<&str>, command: &Jobs) -> anyhow::Result<i32> {
    match command {
        Jobs::List => {
            let jobs = store::list(&app.db_jobs, None, LISTED).await?;
            for job in &jobs {
                println!("{}", line(job));
            }
            let more = store::count(&app.db_jobs).await? - i64::try_from(jobs.len())?;
            if more > 0 {
                println!("and {more} more");
            }
        }
        Jobs::Show { id } => {
            let job = store::list(&app.db_jobs, Some(*id), 1).await?.pop().context("there is no such job")?;
            show(&job);
        }
        Jobs::Retry { id } => {
            let spec = ActSpec::by_operator(app, login, Action::RetryJob);
            let retried = act::perform(app, spec, |mut act| async move {
                act.record(Entry::of_subject(subject(*id)));
                if store::retry(act.conn(), *id).await? { act.commit(true) } else { act.roll_back(false) }
            });
            ensure!(retried.await?, "no job of this id is set aside: see `jobs list`");
        }
        Jobs::Drop { id } => drop_job(app, login, *id).await?,
    }
    Ok(0)
}

async fn drop_job(app: &App, login: Option<&str>, id: JobId) -> anyhow::Result<()> {
    let hourly = KINDS.iter().filter(|kind| kind.is_hourly());
    let steps: &Vec<_> = &hourly.map(|kind| kind.name.to_owned()).collect();
    let dropped =
        act::perform(app, ActSpec::by_operator(app, login, Action::DropJob), |mut act| async move {
            let Some(job) = store::drop_job(act.conn(), id, steps).await? else {
                return act.roll_back(false);
            };
            let what = [Some(job.kind), job.key].into_iter().flatten().collect::<Vec<_>>().join(" ");
            act.record(Entry::of_subject(subject(id)).because(what));
            act.commit(true)
        });
    ensure!(
        dropped.await?,
        "no job of this id can be dropped: what runs, what is done, and the hourly steps stay; see `jobs list`"
    );
    Ok(())
}

fn line(job: &ListedJob) -> String {
    let mut line = format!("{} {} {}", job.id, job.state.as_str(), job.kind);
    for part in [&job.key, &progress(job), &delay(job), &job.error].into_iter().flatten() {
        line = format!("{line} · {part}");
    }
    line
}

fn progress(job: &ListedJob) -> Option<String> {
    job.progress_done.zip(job.progress_of).map(|(done, of)| format!("{done} of {of}"))
}

/// Since when nobody has run a job that is due, and whether a server of this release ever will.
fn delay(job: &ListedJob) -> Option<String> {
    let overdue = job.overdue_since.map(|since| format!("overdue since {}", moment(since)));
    let is_known = job.state == JobState::Done || KINDS.iter().any(|kind| kind.name == job.kind);
    let unknown = (!is_known).then(|| "of a kind that this program does not know".to_owned());
    let parts: Vec<_> = [overdue, unknown].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn show(job: &ListedJob) {
    println!("{}", line(job));
    println!("enqueued {} by {}", moment(job.enqueued_at), job.enqueued_by);
    println!("not before {}, attempts {}", moment(job.run_at), job.attempts);
    for (what, at) in [("held until", job.lease_until), ("ended", job.finished_at)] {
        if let Some(at) = at {
            println!("{what} {}", moment(at));
        }
    }
    println!("args {}", job.args);
    for (what, value) in [("mark", &job.mark), ("result", &job.result)] {
        if let Some(value) = value {
            println!("{what} {value}");
        }
    }
}
