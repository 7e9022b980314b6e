//! What anyone downloads: the signed lists, the app shell and the app's files.

use axum::http::Method;
use profcards_card::{Status, StatusList, TrustList};
use serde_json::json;

use super::support::lists::{Held, pins};
use super::support::{Client, DAY_SECONDS, Phone, Reply, TestApp, next_id};

const TRUST: &str = "/.well-known/profcards/trust-list";
const STATUS: &str = "/.well-known/profcards/status/1";

async fn get_if_changed(client: &Client, path: &str, etag: &str) -> Reply {
    Reply::of(client.request(&Method::GET, path).header("if-none-match", etag)).await
}

#[tokio::test]
async fn the_lists_carry_the_signatures_that_the_pins_demand() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let trust = client.get(TRUST).await;
    assert_eq!(trust.header("content-type"), "application/cose");
    assert_eq!(trust.header("cache-control"), "no-cache");
    let pins = pins(&client).await;
    assert_eq!(pins, app.app.keys.roots());
    let list = TrustList::load(&trust.body, &pins, None).unwrap();
    assert_eq!(TrustList::load(&trust.body, &[[7; 32]], None).unwrap_err().as_str(), "trust-list-bad");
    let status = client.get(STATUS).await;
    assert_eq!(status.header("content-type"), "application/statuslist+cwt");
    let loaded = StatusList::load(&status.body, &list, app.now(), None).unwrap();
    assert_eq!(loaded.claims().uri, "urn:pc:s1");
    // Every list that the root has declared can be had, and no other.
    for location in &list.claims().lists {
        let reply = client.get(&location.path).await;
        let declared = StatusList::load(&reply.body, &list, app.now(), None).unwrap();
        assert_eq!(declared.claims().uri, location.uri);
    }
    for beyond in ["0", "9", "-1", "x", "99999999999"] {
        client.get(&format!("/.well-known/profcards/status/{beyond}")).await.refused(404, "not-found");
    }
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    for path in [TRUST, STATUS] {
        let whole = client.get(path).await;
        let etag = whole.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
        assert_eq!(whole.header("access-control-allow-origin"), "*");
        let unchanged = get_if_changed(&client, path, &etag).await;
        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
        assert_eq!(unchanged.header("etag"), etag);
        assert_eq!(get_if_changed(&client, path, "\"other\"").await.body, whole.body);
    }
}

#[tokio::test]
async fn a_revocation_is_on_the_list_at_the_next_request() {
    let app = TestApp::start().await;
    let phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let other = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    let paper = app.sheet(&app.chair().await, phone.member).await["paperToken"].as_str().unwrap().to_owned();
    let client = app.anonymous();
    let etag = client.get(STATUS).await.header("etag").to_owned();
    assert!(Held::download(&app).await.verdict(&phone.token(app.now())).accepted);
    app.revoke(phone.member).await;
    assert_eq!(get_if_changed(&client, STATUS, &etag).await.status, 200);
    let held = Held::download(&app).await;
    for token in [&phone.token(app.now()), &paper] {
        let verdict = held.verdict(token);
        assert_eq!(verdict.code.as_str(), "revoked");
        assert!(!verdict.accepted && verdict.allowed.words().is_empty());
    }
    assert!(held.verdict(&other.token(app.now())).accepted);
    assert_eq!(held.status_of(&other.card), Status::Valid);
    // The phone is out, and the register says why nobody holds a card.
    phone.client.get("/api/member/profile").await.refused(401, "phone-lost");
    let detail = app.chair().await.get(&format!("/api/staff/members/{}", phone.member)).await.json(200);
    assert_eq!(detail["card"], "none");
    assert!(detail["cards"].as_array().unwrap().iter().all(|card| card["state"] == "revoked"));
}

#[tokio::test]
async fn a_repeated_revocation_spares_the_card_that_was_issued_since() {
    let app = TestApp::start().await;
    let member = app.member("Иванова Мария Петровна").await;
    Phone::activate(&app, member).await;
    let (chair, key) = (app.chair().await, next_id());
    let path = format!("/api/staff/members/{member}/cards/revoke");
    chair.post_once(&path, key, &json!({ "reason": "lost" })).await.json(200);
    let phone = Phone::activate(&app, member).await;
    chair.post_once(&path, key, &json!({ "reason": "lost" })).await.json(200);
    phone.profile().await;
    assert!(Held::download(&app).await.verdict(&phone.token(app.now())).accepted);
    chair.post_once(&path, key, &json!({ "reason": "left" })).await.refused(409, "idempotency-conflict");
    let problem = chair.post_once(&path, next_id(), &json!({ "reason": "bored" })).await;
    assert_eq!(problem.refused(422, "invalid-input")["fields"], json!({ "reason": "required" }));
}

#[tokio::test]
async fn the_lists_stay_fresh_by_themselves() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let pins = pins(&client).await;
    let trust = async || TrustList::load(&client.get(TRUST).await.body, &pins, None).unwrap();
    let first = trust().await;
    app.advance(6 * DAY_SECONDS);
    app.housekeeping().await;
    let second = trust().await;
    assert_eq!(second.claims().seq, first.claims().seq + 1);
    assert_eq!(second.claims().iat, app.now());
    let status = StatusList::load(&client.get(STATUS).await.body, &second, app.now(), None).unwrap();
    assert_eq!(status.claims().iat, app.now());
    // Held back, the older trust list is a rollback.
    let held = Some(second.claims().seq + 1);
    let refused = TrustList::load(&client.get(TRUST).await.body, &pins, held).unwrap_err();
    assert_eq!(refused.as_str(), "trust-list-rollback");
}

#[tokio::test]
async fn the_app_shell_is_this_instances() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let shell = client.get("/shell.json").await.json(200);
    let union = json!({ "name": "Общероссийский Профсоюз образования", "shortName": "Профсоюз образования" });
    assert_eq!(shell["union"], union);
    let worker = client.get("/sw.js").await;
    assert_eq!(worker.header("content-type"), "text/javascript");
    assert_eq!(worker.header("cache-control"), "no-cache");
    let text = worker.text();
    let revision = text.strip_prefix("const revision = '").and_then(|rest| rest.strip_suffix("';")).unwrap();
    assert!(revision.len() == 16 && revision.bytes().all(|byte| byte.is_ascii_hexdigit()), "{revision}");
}

#[tokio::test]
async fn a_screen_gets_the_app_and_a_missing_file_does_not() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    for screen in ["/", "/card", "/activate", "/scan", "/chair/members/4711"] {
        let page = client.get(screen).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{screen}");
        assert_eq!(page.header("cache-control"), "no-cache", "{screen}");
        assert!(page.text().contains("<title>app</title>"), "{screen}");
    }
    let asset = client.get("/assets/app-1a2b3c.js").await;
    assert_eq!(asset.status, 200);
    assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    for missing in ["/assets/gone-4d5e6f.js", "/assets/gone", "/icon.png", "/assets/../../data/secret.hex"] {
        let reply = client.get(missing).await;
        assert_eq!(reply.status, 404, "{missing}");
        assert_ne!(reply.header("cache-control"), "public, max-age=31536000, immutable");
    }
}
