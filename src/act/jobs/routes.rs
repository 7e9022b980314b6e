//! How far a job is, for whoever wanted it.

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

/// A job as whoever wanted it sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Job {
    id: JobId,
    /// What is being done.
    kind: String,
    state: JobState,
    /// Absent until it is known.
    progress: Option<Progress>,
    /// What came of it, as the kind says; absent until it is done.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    enqueued_at: DateTime<Utc>,
    /// When it was done or set aside.
    #[serde(with = "chrono::serde::ts_seconds_option")]
    #[schema(value_type = Option<i64>)]
    finished_at: Option<DateTime<Utc>>,
}

/// How far a job is that the account has wanted.
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
