//! Pairing a till, and the till's own state, over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use axum_extra::extract::CookieJar;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{TillState, store};
use crate::app::AppState;
use crate::auth::codes::Code;
use crate::auth::store::SessionOwner;
use crate::auth::{Face, Till, forget_cookie, start_session};
use crate::error::{Error, Problem, Result};
use crate::http::extract::{ClientAddress, Json};
use crate::http::limits;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(pair)).routes(routes!(show, unpair))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pairing {
    /// As the partner's office handed it out; one use.
    code: String,
    /// Drawn by the browser once, kept, and told to nobody else: by it a till that is paired anew goes on as itself.
    client_id: Uuid,
}

/// Pair this browser with an outlet as a new till.
#[utoipa::path(post, path = "/api/till/pairing", tag = "till", request_body = Pairing, responses(
    (status = 201, body = TillState), (status = 403, body = Problem), (status = 429, body = Problem)))]
async fn pair(
    State(app): State<AppState>,
    address: ClientAddress,
    jar: CookieJar,
    Json(form): Json<Pairing>,
) -> Result<(StatusCode, CookieJar, Json<TillState>)> {
    let attempt = limits::attempt_at(&app, &limits::PAIRING, &address, None).await?;
    let paired = pair_browser(&app, &form, jar).await;
    let (jar, state) = attempt.judged(paired).await?;
    Ok((StatusCode::CREATED, jar, Json(state)))
}

async fn pair_browser(app: &AppState, form: &Pairing, jar: CookieJar) -> Result<(CookieJar, TillState)> {
    let code = Code::parse(&form.code).ok_or(Error::PairingRefused)?;
    let code_hash = code.stored_hash(&app.secret, "pairing-hash");
    let now = app.clock.now();
    let mut tx = app.db_tills.begin().await?;
    let terminal_id = store::pair(&mut tx, &code_hash, form.client_id, app.random.uuid(), now)
        .await?
        .ok_or(Error::PairingRefused)?;
    let jar = start_session(app, &mut tx, jar, SessionOwner::Terminal(terminal_id), now).await?;
    let state = store::till_state(&mut tx, terminal_id, now).await?;
    tx.commit().await?;
    Ok((jar, state))
}

/// This till, its outlet and the cashback rule in force.
#[utoipa::path(get, operation_id = "till", path = "/api/till", tag = "till", security(("pc_till" = [])), responses(
    (status = 200, body = TillState), (status = 401, body = Problem)))]
async fn show(State(app): State<AppState>, till: Till) -> Result<Json<TillState>> {
    let mut conn = app.db_tills.acquire().await?;
    Ok(Json(store::till_state(&mut conn, till.terminal_id, app.clock.now()).await?))
}

/// End this till. What it has not sent yet must be sent before.
#[utoipa::path(delete, path = "/api/till", tag = "till", security(("pc_till" = [])), responses(
    (status = 204), (status = 401, body = Problem)))]
async fn unpair(State(app): State<AppState>, till: Till, jar: CookieJar) -> Result<(CookieJar, StatusCode)> {
    let mut tx = app.db_tills.begin().await?;
    store::unpair(&mut tx, till.terminal_id, app.clock.now()).await?;
    tx.commit().await?;
    Ok((jar.add(forget_cookie(&app, Face::Till)), StatusCode::NO_CONTENT))
}
