//! Pairing a till, and the till's own state, over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use axum_extra::extract::CookieJar;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{TillState, till_state};
use crate::access::codes::AccessCode;
use crate::access::rights::Action;
use crate::access::store::SessionOwner;
use crate::access::{Face, Till, forget_cookie, limits, start_session, till_audience};
use crate::act::audit::Entry;
use crate::act::{self, ActSpec};
use crate::base::Base;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{ClientAddress, Json};
use crate::base::ids::TerminalId;
use crate::programme::partners::store;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Base> {
    OpenApiRouter::new().routes(routes!(pair)).routes(routes!(show, unpair))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pairing {
    /// The code, as the partner's office handed it out; for one use.
    code: String,
    /// The browser's own id, drawn once, kept, and told to nobody else: by it a till that is paired anew goes on as
    /// itself.
    client_id: Uuid,
}

/// Pair this browser with an outlet as a new till.
#[utoipa::path(post, path = "/api/till/pairing", tag = "till", request_body = Pairing, responses(
    (status = 201, body = TillState), (status = 403, body = Problem), (status = 429, body = Problem)))]
async fn pair(
    State(base): State<Base>,
    address: ClientAddress,
    jar: CookieJar,
    Json(form): Json<Pairing>,
) -> Result<(StatusCode, CookieJar, Json<TillState>)> {
    let attempt = limits::attempt_at(&base, &limits::PAIRING, &address, None).await?;
    let paired = pair_browser(&base, &form, jar).await;
    let (jar, state) = attempt.judged(paired).await?;
    Ok((StatusCode::CREATED, jar, Json(state)))
}

async fn pair_browser(base: &Base, form: &Pairing, jar: CookieJar) -> Result<(CookieJar, TillState)> {
    let code = AccessCode::parse(&form.code).ok_or(Error::PairingRefused)?;
    let code_hash = code.stored_hash(&base.secret, "pairing-hash");
    let new_id = TerminalId(base.random.uuid());
    let spec = ActSpec::by_terminal(base, new_id, Action::PairTill);
    let (code_hash, jar) = (&code_hash, &jar);
    act::perform(base, spec, |mut act| async move {
        let now = act.now();
        let terminal_id = store::pair(act.conn(), code_hash, form.client_id, new_id, now)
            .await?
            .ok_or(Error::PairingRefused)?;
        let owner = SessionOwner::Terminal(terminal_id);
        let jar = start_session(base, act.conn(), jar.clone(), owner, now).await?;
        act.done_by(till_audience(terminal_id));
        act.record(Entry::of_subject(till_audience(terminal_id)));
        let state = till_state(act.conn(), terminal_id, now).await?;
        act.commit((jar, state))
    })
    .await
}

/// This till, its outlet and the cashback rule in force.
#[utoipa::path(get, operation_id = "till", path = "/api/till", tag = "till", security(("pc_till" = [])), responses(
    (status = 200, body = TillState), (status = 401, body = Problem)))]
async fn show(State(base): State<Base>, till: Till) -> Result<Json<TillState>> {
    let mut conn = base.db_tills.acquire().await?;
    Ok(Json(till_state(&mut conn, till.terminal_id, base.clock.now()).await?))
}

/// End this till. What it has not sent yet must be sent before.
#[utoipa::path(delete, path = "/api/till", tag = "till", security(("pc_till" = [])), responses(
    (status = 204), (status = 401, body = Problem)))]
async fn unpair(State(base): State<Base>, till: Till, jar: CookieJar) -> Result<(CookieJar, StatusCode)> {
    let spec = ActSpec::by_terminal(&base, till.terminal_id, Action::UnpairTill);
    let till = &till;
    let ended = act::perform(&base, spec, |mut act| async move {
        let now = act.now();
        store::unpair(act.conn(), till.terminal_id, now).await?;
        act.record(Entry::of_subject(till_audience(till.terminal_id)));
        act.commit(())
    });
    ended.await?;
    Ok((jar.add(forget_cookie(&base, Face::Till)), StatusCode::NO_CONTENT))
}
