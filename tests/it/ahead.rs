//! A while in which the clock was ahead, the database's with it, does no lasting harm: once it is right again, what was written
//! meanwhile is judged by what it says, not by when.

use serde_json::{Value, json};

use super::support::lists::Held;
use super::support::phone::check_body;
use super::support::register::ask;
use super::support::{DAY_SECONDS, NAME, Phone, TestApp, next_id, with_phone, with_till};

const CHECK: &str = "/api/activation/check";

/// Somebody does something while the clock is ahead by so many days. Then it is put right, and a minute passes.
async fn ahead<T>(app: &TestApp, days: i64, act: impl AsyncFnOnce() -> T) -> T {
    app.advance(days * DAY_SECONDS);
    let done = act().await;
    app.advance(60 - days * DAY_SECONDS);
    done
}

fn typed(sheet: &Value) -> Value {
    check_body(sheet["code"].as_str().unwrap())
}

async fn lose_phone(app: &TestApp, phone: &Phone) {
    ask(&app.chair().await, phone.member, "phone/lost", &json!({})).await.json(200);
}

#[tokio::test]
async fn cards_that_were_revoked_then_are_revoked() {
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
async fn a_phone_that_was_lost_then_is_lost_and_so_is_the_unused_code() {
    for days in [1, 10, 31, 400] {
        let (app, phone, till) = with_till().await;
        let sheet = app.sheet(&app.chair().await, phone.member).await;
        ahead(&app, days, async || lose_phone(&app, &phone).await).await;
        phone.client.get("/api/member/profile").await.refused(401, "phone-lost");
        till.refused(&till.purchase(&phone.token(app.now()), 1_500_00, app.now()), "revoked").await;
        app.anonymous().post(CHECK, &typed(&sheet)).await.refused(403, "activation-refused");
    }
}

#[tokio::test]
async fn a_suspension_from_then_counts_and_does_not_hide_the_next_one() {
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
async fn a_sheet_that_was_printed_then_is_printed_again() {
    let app = TestApp::start().await;
    let (member, other) = (app.member(NAME).await, app.member("Петрова Анна Сергеевна").await);
    let paper_cards = format!("/api/staff/organisations/{}/paper-cards", app.world.school);
    let print = async || {
        let chair = app.chair().await;
        let body = json!({ "memberIds": [other] });
        let printed = chair.post_once(&paper_cards, next_id(), &body).await.json(200);
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
async fn a_sheet_of_an_hour_that_was_little_ahead_stays_good() {
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
