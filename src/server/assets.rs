//! The PWA's files from disk, and `shell.json`: what this instance adds to the app shell. A file that is not there is 404;
//! any other path is one of the app's own screens and gets `index.html`.

use std::path::Path;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

use super::App;
use crate::base::conditional;
use crate::base::config::Config;
use crate::base::error::Error;
use crate::cards::keys::KeyRing;

/// The text in the service worker at which the revision of `shell.json` belongs.
const REVISION_PLACEHOLDER: &str = "__SHELL_REVISION__";

/// The longest path that can be one of ours; a file system takes a longer name for a fault.
const MAX_PATH_BYTES: usize = 255;

/// The part of the app shell that is this instance's own: one build serves any union. The pins change only with an
/// update of the app, because the service worker carries this file's revision.
pub struct Shell {
    json: String,
    revision: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShellContent<'a> {
    union: Union<'a>,
    /// Hex of the pinned roots' public keys.
    roots: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Union<'a> {
    name: &'a str,
    short_name: &'a str,
}

impl Shell {
    /// Makes it from the settings and the pinned roots, once at the start.
    ///
    /// # Panics
    /// Never: the content is plain data.
    pub fn new(config: &Config, keys: &KeyRing) -> Self {
        let content = ShellContent {
            union: Union { name: &config.union_name, short_name: &config.union_short_name },
            roots: keys.roots().iter().map(hex::encode).collect(),
        };
        let json = serde_json::to_string(&content).expect("plain data");
        let revision = hex::encode(&Sha256::digest(json.as_bytes())[..8]);
        Self { json, revision }
    }
}

/// The routes of everything that is not the API.
pub fn router(app: &App) -> Router<App> {
    let files = ServeDir::new(&app.config.pwa).precompressed_gzip().append_index_html_on_directories(false);
    Router::new()
        .route("/shell.json", get(shell))
        .route("/sw.js", get(service_worker))
        .fallback(move |State(app): State<App>, uri: Uri, request: Request| {
            let files = files.clone();
            async move {
                let path = uri.path();
                let is_of_api = path.starts_with("/api/") || path.starts_with("/.well-known/");
                if is_of_api || path.len() > MAX_PATH_BYTES {
                    return Error::NotFound.into_response();
                }
                let headers = request.headers().clone();
                match files.oneshot(request).await {
                    Ok(found) if found.status() == StatusCode::NOT_FOUND => {
                        missing(&app, uri.path(), &headers).await
                    }
                    Ok(found) => found.into_response(),
                    Err(never) => match never {},
                }
            }
        })
        .layer(middleware::from_fn(cache_control))
}

/// A name with a dot is a file; without one it is a screen of the app.
async fn missing(app: &App, path: &str, headers: &HeaderMap) -> Response {
    let last = path.rsplit('/').next().unwrap_or_default();
    if last.contains('.') || path.starts_with("/assets/") {
        return Error::NotFound.into_response();
    }
    match read(&app.config.pwa, "index.html").await {
        Some(page) => tagged(headers, "text/html; charset=utf-8", page),
        None => Error::Unavailable(anyhow::anyhow!("the PWA is not built")).into_response(),
    }
}

async fn read(folder: &Path, name: &str) -> Option<String> {
    tokio::fs::read_to_string(folder.join(name)).await.ok()
}

/// A text that is asked for anew each time, so it bears a tag: weak, because a compressor may still change the bytes.
fn tagged(request: &HeaderMap, content_type: &'static str, text: String) -> Response {
    let etag = format!("W/\"{}\"", hex::encode(&Sha256::digest(text.as_bytes())[..8]));
    let headers = [(header::CONTENT_TYPE, content_type.to_owned()), (header::ETAG, etag.clone())];
    if conditional::client_holds(request, &etag) {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else {
        (headers, text).into_response()
    }
}

async fn shell(State(app): State<App>, headers: HeaderMap) -> Response {
    tagged(&headers, "application/json", app.shell.json.clone())
}

async fn service_worker(State(app): State<App>, headers: HeaderMap) -> Response {
    match read(&app.config.pwa, "sw.js").await {
        Some(script) => {
            let script = script.replace(REVISION_PLACEHOLDER, &app.shell.revision);
            tagged(&headers, "text/javascript", script)
        }
        None => Error::NotFound.into_response(),
    }
}

/// Files under `/assets/` have their hash in the name and never change; everything else is asked for anew.
async fn cache_control(request: Request, next: Next) -> Response {
    let immutable = request.uri().path().starts_with("/assets/");
    let mut response = next.run(request).await;
    let forever = immutable && response.status() == StatusCode::OK;
    let value = if forever { "public, max-age=31536000, immutable" } else { "no-cache" };
    // A file's own tag stands for its bytes; the compressor after this may send others.
    let weak = response
        .headers()
        .get(header::ETAG)
        .and_then(|tag| tag.to_str().ok())
        .filter(|tag| tag.starts_with('"'));
    if let Some(weak) = weak.and_then(|tag| HeaderValue::try_from(format!("W/{tag}")).ok()) {
        response.headers_mut().insert(header::ETAG, weak);
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(value));
    response
}
