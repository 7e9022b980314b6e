//! What somebody with a chair's session, who can print any member's sheet, gets out of it: no balance for three days.

use serde_json::{Value, json};

use super::support::phone::{challenge_for, check_body, ed25519};
use super::support::register::ask;
use super::support::{DAY_SECONDS, NAME, Phone, Reply, TestApp, Till};

const HOUR: i64 = 3_600;
const WAIT_SECONDS: i64 = 72 * HOUR;
const BALANCE: i64 = 300_00;

/// A member who has cashback to spend and a phone that may, and a till.
async fn with_a_balance() -> (TestApp, Phone, Till) {
    let app = TestApp::start_with_wait(72).await;
    let phone = Phone::activate(&app, app.member(NAME).await).await;
    let till = Till::pair(&app).await;
    till.applied(&till.purchase(&phone.token(app.now()), 10_000_00, app.now())).await;
    app.advance(15 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (BALANCE, 0));
    (app, phone, till)
}

/// The till asks how much this phone may pay of a purchase.
async fn limit(app: &TestApp, till: &Till, phone: &Phone) -> Reply {
    let op_no = till.next_op_no();
    let token = phone.redeeming(app.now(), &till.digits(op_no).await, 300_00);
    let body = json!({ "token": token, "opNo": op_no, "amountKopecks": 1_000_00 });
    till.client.post("/api/till/redemption-limit", &body).await
}

async fn may_redeem(app: &TestApp, till: &Till, phone: &Phone) -> bool {
    match limit(app, till, phone).await {
        reply if reply.status == 200 => true,
        reply => {
            reply.refused(422, "redemption-too-soon");
            false
        }
    }
}

async fn agree(phone: &Phone) -> Value {
    phone.client.post("/api/member/move", &json!({})).await.json(200)
}

/// What whoever types this sheet's code is told of the wait.
async fn hours_to_wait(app: &TestApp, sheet: &Value) -> Value {
    let check = check_body(sheet["code"].as_str().unwrap());
    let offer = app.anonymous().post("/api/activation/check", &check).await.json(200);
    offer["redemptionWaitHours"].clone()
}

#[tokio::test]
async fn a_phone_that_a_sheet_enrolled_pays_nothing_for_three_days() {
    let (app, first, till) = with_a_balance().await;
    let regional = app.staff(app.world.regional).await;
    let sheet = app.sheet(&regional, first.member).await;
    let thief = Phone::enrol(&app, first.member, &sheet["code"], ed25519()).await;
    let from = app.now() + WAIT_SECONDS.unsigned_abs();
    let held = thief.profile().await["phone"].clone();
    assert_eq!(held, json!({ "enrolledAt": app.now(), "redeemsFrom": from }));
    let refused = limit(&app, &till, &thief).await;
    let problem = refused.refused(422, "redemption-too-soon");
    assert_eq!(problem["retryAfterSeconds"], WAIT_SECONDS);
    let op_no = till.next_op_no();
    let token = thief.redeeming(app.now(), &till.digits(op_no).await, 300_00);
    let answer = till.send(&till.redemption(&token, op_no, 1_000_00, 100_00, app.now())).await;
    assert_eq!((&answer["status"], &answer["code"]), (&json!("rejected"), &json!("redemption-too-soon")));
    assert_eq!(answer["detail"], json!({ "redeemsFrom": from }));
    // The card itself is good at once.
    till.applied(&till.purchase(&thief.token(app.now()), 100_00, app.now())).await;
    assert_eq!(thief.balance().await.0, BALANCE);
    app.advance(WAIT_SECONDS - 1);
    assert!(!may_redeem(&app, &till, &thief).await);
    app.advance(1);
    assert!(may_redeem(&app, &till, &thief).await);
    app.audit().await;
}

#[tokio::test]
async fn a_first_phone_waits_too_and_neither_loss_nor_another_sheet_shortens_it() {
    let (app, first, till) = with_a_balance().await;
    let chair = app.chair().await;
    ask(&chair, first.member, "phone/lost", &json!({})).await.json(200);
    let after_loss = Phone::activate(&app, first.member).await;
    app.advance(WAIT_SECONDS - HOUR);
    assert!(!may_redeem(&app, &till, &after_loss).await);
    // A phone that waits itself has nothing to agree to.
    agree(&after_loss).await;
    let sheet = app.sheet(&chair, first.member).await;
    assert_eq!(hours_to_wait(&app, &sheet).await, 1);
    let next = Phone::enrol(&app, first.member, &sheet["code"], ed25519()).await;
    app.advance(HOUR - 1);
    assert!(!may_redeem(&app, &till, &next).await);
    app.advance(1);
    assert!(may_redeem(&app, &till, &next).await, "what the phone before had waited counts");
    let newcomer = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    assert!(!may_redeem(&app, &till, &newcomer).await);
}

#[tokio::test]
async fn a_phone_whose_place_was_given_by_the_old_one_pays_at_once() {
    let (app, first, till) = with_a_balance().await;
    let chair = app.chair().await;
    let sheet = app.sheet(&chair, first.member).await;
    assert_eq!(hours_to_wait(&app, &sheet).await, 72);
    // Said, and taken back; said, and too long ago.
    let agreed = agree(&first).await["phone"]["moveAgreedUntil"].clone();
    assert_eq!(agreed, app.now() + 1_800);
    assert_eq!(hours_to_wait(&app, &sheet).await, 0);
    let withdrawn = first.client.delete("/api/member/move").await.json(200);
    assert!(withdrawn["phone"].get("moveAgreedUntil").is_none());
    assert_eq!(hours_to_wait(&app, &sheet).await, 72);
    agree(&first).await;
    app.advance(1_800);
    assert_eq!(hours_to_wait(&app, &sheet).await, 72);
    agree(&first).await;
    app.advance(1_799);
    let second = Phone::enrol(&app, first.member, &sheet["code"], ed25519()).await;
    assert!(may_redeem(&app, &till, &second).await);
    // It was agreed for one phone; the old one has no more to say.
    first.client.post("/api/member/move", &json!({})).await.refused(401, "phone-replaced");
    let third = Phone::activate(&app, first.member).await;
    assert!(!may_redeem(&app, &till, &third).await);
}

#[tokio::test]
async fn while_a_phone_waits_the_members_own_sheet_ends_it() {
    let app = TestApp::start_with_wait(72).await;
    let member = app.member(NAME).await;
    let own = app.sheet(&app.chair().await, member).await;
    let lost =
        async || app.anonymous().post("/api/lost-phone", &check_body(own["code"].as_str().unwrap())).await;
    let first = Phone::enrol(&app, member, &own["code"], ed25519()).await;
    // The sheet has been at home for long, and the card goes from one stolen phone to the next.
    app.advance(200 * DAY_SECONDS);
    let regional = app.staff(app.world.regional).await;
    let steal = async || {
        app.advance(60);
        let sheet = app.sheet(&regional, member).await;
        Phone::enrol(&app, member, &sheet["code"], ed25519()).await
    };
    agree(&steal().await).await;
    let thief = steal().await;
    app.housekeeping().await;
    first.client.get("/api/member/profile").await.refused(401, "phone-replaced");
    app.advance(WAIT_SECONDS - 121);
    assert_eq!(lost().await.status, 204);
    thief.client.get("/api/member/profile").await.refused(401, "phone-lost");
    // A phone that has served its time is ended by its own sheet or the newest alone.
    app.advance(60);
    let mine = Phone::activate(&app, member).await;
    app.advance(WAIT_SECONDS);
    lost().await.refused(403, "activation-refused");
    mine.profile().await;
    let unused = app.sheet(&regional, member).await;
    challenge_for(&app.anonymous(), &unused["code"]).await;
}
