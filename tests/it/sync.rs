//! What changed for a client reaches it once, in an order in which nothing can appear late; and open pages are woken.

use std::time::Duration;

use axum::http::Method;
use profcards::act::change_log::{Entity, ME, record_change};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::support::process::Server;
use super::support::{DAY_SECONDS, NAME, Phone, TestApp, Till, entity, until, with_till};

fn cursor(pulled: &Value) -> String {
    pulled["cursor"].as_str().unwrap().to_owned()
}

fn ids(pulled: &Value, entity: &str) -> Vec<String> {
    let upserts = pulled["upserts"].as_array().unwrap().iter();
    upserts.filter(|upsert| upsert["entity"] == entity).map(|upsert| upsert["id"].to_string()).collect()
}

#[tokio::test]
async fn a_change_that_commits_late_is_not_lost() {
    let (app, phone, till) = with_till().await;
    let start = phone.caught_up().await;
    // An older transaction has recorded its change and stays open, while a younger one commits.
    let mut slow = app.app.db.begin().await.unwrap();
    let audience = format!("member:{}", phone.member);
    let now = app.app.clock.now();
    record_change(&mut slow, &audience, Entity::Profile, ME, now).await.unwrap();
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    let meanwhile = phone.pull_once(&start).await;
    assert_eq!((&meanwhile["upserts"], &meanwhile["pending"]), (&json!([]), &json!(true)));
    assert_eq!(cursor(&meanwhile), start, "the cursor does not pass what is not settled");
    slow.commit().await.unwrap();
    let settled = phone.pull(&start).await;
    assert!(entity(&settled, "profile").is_some(), "the older transaction's change");
    assert_eq!(ids(&settled, "purchase").len(), 1, "the younger transaction's change");
    let nothing = phone.pull(&cursor(&settled)).await;
    assert_eq!(nothing["upserts"], json!([]));
}

#[tokio::test]
async fn a_client_that_starts_during_a_transaction_misses_nothing_of_it() {
    let (app, phone, _) = with_till().await;
    let mut slow = app.app.db.begin().await.unwrap();
    let audience = format!("member:{}", phone.member);
    let now = app.app.clock.now();
    record_change(&mut slow, &audience, Entity::Balance, ME, now).await.unwrap();
    let start = cursor(&phone.pull("").await);
    slow.commit().await.unwrap();
    assert!(entity(&phone.pull(&start).await, "balance").is_some());
}

#[tokio::test]
async fn many_changes_come_in_pages_each_once() {
    let (app, _, till) = with_till().await;
    let start = cursor(&till.pull("").await);
    sqlx::query(
        "insert into change (audience, entity, entity_id, deleted, changed_at)
         select $1, 'purchase', n::text, true, $2 from generate_series(1, 450) n",
    )
    .bind(format!("till:{}", till.terminal))
    .bind(app.app.clock.now())
    .execute(&app.app.db)
    .await
    .unwrap();
    let (mut at, mut gone, mut pages) = (start, Vec::new(), 0);
    loop {
        let page = till.pull(&at).await;
        gone.extend(
            page["tombstones"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        at = cursor(&page);
        pages += 1;
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(gone, (1..=450).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_entity_that_changed_often_comes_once_as_it_is_now() {
    let (app, phone, till) = with_till().await;
    let start = cursor(&phone.pull("").await);
    let now = app.now();
    let purchase = till.purchase(&phone.token(now), 1_500_00, now);
    till.applied(&purchase).await;
    till.applied(&till.cancellation(&purchase, now)).await;
    till.applied(&till.purchase(&phone.token(now), 1_000_00, now)).await;
    let pulled = phone.pull(&start).await;
    assert_eq!((ids(&pulled, "purchase").len(), ids(&pulled, "balance").len()), (2, 1));
    assert_eq!(entity(&pulled, "balance").unwrap()["pendingKopecks"], 30_00);
    // What one member is told, another is not.
    let other = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    let other = other.pull("").await;
    assert_eq!(ids(&other, "purchase").len(), 0);
    assert_eq!(entity(&other, "balance").unwrap()["pendingKopecks"], 0);
}

#[tokio::test]
async fn a_client_that_was_away_too_long_starts_over() {
    let (app, phone, till) = with_till().await;
    let start = cursor(&phone.pull("").await);
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    app.advance(89 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(ids(&phone.pull(&start).await, "purchase").len(), 1);
    app.advance(2 * DAY_SECONDS);
    app.housekeeping().await;
    let path = |cursor: &str| format!("/api/sync/pull?face=member&schema=1&cursor={cursor}");
    phone.client.get(&path(&start)).await.refused(409, "sync-start-over");
    until("a new cursor is good", async || {
        let anew = phone.pull("").await;
        assert_eq!(ids(&anew, "purchase").len(), 1);
        phone.client.get(&path(&cursor(&anew))).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_request_that_cannot_be_served_says_why() {
    let (app, phone, till) = with_till().await;
    let pull = |query: &str| format!("/api/sync/pull?{query}");
    for (query, status, code) in [
        ("face=member&schema=0", 409, "schema-too-old"),
        ("face=member&schema=2", 409, "schema-unknown"),
        ("face=member&schema=1&cursor=yesterday", 400, "malformed-request"),
        ("face=staff&schema=1", 422, "invalid-input"),
        ("face=till&schema=1", 401, "unauthenticated"),
        ("face=ghost&schema=1", 400, "malformed-request"),
        ("schema=1", 400, "malformed-request"),
    ] {
        phone.client.get(&pull(query)).await.refused(status, code);
    }
    let mut push = Till::push_body(&[], app.now());
    push["schema"] = json!(0);
    till.client.post("/api/sync/push", &push).await.refused(409, "schema-too-old");
    push["schema"] = json!(1);
    phone.client.post("/api/sync/push", &push).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn every_kind_of_entity_comes_under_its_name_in_the_log_and_a_newer_releases_is_passed_over() {
    let (app, phone, till) = with_till().await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    let (member, terminal) = (phone.pull("").await, till.pull("").await);
    let named = |entity: Entity| {
        !ids(&member, entity.as_str()).is_empty() || !ids(&terminal, entity.as_str()).is_empty()
    };
    assert_eq!(Entity::ALL.map(named), [true; 5], "{member} {terminal}");
    let start = phone.caught_up().await;
    for (entity, deleted) in [("coupon", false), ("coupon", true), ("balance", false)] {
        sqlx::query("insert into change (audience, entity, entity_id, deleted, changed_at) values ($1, $2, 'me', $3, $4)")
            .bind(format!("member:{}", phone.member))
            .bind(entity)
            .bind(deleted)
            .bind(app.app.clock.now())
            .execute(&app.app.db)
            .await
            .unwrap();
    }
    let pulled = phone.pull(&start).await;
    assert_eq!((&pulled["upserts"][0]["entity"], &pulled["upserts"][1]), (&json!("balance"), &Value::Null));
    assert_eq!(pulled["tombstones"], json!([]));
    assert_eq!(phone.pull(&cursor(&pulled)).await["upserts"], json!([]), "the cursor is behind it");
}

#[tokio::test]
async fn an_open_page_is_woken_by_a_purchase() {
    let (app, phone, till) = with_till().await;
    let mut events = phone.client.request(&Method::GET, "/api/member/events").send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    let mut heard = String::new();
    let listening = async {
        while !heard.contains("event: changed\n") {
            let chunk = events.chunk().await.unwrap().expect("the stream goes on");
            heard.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(10), listening).await.expect("the page was not woken");
}

#[tokio::test]
async fn a_push_of_which_nothing_is_decided_is_one_line_of_the_log() {
    let mut app = TestApp::start_with_real_clock().await;
    let phone = Phone::activate(&app, app.member(NAME).await).await;
    let till = Till::pair(&app).await;
    app.stop_serving().await;
    let (server, mut log) = Server::start_heard(&app).await;
    // By till and phone it is an hour later.
    let ahead = app.now() + 3_600;
    let purchases: Vec<_> = (0..3).map(|_| till.purchase(&phone.token(ahead), 1_500_00, ahead)).collect();
    let body = Till::push_body(&purchases, ahead);
    let pushed = till.client.at(&server.base).post("/api/sync/push", &body).await.json(200);
    for answer in pushed["answers"].as_array().unwrap() {
        assert_eq!(answer["status"], "retry", "{answer}");
    }
    server.kill().await;
    let mut said = String::new();
    log.read_to_string(&mut said).await.unwrap();
    let told: Vec<_> = said.lines().filter(|line| line.contains("not decided")).collect();
    assert!(told.len() == 1 && told[0].contains("count=3") && told[0].contains("proof-future"), "{said}");
}
