//! Is it alive, can it serve, how is it doing, what time is it. For machines that watch, and for clocks.

use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Json;
use crate::app::AppState;
use crate::clock::unix_seconds;
use crate::error::{Error, Problem, Result};

/// Buckets of the answer times, in seconds.
const SECONDS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(time))
        .routes(routes!(openapi))
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the instance can serve, and what it does without.
#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ok` or `down`.
    database: &'static str,
    /// `ok`, or `down`: then the service goes on, slower.
    redis: &'static str,
}

/// The instance can serve: the database answers, and nobody has told it to stop. Without Redis it can too, and says so.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = 200, body = Readiness), (status = 503, body = Readiness)))]
async fn readyz(State(app): State<AppState>) -> Response {
    let database_is_up = sqlx::query!("select 1 as one").fetch_one(&app.db).await.is_ok();
    let word = |up| if up { "ok" } else { "down" };
    let readiness = Readiness { database: word(database_is_up), redis: word(app.cache.is_up().await) };
    let can_serve = database_is_up && !app.is_stopping.load(Ordering::Relaxed);
    let status = if can_serve { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

/// Figures for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, body = String), (status = 503, body = Problem)))]
async fn metrics(State(app): State<AppState>) -> Result<Response> {
    let recorder =
        recorder().ok_or_else(|| Error::Unavailable(anyhow::anyhow!("no recorder is installed")))?;
    metrics::gauge!("profcards_db_connections").set(f64::from(app.db.size()));
    metrics::gauge!("profcards_listeners")
        .set(u32::try_from(app.live.listeners()).map_or(f64::MAX, f64::from));
    metrics::gauge!("profcards_redis_up").set(if app.cache.is_up().await { 1.0 } else { 0.0 });
    for (what, ends_at) in app.keys.ends(unix_seconds(app.clock.now())) {
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
async fn time(State(app): State<AppState>) -> Json<ServerTime> {
    let now = app.clock.now();
    Json(ServerTime { unix_seconds: now.timestamp(), unix_millis: now.timestamp_millis() })
}

/// This description of the API.
#[utoipa::path(get, path = "/api/openapi.json", tag = "public", responses((status = 200, content_type = "application/json", body = String)))]
async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], super::openapi::document()).into_response()
}
