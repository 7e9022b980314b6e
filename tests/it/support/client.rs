//! A browser: it keeps its cookies, and its answers are read whole.

use std::sync::Arc;

use axum::http::{HeaderMap, Method};
use reqwest::cookie::Jar;
use serde_json::Value;
use uuid::Uuid;

/// A browser at one instance.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Client {
    /// A browser without any session.
    pub fn new(base: &str) -> Self {
        Self::with_jar(base, Arc::default())
    }

    /// A browser that holds a cookie.
    pub fn with_cookie(base: &str, cookie: &str) -> Self {
        let jar = Jar::default();
        jar.add_cookie_str(cookie, &base.parse().unwrap());
        Self::with_jar(base, Arc::new(jar))
    }

    fn with_jar(base: &str, jar: Arc<Jar>) -> Self {
        let http = reqwest::Client::builder().cookie_provider(jar).build().unwrap();
        Self { http, base: base.to_owned() }
    }

    /// The same browser at another address of the same host.
    pub fn at(&self, base: &str) -> Self {
        Self { http: self.http.clone(), base: base.to_owned() }
    }

    /// A request that is still to be completed and sent.
    pub fn request(&self, method: &Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.clone(), format!("{}{path}", self.base))
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(&Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.try_post(path, body).await.unwrap()
    }

    /// As [`Self::post`]; fails where the connection dies.
    pub async fn try_post(&self, path: &str, body: &Value) -> reqwest::Result<Reply> {
        Reply::try_of(self.request(&Method::POST, path).json(body)).await
    }

    /// Posts under an idempotency key.
    pub async fn post_with_key(&self, path: &str, key: Uuid, body: &Value) -> Reply {
        self.send_with_key(&Method::POST, path, key, body).await
    }

    /// Puts under an idempotency key.
    pub async fn put_with_key(&self, path: &str, key: Uuid, body: &Value) -> Reply {
        self.send_with_key(&Method::PUT, path, key, body).await
    }

    async fn send_with_key(&self, method: &Method, path: &str, key: Uuid, body: &Value) -> Reply {
        Reply::of(self.request(method, path).header("idempotency-key", key.to_string()).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        Reply::of(self.request(&Method::DELETE, path)).await
    }
}

impl Reply {
    /// Sends and reads.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        Self::try_of(request).await.unwrap()
    }

    async fn try_of(request: reqwest::RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await?.to_vec() })
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The JSON of an answer with this status; any other answer fails the test and is shown.
    #[track_caller]
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// A refusal: this status, this code, and the shape that every refusal has.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let problem = self.json(status);
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        problem
    }
}
