//! Cards over HTTP: the public lists for anyone, and revocation for those who keep the register.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::lists;
use crate::app::AppState;
use crate::auth::{Staff, policy};
use crate::error::{Error, Problem, Result};
use crate::http::conditional;
use crate::http::extract::{Json, Path};
use crate::http::idempotency::Idempotent;
use crate::members::MemberDetail;
use crate::members::changes::Change;
use crate::members::changes::routes::once;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(trust_list)).routes(routes!(status_list)).routes(routes!(revoke))
}

/// The trust list: which keys sign cards and status lists. COSE, signed by a pinned root.
#[utoipa::path(get, path = "/.well-known/profcards/trust-list", tag = "public", responses(
    (status = 200, content_type = "application/cose", body = Vec<u8>), (status = 304)))]
async fn trust_list(State(app): State<AppState>, headers: HeaderMap) -> Response {
    let signed = app.keys.trust_list();
    signed_bytes(&headers, "application/cose", &lists::digest_of(&signed.cose), signed.cose.clone().into())
}

/// A status list: which cards are revoked or suspended. CWT, signed by a status key.
#[utoipa::path(get, path = "/.well-known/profcards/status/{n}", tag = "public", params(("n" = i32, Path,)), responses(
    (status = 200, content_type = "application/statuslist+cwt", body = Vec<u8>), (status = 304), (status = 404, body = Problem)))]
async fn status_list(
    State(app): State<AppState>,
    Path(n): Path<i32>,
    headers: HeaderMap,
) -> Result<Response> {
    let list = lists::published(&app, n).await?;
    Ok(signed_bytes(&headers, "application/statuslist+cwt", &list.digest, list.cose.clone()))
}

/// Raw bytes with an `ETag`, revalidated at each use: a revocation must not wait in a cache.
fn signed_bytes(
    request: &HeaderMap,
    content_type: &'static str,
    digest: &lists::Digest,
    bytes: Bytes,
) -> Response {
    let etag = format!("\"{}\"", hex::encode(digest));
    let mut response = if conditional::is_held(request, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (StatusCode::OK, bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // The lists are for everyone's tills, also those that a partner serves from a page of its own.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Revocation {
    /// `lost`, `left` or `error`.
    reason: String,
}

/// Revoke every card of a member and end the phone. Needs an `Idempotency-Key`.
#[utoipa::path(post, path = "/api/staff/members/{id}/cards/revoke", tag = "staff", security(("pc_staff" = [])),
    params(("id" = Uuid, Path,), ("idempotency-key" = Uuid, Header,)), request_body = Revocation, responses(
    (status = 200, body = MemberDetail), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn revoke(
    State(app): State<AppState>,
    staff: Staff,
    Path(membership_id): Path<Uuid>,
    request: Idempotent<Revocation>,
) -> Result<Json<MemberDetail>> {
    policy::membership(&app, &staff, membership_id).await?;
    let reason = request.body.reason.as_str();
    if !matches!(reason, "lost" | "left" | "error") {
        return Err(Error::field("reason", "required"));
    }
    let change = Change::CardsRevoked { reason: reason.to_owned() };
    once(&app, &staff, membership_id, &request, &change).await
}
