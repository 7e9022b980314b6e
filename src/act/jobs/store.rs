//! Jobs in SQL. The database's clock decides whether a job is due, by one rule (`job_due_at`); each write to a claimed
//! job names the lease.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    ClaimedJob, HOUR_SECONDS, HOURLY, JobState, LEASE_SECONDS, MAX_ATTEMPTS, NewJob, Progress, REST_SECONDS,
    TakenOver,
};
use crate::access::policy::Scope;
use crate::access::rights::ReadJob;
use crate::base::error::Result;
use crate::base::ids::{JobId, OrganisationId};
use crate::base::sweep::BATCH;

/// The days for which a finished job and its result are kept; one that was set aside is kept four times as long.
const KEPT_DAYS: i32 = 100;
/// The length to which a stored error is cut.
const MAX_ERROR_CHARS: i32 = 1_000;

/// Enqueues a job, unless one of its kind and key is unfinished; answers the id of the one or the other. One that was
/// set aside is begun anew, as this order says. Commits with the act that orders it.
pub async fn enqueue(conn: &mut PgConnection, enqueued_by: &str, job: &NewJob) -> Result<JobId> {
    let unfinished = sqlx::query!(
        r#"insert into job (id, kind, key, args, organisation_id, enqueued_by) values ($1, $2, $3, $4, $5, $6)
         on conflict (kind, key) where state <> 'done' do update set key = excluded.key
         returning id as "id: JobId", state as "state: JobState""#,
        job.id.0,
        job.kind,
        job.key,
        job.args,
        job.organisation_id as Option<OrganisationId>,
        enqueued_by
    )
    .fetch_one(&mut *conn)
    .await?;
    if unfinished.state == JobState::SetAside {
        order_anew(conn, unfinished.id, enqueued_by, job).await?;
    }
    Ok(unfinished.id)
}

/// Lets a newer order for the same work have a job that was set aside. With the args that it had, it goes on from its
/// mark; with others, which its mark may have nothing to do with, from the beginning.
async fn order_anew(conn: &mut PgConnection, id: JobId, enqueued_by: &str, job: &NewJob) -> Result<()> {
    sqlx::query!(
        "update job set state = 'waiting', run_at = clock_timestamp(), attempts = 0, error = null, finished_at = null,
                        args = $2, organisation_id = $3, enqueued_by = $4, enqueued_at = clock_timestamp(),
                        mark = case when args = $2 then mark end,
                        progress_done = case when args = $2 then progress_done end,
                        progress_of = case when args = $2 then progress_of end
         where id = $1",
        id.0,
        job.args,
        job.organisation_id as Option<OrganisationId>,
        enqueued_by
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts the rows of those steps that have none yet.
pub async fn ensure_hourly(db: &PgPool, steps: &[(JobId, &str)]) -> Result<()> {
    let (ids, names): (Vec<_>, Vec<_>) = steps.iter().map(|(id, name)| (*id, (*name).to_owned())).unzip();
    sqlx::query!(
        "insert into job (id, kind, key, enqueued_by)
         select id, kind, $3, 'server' from unnest($1::uuid[], $2::text[]) step (id, kind)
         on conflict (kind, key) where state <> 'done' do nothing",
        &ids as &[JobId],
        &names,
        HOURLY
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether a job of these kinds can be claimed now.
pub async fn is_due(db: &PgPool, kinds: &[String]) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
               select from job where kind = any($1) and state in ('waiting', 'running')
                 and job_due_at(job) <= clock_timestamp()) as "is_due!""#,
        kinds
    )
    .fetch_one(db)
    .await?)
}

/// Claims the job of these kinds that has been due longest; also one whose lease has run out.
pub async fn claim(db: &PgPool, kinds: &[String], lease: Uuid) -> Result<Option<ClaimedJob>> {
    Ok(sqlx::query_as!(
        ClaimedJob,
        r#"with next as (
               select id from job where kind = any($1) and state in ('waiting', 'running')
                 and job_due_at(job) <= clock_timestamp()
               order by job_due_at(job) limit 1
               for update skip locked
           )
           update job set state = 'running', lease = $2, lease_until = clock_timestamp() + make_interval(secs => $3),
                          attempts = job.attempts + 1
           from next where job.id = next.id
           returning job.id as "id: JobId", job.kind, job.args, job.mark, job.attempts, job.enqueued_by, job.lease as "lease!""#,
        kinds,
        lease,
        f64::from(LEASE_SECONDS)
    )
    .fetch_optional(db)
    .await?)
}

/// Claims an unfinished job even if another process runs it, because a person wants it done now; none if there is no
/// such job.
pub async fn take_over(conn: &mut PgConnection, id: JobId, lease: Uuid) -> Result<Option<ClaimedJob>> {
    Ok(sqlx::query_as!(
        ClaimedJob,
        r#"update job set state = 'running', lease = $2, lease_until = clock_timestamp() + make_interval(secs => $3), attempts = 1,
                          finished_at = null
           where id = $1 and state <> 'done'
           returning id as "id: JobId", kind, args, mark, attempts, enqueued_by, lease as "lease!""#,
        id.0,
        lease,
        f64::from(LEASE_SECONDS)
    )
    .fetch_optional(conn)
    .await?)
}

/// The id of an hourly step's row.
pub async fn hourly(db: &PgPool, step: &str) -> Result<JobId> {
    Ok(sqlx::query_scalar!(
        r#"select id as "id: JobId" from job where kind = $1 and key = $2 and state <> 'done'"#,
        step,
        HOURLY
    )
    .fetch_one(db)
    .await?)
}

/// Renews the lease of a job; `false` if another process has claimed it by now.
pub async fn renew(db: &PgPool, job: &ClaimedJob) -> Result<bool> {
    let renewed = sqlx::query!(
        "update job set lease_until = clock_timestamp() + make_interval(secs => $3)
         where id = $1 and lease = $2 and state = 'running'",
        job.id.0,
        job.lease,
        f64::from(LEASE_SECONDS)
    )
    .execute(db)
    .await?;
    Ok(renewed.rows_affected() == 1)
}

/// Moves the mark. Until its transaction has ended nobody else can claim the job.
pub(super) async fn move_mark(
    conn: &mut PgConnection,
    job: &ClaimedJob,
    mark: &Value,
    progress: Progress,
) -> Result<()> {
    let moved = sqlx::query!(
        "update job set mark = $3, progress_done = $4, progress_of = $5, attempts = 1
         where id = $1 and lease = $2 and state = 'running'",
        job.id.0,
        job.lease,
        mark,
        progress.done,
        progress.of
    )
    .execute(conn)
    .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(TakenOver.into()) }
}

/// Reads a job's mark and state again, after a transaction of which it is not known whether it committed.
///
/// # Errors
/// [`TakenOver`] if it is another process's by now.
pub async fn look_again(conn: &mut PgConnection, job: &mut ClaimedJob) -> Result<JobState> {
    let found = sqlx::query!(
        r#"select mark, state as "state: JobState" from job where id = $1 and lease = $2"#,
        job.id.0,
        job.lease
    )
    .fetch_optional(conn)
    .await?
    .ok_or(TakenOver)?;
    job.mark = found.mark;
    Ok(found.state)
}

/// Ends a job and stores its result; its progress is whole then, whatever the last units were. A repetition changes
/// nothing; `false` if another process has claimed it by now.
pub async fn finish(db: &PgPool, job: &ClaimedJob, result: &Value) -> Result<bool> {
    let finished = sqlx::query!(
        "update job set state = 'done', lease_until = null, result = $3, error = null, progress_done = progress_of,
                        finished_at = coalesce(finished_at, clock_timestamp())
         where id = $1 and lease = $2 and state in ('running', 'done')",
        job.id.0,
        job.lease,
        result
    )
    .execute(db)
    .await?;
    Ok(finished.rows_affected() == 1)
}

/// Records a failed attempt: the job waits for the next one, or is set aside after the last. Answers its new state;
/// none if another process has claimed it by now.
pub async fn fail(db: &PgPool, job: &ClaimedJob, error: &str) -> Result<Option<JobState>> {
    Ok(sqlx::query_scalar!(
        r#"update job set state = case when attempts >= $4 then 'set-aside' else 'waiting' end, lease_until = null,
                          run_at = clock_timestamp() + make_interval(secs => coalesce(($5::integer[])[attempts], 0)),
                          error = left($3, $6), finished_at = case when attempts >= $4 then clock_timestamp() end
           where id = $1 and lease = $2 and state = 'running'
           returning state as "state: JobState""#,
        job.id.0,
        job.lease,
        error,
        MAX_ATTEMPTS,
        &REST_SECONDS,
        MAX_ERROR_CHARS
    )
    .fetch_optional(db)
    .await?)
}

/// Ends a run of an hourly step, done or failed, and lets the step wait for the next hour.
pub async fn let_step_rest(db: &PgPool, job: &ClaimedJob, outcome: Result<&Value, &str>) -> Result<()> {
    sqlx::query!(
        "update job set state = 'waiting', lease_until = null, attempts = 0, error = left($3, $5), result = coalesce($4, result),
                        run_at = clock_timestamp() + make_interval(secs => $6), finished_at = clock_timestamp()
         where id = $1 and lease = $2 and state = 'running'",
        job.id.0,
        job.lease,
        outcome.err(),
        outcome.ok(),
        MAX_ERROR_CHARS,
        f64::from(HOUR_SECONDS)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives a job back because its process has to stop, which does not count as a failed attempt.
pub async fn give_back(db: &PgPool, job: &ClaimedJob) -> Result<()> {
    sqlx::query!(
        "update job set state = 'waiting', lease_until = null, lease = null, attempts = greatest(attempts - 1, 0)
         where id = $1 and lease = $2 and state = 'running'",
        job.id.0,
        job.lease
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets a job that was set aside be tried again; `false` if there is none with this id.
pub async fn retry(conn: &mut PgConnection, id: JobId) -> Result<bool> {
    let retried = sqlx::query!(
        "update job set state = 'waiting', run_at = clock_timestamp(), attempts = 0, finished_at = null
         where id = $1 and state = 'set-aside'",
        id.0
    )
    .execute(conn)
    .await?;
    Ok(retried.rows_affected() == 1)
}

/// Removes an unfinished job; answers its kind and key. None is removed that a process runs, that is done, or that is
/// a step of these that are done hourly.
pub async fn drop_job(conn: &mut PgConnection, id: JobId, steps: &[String]) -> Result<Option<DroppedJob>> {
    Ok(sqlx::query_as!(
        DroppedJob,
        "delete from job where id = $1 and state <> 'done' and kind <> all($2)
           and (state <> 'running' or job_due_at(job) <= clock_timestamp())
         returning kind, key",
        id.0,
        steps
    )
    .fetch_optional(conn)
    .await?)
}

/// What a job was that is no more.
pub struct DroppedJob {
    /// The kind of job.
    pub kind: String,
    /// The key by which the same work was recognised.
    pub key: Option<String>,
}

/// Whether a job of this kind and key waits or runs, or was set aside within the last hour.
pub async fn is_in_hand(db: &PgPool, kind: &str, key: &str) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
               select from job where kind = $1 and key = $2
                 and (state in ('waiting', 'running')
                      or state = 'set-aside'
                         and finished_at between clock_timestamp() - make_interval(secs => $3) and clock_timestamp())
           ) as "is_in_hand!""#,
        kind,
        key,
        f64::from(HOUR_SECONDS)
    )
    .fetch_one(db)
    .await?)
}

/// Forgets jobs that were finished long ago.
pub async fn prune(db: &PgPool) -> Result<()> {
    loop {
        let gone = sqlx::query!(
            "delete from job where id in (
                 select id from job where state in ('done', 'set-aside')
                   and finished_at < clock_timestamp() - make_interval(days => case when state = 'done' then $1 else 4 * $1 end)
                 limit $2)",
            KEPT_DAYS,
            BATCH
        )
        .execute(db)
        .await?;
        if gone.rows_affected() < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}

/// A job as the operator sees it.
#[derive(Debug)]
pub struct ListedJob {
    /// The job's id.
    pub id: JobId,
    /// The kind of job.
    pub kind: String,
    /// The key by which the same work is recognised.
    pub key: Option<String>,
    /// The arguments for the kind's function.
    pub args: Value,
    /// The job's state.
    pub state: JobState,
    /// The principal that ordered the job.
    pub enqueued_by: String,
    /// The moment at which the job was enqueued.
    pub enqueued_at: DateTime<Utc>,
    /// The moment before which the job is not run.
    pub run_at: DateTime<Utc>,
    /// The moment at which the lease of the running process ends unless it is renewed.
    pub lease_until: Option<DateTime<Utc>>,
    /// The number of claims since the mark last moved.
    pub attempts: i32,
    /// The mark from which the job goes on.
    pub mark: Option<Value>,
    /// The number of units that are done.
    pub progress_done: Option<i64>,
    /// The number of units in all.
    pub progress_of: Option<i64>,
    /// The reason why the last attempt failed.
    pub error: Option<String>,
    /// The result.
    pub result: Option<Value>,
    /// The moment at which the job was done or set aside, or an hourly step last tried.
    pub finished_at: Option<DateTime<Utc>>,
    /// The moment since which the job is due, if it is and nobody runs it.
    pub overdue_since: Option<DateTime<Utc>>,
}

/// The jobs in the order of what a person wants to see first: set aside, running, hourly steps, waiting for their time,
/// done. With an `id` that one alone.
pub async fn list(db: &PgPool, id: Option<JobId>, limit: i64) -> Result<Vec<ListedJob>> {
    Ok(sqlx::query_as!(
        ListedJob,
        r#"select id as "id: JobId", kind, key, args, state as "state: JobState", enqueued_by, enqueued_at, run_at, lease_until, attempts, mark,
                  progress_done, progress_of, error, result, finished_at,
                  case when job_due_at(job) <= clock_timestamp() then job_due_at(job) end as overdue_since
           from job where $1::uuid is null or id = $1
           order by array_position(array['set-aside', 'running', 'waiting', 'done'], state), key is distinct from $3,
                    case when state <> 'done' then run_at end, finished_at desc
           limit $2"#,
        id as Option<JobId>,
        limit,
        HOURLY
    )
    .fetch_all(db)
    .await?)
}

/// The number of jobs in all.
pub async fn count(db: &PgPool) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from job"#).fetch_one(db).await?)
}

/// A job as the account that ordered it sees it.
pub(super) struct OwnJob {
    pub kind: String,
    pub state: JobState,
    pub enqueued_at: DateTime<Utc>,
    pub progress_done: Option<i64>,
    pub progress_of: Option<i64>,
    pub result: Option<Value>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// The organisation for which this principal ordered a job; none if the job is not theirs.
pub(super) async fn organisation_of(
    db: &PgPool,
    id: JobId,
    principal: &str,
) -> Result<Option<OrganisationId>> {
    Ok(sqlx::query_scalar!(
        r#"select organisation_id as "id: OrganisationId" from job where id = $1 and enqueued_by = $2"#,
        id.0,
        principal
    )
    .fetch_optional(db)
    .await?
    .flatten())
}

/// A job of an organisation that the scope reaches.
pub(super) async fn own_job(db: &PgPool, scope: &Scope<ReadJob>, id: JobId) -> Result<Option<OwnJob>> {
    Ok(sqlx::query_as!(
        OwnJob,
        r#"select kind, state as "state: JobState", enqueued_at, progress_done, progress_of, result, finished_at
           from job where id = $1 and organisation_id = $2"#,
        id.0,
        scope.organisation_id.0
    )
    .fetch_optional(db)
    .await?)
}

/// The outcome of an hourly step's last run.
pub struct StepOutcome {
    /// The step's name.
    pub step: String,
    /// Whether its last run failed.
    pub has_failed: bool,
    /// The result of the last run that did not fail.
    pub result: Option<Value>,
}

/// The outcomes of the hourly steps that any instance has run.
pub async fn step_outcomes(db: &PgPool) -> Result<Vec<StepOutcome>> {
    Ok(sqlx::query_as!(
        StepOutcome,
        r#"select kind as step, error is not null as "has_failed!", result from job
           where key = $1 and state <> 'done' and finished_at is not null order by kind"#,
        HOURLY
    )
    .fetch_all(db)
    .await?)
}

/// The number of jobs that were set aside and wait for a person.
pub async fn count_set_aside(db: &PgPool) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from job where state = 'set-aside'"#)
        .fetch_one(db)
        .await?)
}

/// The seconds for which the longest due job has been waiting for a process to run it; 0 if none is due. Whether a
/// program knows its kind is not asked.
pub async fn overdue_seconds(db: &PgPool) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"select greatest(floor(extract(epoch from max(clock_timestamp() - job_due_at(job)))), 0)::bigint as "seconds!"
           from job where state in ('waiting', 'running')"#
    )
    .fetch_one(db)
    .await?)
}
