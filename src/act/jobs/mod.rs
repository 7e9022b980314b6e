//! Work behind the acts, which outlives the process that began it: a row says what is to be done, which process does it
//! and how far it is. It is enqueued in the transaction of its act ([`Act::enqueue`](super::Act::enqueue)) and run by
//! whichever instance claims it (`server::jobs`). Whoever claims it holds a lease: once another one has claimed it, the
//! former can write nothing any more.

pub mod routes;
pub mod store;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::audit::{self, Entry};
use crate::access::rights::Action;
use crate::base::error::{Error, Result};
use crate::base::ids::{JobId, OrganisationId};
use crate::base::words::word_enum;

/// The time after which a process that has not renewed its lease loses the job.
pub const LEASE_SECONDS: u32 = 60;
/// The wait after each failure of a job. After one more failure than there are waits, the job is set aside.
pub const REST_SECONDS: [i32; 4] = [10, 60, 360, 2_160];
/// The number of attempts after which a job is set aside. Each claim is an attempt, even if its process dies.
pub const MAX_ATTEMPTS: i32 = 5;
/// The wait between two runs of an hourly step.
pub const HOUR_SECONDS: i32 = 3_600;
/// The key of a step that any instance does once an hour; its row is never done.
pub const HOURLY: &str = "hourly";

word_enum! {
    /// How a job stands.
    pub enum JobState in "job.state" {
        /// The job waits for its time or for a process that claims it.
        Waiting = "waiting",
        /// A process runs the job.
        Running = "running",
        /// The job is finished.
        Done = "done",
        /// The job failed too often, and waits for a person.
        SetAside = "set-aside",
    }
}

/// A job that is to be enqueued.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The job's id, unless an unfinished job of the same kind and key takes its part.
    pub id: JobId,
    /// The kind of job.
    pub kind: &'static str,
    /// The key by which the same work is recognised.
    pub key: Option<String>,
    /// The arguments for the kind's function: references and choices, no personal data.
    pub args: Value,
    /// The organisation for which staff ordered the job; only its staff can see it then.
    pub organisation_id: Option<OrganisationId>,
}

/// A job that this process has claimed.
#[derive(Clone, Debug)]
pub struct ClaimedJob {
    /// The job's id.
    pub id: JobId,
    /// The kind of job.
    pub kind: String,
    args: Value,
    mark: Option<Value>,
    /// The number of claims since the mark last moved, this one included.
    pub attempts: i32,
    enqueued_by: String,
    lease: Uuid,
}

/// The error of a process that has lost its job to another one: nothing more of its work is committed.
#[derive(Debug, thiserror::Error)]
#[error("another process has taken the job over")]
pub struct TakenOver;

impl TakenOver {
    /// Whether this is the cause of an error.
    pub fn is_behind(error: &Error) -> bool {
        matches!(error, Error::Unavailable(cause) if cause.is::<Self>())
    }
}

impl From<TakenOver> for Error {
    fn from(lost: TakenOver) -> Self {
        Self::Unavailable(lost.into())
    }
}

impl ClaimedJob {
    /// The arguments for the kind's function.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T> {
        read(&self.args)
    }

    /// The mark from which the job goes on; none if nothing is done yet.
    pub fn mark<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        self.mark.as_ref().map(read).transpose()
    }

    /// Moves the mark and the progress, as the last statement of the transaction in which the work up to there was
    /// done.
    ///
    /// # Errors
    /// [`TakenOver`] if the job is another process's by now: what was done then must not be committed.
    pub async fn move_mark(
        &self,
        conn: &mut PgConnection,
        mark: &impl Serialize,
        progress: Progress,
    ) -> Result<()> {
        let mark = serde_json::to_value(mark).map_err(anyhow::Error::from)?;
        store::move_mark(conn, self, &mark, progress).await
    }

    /// Records the job's act in the name of the account that ordered it; commits with the work itself.
    pub async fn record(
        &self,
        conn: &mut PgConnection,
        action: Action,
        entry: Entry,
        now: DateTime<Utc>,
    ) -> Result<()> {
        audit::write(conn, &self.enqueued_by, action, &entry.about(subject(self.id)), now).await
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> Result<T> {
    Ok(serde_json::from_value(value.clone()).map_err(anyhow::Error::from)?)
}

/// The job's name as a subject of the record.
pub fn subject(id: JobId) -> String {
    format!("job:{id}")
}

/// The progress of a job, in the units that it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = JobProgress)]
pub struct Progress {
    /// The number of units that are done.
    pub done: i64,
    /// The number of units in all.
    pub of: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_its_last_rest_a_job_has_one_attempt_left() {
        assert_eq!(usize::try_from(MAX_ATTEMPTS), Ok(REST_SECONDS.len() + 1));
        assert!(REST_SECONDS.is_sorted());
        // As `job_due_at` has it, nothing waits longer.
        assert!(REST_SECONDS.iter().all(|rest| *rest <= HOUR_SECONDS));
    }

    #[test]
    fn whoever_has_lost_a_job_is_told_apart_from_a_database_that_is_away() {
        assert!(TakenOver::is_behind(&TakenOver.into()));
        assert!(!TakenOver::is_behind(&Error::Unavailable(anyhow::anyhow!("away"))));
    }
}
