//! `jobs`: the work that the servers do behind the acts, and what waits for a person.

use anyhow::{Context as _, ensure};
use clap::Subcommand;

use crate::access::rights::Action;
use crate::act::audit::Entry;
use crate::act::jobs::store::{self, ListedJob};
use crate::act::jobs::subject;
use crate::act::{self, ActSpec};
use crate::base::ids::JobId;
use crate::server::App;

/// The most rows that are listed at once.
const LISTED: i64 = 200;

#[derive(Subcommand)]
pub enum Jobs {
    /// List what is unfinished, the hourly steps among it, and what was finished last.
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
}

/// Runs one of the commands; answers the exit code.
pub async fn run(app: &App, login: Option<&str>, command: &Jobs) -> anyhow::Result<i32> {
    match command {
        Jobs::List => {
            for job in store::list(&app.db_jobs, None, LISTED).await? {
                println!("{}", line(&job));
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
    }
    Ok(0)
}

fn line(job: &ListedJob) -> String {
    let mut line = format!("{} {} {}", job.id, job.state.as_str(), job.kind);
    for part in [&job.key, &progress(job), &job.error].into_iter().flatten() {
        line = format!("{line} · {part}");
    }
    line
}

fn progress(job: &ListedJob) -> Option<String> {
    job.progress_done.zip(job.progress_of).map(|(done, of)| format!("{done} of {of}"))
}

fn show(job: &ListedJob) {
    let moment = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
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
