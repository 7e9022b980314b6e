//! A partner's own server asks whether a card is good, by its API key.

use axum::http::Method;
use profcards::programme::partners::store::insert_partner;
use profcards::programme::vendors::{ApiKey, store};
use profcards::server::embedded::PrivateRedis;
use profcards_card::{ProofClaims, to_text};
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::process::run;
use super::support::scratch::Folder;
use super::support::{DAY_SECONDS, Phone, Reply, TestApp, Till, next_id, with_phone};

const VERIFY: &str = "/api/v1/verify";
const CHALLENGE: &str = "/api/v1/challenge";

/// A partner's server.
struct Vendor {
    key: String,
    key_id: Uuid,
}

impl Vendor {
    async fn of(app: &TestApp) -> Self {
        Self::of_partner(app, app.world.partner).await
    }

    async fn of_partner(app: &TestApp, partner: Uuid) -> Self {
        let (key, key_id) = (ApiKey::new(&app.app), next_id());
        let mut conn = app.app.db.acquire().await.unwrap();
        let (hash, now) = (key.stored_hash(&app.app.secret), app.app.clock.now());
        let made = store::insert_key(&mut conn, key_id.into(), partner.into(), "Касса", &hash, now).await;
        assert!(made.unwrap());
        Self { key: key.to_string(), key_id }
    }

    async fn ask(&self, app: &TestApp, body: &Value) -> Reply {
        ask_as(app, &format!("Bearer {}", self.key), body).await
    }

    async fn verdict(&self, app: &TestApp, body: &Value) -> Value {
        self.ask(app, body).await.json(200)
    }

    /// Asks for the digits of an operation.
    async fn ask_digits(&self, app: &TestApp, operation: &str) -> Reply {
        let request = app.anonymous().request(&Method::POST, CHALLENGE).bearer_auth(&self.key);
        Reply::of(request.json(&json!({ "operation": operation }))).await
    }

    async fn digits(&self, app: &TestApp, operation: &str) -> String {
        self.ask_digits(app, operation).await.json(200)["digits"].as_str().unwrap().to_owned()
    }

    /// The whole verdict on a card that is refused with this code.
    async fn refuses(&self, app: &TestApp, body: &Value, code: &str) {
        let verdict = self.verdict(app, body).await;
        assert_eq!(verdict, refusal(app, code), "{body}");
    }
}

async fn ask_as(app: &TestApp, authorization: &str, body: &Value) -> Reply {
    let request = app.anonymous().request(&Method::POST, VERIFY).header("authorization", authorization);
    Reply::of(request.json(body)).await
}

/// Of a refused card nothing is told but why.
fn refusal(app: &TestApp, code: &str) -> Value {
    json!({
        "accepted": false, "code": code, "warning": null, "allowed": [], "maxRedemptionKopecks": null, "redeemsFrom": null,
        "class": null, "shown": null, "proofIdentity": null, "checkedAt": app.now(),
    })
}

async fn member_and_vendor() -> (TestApp, Phone, Vendor) {
    let (app, phone) = with_phone().await;
    let vendor = Vendor::of(&app).await;
    (app, phone, vendor)
}

#[tokio::test]
async fn a_good_card_is_accepted_once_for_each_showing() {
    let (app, phone, vendor) = member_and_vendor().await;
    let question = json!({ "token": phone.token(app.now()) });
    let verdict = vendor.verdict(&app, &question).await;
    let identity = verdict["proofIdentity"].as_str().unwrap();
    assert!(identity.len() == 64 && identity.bytes().all(|byte| b"0123456789abcdef".contains(&byte)));
    assert_eq!(
        verdict,
        json!({
            "accepted": true, "code": "accepted", "warning": null,
            "allowed": ["discount", "accrual", "redemption"], "maxRedemptionKopecks": null, "redeemsFrom": null, "class": "phone",
            "shown": { "name": "Иванова М. П.", "region": 42, "category": 1 },
            "proofIdentity": identity, "checkedAt": app.now(),
        })
    );
    vendor.refuses(&app, &question, "replayed").await;
    // Whoever asks: another partner's server is told the same.
    let (other, mut conn) = (next_id(), app.app.db.acquire().await.unwrap());
    insert_partner(&mut conn, other.into(), "Цветы", app.app.clock.now()).await.unwrap();
    drop(conn);
    Vendor::of_partner(&app, other).await.refuses(&app, &question, "replayed").await;
    vendor.verdict(&app, &json!({ "token": phone.token(app.now()), "wants": "accrual" })).await;
    // A proof that was booked at a till is used up here too.
    let (till, token) = (Till::pair(&app).await, phone.token(app.now()));
    till.applied(&till.purchase(&token, 1_500_00, app.now())).await;
    vendor.refuses(&app, &json!({ "token": token }), "replayed").await;
    // A paper card has no proof to remember.
    let paper = app.paper_token(phone.member).await;
    for _ in 0..2 {
        let verdict = vendor.verdict(&app, &json!({ "token": paper, "wants": "redemption" })).await;
        assert_eq!((&verdict["class"], &verdict["proofIdentity"]), (&json!("paper"), &Value::Null));
        assert_eq!(verdict["allowed"], json!(["discount", "accrual"]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_questions_about_one_showing_one_is_answered_yes() {
    let (app, phone, vendor) = member_and_vendor().await;
    let (app, vendor) = (std::sync::Arc::new(app), std::sync::Arc::new(vendor));
    let question = json!({ "token": phone.token(app.now()) });
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (app, vendor, question) = (app.clone(), vendor.clone(), question.clone());
            tokio::spawn(async move { vendor.verdict(&app, &question).await["accepted"] == true })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += usize::from(task.await.unwrap());
    }
    assert_eq!(accepted, 1);
}

/// The same, the member having 500 roubles to spend.
async fn payer_and_vendor() -> (TestApp, Phone, Vendor) {
    let (app, phone, vendor) = member_and_vendor().await;
    earn(&app, &phone).await;
    (app, phone, vendor)
}

/// Lets a member have 500 roubles to spend.
async fn earn(app: &TestApp, phone: &Phone) {
    let till = Till::pair(app).await;
    till.applied(&till.purchase(&phone.token(app.now()), 50_000_00, app.now())).await;
    app.advance(15 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (500_00, 0));
}

/// A question about a redemption of 500 roubles.
fn redemption(token: &str, challenge: Option<&str>, operation: Option<&str>) -> Value {
    let (wants, amount) = ("redemption", 500_00);
    json!({ "token": token, "wants": wants, "amountKopecks": amount, "challenge": challenge, "operation": operation })
}

#[tokio::test]
async fn a_redemption_needs_the_digits_that_were_drawn_for_this_operation() {
    let (app, phone, vendor) = payer_and_vendor().await;
    let (now, other) = (app.now(), Vendor::of(&app).await);
    let asked = vendor.ask_digits(&app, "till 7, receipt 1").await.json(200);
    assert_eq!(asked["validSeconds"], 180);
    let digits = asked["digits"].as_str().unwrap();
    let own = Some("till 7, receipt 1");
    let token = phone.redeeming(now, digits, 500_00);
    // Digits that nobody drew, another operation's, another partner's, and none.
    let next = vendor.digits(&app, "till 8, receipt 1").await;
    let foreign = other.digits(&app, "till 7, receipt 1").await;
    for (digits, operation) in [("47110", own), (&next, own), (&foreign, own)] {
        let made_for_it = phone.redeeming(now, digits, 500_00);
        vendor.refuses(&app, &redemption(&made_for_it, Some(digits), operation), "challenge-wrong").await;
    }
    for (digits, operation) in
        [(None, None), (None, own), (Some(digits), None), (Some(digits), Some("till 8, receipt 1"))]
    {
        vendor.refuses(&app, &redemption(&token, digits, operation), "challenge-wrong").await;
    }
    other.refuses(&app, &redemption(&token, Some(digits), own), "challenge-wrong").await;
    let plain = phone.token_of(&ProofClaims { iat: now, ..Default::default() });
    vendor.refuses(&app, &redemption(&plain, Some(digits), own), "challenge-missing").await;
    let verdict = vendor.verdict(&app, &redemption(&token, Some(digits), own)).await;
    assert_eq!((&verdict["accepted"], &verdict["allowed"][2]), (&json!(true), &json!("redemption")));
    assert_eq!(verdict["maxRedemptionKopecks"], 500_00);
    // Used, they serve no other code, nor the same again.
    let fresh = phone.redeeming(now, digits, 499_00);
    for token in [&token, &fresh] {
        vendor.refuses(&app, &redemption(token, Some(digits), own), "challenge-wrong").await;
    }
}

#[tokio::test]
async fn a_vendors_digits_end_after_three_minutes_and_after_five_wrong_codes() {
    let (app, phone, vendor) = payer_and_vendor().await;
    let own = Some("receipt 1");
    let judged = async |digits: &str| {
        let token = phone.redeeming(app.now(), digits, 500_00);
        vendor.verdict(&app, &redemption(&token, Some(digits), own)).await["code"].clone()
    };
    let digits = vendor.digits(&app, "receipt 1").await;
    app.advance(180);
    assert_eq!(judged(&digits).await, "challenge-wrong");
    let early = vendor.digits(&app, "receipt 1").await;
    let token = phone.redeeming(app.now() - 16, &early, 500_00);
    vendor.refuses(&app, &redemption(&token, Some(&early), own), "proof-stale").await;
    for _ in 0..5 {
        assert_eq!(judged("00000").await, "challenge-wrong");
    }
    assert_eq!(judged(&early).await, "challenge-wrong");
    let digits = vendor.digits(&app, "receipt 1").await;
    assert_eq!(judged(&digits).await, "accepted");
    for operation in ["", &"x".repeat(65)] {
        vendor.ask_digits(&app, operation).await.refused(400, "malformed-request");
    }
}

#[tokio::test]
async fn no_more_may_be_taken_than_the_member_allowed() {
    let (app, phone, vendor) = payer_and_vendor().await;
    let cases = [
        (Some(100_00), Some(100_00), true),
        (Some(100_00), Some(100_01), false),
        (Some(100_00), Some(0), false),
        (Some(100_00), None, true),
        (None, Some(1), false),
        (None, None, false),
    ];
    for (most, amount, allowed) in cases {
        app.advance(1);
        let digits = vendor.digits(&app, "receipt 1").await;
        let challenge = Some(digits.clone());
        let token = phone.token_of(&ProofClaims { iat: app.now(), challenge, max_redemption_kopecks: most });
        let question = json!({ "token": token, "wants": "redemption", "challenge": digits, "operation": "receipt 1", "amountKopecks": amount });
        let verdict = vendor.verdict(&app, &question).await;
        let mut expected = vec!["discount", "accrual"];
        expected.extend(allowed.then_some("redemption"));
        assert_eq!((&verdict["accepted"], &verdict["allowed"]), (&json!(true), &json!(expected)));
        assert_eq!(verdict["maxRedemptionKopecks"], json!(most));
    }
}

#[tokio::test]
async fn a_phone_that_was_enrolled_lately_redeems_at_no_partners_till_either() {
    let app = TestApp::start_with_wait(72).await;
    let member = app.member("Иванова Мария Петровна").await;
    earn(&app, &Phone::activate(&app, member).await).await;
    // The next phone, by another sheet.
    let phone = Phone::activate(&app, member).await;
    let (vendor, from) = (Vendor::of(&app).await, app.now() + 72 * 3_600);
    let ask = async || {
        let digits = vendor.digits(&app, "receipt 1").await;
        let token = phone.redeeming(app.now(), &digits, 500_00);
        vendor.verdict(&app, &redemption(&token, Some(&digits), Some("receipt 1"))).await
    };
    let verdict = ask().await;
    assert_eq!((&verdict["accepted"], &verdict["redeemsFrom"]), (&json!(true), &json!(from)));
    assert_eq!(verdict["allowed"], json!(["discount", "accrual"]));
    app.advance(72 * 3_600);
    let verdict = ask().await;
    assert_eq!((&verdict["allowed"][2], &verdict["redeemsFrom"]), (&json!("redemption"), &Value::Null));
}

#[tokio::test]
async fn no_more_may_be_taken_than_there_is_and_nothing_from_who_has_left_the_programme() {
    let (app, phone, vendor) = payer_and_vendor().await;
    let judged = async |phone: &Phone, amount: Option<u64>| {
        app.advance(1);
        let digits = vendor.digits(&app, "receipt 1").await;
        let token = phone.redeeming(app.now(), &digits, 900_00);
        let question = json!({ "token": token, "wants": "redemption", "challenge": digits, "operation": "receipt 1", "amountKopecks": amount });
        let verdict = vendor.verdict(&app, &question).await;
        assert_eq!(verdict["accepted"], true);
        (verdict["allowed"].clone(), verdict["maxRedemptionKopecks"].clone())
    };
    let (all, no_redemption) = (json!(["discount", "accrual", "redemption"]), json!(["discount", "accrual"]));
    assert_eq!(judged(&phone, Some(500_01)).await, (no_redemption.clone(), json!(500_00)));
    assert_eq!(judged(&phone, Some(500_00)).await, (all.clone(), json!(500_00)));
    assert_eq!(judged(&phone, None).await, (all, json!(500_00)));
    let poor = Phone::activate(&app, app.member("Петрова Анна Ивановна").await).await;
    for amount in [None, Some(1)] {
        assert_eq!(judged(&poor, amount).await, (no_redemption.clone(), json!(0)));
    }
    phone.consent(false).await;
    assert_eq!(judged(&phone, Some(1_00)).await.0, json!(["discount"]));
    let shown = vendor.verdict(&app, &json!({ "token": phone.token(app.now()) })).await;
    assert_eq!(shown["allowed"], json!(["discount"]));
    // What was told is kept, for as long as it may have to be settled.
    let since = app.app.clock.now() - chrono::TimeDelta::days(1);
    let told = store::redemptions(&app.app.db, since, 10).await.unwrap();
    assert_eq!(told.iter().map(|one| one.most_kopecks).collect::<Vec<_>>(), [500_00, 500_00]);
    assert_eq!((&*told[0].operation, &*told[0].partner_name), ("receipt 1", "Книжная лавка"));
    app.advance(401 * DAY_SECONDS);
    app.housekeeping().await;
    assert!(store::redemptions(&app.app.db, since, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_showing_serves_at_a_partners_server_or_at_a_till_and_not_at_both() {
    let (app, phone, vendor) = member_and_vendor().await;
    let (till, now) = (Till::pair(&app).await, app.now());
    let token = phone.token(now);
    vendor.verdict(&app, &json!({ "token": token })).await;
    // Handed in by a till that was away meanwhile.
    let purchase = till.purchase(&token, 1_500_00, now);
    app.advance(2 * DAY_SECONDS);
    app.housekeeping().await;
    let pushed = till.push(&[purchase], app.now()).await;
    assert_eq!(pushed["answers"][0]["code"], "replayed");
    for _ in 0..8 {
        let token = phone.token(app.now());
        let (question, purchase) = (json!({ "token": token }), till.purchase(&token, 1_500_00, app.now()));
        let (verdict, answer) = tokio::join!(vendor.verdict(&app, &question), till.send(&purchase));
        let served = [verdict["accepted"] == true, answer["status"] == "applied"];
        assert_eq!(served.iter().filter(|served| **served).count(), 1, "{verdict} {answer}");
        let refused = if served[0] { &answer["code"] } else { &verdict["code"] };
        assert_eq!(refused, "replayed");
    }
    app.audit().await;
}

#[tokio::test]
async fn a_card_that_is_not_in_force_here_gets_one_answer() {
    let (app, phone, vendor) = member_and_vendor().await;
    let now = app.now();
    let mut tokens = vec![phone.forged(&app, now)];
    let revoked = Phone::activate(&app, app.member("Петрова Анна Ивановна").await).await;
    app.revoke(revoked.member).await;
    tokens.push(revoked.token(now));
    for (name, status) in [("Сидорова Ольга Ивановна", "suspended"), ("Кузнецова Нина Павловна", "left")]
    {
        let ended = Phone::activate(&app, app.member(name).await).await;
        let update = sqlx::query("update membership set status = $2 where id = $1");
        update.bind(ended.member).bind(status).execute(&app.app.db).await.unwrap();
        tokens.push(ended.token(now));
    }
    let suspended = Phone::activate(&app, app.member("Орлова Вера Ильинична").await).await;
    let mark = sqlx::query("update card set status = 2, status_at = $2 where membership_id = $1");
    mark.bind(suspended.member).bind(app.app.clock.now()).execute(&app.app.db).await.unwrap();
    tokens.push(suspended.token(now));
    for token in tokens {
        vendor.refuses(&app, &json!({ "token": token }), "revoked").await;
    }
    // What anyone can see for himself is told as it is.
    vendor.refuses(&app, &json!({ "token": "HELLO" }), "not-a-card").await;
    vendor.refuses(&app, &json!({ "token": phone.token(now - 61) }), "proof-stale").await;
    vendor.refuses(&app, &json!({ "token": to_text(&phone.card) }), "proof-missing").await;
}

#[tokio::test]
async fn a_key_that_is_not_good_is_refused_whatever_is_wrong_with_it() {
    let (app, phone, vendor) = member_and_vendor().await;
    let question = json!({ "token": phone.token(app.now()) });
    let revoked = Vendor::of(&app).await;
    let mut conn = app.app.db.acquire().await.unwrap();
    assert!(store::revoke_key(&mut conn, revoked.key_id.into(), app.app.clock.now()).await.unwrap());
    assert!(!store::revoke_key(&mut conn, revoked.key_id.into(), app.app.clock.now()).await.unwrap());
    drop(conn);
    let mut answers = vec![revoked.ask(&app, &question).await];
    for authorization in ["Bearer pcv_0000", "Bearer", "Bearer ", "Basic cGN2OnBjdg=="] {
        answers.push(ask_as(&app, authorization, &question).await);
    }
    answers.push(ask_as(&app, &vendor.key, &question).await);
    answers.push(app.anonymous().post(VERIFY, &question).await);
    // The key is asked for before the question is even read.
    answers.push(ask_as(&app, "Bearer pcv_0000", &json!([])).await);
    for answer in &answers {
        answer.refused(401, "unauthenticated");
        assert_eq!(answer.body, answers[0].body);
    }
    // None of them has used the showing up.
    assert_eq!(vendor.verdict(&app, &question).await["accepted"], true);
    let kept: Vec<u8> = sqlx::query_scalar("select key_hash from partner_key where id = $1")
        .bind(vendor.key_id)
        .fetch_one(&app.app.db)
        .await
        .unwrap();
    assert_eq!(kept.len(), 32, "only a hash is kept");
}

#[tokio::test]
async fn a_key_is_made_listed_and_revoked_by_whoever_runs_the_instance() {
    let (app, phone, _) = member_and_vendor().await;
    let partner = app.world.partner.to_string();
    let create = async |partner: &str, name: &str| {
        run(&app, &["partner-key", "create", "--partner", partner, "--name", name]).await
    };
    create(&next_id().to_string(), "Сайт").await.unwrap_err();
    create(&partner, "  ").await.unwrap_err();
    let key = create(&partner, "Сайт").await.unwrap();
    let key = key.trim_end();
    assert!(key.starts_with("pcv_") && key.len() == 47, "{key}");
    let asked = async || {
        let question = json!({ "token": phone.token(app.now()) });
        ask_as(&app, &format!("Bearer {key}"), &question).await
    };
    assert_eq!(asked().await.json(200)["accepted"], true);
    let listed = run(&app, &["partner-key", "list"]).await.unwrap();
    assert!(listed.contains(&partner) && listed.contains("Книжная лавка"), "{listed}");
    assert!(!listed.contains(key), "a key is printed once");
    let line = listed.lines().find(|line| line.ends_with("in force Сайт")).unwrap();
    let id = line.split_whitespace().next().unwrap();
    run(&app, &["partner-key", "revoke", id]).await.unwrap();
    asked().await.refused(401, "unauthenticated");
    run(&app, &["partner-key", "revoke", id]).await.unwrap_err();
    assert!(run(&app, &["partner-key", "list"]).await.unwrap().contains("revoked 2"));
}

#[tokio::test]
async fn a_question_is_strict_and_short() {
    let (app, phone, vendor) = member_and_vendor().await;
    let token = phone.token(app.now());
    let malformed = [
        json!({}),
        json!([]),
        json!({ "token": 7 }),
        json!({ "token": token, "wants": "everything" }),
        json!({ "token": token, "amountKopecks": -1 }),
        json!({ "token": token, "amountKopecks": 1.5 }),
        json!({ "token": token, "wants": "accrual", "terminal": "7" }),
    ];
    for body in &malformed {
        vendor.ask(&app, body).await.refused(400, "malformed-request");
    }
    let long = json!({ "token": "x".repeat(5_000) });
    vendor.ask(&app, &long).await.refused(413, "too-large");
    assert_eq!(vendor.verdict(&app, &json!({ "token": token })).await["accepted"], true);
}

#[tokio::test]
async fn a_key_has_a_limit_of_its_own() {
    let (app, phone, vendor) = member_and_vendor().await;
    let question = json!({ "token": "HELLO" });
    for _ in 0..600 {
        vendor.ask(&app, &question).await.json(200);
    }
    let limited = vendor.ask(&app, &question).await;
    limited.refused(429, "too-many-attempts");
    assert!((1..=60).contains(&limited.header("retry-after").parse::<u32>().unwrap()));
    let other = Vendor::of(&app).await;
    assert_eq!(other.verdict(&app, &json!({ "token": phone.token(app.now()) })).await["accepted"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_showing_is_remembered_by_every_instance() {
    let folder = Folder::make();
    let redis = PrivateRedis::start(folder.path()).unwrap();
    let app = TestApp::start_with_redis(&redis.url).await;
    let phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let vendor = Vendor::of(&app).await;
    drop(redis);
    let question = json!({ "token": phone.token(app.now()) });
    assert_eq!(vendor.verdict(&app, &question).await["accepted"], true);
    vendor.refuses(&app, &question, "replayed").await;
    let beside = app.beside(0).await;
    let asked_there = beside.client.request(&Method::POST, VERIFY).bearer_auth(&vendor.key).json(&question);
    assert_eq!(Reply::of(asked_there).await.json(200), refusal(&app, "replayed"));
}

#[tokio::test]
async fn a_key_that_a_clock_ahead_has_made_can_be_revoked() {
    let (app, phone) = with_phone().await;
    app.advance(16 * 86_400);
    let vendor = Vendor::of(&app).await;
    app.advance(-16 * 86_400);
    let question = json!({ "token": phone.token(app.now()) });
    vendor.ask(&app, &question).await.json(200);
    let mut conn = app.app.db.acquire().await.unwrap();
    assert!(store::revoke_key(&mut conn, vendor.key_id.into(), app.app.clock.now()).await.unwrap());
    vendor.ask(&app, &question).await.refused(401, "unauthenticated");
}
