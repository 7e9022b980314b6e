//! A while in which the clock was ahead, the database's with it, does no lasting harm: once it is right again, what was written
//! meanwhile is judged by what it says, not by when.

use serde_json::{Value, json};

use super::support::lists::Held;
use super::support::phone::{check_body, ed25519};
use super::support::register::ask;
use super::support::{DAY_SECONDS, NAME, Phone, TestApp, Till, next_id, with_phone, with_till};

const CHECK: &str = "/api/activation/check";

/// Acts while the clock is ahead by so many days. Then the clock is put right, and a minute passes.
async fn ahead<T>(app: &TestApp, days: i64, act: impl AsyncFnOnce() -> T) -> T {
    app.advance(days * DAY_SECONDS);
    let done = act().await;
    app.advance(60 - days * DAY_SECONDS);
    done
}

fn typed(sheet: &Value) -> Value {
    check_body(sheet["code"].as_str().unwrap())
}

async fn end_lost_phone(app: &TestApp, phone: &Phone) {
    ask(&app.chair().await, phone.member, "phone/lost", &json!({})).await.json(200);
}

#[tokio::test]
async fn cards_revoked_by_a_clock_ahead_are_revoked() {
    // By such clocks nothing has ended yet, the phone's card has, and all have.
    for days in [16, 61, 400] {
        let (app, phone, till) = with_till().await;
        let paper = app.paper_token(phone.member).await;
        ahead(&app, days, async || app.revoke(phone.member).await).await;
        for token in [phone.token(app.now()), paper] {
            till.refused(&till.purchase(&token, 1_500_00, app.now()), "revoked").await;
            assert_eq!(Held::download(&app).await.verdict(&token).code.as_str(), "revoked", "{days}");
        }
    }
}

#[tokio::test]
async fn a_phone_lost_by_a_clock_ahead_is_lost_and_so_is_the_unused_code() {
    for days in [1, 10, 31, 400] {
        let (app, phone, till) = with_till().await;
        let sheet = app.sheet(&app.chair().await, phone.member).await;
        ahead(&app, days, async || end_lost_phone(&app, &phone).await).await;
        phone.client.get("/api/member/profile").await.refused(401, "phone-lost");
        till.refused(&till.purchase(&phone.token(app.now()), 1_500_00, app.now()), "revoked").await;
        app.anonymous().post(CHECK, &typed(&sheet)).await.refused(403, "activation-refused");
    }
}

#[tokio::test]
async fn a_suspension_by_a_clock_ahead_counts_and_does_not_hide_the_next_one() {
    let (app, phone, till) = with_till().await;
    let paper = app.paper_token(phone.member).await;
    ahead(&app, 400, async || app.set_status(phone.member, "suspended").await).await;
    let purchase = |at| till.purchase(&paper, 1_500_00, at);
    till.refused(&purchase(app.now()), "suspended").await;
    app.set_status(phone.member, "active").await;
    app.advance(60);
    till.applied(&purchase(app.now())).await;
    app.set_status(phone.member, "suspended").await;
    app.advance(3_600);
    let meanwhile = app.now();
    app.advance(3_600);
    app.set_status(phone.member, "active").await;
    app.advance(60);
    let handed_in = till.push(&[purchase(meanwhile)], app.now()).await;
    assert_eq!(handed_in["answers"][0]["code"], "suspended");
    till.applied(&purchase(app.now())).await;
    app.audit().await;
}

#[tokio::test]
async fn a_phone_enrolled_by_a_clock_ahead_gets_a_card_of_today_and_takes_part() {
    let app = TestApp::start().await;
    let (member, till) = (app.member(NAME).await, Till::pair(&app).await);
    let sheet = app.sheet(&app.chair().await, member).await;
    let mut phone =
        ahead(&app, 16, async || Phone::enrol(&app, member, &sheet["code"], ed25519()).await).await;
    let early = phone.token(app.now());
    assert_eq!(Held::download(&app).await.verdict(&early).code.as_str(), "not-yet-valid");
    let renewed = phone.client.post("/api/member/card", &json!({})).await.json(200);
    phone.card = hex::decode(renewed["cardHex"].as_str().unwrap()).unwrap();
    assert!(renewed["issuedAt"].as_u64().unwrap() <= app.now());
    // Its consent is dated then as well.
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    assert_eq!(phone.balance().await, (0, 45_00));
    app.cards_are_sound().await;
    app.audit().await;
}

#[tokio::test]
async fn a_consent_given_by_a_clock_ahead_counts_and_can_be_withdrawn() {
    let (app, phone, till) = with_till().await;
    app.advance(60);
    phone.consent(false).await;
    ahead(&app, 16, async || phone.consent(true).await).await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    phone.consent(false).await;
    app.advance(60);
    till.refused(&till.purchase(&phone.token(app.now()), 1_500_00, app.now()), "not-in-programme").await;
    app.audit().await;
}

#[tokio::test]
async fn a_sheet_printed_by_a_clock_ahead_is_printed_again() {
    let app = TestApp::start().await;
    let (member, other) = (app.member(NAME).await, app.member("Петрова Анна Сергеевна").await);
    let paper_cards = format!("/api/staff/organisations/{}/paper-cards", app.world.school);
    let print = async || {
        let chair = app.chair().await;
        let body = json!({ "memberIds": [other] });
        let printed = chair.post_with_key(&paper_cards, next_id(), &body).await.json(200);
        (app.sheet(&chair, member).await, printed["items"][0]["token"].clone())
    };
    let (sheet, _) = ahead(&app, 16, print).await;
    // How old its code is nobody knows.
    app.anonymous().post(CHECK, &typed(&sheet)).await.refused(403, "activation-refused");
    let (next, paper) = print().await;
    let held = Held::download(&app).await;
    for token in [&next["paperToken"], &paper] {
        assert_eq!(held.verdict(token.as_str().unwrap()).code.as_str(), "accepted");
    }
    app.anonymous().post(CHECK, &typed(&next)).await.json(200);
    // Nor does it come to life on the day that it names.
    app.advance(17 * DAY_SECONDS);
    app.anonymous().post(CHECK, &typed(&sheet)).await.refused(403, "activation-refused");
    app.cards_are_sound().await;
}

#[tokio::test]
async fn a_sheet_printed_by_a_clock_one_hour_ahead_stays_good() {
    let app = TestApp::start().await;
    let member = app.member(NAME).await;
    let sheet = ahead(&app, 1, async || app.sheet(&app.chair().await, member).await).await;
    app.anonymous().post(CHECK, &typed(&sheet)).await.json(200);
}

#[tokio::test]
async fn a_loss_is_reported_by_the_newest_sheet_whatever_is_printed_on_an_older_one() {
    let (app, phone) = with_phone().await;
    ahead(&app, 16, async || app.sheet(&app.chair().await, phone.member).await).await;
    let newest = app.sheet(&app.chair().await, phone.member).await;
    assert_eq!(app.anonymous().post("/api/lost-phone", &typed(&newest)).await.status, 204);
    phone.client.get("/api/member/profile").await.refused(401, "phone-lost");
}

#[tokio::test]
async fn a_pairing_by_a_clock_ahead_is_not_repeated_for_weeks_and_its_codes_do_not_live_longer() {
    let app = TestApp::start().await;
    let pairing = json!({ "code": app.pairing_code().await, "clientId": next_id() });
    let pair = async |pairing: &Value| app.anonymous().post("/api/till/pairing", pairing).await;
    ahead(&app, 2, async || pair(&pairing).await.json(201)).await;
    pair(&pairing).await.refused(403, "pairing-refused");
    let code = ahead(&app, 16, async || app.pairing_code().await).await;
    pair(&json!({ "code": code, "clientId": next_id() })).await.refused(403, "pairing-refused");
    let code = ahead(&app, 1, async || app.pairing_code().await).await;
    pair(&json!({ "code": code, "clientId": next_id() })).await.json(201);
}

#[tokio::test]
async fn whoever_signed_in_by_a_clock_ahead_signs_in_again_and_stays_signed_in() {
    let app = TestApp::start().await;
    let early = ahead(&app, 16, async || {
        let mut last = app.chair().await;
        for _ in 1..50 {
            last = app.chair().await;
        }
        last
    })
    .await;
    early.get("/api/staff/session").await.refused(401, "unauthenticated");
    let (first, second) = (app.chair().await, app.chair().await);
    for chair in [first, second] {
        chair.get("/api/staff/session").await.json(200);
    }
}
