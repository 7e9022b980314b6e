//! Connections and event streams: how many there may be, and when they end.

use axum::http::Method;
use profcards::access::store::SessionOwner;
use profcards::base::live::MAX_LISTENERS_PER_AUDIENCE;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{Phone, TestApp, Till, next_id, until, with_phone};

const EVENTS: &str = "/api/member/events";
/// It carries nothing: the pull that follows tells what has become of the session.
const LAST_CALL: &str = "event: changed\ndata: {}\n\n";

async fn open(phone: &Phone) -> reqwest::Response {
    phone.client.request(&Method::GET, EVENTS).send().await.unwrap()
}

/// Reads a stream to its end; answers what it said.
async fn to_its_end(mut stream: reqwest::Response) -> String {
    let mut said = String::new();
    while let Some(chunk) = stream.chunk().await.expect("the stream ends cleanly") {
        said.push_str(&String::from_utf8_lossy(&chunk));
    }
    said
}

#[tokio::test]
async fn a_stream_calls_and_ends_with_its_session() {
    let (app, phone) = with_phone().await;
    let till = Till::pair(&app).await;
    let mut stream = open(&phone).await;
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()["x-accel-buffering"], "no");
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    let call = stream.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&call).contains("event: changed"));
    assert_eq!(phone.client.delete("/api/member/session").await.status, 204);
    assert_eq!(
        to_its_end(stream).await,
        LAST_CALL,
        "whoever is signed out finds it out, and hears nothing more"
    );
    until("its place is free", async || app.app.live.listeners() == 0).await;
}

#[tokio::test]
async fn a_lost_phone_is_called_once_to_find_it_out() {
    let (app, phone) = with_phone().await;
    let stream = open(&phone).await;
    let path = format!("/api/staff/members/{}/phone/lost", phone.member);
    app.chair().await.post_with_key(&path, next_id(), &json!({})).await.json(200);
    assert_eq!(to_its_end(stream).await, LAST_CALL);
}

#[tokio::test]
async fn streams_of_one_member_are_counted_and_another_member_has_a_place() {
    let (app, phone) = with_phone().await;
    let other = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    let mut held = Vec::new();
    for _ in 0..MAX_LISTENERS_PER_AUDIENCE {
        held.push(open(&phone).await);
    }
    phone.client.get(EVENTS).await.refused(429, "too-many-attempts");
    assert_eq!(open(&other).await.status(), 200);
    held.pop();
    until("the place is free", async || open(&phone).await.status() == 200).await;
}

#[tokio::test]
async fn signing_in_again_ends_the_earlier_session_of_that_browser() {
    let (app, phone) = with_phone().await;
    let sessions = async || -> i64 {
        sqlx::query_scalar("select count(*) from session").fetch_one(&app.app.db).await.unwrap()
    };
    let browser = app.anonymous();
    let right = json!({ "login": "school", "password": super::support::world::PASSWORD });
    browser.post("/api/staff/session", &right).await.json(200);
    let before = sessions().await;
    browser.post("/api/staff/session", &right).await.json(200);
    assert_eq!(sessions().await, before);
    browser.get("/api/staff/session").await.json(200);
    // The same for a till that is paired again, and a phone that is enrolled again, in one browser.
    let client = Till::pair(&app).await.client;
    let before = sessions().await;
    let pairing = json!({ "code": app.pairing_code().await, "clientId": next_id() });
    client.post("/api/till/pairing", &pairing).await.json(201);
    assert_eq!(sessions().await, before);
    // However often an account signs in from new browsers, so many sessions it has at most.
    for _ in 0..60 {
        app.signed_in(SessionOwner::Device(phone.device_id(&app).await.into())).await;
    }
    let of_phone: i64 = sqlx::query_scalar("select count(*) from session where device_id is not null")
        .fetch_one(&app.app.db)
        .await
        .unwrap();
    assert_eq!(of_phone, 50);
}

#[tokio::test]
async fn a_pairing_is_repeated_soon_or_never_and_leaves_one_session() {
    let app = TestApp::start().await;
    let request = json!({ "code": app.pairing_code().await, "clientId": next_id() });
    let (lost, till) = (app.anonymous(), app.anonymous());
    lost.post("/api/till/pairing", &request).await.json(201);
    app.advance(9 * 60);
    till.post("/api/till/pairing", &request).await.json(201);
    lost.get("/api/till").await.refused(401, "unauthenticated");
    till.get("/api/till").await.json(200);
    app.advance(2 * 60);
    app.anonymous().post("/api/till/pairing", &request).await.refused(403, "pairing-refused");
    till.get("/api/till").await.json(200);
}

#[tokio::test]
async fn one_address_holds_so_many_connections_and_another_is_served() {
    let app = TestApp::start().await;
    let address = app.base.trim_start_matches("http://").to_owned();
    let most = app.app.bounds.per_address.expect("no proxy stands before a test's server");
    let mut held = Vec::new();
    for _ in 0..most {
        let mut half_sent = TcpStream::connect(&address).await.unwrap();
        half_sent.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        held.push(half_sent);
    }
    let mut beyond = TcpStream::connect(&address).await.unwrap();
    let _ = beyond.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = beyond.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "one too many is closed unheard");
    // All of 127.0.0.0/8 is this machine.
    let other = reqwest::Client::builder().local_address(Some([127, 0, 0, 2].into())).build().unwrap();
    assert_eq!(other.get(format!("{}/healthz", app.base)).send().await.unwrap().status(), 200);
    held.pop();
    let same = app.anonymous();
    until("a place is free again", async || same.request(&Method::GET, "/healthz").send().await.is_ok())
        .await;
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let app = TestApp::start().await;
    let long = app.anonymous().request(&Method::GET, "/healthz").header("x-long", "x".repeat(100_000));
    assert_eq!(long.send().await.unwrap().status(), 431);
    let many = (0..70).fold(app.anonymous().request(&Method::GET, "/healthz"), |request, n| {
        request.header(format!("x-{n}"), "x")
    });
    assert_eq!(many.send().await.unwrap().status(), 431);
}
