//! How a phone becomes the holder of a card: code, birth date and key, once; and how it stops being one.

use axum::http::Method;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use profcards::access::limits;
use profcards::cards::enrolment::PROFCARDS_TEXT_VERSION;
use profcards_card::{DeviceKey, Status};
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::lists::Held;
use super::support::phone::{challenge_for, check_body, ed25519, enrolment, p256};
use super::support::{Client, DAY_SECONDS, Phone, Reply, TestApp, next_id, sets_cookie, with_phone};

const CHECK: &str = "/api/activation/check";
const ENROL: &str = "/api/activation/enrol";

/// A member's fresh code.
async fn code_for(app: &TestApp, member: Uuid) -> Value {
    app.sheet(&app.chair().await, member).await["code"].clone()
}

/// An instance, its one member, and a code.
async fn with_code() -> (TestApp, Uuid, Value) {
    let app = TestApp::start().await;
    let member = app.member("Иванова Мария Петровна").await;
    let code = code_for(&app, member).await;
    (app, member, code)
}

fn wrong_codes() -> impl Iterator<Item = Value> {
    (0..).map(|n| check_body(&format!("00000-{n:05}")))
}

#[tokio::test]
async fn a_phone_is_activated_and_shows_a_card_that_anyone_can_verify() {
    for key in [ed25519(), p256()] {
        let (app, member, code) = with_code().await;
        let phone = app.anonymous();
        // As people type: lower case, a space for the hyphen.
        let typed = code.as_str().unwrap().to_lowercase().replace('-', " ");
        let offer = phone.post(CHECK, &check_body(&typed)).await.json(200);
        assert_eq!(offer["firstName"], "Мария");
        assert_eq!(offer["organisationName"], "ППО школы № 12");
        assert_eq!(offer["replacesPhone"], false);
        let reply = phone.post(ENROL, &enrolment(&key, offer["challenge"].as_str().unwrap())).await;
        assert!(sets_cookie(&reply, "pc_member"));
        let cookie = reply.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let profile = reply.json(201);
        assert_eq!(profile["fullName"], "Иванова Мария Петровна");
        assert_eq!(profile["memberId"], json!(member));
        assert_eq!(
            profile["consents"].as_array().unwrap().iter().filter(|c| c["kind"] == "profcards").count(),
            1
        );
        let phone = Phone::enrolled(key, phone, member, &reply);
        assert_eq!(phone.profile().await["card"], profile["card"]);
        let verdict = Held::download(&app).await.verdict(&phone.token(app.now()));
        assert!(verdict.accepted, "{:?}", verdict.code);
        assert_eq!(verdict.shown().unwrap().name(), "Иванова М. П.");
        assert_eq!(verdict.shown().unwrap().region(), 42);
        let chair = app.chair().await;
        let detail = chair.get(&format!("/api/staff/members/{member}")).await.json(200);
        assert_eq!((&detail["card"], &detail["activation"]["used"]), (&json!("phone"), &json!(true)));
    }
}

#[tokio::test]
async fn a_wrong_code_a_wrong_day_and_a_used_code_are_told_apart_by_nobody() {
    let (app, _, code) = with_code().await;
    let phone = app.anonymous();
    let wrong_code = phone.post(CHECK, &check_body("ZZZZZ-ZZZZZ")).await;
    let no_code = phone.post(CHECK, &check_body("привет")).await;
    let wrong_day = phone.post(CHECK, &json!({ "code": code, "birthDate": "1980-05-18" })).await;
    let challenge = challenge_for(&phone, &code).await;
    phone.post(ENROL, &enrolment(&ed25519(), &challenge)).await.json(201);
    let used = phone.post(CHECK, &check_body(code.as_str().unwrap())).await;
    for reply in [&wrong_code, &no_code, &wrong_day, &used] {
        reply.refused(403, "activation-refused");
        assert_eq!(reply.body, wrong_code.body);
    }
}

#[tokio::test]
async fn whoever_has_typed_too_many_wrong_codes_must_wait() {
    let (app, _, code) = with_code().await;
    let phone = app.anonymous();
    for wrong in wrong_codes().take(10) {
        phone.post(CHECK, &wrong).await.refused(403, "activation-refused");
    }
    app.use_up(limits::ACTIVATION.per_address, "127.0.0.1").await;
    let limited = phone.post(CHECK, &check_body(code.as_str().unwrap())).await;
    let problem = limited.refused(429, "too-many-attempts");
    let seconds: u32 = limited.header("retry-after").parse().unwrap();
    assert!((1..=900).contains(&seconds));
    assert_eq!(problem["retryAfterSeconds"], seconds);
}

#[tokio::test]
async fn successes_use_no_limit_up() {
    let (app, _, code) = with_code().await;
    let phone = app.anonymous();
    for _ in 0..15 {
        challenge_for(&phone, &code).await;
    }
}

#[tokio::test]
async fn challenges_of_one_code_are_limited() {
    let (app, _, code) = with_code().await;
    let phone = app.anonymous();
    for _ in 0..limits::CHALLENGES_PER_CODE.attempts {
        challenge_for(&phone, &code).await;
    }
    phone.post(CHECK, &check_body(code.as_str().unwrap())).await.refused(429, "too-many-attempts");
}

/// A check by whoever has this address.
async fn check_from(client: &Client, address: &str, body: &Value) -> Reply {
    Reply::of(client.request(&Method::POST, CHECK).header("x-forwarded-for", address).json(body)).await
}

#[tokio::test]
async fn one_network_does_not_use_up_the_limit_of_all() {
    let app = TestApp::start_behind_proxy().await;
    let code = code_for(&app, app.member("Иванова Мария Петровна").await).await;
    let (client, right) = (app.anonymous(), check_body(code.as_str().unwrap()));
    let per_network = limits::ACTIVATION.per_network.attempts;
    for (n, wrong) in (0..per_network).zip(wrong_codes()) {
        let reply = check_from(&client, &format!("2001:db8:1:{:x}::1", n / 5), &wrong).await;
        reply.refused(403, "activation-refused");
    }
    let same_network = check_from(&client, "2001:db8:1:ffff::1", &right).await;
    same_network.refused(429, "too-many-attempts");
    check_from(&client, "2001:db8:2:ffff::1", &right).await.json(200);
}

#[tokio::test]
async fn a_flood_of_activations_does_not_keep_a_loss_from_being_reported() {
    let (app, _, code) = with_code().await;
    app.use_up(limits::ACTIVATION.altogether, "").await;
    let (client, right) = (app.anonymous(), check_body(code.as_str().unwrap()));
    client.post(CHECK, &right).await.refused(429, "too-many-attempts");
    assert_eq!(client.post("/api/lost-phone", &right).await.status, 204);
}

#[tokio::test]
async fn consents_are_limited() {
    let (app, member, code) = with_code().await;
    let client = app.anonymous();
    let key = ed25519();
    let mut body = enrolment(&key, &challenge_for(&client, &code).await);
    let many = vec![body["consents"][0].clone(); 5];
    let few = std::mem::replace(&mut body["consents"], json!(many));
    let problem = client.post(ENROL, &body).await.refused(422, "invalid-input");
    assert_eq!(problem["fields"], json!({ "consents": "too-many" }));
    body["consents"] = few;
    let reply = client.post(ENROL, &body).await;
    let phone = Phone::enrolled(key, client, member, &reply);
    for n in 0..limits::CONSENTS_PER_MEMBER.attempts {
        phone.consent(n % 2 == 1).await;
    }
    let change = json!({ "kind": "profcards", "given": false, "textVersion": PROFCARDS_TEXT_VERSION });
    phone.client.post("/api/member/consents", &change).await.refused(429, "too-many-attempts");
}

#[tokio::test]
async fn a_code_dies_of_wrong_birth_dates_whatever_the_limits_forget() {
    let (app, _, code) = with_code().await;
    let phone = app.anonymous();
    for day in 1..=10 {
        let wrong = json!({ "code": code, "birthDate": format!("1980-06-{day:02}") });
        phone.post(CHECK, &wrong).await.refused(403, "activation-refused");
    }
    app.advance(3_600);
    phone.post(CHECK, &check_body(code.as_str().unwrap())).await.refused(403, "activation-refused");
}

#[tokio::test]
async fn a_code_ends_with_its_month_and_with_the_next_sheet() {
    let (app, member, first) = with_code().await;
    let phone = app.anonymous();
    let checked = challenge_for(&phone, &first).await;
    let second = code_for(&app, member).await;
    phone.post(ENROL, &enrolment(&ed25519(), &checked)).await.refused(403, "activation-refused");
    phone.post(CHECK, &check_body(first.as_str().unwrap())).await.refused(403, "activation-refused");
    let challenge = challenge_for(&phone, &second).await;
    app.advance(30 * DAY_SECONDS);
    phone.post(CHECK, &check_body(second.as_str().unwrap())).await.refused(403, "activation-refused");
    phone.post(ENROL, &enrolment(&ed25519(), &challenge)).await.refused(403, "activation-refused");
}

#[tokio::test]
async fn the_codes_of_a_closed_account_open_nothing() {
    let (app, _, code) = with_code().await;
    let phone = app.anonymous();
    let drawn = challenge_for(&phone, &code).await;
    sqlx::query("update account set disabled_at = now() where id = $1")
        .bind(app.world.chair)
        .execute(&app.app.db)
        .await
        .unwrap();
    phone.post(CHECK, &check_body(code.as_str().unwrap())).await.refused(403, "activation-refused");
    // Nor does what was drawn by them before.
    phone.post(ENROL, &enrolment(&ed25519(), &drawn)).await.refused(403, "activation-refused");
}

#[tokio::test]
async fn a_loss_ends_the_sheet_too() {
    let (app, member, code) = with_code().await;
    let thief = app.anonymous();
    let checked = challenge_for(&thief, &code).await;
    app.revoke(member).await;
    thief.post(CHECK, &check_body(code.as_str().unwrap())).await.refused(403, "activation-refused");
    thief.post(ENROL, &enrolment(&ed25519(), &checked)).await.refused(403, "activation-refused");
    Phone::activate(&app, member).await.profile().await;
}

#[tokio::test]
async fn a_repeated_print_shows_the_same_code() {
    let app = TestApp::start().await;
    let (member, chair, key) = (app.member("Иванова Мария Петровна").await, app.chair().await, next_id());
    let path = format!("/api/staff/members/{member}/activation");
    let first = chair.post_with_key(&path, key, &json!({})).await.json(200);
    assert_eq!(first, chair.post_with_key(&path, key, &json!({})).await.json(200));
    let verdict = Held::download(&app).await.verdict(first["paperToken"].as_str().unwrap());
    assert!(verdict.accepted && !verdict.allowed.redemption);
    // Another sheet has another code and the same paper card.
    let second = app.sheet(&chair, member).await;
    assert_ne!(second["code"], first["code"]);
    assert_eq!(second["paperToken"], first["paperToken"]);
}

#[tokio::test]
async fn a_lost_reply_is_asked_for_again_and_another_key_is_not_let_in() {
    let (app, _, code) = with_code().await;
    let phone = app.anonymous();
    let (key, challenge) = (ed25519(), challenge_for(&phone, &code).await);
    let body = enrolment(&key, &challenge);
    let first = phone.post(ENROL, &body).await.json(201);
    assert_eq!(phone.post(ENROL, &body).await.json(201)["card"], first["card"]);
    phone.get("/api/member/profile").await.json(200);
    // Whoever got hold of the request, but not of the browser that was given the challenge, is given nothing for it.
    let thief = app.anonymous();
    let replayed = thief.post(ENROL, &body).await;
    replayed.refused(403, "activation-refused");
    assert!(!sets_cookie(&replayed, "pc_member"));
    thief.post(ENROL, &enrolment(&ed25519(), &challenge)).await.refused(403, "activation-refused");
    phone.post(ENROL, &enrolment(&ed25519(), &challenge)).await.refused(403, "activation-refused");
    assert_eq!(phone.get("/api/member/profile").await.json(200)["card"], first["card"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_asks_twice_at_once_is_one_phone() {
    let (app, member, code) = with_code().await;
    let phone = app.anonymous();
    let (key, challenge) = (ed25519(), challenge_for(&phone, &code).await);
    let body = enrolment(&key, &challenge);
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (client, body) = (phone.clone(), body.clone());
            tokio::spawn(async move { client.post(ENROL, &body).await.json(201)["card"].clone() })
        })
        .collect();
    let mut cards = Vec::new();
    for task in tasks {
        cards.push(task.await.unwrap());
    }
    assert!(cards.iter().all(|card| *card == cards[0]));
    let devices: i64 = sqlx::query_scalar("select count(*) from device where membership_id = $1")
        .bind(member)
        .fetch_one(&app.app.db)
        .await
        .unwrap();
    assert_eq!(devices, 1);
}

#[tokio::test]
async fn a_key_that_its_phone_cannot_answer_for_gets_no_card() {
    let (app, _, code) = with_code().await;
    let phone = app.anonymous();
    let challenge = challenge_for(&phone, &code).await;
    let good = enrolment(&ed25519(), &challenge);
    let refused = async |client: &Client, field: &'static str, value: String, code: &str| {
        let mut body = good.clone();
        body[field] = json!(value);
        let problem = client.post(ENROL, &body).await.refused(422, "invalid-input");
        assert_eq!(problem["fields"], json!({ field: code }));
    };
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    // The point of order one: anybody can sign for it.
    let mut identity = [0; 32];
    identity[0] = 1;
    let weak = DeviceKey::Ed25519(identity).to_cose_key();
    refused(&phone, "publicKey", encode(&weak), "key-invalid").await;
    let off_the_curve = DeviceKey::P256 { x: [1; 32], y: [1; 32] }.to_cose_key();
    refused(&phone, "publicKey", encode(&off_the_curve), "key-invalid").await;
    refused(&phone, "publicKey", encode(b"key"), "key-invalid").await;
    refused(&phone, "publicKey", "+/".into(), "encoding-invalid").await;
    refused(&phone, "signature", encode(&[0; 64]), "signature-invalid").await;
    refused(&phone, "signature", encode(&[0; 63]), "signature-invalid").await;
    // A signature of the right key over the bare challenge is not the proof: it could have been got for something else.
    let key = ed25519();
    let mut bare = enrolment(&key, &challenge);
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(&challenge).unwrap();
    bare["signature"] = json!(encode(&key.sign(&bytes)));
    phone.post(ENROL, &bare).await.refused(422, "invalid-input");
    let mut consent = good.clone();
    consent["consents"][0]["textVersion"] = json!("profcards-2020-01");
    let problem = phone.post(ENROL, &consent).await.refused(422, "invalid-input");
    assert_eq!(problem["fields"], json!({ "textVersion": "text-outdated" }));
    phone.post(ENROL, &good).await.json(201);
}

#[tokio::test]
async fn a_signature_has_one_form() {
    let (app, _, code) = with_code().await;
    let phone = app.anonymous();
    let body = enrolment(&p256(), &challenge_for(&phone, &code).await);
    let mut twin = BASE64_URL_SAFE_NO_PAD.decode(body["signature"].as_str().unwrap()).unwrap();
    let s: [u8; 32] = twin[32..].try_into().unwrap();
    twin[32..].copy_from_slice(&below_order(&s));
    let mut high = body.clone();
    high["signature"] = json!(BASE64_URL_SAFE_NO_PAD.encode(twin));
    let problem = phone.post(ENROL, &high).await.refused(422, "invalid-input");
    assert_eq!(problem["fields"], json!({ "signature": "signature-invalid" }));
    phone.post(ENROL, &body).await.json(201);
}

/// n − s for the order n of P-256: the other s that the equation of ECDSA accepts.
fn below_order(s: &[u8; 32]) -> [u8; 32] {
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let (mut difference, mut borrow) = ([0; 32], 0);
    for place in (0..32).rev() {
        let value = i16::from(order[place]) - i16::from(s[place]) - borrow;
        borrow = i16::from(value < 0);
        difference[place] = u8::try_from(value.rem_euclid(256)).unwrap();
    }
    difference
}

#[tokio::test]
async fn a_second_phone_ends_the_first() {
    let app = TestApp::start().await;
    let member = app.member("Иванова Мария Петровна").await;
    let code = code_for(&app, member).await;
    let (client, key) = (app.anonymous(), ed25519());
    let body = enrolment(&key, &challenge_for(&client, &code).await);
    let first = Phone::enrolled(key, client.clone(), member, &client.post(ENROL, &body).await);
    let code = code_for(&app, member).await;
    let offer = app.anonymous().post(CHECK, &check_body(code.as_str().unwrap())).await.json(200);
    assert_eq!(offer["replacesPhone"], true);
    let second = Phone::activate_with(&app, member, p256()).await;
    first.client.get("/api/member/profile").await.refused(401, "phone-replaced");
    let held = Held::download(&app).await;
    assert_eq!(held.status_of(&first.card), Status::Invalid);
    assert_eq!(held.status_of(&second.card), Status::Valid);
    assert_eq!(held.verdict(&first.token(app.now())).code.as_str(), "revoked");
    assert!(held.verdict(&second.token(app.now())).accepted);
    // The replaced phone's enrolment, sent again, opens nothing.
    client.post(ENROL, &body).await.refused(403, "activation-refused");
    second.profile().await;
}

#[tokio::test]
async fn signing_out_revokes_the_card() {
    let (app, phone) = with_phone().await;
    let paper = app.paper_token(phone.member).await;
    assert_eq!(phone.client.delete("/api/member/session").await.status, 204);
    phone.client.get("/api/member/profile").await.refused(401, "unauthenticated");
    let held = Held::download(&app).await;
    assert_eq!(held.status_of(&phone.card), Status::Invalid);
    assert!(held.verdict(&paper).accepted, "the paper card is not the phone's");
}

#[tokio::test]
async fn a_consent_is_given_and_withdrawn_by_itself() {
    let (app, phone) = with_phone().await;
    let kinds = |profile: &Value| -> Vec<String> {
        let consents = profile["consents"].as_array().unwrap().iter();
        consents.map(|consent| consent["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&phone.consent(false).await), ["processing"]);
    app.advance(60);
    let given = phone.consent(true).await;
    assert_eq!(kinds(&given), ["processing", "profcards"]);
    assert_eq!(given["consents"][1]["givenAt"], app.now());
    // Given again, it stays the one that it is.
    app.advance(60);
    assert_eq!(phone.consent(true).await["consents"], given["consents"]);
    let other = json!({ "kind": "processing", "given": false, "textVersion": "paper-2025-09" });
    let problem = phone.client.post("/api/member/consents", &other).await.refused(422, "invalid-input");
    assert_eq!(problem["fields"], json!({ "kind": "unknown-consent" }));
    let kept: i64 = sqlx::query_scalar("select count(*) from consent").fetch_one(&app.app.db).await.unwrap();
    assert_eq!(kept, 3, "what was withdrawn is kept as withdrawn");
}

#[tokio::test]
async fn a_card_is_renewed_when_it_is_a_month_old() {
    let (app, mut phone) = with_phone().await;
    let first = phone.profile().await["card"].clone();
    app.advance(29 * DAY_SECONDS);
    assert_eq!(phone.client.post("/api/member/card", &json!({})).await.json(200), first);
    app.advance(2 * DAY_SECONDS);
    app.housekeeping().await;
    let renewed = phone.client.post("/api/member/card", &json!({})).await.json(200);
    assert_ne!(renewed["cardHex"], first["cardHex"]);
    assert_eq!(
        renewed["expiresAt"].as_i64().unwrap() - renewed["issuedAt"].as_i64().unwrap(),
        60 * DAY_SECONDS
    );
    assert_eq!(phone.profile().await["card"], renewed);
    assert_eq!(phone.client.post("/api/member/card", &json!({})).await.json(200), renewed);
    // The old one is not revoked: it ends by itself.
    let held = Held::download(&app).await;
    assert!(held.verdict(&phone.token(app.now())).accepted);
    phone.card = hex::decode(renewed["cardHex"].as_str().unwrap()).unwrap();
    assert!(held.verdict(&phone.token(app.now())).accepted);
    // A loss ends both.
    app.revoke(phone.member).await;
    let held = Held::download(&app).await;
    assert_eq!(held.verdict(&phone.token(app.now())).code.as_str(), "revoked");
    phone.card = hex::decode(first["cardHex"].as_str().unwrap()).unwrap();
    assert_eq!(held.verdict(&phone.token(app.now())).code.as_str(), "revoked");
}
