//! What somebody with a chair's session, who can print any member's sheet, gets out of it: no balance for three days, few sheets, and
//! traces before everybody's eyes.

use profcards::cards::enrolment::sheet::MAX_REPLACEMENT_SHEETS;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::phone::{challenge_for, check_body, ed25519};
use super::support::register::ask;
use super::support::{Client, DAY_SECONDS, NAME, Phone, Reply, TestApp, Till, next_id};

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

async fn print(staff: &Client, member: Uuid) -> Reply {
    staff.post_with_key(&format!("/api/staff/members/{member}/activation"), next_id(), &json!({})).await
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
async fn sheets_for_those_who_have_a_phone_are_few_a_day_and_first_ones_are_not_counted() {
    let app = TestApp::start_with_wait(72).await;
    let (chair, regional) = (app.chair().await, app.staff(app.world.regional).await);
    let mut members = Vec::new();
    for n in 0..3 {
        members.push(app.member(&format!("Иванова Мария {}", ["Петровна", "Ивановна", "Павловна"][n])).await);
    }
    // First sheets, printed again as often as they are lost.
    for _ in 0..MAX_REPLACEMENT_SHEETS + 5 {
        print(&chair, members[0]).await.json(200);
    }
    for member in &members[..2] {
        Phone::activate(&app, *member).await;
    }
    app.advance(60);
    // A phone that was reported lost before is no way around.
    ask(&chair, members[1], "phone/lost", &json!({})).await.json(200);
    let (path, key) = (format!("/api/staff/members/{}/activation", members[0]), next_id());
    chair.post_with_key(&path, key, &json!({})).await.json(200);
    for n in 1..MAX_REPLACEMENT_SHEETS {
        print(&chair, members[usize::from(n % 2 == 1)]).await.json(200);
    }
    for member in &members[..2] {
        print(&chair, *member).await.refused(409, "too-many-sheets");
    }
    // What was printed already can be looked at again; first sheets, and another account, are not held up.
    chair.post_with_key(&path, key, &json!({})).await.json(200);
    print(&chair, members[2]).await.json(200);
    print(&regional, members[0]).await.json(200);
    app.forget_redis().await;
    print(&chair, members[0]).await.refused(409, "too-many-sheets");
    app.advance(DAY_SECONDS);
    print(&chair, members[0]).await.json(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sheets_that_are_asked_for_at_once_are_counted_each() {
    let app = TestApp::start_with_wait(72).await;
    let members = [app.member(NAME).await, app.member("Петрова Анна Сергеевна").await];
    for member in members {
        Phone::activate(&app, member).await;
    }
    app.advance(60);
    let regional = app.staff(app.world.regional).await;
    let tasks: Vec<_> = (0..MAX_REPLACEMENT_SHEETS + 6)
        .map(|n| {
            let (client, member) = (regional.clone(), members[usize::from(n % 2 == 1)]);
            tokio::spawn(async move { print(&client, member).await.status })
        })
        .collect();
    let mut refused = 0;
    for task in tasks {
        refused += usize::from(task.await.unwrap() == 409);
    }
    assert_eq!(refused, 6);
}

#[tokio::test]
async fn whoever_has_a_phone_hears_of_each_sheet() {
    let (app, phone, _) = with_a_balance().await;
    let (chair, before) = (app.chair().await, phone.caught_up().await);
    app.advance(60);
    let sheet = app.sheet(&chair, phone.member).await;
    let pulled = phone.pull(&before).await;
    let told = &pulled["upserts"].as_array().unwrap()[0];
    assert_eq!((&told["entity"], &told["data"]["kind"]), (&json!("notice"), &json!("sheet-printed")));
    assert_eq!((&told["data"]["by"], &told["data"]["at"]), (&json!("chair"), &json!(app.now())));
    app.advance(60);
    let thief = Phone::enrol(&app, phone.member, &sheet["code"], ed25519()).await;
    phone.client.get("/api/member/profile").await.refused(401, "phone-replaced");
    let kinds: Vec<_> = thief.notices().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["phone-enrolled", "sheet-printed", "phone-replaced"]);
    // A member without a phone is told nothing that nobody could read; the row says who printed it.
    let newcomer = app.member("Петрова Анна Сергеевна").await;
    let sheet = app.sheet(&chair, newcomer).await;
    let theirs = Phone::enrol(&app, newcomer, &sheet["code"], ed25519()).await;
    assert_eq!(theirs.notices().await.len(), 1);
    let printed_by: Vec<Option<Uuid>> =
        sqlx::query_scalar("select created_by from activation_code where membership_id = $1")
            .bind(newcomer)
            .fetch_all(&app.app.db)
            .await
            .unwrap();
    assert_eq!(printed_by, [Some(app.world.chair)]);
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

#[tokio::test]
async fn a_clock_that_was_ahead_neither_uses_up_an_accounts_sheets_nor_agrees_to_a_move_for_days() {
    let (app, first, _till) = with_a_balance().await;
    app.advance(2 * DAY_SECONDS);
    let regional = app.staff(app.world.regional).await;
    for _ in 0..MAX_REPLACEMENT_SHEETS {
        print(&regional, first.member).await.json(200);
    }
    print(&regional, first.member).await.refused(409, "too-many-sheets");
    agree(&first).await;
    app.advance(-2 * DAY_SECONDS);
    let sheet = print(&app.staff(app.world.regional).await, first.member).await.json(200);
    assert_eq!(hours_to_wait(&app, &sheet).await, 72);
}

#[tokio::test]
async fn a_revocation_is_told_and_the_phone_after_it_is_no_first_one() {
    for reason in ["error", "left"] {
        let (app, phone, till) = with_a_balance().await;
        let regional = app.staff(app.world.regional).await;
        app.advance(60);
        ask(&regional, phone.member, "cards/revoke", &json!({ "reason": reason })).await.json(200);
        phone.client.get("/api/member/profile").await.refused(401, "cards-revoked");
        app.advance(60);
        let sheet = app.sheet(&regional, phone.member).await;
        assert_eq!(hours_to_wait(&app, &sheet).await, 72);
        app.advance(60);
        let next = Phone::enrol(&app, phone.member, &sheet["code"], ed25519()).await;
        assert!(!may_redeem(&app, &till, &next).await);
        let kinds: Vec<_> = next.notices().await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["phone-enrolled", "cards-revoked", "sheet-printed", "phone-replaced"]);
    }
}
