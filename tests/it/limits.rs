//! Limits stop who guesses, and nobody else.

use axum::http::Method;
use profcards::access::limits;
use profcards::base::forwarded::ProxyHeader;
use profcards::server::embedded::PrivateRedis;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::support::phone::{check_body, ed25519, enrolment};
use super::support::scratch::Folder;
use super::support::world::PASSWORD;
use super::support::{Client, Phone, Reply, TestApp, Till, next_id, until, with_till};

const SESSION: &str = "/api/staff/session";
const CHECK: &str = "/api/activation/check";
const LOSS: &str = "/api/lost-phone";
const ENROL: &str = "/api/activation/enrol";
const PAIRING: &str = "/api/till/pairing";

fn sign_in(login: &str, password: &str) -> Value {
    json!({ "login": login, "password": password })
}

/// A wrong password that costs no hashing.
fn guess(login: &str) -> Value {
    sign_in(login, &"x".repeat(300))
}

/// A request with these forwarding headers.
async fn from(client: &Client, headers: &[(&str, &str)], path: &str, body: &Value) -> Reply {
    let request = client.request(&Method::POST, path).json(body);
    Reply::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn a_client_is_limited_by_the_address_that_our_proxies_saw() {
    let app = TestApp::start_behind_proxies(2, ProxyHeader::XForwardedFor).await;
    let client = app.anonymous();
    // What stands before is the client's own invention, a new one each time, now and then with a quote that would hide what
    // the proxies add; a port is no part of an address.
    for n in 0..10 {
        let hiding = if n % 2 == 0 { "1.2.3.4, \", " } else { "" };
        let (invented, seen) =
            (format!("198.51.100.{n}"), format!("{hiding}203.0.113.9:{}, 10.0.0.2", 50_000 + n));
        let headers = [("x-forwarded-for", &*invented), ("x-forwarded-for", &*seen)];
        from(&client, &headers, SESSION, &guess("school")).await.refused(401, "credentials-wrong");
    }
    let right = sign_in("school", PASSWORD);
    let same =
        [("x-forwarded-for", "8.8.8.8"), ("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "10.0.0.2")];
    from(&client, &same, SESSION, &right).await.refused(429, "too-many-attempts");
    let other = [("x-forwarded-for", "203.0.113.10,10.0.0.2"), ("forwarded", "for=203.0.113.9")];
    from(&client, &other, SESSION, &right).await.json(200);
}

#[tokio::test]
async fn the_standard_header_is_believed_where_the_proxies_write_it() {
    let app = TestApp::start_behind_proxies(1, ProxyHeader::Forwarded).await;
    let client = app.anonymous();
    for n in 0..10 {
        let hiding = if n % 2 == 0 { format!("for=9.9.9.{n};x=\"") } else { "for=unknown".into() };
        let (value, invented) =
            (format!("{hiding}, for=\"[2001:db8::{n}]:47{n}\";proto=https"), format!("9.9.9.{n}"));
        let headers = [("forwarded", &*value), ("x-forwarded-for", &*invented)];
        from(&client, &headers, SESSION, &guess("school")).await.refused(401, "credentials-wrong");
    }
    let right = sign_in("school", PASSWORD);
    let same = [("forwarded", "for=\"[2001:db8::ffff]\"")];
    from(&client, &same, SESSION, &right).await.refused(429, "too-many-attempts");
    from(&client, &[("forwarded", "for=203.0.113.9")], SESSION, &right).await.json(200);
}

#[tokio::test]
async fn invented_logins_make_no_counter_beyond_the_limit_of_their_address() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    app.use_up(limits::LOGIN_PER_ADDRESS, "127.0.0.1").await;
    let before = app.counters().await;
    for n in 0..20 {
        client.post(SESSION, &guess(&format!("nobody{n}"))).await.refused(429, "too-many-attempts");
    }
    assert_eq!(app.counters().await, before, "an attempt that is refused leaves no trace");
    app.advance(900);
    client.post(SESSION, &sign_in("school", PASSWORD)).await.json(200);
    // What is over goes with the next round.
    app.advance(900);
    app.housekeeping().await;
    assert_eq!(app.counters().await, 0);
}

#[tokio::test]
async fn instances_whose_clocks_differ_by_seconds_count_together() {
    let app = TestApp::start_behind_proxies(1, ProxyHeader::XForwardedFor).await;
    let (ahead, behind) = (app.anonymous(), app.beside(-5).await);
    let headers = [("x-forwarded-for", "203.0.113.9")];
    for n in 0..10 {
        let client = if n % 2 == 0 { &ahead } else { &behind.client };
        from(client, &headers, SESSION, &guess("school")).await.refused(401, "credentials-wrong");
    }
    from(&ahead, &headers, SESSION, &guess("school")).await.refused(429, "too-many-attempts");
    from(&behind.client, &headers, SESSION, &guess("school")).await.refused(429, "too-many-attempts");
}

#[tokio::test]
async fn counters_outlive_redis() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    for _ in 0..10 {
        client.post(SESSION, &guess("school")).await.refused(401, "credentials-wrong");
    }
    app.forget_redis().await;
    client.post(SESSION, &sign_in("school", PASSWORD)).await.refused(429, "too-many-attempts");
}

#[tokio::test]
async fn strangers_do_not_lock_a_chair_out_of_the_own_browser() {
    let app = TestApp::start().await;
    let (own, right) = (app.anonymous(), sign_in("school", PASSWORD));
    own.post(SESSION, &right).await.json(200);
    assert_eq!(own.delete(SESSION).await.status, 204);
    for (limit, who) in [
        (limits::LOGIN_PER_ACCOUNT, "school"),
        (limits::LOGIN_PER_ADDRESS, "127.0.0.1"),
        (limits::LOGIN_ALTOGETHER, ""),
    ] {
        app.use_up(limit, who).await;
    }
    app.anonymous().post(SESSION, &right).await.refused(429, "too-many-attempts");
    // The chair may mistype, and is limited by that alone.
    own.post(SESSION, &guess("school")).await.refused(401, "credentials-wrong");
    own.post(SESSION, &right).await.json(200);
    for _ in 1..limits::LOGIN_PER_KNOWN_BROWSER.attempts {
        own.post(SESSION, &guess("school")).await.refused(401, "credentials-wrong");
    }
    own.post(SESSION, &right).await.refused(429, "too-many-attempts");
    // The mark is one login's: it opens no other's bucket.
    let other = own.post(SESSION, &sign_in("region", PASSWORD)).await;
    other.refused(429, "too-many-attempts");
}

#[tokio::test]
async fn chairs_who_share_a_computer_are_both_known_there() {
    let app = TestApp::start().await;
    let shared = app.anonymous();
    for login in ["school", "region", "school"] {
        shared.post(SESSION, &sign_in(login, PASSWORD)).await.json(200);
    }
    for login in ["school", "region"] {
        app.use_up(limits::LOGIN_PER_ACCOUNT, login).await;
        app.anonymous().post(SESSION, &sign_in(login, PASSWORD)).await.refused(429, "too-many-attempts");
    }
    // One mistypes until it must wait; the other does not wait for that.
    for _ in 0..limits::LOGIN_PER_KNOWN_BROWSER.attempts {
        shared.post(SESSION, &guess("region")).await.refused(401, "credentials-wrong");
    }
    shared.post(SESSION, &sign_in("region", PASSWORD)).await.refused(429, "too-many-attempts");
    shared.post(SESSION, &sign_in("school", PASSWORD)).await.json(200);
    // A mark of another browser, or one that was made up, is none.
    let invented = format!("pc_known={}.{}", "A".repeat(22), "B".repeat(43));
    let stranger = Client::with_cookie(&app.base, &invented);
    stranger.post(SESSION, &sign_in("school", PASSWORD)).await.refused(429, "too-many-attempts");
}

#[tokio::test]
async fn a_login_that_many_guess_at_is_slow_before_it_is_refused() {
    let app = TestApp::start().await;
    app.use_up(
        limits::Limit { attempts: limits::LOGIN_PER_ACCOUNT.slow_after, ..limits::LOGIN_PER_ACCOUNT },
        "school",
    )
    .await;
    let began = std::time::Instant::now();
    app.anonymous().post(SESSION, &sign_in("school", PASSWORD)).await.json(200);
    assert!(began.elapsed() >= limits::SLOW_DOWN);
}

#[tokio::test]
async fn the_doors_do_not_share_their_failures() {
    let app = TestApp::start().await;
    let member = app.member("Иванова Мария Петровна").await;
    let sheet = app.sheet(&app.chair().await, member).await;
    let (client, right) = (app.anonymous(), check_body(sheet["code"].as_str().unwrap()));
    let challenge = client.post(CHECK, &right).await.json(200)["challenge"].as_str().unwrap().to_owned();
    app.use_up(limits::ACTIVATION.per_address, "127.0.0.1").await;
    client.post(CHECK, &right).await.refused(429, "too-many-attempts");
    client.post(ENROL, &enrolment(&ed25519(), &challenge)).await.json(201);
    assert_eq!(client.post(LOSS, &right).await.status, 204);
    let pairing = json!({ "code": app.pairing_code().await, "clientId": next_id() });
    client.post(PAIRING, &pairing).await.json(201);
}

/// Posts all of them at once; how many were answered with this status.
async fn answered(client: &Client, path: &'static str, bodies: Vec<Value>, status: u16) -> usize {
    let sent = bodies.into_iter().map(|body| {
        let client = client.clone();
        async move { client.post(path, &body).await.status }
    });
    let statuses = sent.collect::<JoinSet<_>>().join_all().await;
    statuses.into_iter().filter(|one| *one == status).count()
}

#[tokio::test]
async fn a_carriers_customers_share_an_address_and_do_not_close_the_doors_to_each_other() {
    let app = TestApp::start().await;
    let member = app.member("Иванова Мария Петровна").await;
    let sheet = app.sheet(&app.chair().await, member).await;
    let (client, right) = (app.anonymous(), check_body(sheet["code"].as_str().unwrap()));
    let wrong = |n: usize| check_body(&format!("00000-000{n:02}"));
    // Beyond ten they are slow, and beyond a hundred refused.
    assert_eq!(answered(&client, CHECK, (0..30).map(wrong).collect(), 403).await, 30);
    let began = std::time::Instant::now();
    let challenge = client.post(CHECK, &right).await.json(200)["challenge"].as_str().unwrap().to_owned();
    assert!(began.elapsed() >= limits::SLOW_DOWN);
    assert_eq!(answered(&client, CHECK, (0..90).map(wrong).collect(), 403).await, 70);
    client.post(CHECK, &right).await.refused(429, "too-many-attempts");
    // The other doors are as patient.
    let pairing = |code: String| json!({ "code": code, "clientId": next_id() });
    let strange = |n: usize| pairing(format!("00000-000{n:02}"));
    assert_eq!(answered(&client, PAIRING, (0..12).map(strange).collect(), 403).await, 12);
    assert_eq!(answered(&client, LOSS, (0..12).map(wrong).collect(), 403).await, 12);
    let stranger = |_| enrolment(&ed25519(), &"A".repeat(43));
    assert_eq!(answered(&client, ENROL, (0..12).map(stranger).collect(), 429).await, 0);
    client.post(PAIRING, &pairing(app.pairing_code().await)).await.json(201);
    client.post(ENROL, &enrolment(&ed25519(), &challenge)).await.json(201);
    assert_eq!(client.post(LOSS, &right).await.status, 204);
}

#[tokio::test]
async fn what_is_tried_from_everywhere_stops_at_each_door() {
    let app = TestApp::start().await;
    let member = app.member("Иванова Мария Петровна").await;
    let sheet = app.sheet(&app.chair().await, member).await;
    let (client, right) = (app.anonymous(), check_body(sheet["code"].as_str().unwrap()));
    let challenge = client.post(CHECK, &right).await.json(200)["challenge"].as_str().unwrap().to_owned();
    let enrol = enrolment(&ed25519(), &challenge);
    let pair = json!({ "code": app.pairing_code().await, "clientId": next_id() });
    for (door, path, body) in [
        (limits::ACTIVATION, CHECK, &right),
        (limits::ENROL, ENROL, &enrol),
        (limits::LOSS, LOSS, &right),
        (limits::PAIRING, PAIRING, &pair),
    ] {
        app.use_up(door.altogether, "").await;
        client.post(path, body).await.refused(429, "too-many-attempts");
    }
}

#[tokio::test]
async fn a_cookie_that_was_made_up_costs_those_who_are_signed_in_nothing() {
    let (app, phone, till) = with_till().await;
    // Looked for among strangers' attempts, where somebody now holds every connection; or not at all.
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(app.app.db_doors.acquire().await.unwrap());
    }
    let asked = async |token: &str| {
        let client = Client::with_cookie(&app.base, &format!("pc_till={token}"));
        client.get("/api/till").await.status
    };
    assert_eq!(asked(&"A".repeat(64)).await, 401);
    assert_eq!(asked("made up").await, 401);
    assert_eq!(asked(&"A".repeat(43)).await, 503);
    till.client.get("/api/till").await.json(200);
    phone.profile().await;
    drop(held);
    assert_eq!(asked(&"A".repeat(43)).await, 401);
    // A session of the release before, whose token has no mark, goes on.
    let token = format!("{}E", "B".repeat(42));
    sqlx::query(
        "insert into session (token_hash, face, terminal_id, created_at, expires_at)
         values (sha256($1::text::bytea), 'till', $2, $3, $3 + interval '400 days')",
    )
    .bind(&token)
    .bind(till.terminal)
    .bind(app.app.clock.now())
    .execute(&app.app.db)
    .await
    .unwrap();
    assert_eq!(asked(&token).await, 200);
}

#[tokio::test]
async fn an_attempt_that_nobody_judged_is_given_back() {
    let app = TestApp::start().await;
    let (client, right) = (app.anonymous(), sign_in("school", PASSWORD));
    // The database fails after the attempt was counted and before the password was looked at.
    sqlx::query("alter table account rename to account_away").execute(&app.app.db).await.unwrap();
    for _ in 0..12 {
        let status = client.post(SESSION, &right).await.status;
        assert!(status >= 500, "{status}");
    }
    sqlx::query("alter table account_away rename to account").execute(&app.app.db).await.unwrap();
    client.post(SESSION, &right).await.json(200);
    // A client that hangs up before it is answered.
    let stranger = app.anonymous();
    let sum = async || -> i64 {
        sqlx::query_scalar("select coalesce(sum(count), 0) from limit_counter")
            .fetch_one(&app.app.db)
            .await
            .unwrap()
    };
    until("earlier attempts are given back", async || sum().await == 0).await;
    let mut lock = app.app.db.begin().await.unwrap();
    sqlx::query("lock table account in access exclusive mode").execute(&mut *lock).await.unwrap();
    let hung_up = tokio::spawn(async move { stranger.try_post(SESSION, &right).await });
    until("the attempt is counted", async || sum().await > 0).await;
    hung_up.abort();
    lock.rollback().await.unwrap();
    until("and given back", async || sum().await == 0).await;
}

#[tokio::test]
async fn a_wrong_password_counts_though_its_sender_hangs_up_while_it_is_hashed() {
    let app = TestApp::start().await;
    let counted = async || -> i64 {
        let sum = sqlx::query_scalar("select coalesce(sum(count), 0) from limit_counter");
        sum.fetch_one(&app.app.db).await.unwrap()
    };
    let mut lock = app.app.db.begin().await.unwrap();
    sqlx::query("lock table account in access exclusive mode").execute(&mut *lock).await.unwrap();
    let stranger = app.anonymous();
    let guess = tokio::spawn(async move { stranger.try_post(SESSION, &sign_in("school", "не тот")).await });
    until("the attempt is counted", async || counted().await == 5).await;
    guess.abort();
    let _ = guess.await;
    lock.rollback().await.unwrap();
    // Judged to its end, as a right one is given back.
    let right = app.anonymous().post(SESSION, &sign_in("school", PASSWORD)).await;
    right.json(200);
    assert_eq!(counted().await, 5);
}

#[tokio::test]
async fn without_redis_a_flood_of_strangers_refuses_nobody_who_is_signed_in() {
    let folder = Folder::make();
    let redis = PrivateRedis::start(folder.path()).unwrap();
    let app = TestApp::start_with_redis(&redis.url).await;
    let phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let till = Till::pair(&app).await;
    drop(redis);
    // A window that a clock ahead has begun ends as soon as any other.
    app.advance(86_400);
    app.app.cache.count("early", 60).await;
    app.advance(-86_400);
    let (count, ends_in_seconds) = app.app.cache.count("early", 60).await;
    assert!(count == 2 && ends_in_seconds <= 60, "{ends_in_seconds}");
    for n in 0..25_000 {
        app.app.cache.count(&format!("flood:{n}"), 900).await;
    }
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    app.anonymous().post(SESSION, &sign_in("school", PASSWORD)).await.json(200);
    let sheet = app.sheet(&app.chair().await, phone.member).await;
    assert_eq!(app.anonymous().post(LOSS, &check_body(sheet["code"].as_str().unwrap())).await.status, 204);
}

#[tokio::test]
async fn who_is_signed_in_may_ask_fast_but_not_without_end() {
    let (app, phone, till) = with_till().await;
    let (chair, device) = (app.chair().await, phone.device_id(&app).await);
    let pull = |face| format!("/api/sync/pull?face={face}&schema=1");
    for (client, principal, path) in [
        (&chair, format!("staff:{}", app.world.chair), SESSION.to_owned()),
        (&phone.client, format!("phone:{device}"), pull("member")),
        (&till.client, format!("till:{}", till.terminal), pull("till")),
    ] {
        client.get(&path).await.json(200);
        while limits::check_rate(&app.app, limits::REQUESTS_PER_PRINCIPAL, &principal).await.is_ok() {}
        client.get(&path).await.refused(429, "too-many-attempts");
    }
    // Another one's asking is counted apart.
    app.staff(app.world.regional).await.get(SESSION).await.json(200);
}

#[tokio::test]
async fn what_a_principal_may_have_kept_is_limited() {
    let (app, phone, till) = with_till().await;
    let principal = format!("till:{}", till.terminal);
    let rows = async || -> i64 {
        sqlx::query_scalar("select count(*) from idempotency").fetch_one(&app.app.db).await.unwrap()
    };
    // Refusals: beyond the day's number nothing is decided and nothing is kept; purchases still are.
    till.refused(&till.purchase("PC1:nothing", 100_00, app.now()), "not-a-card").await;
    app.use_up(limits::REFUSALS_PER_TILL, &principal).await;
    let before = rows().await;
    let refused = till.purchase("PC1:nothing at all", 100_00, app.now());
    assert_eq!(till.send(&refused).await["status"], "retry");
    assert_eq!(rows().await, before);
    till.applied(&till.purchase(&phone.token(app.now()), 100_00, app.now())).await;
    // Keys altogether, of a till and of staff.
    app.use_up(limits::KEYS_PER_PRINCIPAL, &principal).await;
    let purchase = till.purchase(&phone.token(app.now()), 100_00, app.now());
    assert_eq!(till.send(&purchase).await["status"], "retry");
    app.use_up(limits::KEYS_PER_PRINCIPAL, &format!("staff:{}", app.world.chair)).await;
    let path = format!("/api/staff/members/{}/activation", phone.member);
    app.chair().await.post_with_key(&path, next_id(), &json!({})).await.refused(429, "too-many-attempts");
    app.advance(86_400);
    till.refused(&refused, "not-a-card").await;
    till.applied(&till.purchase(&phone.token(app.now()), 100_00, app.now())).await;
    app.audit().await;
}
