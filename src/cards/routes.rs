//! Cards over HTTP: the public lists for anyone, and revocation for those who keep the register.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::lists;
use crate::base::conditional;
use crate::base::error::{Problem, Result};
use crate::base::extract::Path;
use crate::cards::Issuer;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new().routes(routes!(trust_list)).routes(routes!(status_list))
}

/// The trust list: which keys sign cards and status lists. COSE, signed by a pinned root.
#[utoipa::path(get, path = "/.well-known/profcards/trust-list", tag = "public", responses(
    (status = 200, content_type = "application/cose", body = Vec<u8>), (status = 304)))]
async fn trust_list(State(issuer): State<Issuer>, headers: HeaderMap) -> Response {
    let signed = issuer.keys.trust_list();
    signed_bytes(&headers, "application/cose", &lists::digest_of(&signed.cose), signed.cose.clone().into())
}

/// A status list: which cards are revoked or suspended. CWT, signed by a status key.
#[utoipa::path(get, path = "/.well-known/profcards/status/{n}", tag = "public", params(("n" = i32, Path,)), responses(
    (status = 200, content_type = "application/statuslist+cwt", body = Vec<u8>), (status = 304), (status = 404, body = Problem)))]
async fn status_list(
    State(issuer): State<Issuer>,
    Path(n): Path<i32>,
    headers: HeaderMap,
) -> Result<Response> {
    let list = lists::published(&issuer, n).await?;
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
    let mut response = if conditional::client_holds(request, &etag) {
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
