//! What breaks does not break the books: Redis away, the server killed at the worst moment, the database's sessions cut.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use profcards::access::limits;
use profcards::base::money::Kopecks;
use profcards::base::sweep::Bound;
use profcards::programme::ledger::confirm::confirm_due;
use profcards::programme::ledger::store::balance;
use profcards::server::embedded::PrivateRedis;
use serde_json::{Value, json};

use super::support::phone::check_body;
use super::support::process::Server;
use super::support::scratch::Folder;
use super::support::{Client, Phone, TestApp, Till, until, with_till};

async fn readiness(client: &Client) -> Value {
    client.get("/readyz").await.json(200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_the_service_goes_on() {
    let folder = Folder::make();
    let redis = PrivateRedis::start(folder.path()).unwrap();
    let app = TestApp::start_with_redis(&redis.url).await;
    let phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let newcomer = app.member("Петрова Анна Сергеевна").await;
    let till = Till::pair(&app).await;
    let client = app.anonymous();
    assert_eq!(readiness(&client).await, json!({ "database": "ok", "redis": "ok" }));
    let (now, token) = (app.now(), phone.token(app.now()));
    let first = till.purchase(&token, 1_500_00, now);
    let result = till.applied(&first).await;
    drop(redis);
    app.advance(86_400);
    assert_eq!(readiness(&client).await["redis"], "down");
    app.advance(-86_400);
    till.applied(&till.purchase(&phone.token(now), 500_00, now)).await;
    assert_eq!(readiness(&client).await, json!({ "database": "ok", "redis": "down" }));
    assert_eq!(
        till.send(&first).await,
        json!({ "id": first["id"], "status": "duplicate", "result": result })
    );
    till.refused(&till.purchase(&token, 1_500_00, now), "replayed").await;
    assert_eq!(phone.balance().await, (0, 60_00));
    let second = Phone::activate(&app, newcomer).await;
    second.profile().await;
    // What could be guessed at is still limited.
    app.use_up(limits::ACTIVATION.per_address, "127.0.0.1").await;
    let limited = client.post("/api/activation/check", &check_body("00000-00000")).await;
    limited.refused(429, "too-many-attempts");
    let redis = PrivateRedis::start(folder.path()).unwrap();
    // That it was away is forgotten after a second, whatever the clock does meanwhile.
    app.advance(-86_400);
    until("Redis is used again", async || readiness(&client).await["redis"] == "ok").await;
    app.advance(86_400);
    assert_eq!(phone.balance().await, (0, 60_00));
    till.applied(&till.purchase(&second.token(now), 200_00, now)).await;
    till.refused(&till.purchase(&token, 1_500_00, now), "replayed").await;
    assert_eq!((phone.balance().await, second.balance().await), ((0, 60_00), (0, 6_00)));
    app.audit().await;
    drop(redis);
}

#[tokio::test]
async fn a_flushed_redis_changes_no_answer() {
    let (app, phone, till) = with_till().await;
    let (now, token) = (app.now(), phone.token(app.now()));
    let purchase = till.purchase(&token, 1_500_00, now);
    till.applied(&purchase).await;
    let asked = async || {
        let mut answers =
            vec![phone.profile().await, phone.pull("").await["upserts"].clone(), till.send(&purchase).await];
        answers.push(json!(till.send(&till.purchase(&token, 7_00, now)).await["code"]));
        answers
    };
    let before = asked().await;
    app.forget_redis().await;
    assert_eq!(asked().await[..3], before[..3]);
    assert_eq!(asked().await[3], "replayed");
    app.audit().await;
}

/// A member and a till by the machine's clock, and the real program in place of the test's own server.
async fn before_the_real_program() -> (TestApp, Phone, Till) {
    let mut app = TestApp::start_with_real_clock().await;
    let phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let till = Till::pair(&app).await;
    app.stop_serving().await;
    (app, phone, till)
}

#[tokio::test]
async fn a_server_that_dies_between_commit_and_reply_has_booked_once() {
    let (app, phone, till) = before_the_real_program().await;
    let purchase = till.purchase(&phone.token(app.now()), 1_500_00, app.now());
    let body = Till::push_body(std::slice::from_ref(&purchase), app.now());
    let dying = Server::start(&app, Some("die-after-commit")).await;
    till.client.at(&dying.base).try_post("/api/sync/push", &body).await.expect_err("the reply is lost");
    dying.died().await;
    assert_eq!(app.audit().await.postings, 1, "it was committed");
    let server = Server::start(&app, None).await;
    let client = till.client.at(&server.base);
    let first = client.post("/api/sync/push", &body).await.json(200);
    assert_eq!(first["answers"][0]["status"], "duplicate");
    assert_eq!(first["answers"][0]["result"]["accrualKopecks"], 45_00);
    let second = client.post("/api/sync/push", &body).await.json(200);
    assert_eq!(second["answers"], first["answers"]);
    let profile = phone.client.at(&server.base).get("/api/member/profile").await.json(200);
    assert_eq!(profile["balance"]["pendingKopecks"], 45_00);
    assert_eq!(app.audit().await.postings, 1);
    server.kill().await;
}

#[tokio::test]
async fn a_redemption_whose_reply_was_lost_has_paid_once() {
    let mut app = TestApp::start_with_real_clock().await;
    let phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let till = Till::pair(&app).await;
    till.applied(&till.purchase(&phone.token(app.now()), 10_000_00, app.now())).await;
    let closed = profcards::base::clock::days_after(app.app.clock.today(), 15);
    assert_eq!(confirm_due(&app.app, closed, Bound::Half).await.unwrap().purchases, 1);
    let op_no = till.next_op_no();
    let digits = till.digits(op_no).await;
    app.stop_serving().await;
    let now = app.now();
    let token = phone.redeeming(now, &digits, 300_00);
    let purchase = till.redemption(&token, op_no, 1_000_00, 250_00, now);
    let body = Till::push_body(std::slice::from_ref(&purchase), now);
    let dying = Server::start(&app, Some("die-after-commit")).await;
    till.client.at(&dying.base).try_post("/api/sync/push", &body).await.expect_err("the reply is lost");
    dying.died().await;
    let server = Server::start(&app, None).await;
    let client = till.client.at(&server.base);
    for _ in 0..2 {
        let answer = client.post("/api/sync/push", &body).await.json(200)["answers"][0].clone();
        assert_eq!(answer["status"], "duplicate");
        assert_eq!(answer["result"]["redeemKopecks"], 250_00);
    }
    // Asked of the books: the dead server could not tell the cache, which forgets after a minute.
    let mut conn = app.app.db.acquire().await.unwrap();
    let booked = balance(&mut conn, phone.member.into()).await.unwrap().shown();
    assert_eq!(booked.available_kopecks, Kopecks(50_00));
    assert_eq!(app.audit().await.postings, 3);
    server.kill().await;
}

/// Mutations that were answered for good, by id.
type Acknowledged = Arc<Mutex<HashMap<String, Value>>>;

/// Hands mutations in one by one, as a till of its own thread; ends with them, or at the first dead connection.
async fn hand_in(client: Client, mutations: Vec<Value>, acknowledged: Acknowledged) {
    for mutation in mutations {
        let body = Till::push_body(std::slice::from_ref(&mutation), mutation["at"].as_u64().unwrap());
        let Ok(reply) = client.try_post("/api/sync/push", &body).await else { return };
        if reply.status == 503 {
            continue;
        }
        let answer = reply.json(200)["answers"][0].clone();
        match answer["status"].as_str() {
            Some("applied" | "duplicate") => {
                acknowledged.lock().unwrap().insert(mutation["id"].to_string(), answer["result"].clone());
            }
            Some("retry") => {}
            _ => panic!("neither booked nor to be retried: {answer}"),
        }
    }
}

/// Sends everything again: what was acknowledged is a duplicate with the result that was acknowledged.
async fn settle(client: &Client, mutations: &[Value], acknowledged: &Acknowledged) {
    let acknowledged = acknowledged.lock().unwrap().clone();
    for batch in mutations.chunks(100) {
        let body = Till::push_body(batch, batch[0]["at"].as_u64().unwrap());
        let pushed = client.post("/api/sync/push", &body).await.json(200);
        for answer in pushed["answers"].as_array().unwrap() {
            match acknowledged.get(&answer["id"].to_string()) {
                Some(result) => {
                    assert_eq!((&answer["status"], &answer["result"]), (&json!("duplicate"), result));
                }
                None => assert!(answer["status"] == "applied" || answer["status"] == "duplicate", "{answer}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_that_it_acknowledged() {
    let (app, phone, till) = before_the_real_program().await;
    let now = app.now();
    let mutations: Vec<_> = (0..240).map(|_| till.purchase(&phone.token(now), 1_500_00, now)).collect();
    let acknowledged = Acknowledged::default();
    let server = Server::start(&app, None).await;
    let workers: Vec<_> = mutations
        .chunks(40)
        .map(|part| {
            let client = till.client.at(&server.base);
            tokio::spawn(hand_in(client, part.to_vec(), acknowledged.clone()))
        })
        .collect();
    until("some are acknowledged", async || acknowledged.lock().unwrap().len() >= 20).await;
    server.kill().await;
    for worker in workers {
        worker.await.unwrap();
    }
    let before = acknowledged.lock().unwrap().len();
    assert!(before < mutations.len(), "the server was killed too late to matter");
    assert!(usize::try_from(app.audit().await.postings).unwrap() >= before);
    let server = Server::start(&app, None).await;
    settle(&till.client.at(&server.base), &mutations, &acknowledged).await;
    let profile = phone.client.at(&server.base).get("/api/member/profile").await.json(200);
    assert_eq!(profile["balance"]["pendingKopecks"], 240 * 45_00);
    assert_eq!(app.audit().await.postings, 240);
    server.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_database_sessions_cost_a_retry_and_nothing_else() {
    let (app, phone, till) = with_till().await;
    let now = app.now();
    let mutations: Vec<_> = (0..120).map(|_| till.purchase(&phone.token(now), 1_500_00, now)).collect();
    let acknowledged = Acknowledged::default();
    let workers: Vec<_> = mutations
        .chunks(30)
        .map(|part| tokio::spawn(hand_in(till.client.clone(), part.to_vec(), acknowledged.clone())))
        .collect();
    let mut cut = 0;
    while workers.iter().any(|worker| !worker.is_finished()) {
        cut += app.database.cut_sessions().await;
    }
    for worker in workers {
        worker.await.unwrap();
    }
    assert!(cut > 10, "only {cut} sessions were cut");
    until("the database is back", async || app.anonymous().get("/readyz").await.status == 200).await;
    settle(&till.client, &mutations, &acknowledged).await;
    assert_eq!(phone.balance().await, (0, 120 * 45_00));
    assert_eq!(app.audit().await.postings, 120);
}
