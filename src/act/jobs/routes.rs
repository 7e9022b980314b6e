//! The progress of a job, for the account that ordered it.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{JobState, Progress, store};
use crate::access::{Staff, policy, rights};
use crate::base::Base;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{Json, Path};
use crate::base::ids::JobId;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Base> {
    OpenApiRouter::new().routes(routes!(show))
}

/// A job as the account that ordered it sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Job {
    id: JobId,
    /// The kind of job.
    kind: String,
    state: JobState,
    /// The progress; absent until it is known.
    progress: Option<Progress>,
    /// The result, whose shape depends on the kind; absent until the job is done.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    enqueued_at: DateTime<Utc>,
    /// The moment at which the job was done or set aside.
    #[serde(with = "chrono::serde::ts_seconds_option")]
    #[schema(value_type = Option<i64>)]
    finished_at: Option<DateTime<Utc>>,
}

/// The progress of a job that the account has ordered.
#[utoipa::path(get, operation_id = "job", path = "/api/staff/jobs/{id}", tag = "staff", security(("pc_staff" = [])),
    params(("id" = JobId, Path)), responses(
    (status = 200, body = Job), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn show(State(base): State<Base>, staff: Staff, Path(id): Path<JobId>) -> Result<Json<Job>> {
    let organisation_id =
        store::organisation_of(&base.db, id, &staff.principal()).await?.ok_or(Error::NotFound)?;
    let scope = policy::may(&base, &staff, rights::ReadJob, organisation_id).await?;
    let job = store::own_job(&base.db, &scope, id).await?.ok_or(Error::NotFound)?;
    let progress = job.progress_done.zip(job.progress_of).map(|(done, of)| Progress { done, of });
    Ok(Json(Job {
        id,
        kind: job.kind,
        state: job.state,
        progress,
        result: job.result,
        enqueued_at: job.enqueued_at,
        finished_at: job.finished_at,
    }))
}
