//! Work behind the acts, which outlives the process that began it: a row says what is to be done, who is at it and how far it is. It is
//! enqueued in the transaction of its act ([`Act::enqueue`](super::Act::enqueue)) and run by whichever instance claims it
//! (`server::jobs`). Whoever claims it holds a lease: once another one has claimed it, the former can write nothing any more.

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

/// How long a process that says nothing keeps its jobs.
pub const LEASE_SECONDS: u32 = 60;
/// How long a job rests after each failure. When it has failed once more than there are rests, it is set aside.
pub const REST_SECONDS: [i32; 4] = [10, 60, 360, 2_160];
/// A claim is one attempt, also when its process dies of it.
pub const MAX_ATTEMPTS: i32 = 5;
/// How long an hourly step rests.
pub const HOUR_SECONDS: i32 = 3_600;
/// The key of a step that any instance does once an hour; its row is never done.
pub const HOURLY: &str = "hourly";

word_enum! {
    /// How a job stands.
    pub enum JobState in "job.state" {
        /// Its time comes, or somebody takes it up soon.
        Waiting = "waiting",
        /// A process is at it.
        Running = "running",
        /// It came to its end.
        Done = "done",
        /// It failed too often, and waits for a person.
        SetAside = "set-aside",
    }
}

/// A job that is to be enqueued.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id, if no other of the same kind and key is unfinished.
    pub id: JobId,
    /// What is to be done.
    pub kind: &'static str,
    /// By which the same work is known again.
    pub key: Option<String>,
    /// What the kind needs to know: references and choices, no personal data.
    pub args: Value,
    /// Where staff want it; only they can see it then.
    pub organisation_id: Option<OrganisationId>,
}

/// A job that this process has claimed.
#[derive(Clone, Debug)]
pub struct ClaimedJob {
    /// The job.
    pub id: JobId,
    /// What is to be done.
    pub kind: String,
    args: Value,
    mark: Option<Value>,
    /// Claims since the mark last moved, this one among them.
    pub attempts: i32,
    enqueued_by: String,
    lease: Uuid,
}

/// The end of whoever has lost a job: nothing that it does for it is committed any more.
#[derive(Debug, thiserror::Error)]
#[error("another process has taken the job over")]
pub struct TakenOver;

impl TakenOver {
    /// Whether that is what an error says.
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
    /// What the kind needs to know.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T> {
        read(&self.args)
    }

    /// From where it goes on; none if nothing is done yet.
    pub fn mark<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        self.mark.as_ref().map(read).transpose()
    }

    /// Moves the mark and says how far that is, in the transaction of what was done up to there, as its last statement.
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

    /// Writes down what the job does, as done by whoever wanted it; commits with what was done.
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

/// A job as the record names it.
pub fn subject(id: JobId) -> String {
    format!("job:{id}")
}

/// How far a job is, in whatever it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = JobProgress)]
pub struct Progress {
    /// So much is done.
    pub done: i64,
    /// Of so much.
    pub of: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_its_last_rest_a_job_has_one_attempt_left() {
        assert_eq!(usize::try_from(MAX_ATTEMPTS), Ok(REST_SECONDS.len() + 1));
        assert!(REST_SECONDS.is_sorted());
    }

    #[test]
    fn whoever_has_lost_a_job_is_told_apart_from_a_database_that_is_away() {
        assert!(TakenOver::is_behind(&TakenOver.into()));
        assert!(!TakenOver::is_behind(&Error::Unavailable(anyhow::anyhow!("away"))));
    }
}
