//! The HTTP server: which rooms there are, and what every request passes through. Handlers live with their features.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, assets, health, openapi, sync};
use crate::base::Base;
use crate::base::error::{Error, Result};
use crate::cards::Issuer;
use crate::programme::{ledger, tills, vendors};
use crate::registry::{members, organisations};
use crate::{access, act, cards, membership, phone};

/// The longest body: a push of 100 mutations fits many times over.
const MAX_BODY_BYTES: usize = 512 * 1024;
/// The longest time that an answer may take to begin.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Only this origin's own files run, and nothing may frame the pages. Scanning needs WebAssembly; styles of components
/// are set by script.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; \
    worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The endpoints that need nothing but the base.
fn on_base() -> OpenApiRouter<Base> {
    OpenApiRouter::new()
        .merge(access::routes::router())
        .merge(act::jobs::routes::router())
        .merge(organisations::routes::router())
        .merge(members::routes::router())
        .merge(tills::routes::router())
        .merge(phone::events::router())
        .merge(phone::loss::router())
        .merge(phone::moving::router())
}

/// The endpoints that sign cards, or judge them.
fn on_issuer() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new()
        .merge(membership::routes::router())
        .merge(phone::activation::router())
        .merge(phone::routes::router())
        .merge(cards::routes::router())
        .merge(cards::enrolment::sheet::router())
        .merge(cards::enrolment::paper::router())
        .merge(ledger::routes::router())
        .merge(vendors::routes::router())
}

/// The endpoints that ask about the whole instance.
fn on_app() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(health::router()).merge(sync::router()).routes(routes!(described))
}

/// The description of the API as a value.
pub fn description() -> OpenApi {
    let mut api = on_app().into_openapi();
    api.merge(on_base().into_openapi());
    api.merge(on_issuer().into_openapi());
    openapi::complete(api)
}

/// The description as JSON, ending in a line break: exactly what is committed beside the PWA.
///
/// # Panics
/// Never: the description is plain data.
pub fn document() -> String {
    let mut text = description().to_pretty_json().expect("the description is plain data");
    text.push('\n');
    text
}

/// This description of the API.
#[utoipa::path(get, operation_id = "openapi", path = "/api/openapi.json", tag = "public", responses((status = 200, content_type = "application/json", body = String)))]
async fn described() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document()).into_response()
}

/// The whole server.
pub fn router(app: App) -> Router {
    let api = Router::new()
        .merge(Router::from(on_base()).with_state(Base::clone(&app)))
        .merge(Router::from(on_issuer()).with_state(Issuer::clone(&app)))
        .merge(Router::from(on_app()));
    // Server-sent events must not wait in a compressor's buffer. Signed lists are compressed inside, or signatures and keys,
    // which nothing makes smaller; and their ETag stands for just these bytes.
    let compressed = DefaultPredicate::new()
        .and(NotForContentType::const_new("text/event-stream"))
        .and(NotForContentType::const_new("application/cose"))
        .and(NotForContentType::const_new("application/statuslist+cwt"));
    api.merge(assets::router(&app))
        .method_not_allowed_fallback(|| async { Error::NotFound })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(refuse_other_sites))
        .layer(middleware::from_fn(within_time))
        .layer(middleware::from_fn_with_state(app.clone(), security_headers))
        .layer(CompressionLayer::new().compress_when(compressed))
        .layer(CatchPanicLayer::custom(|_| {
            Error::Internal(anyhow::anyhow!("a handler panicked")).into_response()
        }))
        .layer(middleware::from_fn_with_state(app.clone(), observe))
        .with_state(app)
}

/// Counts and times each request by its route, never by its address: paths may hold ids.
async fn observe(State(_): State<App>, request: Request, next: Next) -> Response {
    let route =
        request.extensions().get::<MatchedPath>().map_or("other".to_owned(), |path| path.as_str().to_owned());
    // Anyone may invent a method; each name would be a counter for ever.
    let method = match *request.method() {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE | Method::OPTIONS => {
            request.method().to_string()
        }
        _ => "other".to_owned(),
    };
    let started = Instant::now();
    let response = next.run(request).await;
    let (elapsed, status) = (started.elapsed(), response.status().as_u16());
    let labels = [("method", method.clone()), ("route", route.clone()), ("status", status.to_string())];
    metrics::counter!("profcards_http_requests_total", &labels).increment(1);
    metrics::histogram!("profcards_http_request_seconds", "method" => method.clone(), "route" => route.clone()).record(elapsed);
    tracing::debug!(method, route, status, elapsed_ms = elapsed.as_millis(), "answered");
    response
}

/// A browser says where a request comes from; what changes something must come from our own pages. Programs that say
/// nothing hold no cookies that a stranger could use.
async fn refuse_other_sites(request: Request, next: Next) -> Result<Response> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(next.run(request).await);
    }
    if !is_from_our_pages(request.headers()) {
        return Err(Error::CrossSite);
    }
    Ok(next.run(request).await)
}

/// Whether a request comes from our own pages: by the browser's own judgement, which no proxy can spoil; where it gives
/// none, by the host that the page is of, which is ours only where the proxy passes `Host` on.
fn is_from_our_pages(headers: &HeaderMap) -> bool {
    let said = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = said(HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = said(header::ORIGIN) else { return true };
    let (scheme, page) = origin.split_once("://").unwrap_or_default();
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let host_of = |authority: &str| authority.trim_end_matches(default_port).to_ascii_lowercase();
    !page.is_empty() && said(header::HOST).is_some_and(|host| host_of(host) == host_of(page))
}

async fn within_time(request: Request, next: Next) -> Result<Response> {
    tokio::time::timeout(ANSWER_TIMEOUT, next.run(request))
        .await
        .map_err(|_| Error::Unavailable(anyhow::anyhow!("no answer within {ANSWER_TIMEOUT:?}")))
}

async fn security_headers(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(), geolocation=(), screen-wake-lock=(self)",
    );
    if app.config.production {
        // This host alone: what else the union serves under its name is not ours to decide.
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if is_api {
        set(header::CACHE_CONTROL, "no-store");
    }
    response
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Clients are generated with one name for each operation.
    #[test]
    fn operations_have_names_of_their_own() {
        let value = serde_json::to_value(description()).unwrap();
        let items =
            value["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
        let names: Vec<&str> = items.filter_map(|operation| operation["operationId"].as_str()).collect();
        assert!(names.len() > 20, "the description is not empty");
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    }

    #[test]
    fn a_request_that_changes_something_comes_from_our_own_pages() {
        let judged = |site: Option<&str>, origin: Option<&str>, host: &str| {
            let said = [("sec-fetch-site", site), ("origin", origin), ("host", Some(host))];
            let headers = said
                .into_iter()
                .filter_map(|(name, value)| Some((HeaderName::from_static(name), value?.parse().unwrap())));
            is_from_our_pages(&headers.collect())
        };
        let ours = Some("https://card.example.org");
        // Whatever the proxy makes of the host.
        for host in ["card.example.org", "card.example.org:443", "app:8080"] {
            assert!(judged(Some("same-origin"), ours, host), "{host}");
        }
        for site in ["cross-site", "same-site", "", "SAME-ORIGIN"] {
            assert!(!judged(Some(site), ours, "card.example.org"), "{site}");
        }
        for host in ["card.example.org", "card.example.org:443", "Card.Example.org"] {
            assert!(judged(None, ours, host), "{host}");
        }
        assert!(judged(None, Some("http://[::1]:8080"), "[::1]:8080"));
        assert!(judged(None, None, "app:8080"), "a program that is no browser");
        for origin in ["https://evil.example.org", "https://card.example.org:8443", "null", "", "https://"] {
            assert!(!judged(None, Some(origin), "card.example.org"), "{origin}");
        }
    }
}
