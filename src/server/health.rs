//! Is it alive, can it serve, how is it doing, what time is it. For machines that watch, and for clocks.

use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use crate::base::clock::unix_seconds;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::Json;

/// Buckets of the answer times, in seconds.
const SECONDS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The shortest time between two probes of a write.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// The time after which a database that says nothing counts as taking no writes.
const PROBE_WITHIN: Duration = Duration::from_secs(3);

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(time))
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// The state of a part that the instance needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Health {
    /// The part works.
    Ok,
    /// The part answers but cannot write: the database has a full disk, or is a standby.
    NoWrites,
    /// The part does not answer.
    Down,
}

/// The readiness of the instance, and what it does without.
#[derive(Serialize, ToSchema)]
struct Readiness {
    database: Health,
    /// The state of Redis; when it is down, the service goes on, slower.
    redis: Health,
}

/// The instance can serve: the database takes what is written, and nobody has told it to stop. Without Redis it can too, and says so.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = 200, body = Readiness), (status = 503, body = Readiness)))]
async fn readyz(State(app): State<App>) -> Response {
    let database = app.write_probe.look(&app).await;
    let redis = if app.cache.is_up().await { Health::Ok } else { Health::Down };
    let can_serve = database == Health::Ok && !app.is_stopping.load(Ordering::Relaxed);
    let status = if can_serve { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { database, redis })).into_response()
}

/// The outcome of the last write that was made only to probe the database. It is asked again after a second, so that
/// whoever asks for readiness without pause writes no more than that.
#[derive(Default)]
pub struct WriteProbe(tokio::sync::Mutex<Option<(Instant, Health)>>);

impl WriteProbe {
    async fn look(&self, app: &App) -> Health {
        let mut last = self.0.lock().await;
        if let Some((at, health)) = *last
            && at.elapsed() < PROBE_EVERY
        {
            return health;
        }
        // A commit that waits for a standby that is gone is bounded by no limit of the database.
        let written = tokio::time::timeout(PROBE_WITHIN, write_something(app)).await;
        let health = match written.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(()) => Health::Ok,
            Err(error) => {
                tracing::warn!(%error, "the database takes no writes");
                if answers(app).await { Health::NoWrites } else { Health::Down }
            }
        };
        metrics::gauge!("profcards_db_takes_writes").set(if health == Health::Ok { 1.0 } else { 0.0 });
        *last = Some((Instant::now(), health));
        health
    }
}

/// Writes by a till's way, and to the disk. A row that comes and goes needs a page that is there already: it tells that
/// the log takes a commit. Whether there is room beside it is told by what a query has to put aside, a new file where
/// the data lie. No table is locked for it, and nobody is waited for: neither backups nor other instances. All of it is
/// one message and so one transaction, lest an instance that is frozen in the middle keep anything from the others.
async fn write_something(app: &App) -> sqlx::Result<()> {
    let probe = "set local work_mem = '64kB';
                 select count(*) from generate_series(1, 10000);
                 insert into write_probe (is_written) values (true);
                 delete from write_probe";
    sqlx::raw_sql(probe).execute(&app.db_tills).await.map(drop)
}

async fn answers(app: &App) -> bool {
    let asked = sqlx::query!("select 1 as one").fetch_one(&app.db_tills);
    matches!(tokio::time::timeout(PROBE_WITHIN, asked).await, Ok(Ok(_)))
}

/// Figures for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, body = String), (status = 503, body = Problem)))]
async fn metrics(State(app): State<App>) -> Result<Response> {
    let recorder =
        recorder().ok_or_else(|| Error::Unavailable(anyhow::anyhow!("no recorder is installed")))?;
    for (pool, db) in [
        ("registry", &app.db),
        ("searches", &app.db_searches),
        ("doors", &app.db_doors),
        ("tills", &app.db_tills),
        ("jobs", &app.db_jobs),
    ] {
        let busy = db.size().saturating_sub(u32::try_from(db.num_idle()).unwrap_or(u32::MAX));
        metrics::gauge!("profcards_db_connections", "pool" => pool).set(f64::from(db.size()));
        metrics::gauge!("profcards_db_connections_busy", "pool" => pool).set(f64::from(busy));
    }
    metrics::gauge!("profcards_listeners")
        .set(u32::try_from(app.live.listeners()).map_or(f64::MAX, f64::from));
    metrics::gauge!("profcards_redis_up").set(if app.cache.is_up().await { 1.0 } else { 0.0 });
    for (what, ends_at) in app.keys.end_times(unix_seconds(app.clock.now())) {
        let ends_at = f64::from(u32::try_from(ends_at).unwrap_or(u32::MAX));
        metrics::gauge!("profcards_keys_end_timestamp_seconds", "what" => what).set(ends_at);
    }
    recorder.run_upkeep();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], recorder.render()).into_response())
}

/// The recorder of this process, installed at the first use.
pub fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .map_err(|error| tracing::error!(%error, "metrics are off"))
            .ok()?;
        builder.install_recorder().map_err(|error| tracing::error!(%error, "metrics are off")).ok()
    };
    RECORDER.get_or_init(install).as_ref()
}

/// The server's time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServerTime {
    unix_seconds: i64,
    unix_millis: i64,
}

/// The server's time, from which phones and tills learn how far their clocks are off.
#[utoipa::path(get, path = "/api/time", tag = "public", responses((status = 200, body = ServerTime)))]
async fn time(State(app): State<App>) -> Json<ServerTime> {
    let now = app.clock.now();
    Json(ServerTime { unix_seconds: now.timestamp(), unix_millis: now.timestamp_millis() })
}
