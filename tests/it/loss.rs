//! A lost phone: reported by the chair or by the member, ended at once, and nothing else with it.

use profcards::access::limits;
use profcards_card::Status;
use serde_json::{Value, json};

use super::support::lists::Held;
use super::support::phone::{challenge_for, check_body, ed25519, enrolment};
use super::support::register::{ask, edit, edit_member, with};
use super::support::{Client, DAY_SECONDS, NAME, Phone, TestApp, Till, next_id};

const LOST: &str = "/api/lost-phone";

/// An instance, a member's phone, and the sheet by which it was enrolled.
async fn with_phone() -> (TestApp, Phone, Value) {
    let app = TestApp::start().await;
    let member = app.member(NAME).await;
    let sheet = app.sheet(&app.chair().await, member).await;
    let phone = Phone::enrol(&app, member, &sheet["code"], ed25519()).await;
    (app, phone, sheet)
}

async fn report(client: &Client, code: &str) -> u16 {
    client.post(LOST, &check_body(code)).await.status
}

fn code_of(sheet: &Value) -> &str {
    sheet["code"].as_str().unwrap()
}

#[tokio::test]
async fn a_loss_that_the_chair_reports_ends_the_phone_and_spares_the_paper() {
    let (app, phone, sheet) = with_phone().await;
    let (chair, key) = (app.chair().await, next_id());
    let path = format!("/api/staff/members/{}", phone.member);
    let enrolled = chair.get(&path).await.json(200)["enrolledPhone"].clone();
    assert_eq!(enrolled, json!({ "enrolledAt": app.now() }));
    let lost = format!("{path}/phone/lost");
    let detail = chair.post_with_key(&lost, key, &json!({})).await.json(200);
    assert_eq!((&detail["enrolledPhone"], &detail["card"]), (&Value::Null, &json!("paper")));
    let held = Held::download(&app).await;
    assert_eq!(held.verdict(&phone.token(app.now())).code.as_str(), "revoked");
    assert!(held.verdict(sheet["paperToken"].as_str().unwrap()).accepted);
    phone.client.get("/api/member/profile").await.refused(401, "phone-lost");
    chair.post_with_key(&lost, next_id(), &json!({})).await.refused(409, "no-phone");
    // A repeated request spares the phone that was enrolled since.
    app.advance(60);
    let next = Phone::activate(&app, phone.member).await;
    chair.post_with_key(&lost, key, &json!({})).await.json(200);
    let told = next.notices().await;
    assert!(told.contains(&("phone-lost".to_owned(), "chair".to_owned())), "{told:?}");
    let mut kinds: Vec<_> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["phone-enrolled", "phone-lost", "phone-replaced", "sheet-printed"]);
    app.cards_are_sound().await;
}

#[tokio::test]
async fn a_member_reports_a_loss_from_any_device() {
    let (app, phone, sheet) = with_phone().await;
    let till = Till::pair(&app).await;
    let other = app.anonymous();
    // As people type, and with the sheet that was used long ago.
    app.advance(40 * DAY_SECONDS);
    app.housekeeping().await;
    let typed = code_of(&sheet).to_lowercase().replace('-', " ");
    assert_eq!(report(&other, &typed).await, 204);
    let held = Held::download(&app).await;
    assert_eq!(held.status_of(&phone.card), Status::Invalid);
    assert!(held.verdict(sheet["paperToken"].as_str().unwrap()).accepted);
    phone.client.get("/api/member/profile").await.refused(401, "phone-lost");
    till.refused(&till.purchase(&phone.token(app.now()), 1_500_00, app.now()), "revoked").await;
    // Said again, it is still lost; and nobody is signed in by it.
    assert_eq!(report(&other, code_of(&sheet)).await, 204);
    other.get("/api/member/profile").await.refused(401, "unauthenticated");
    app.advance(60);
    let next = Phone::activate(&app, phone.member).await;
    let told: Vec<_> = next.notices().await;
    assert_eq!(told[1], ("phone-lost".to_owned(), "member".to_owned()));
    assert_eq!(told.iter().filter(|(kind, _)| kind == "phone-lost").count(), 1, "told once");
}

#[tokio::test]
async fn a_loss_ends_the_codes_that_nobody_has_used() {
    let (app, phone, _) = with_phone().await;
    app.advance(60);
    let sheet = app.sheet(&app.chair().await, phone.member).await;
    let thief = app.anonymous();
    let checked = challenge_for(&thief, &sheet["code"]).await;
    assert_eq!(report(&app.anonymous(), code_of(&sheet)).await, 204);
    let check = check_body(code_of(&sheet));
    thief.post("/api/activation/check", &check).await.refused(403, "activation-refused");
    let body = enrolment(&ed25519(), &checked);
    thief.post("/api/activation/enrol", &body).await.refused(403, "activation-refused");
    phone.client.get("/api/member/profile").await.refused(401, "phone-lost");
}

#[tokio::test]
async fn a_loss_that_the_chair_reports_ends_the_codes_too() {
    let (app, phone, _) = with_phone().await;
    app.advance(60);
    let chair = app.chair().await;
    let sheet = app.sheet(&chair, phone.member).await;
    let thief = app.anonymous();
    let checked = challenge_for(&thief, &sheet["code"]).await;
    ask(&chair, phone.member, "phone/lost", &json!({})).await.json(200);
    let body = enrolment(&ed25519(), &checked);
    thief.post("/api/activation/enrol", &body).await.refused(403, "activation-refused");
    // Where no phone was enrolled yet, the sheet is what can be lost.
    app.advance(60);
    let sheet = app.sheet(&chair, phone.member).await;
    ask(&chair, phone.member, "phone/lost", &json!({})).await.json(200);
    let check = check_body(code_of(&sheet));
    thief.post("/api/activation/check", &check).await.refused(403, "activation-refused");
    ask(&chair, phone.member, "phone/lost", &json!({})).await.refused(409, "no-phone");
}

#[tokio::test]
async fn an_old_sheet_does_not_end_the_phone_that_came_after_it() {
    let (app, first, old) = with_phone().await;
    app.advance(60);
    let second = Phone::activate(&app, first.member).await;
    first.client.get("/api/member/profile").await.refused(401, "phone-replaced");
    let refused = app.anonymous().post(LOST, &check_body(code_of(&old))).await;
    refused.refused(403, "activation-refused");
    second.profile().await;
    // A third sheet in a drawer does not take the second's place.
    app.advance(60);
    let third = app.sheet(&app.chair().await, first.member).await;
    second.profile().await;
    assert_eq!(report(&app.anonymous(), code_of(&third)).await, 204);
    second.client.get("/api/member/profile").await.refused(401, "phone-lost");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_report_looks_the_same() {
    let (app, phone, sheet) = with_phone().await;
    let client = app.anonymous();
    let unknown = client.post(LOST, &check_body("ZZZZZ-ZZZZZ")).await;
    let no_code = client.post(LOST, &check_body("привет")).await;
    let wrong_day = client.post(LOST, &json!({ "code": sheet["code"], "birthDate": "1980-05-18" })).await;
    for reply in [&unknown, &no_code, &wrong_day] {
        reply.refused(403, "activation-refused");
        assert_eq!(reply.body, unknown.body);
    }
    phone.profile().await;
    client.post(LOST, &json!({ "code": sheet["code"] })).await.refused(400, "malformed-request");
    // Guesses are counted for this door alone.
    for n in 0..7 {
        let wrong = check_body(&format!("00000-0000{n}"));
        client.post(LOST, &wrong).await.refused(403, "activation-refused");
    }
    app.use_up(limits::LOSS.per_address, "127.0.0.1").await;
    let limited = client.post(LOST, &check_body(code_of(&sheet))).await;
    limited.refused(429, "too-many-attempts");
    assert!((1..=900).contains(&limited.header("retry-after").parse::<u32>().unwrap()));
    phone.profile().await;
}

#[tokio::test]
async fn wrong_birth_dates_close_this_door_to_a_code_for_a_day_and_not_for_good() {
    let (app, phone, sheet) = with_phone().await;
    for day in 1..=10 {
        let wrong = json!({ "code": sheet["code"], "birthDate": format!("1980-06-{day:02}") });
        app.anonymous().post(LOST, &wrong).await.refused(403, "activation-refused");
    }
    // The right one is not heard meanwhile, or it could be guessed.
    app.advance(DAY_SECONDS - 1);
    let right = app.anonymous().post(LOST, &check_body(code_of(&sheet))).await;
    right.refused(429, "too-many-attempts");
    phone.profile().await;
    app.advance(1);
    assert_eq!(report(&app.anonymous(), code_of(&sheet)).await, 204);
    phone.client.get("/api/member/profile").await.refused(401, "phone-lost");
}

#[tokio::test]
async fn the_members_sheet_speaks_though_the_birth_date_was_changed_and_the_member_is_told() {
    let (app, phone, sheet) = with_phone().await;
    let regional = app.staff(app.world.regional).await;
    app.advance(60);
    edit_member(&regional, phone.member, &with(edit(NAME), "birthDate", json!("1981-05-17"))).await.json(200);
    edit_member(&regional, phone.member, &with(edit(NAME), "birthDate", json!("1982-05-17"))).await.json(200);
    let told = phone.notices().await;
    assert_eq!(told[1..], vec![("birth-date-changed".to_owned(), "chair".to_owned()); 2]);
    // Of what is put right besides nobody hears.
    let form = with(with(edit(NAME), "birthDate", json!("1982-05-17")), "phone", json!("8 971 443-31-80"));
    edit_member(&regional, phone.member, &form).await.json(200);
    assert_eq!(phone.notices().await.len(), 3);
    let with_day = |day: &str| json!({ "code": sheet["code"], "birthDate": day });
    let wrong = app.anonymous().post(LOST, &with_day("1983-05-17")).await;
    wrong.refused(403, "activation-refused");
    assert_eq!(report(&app.anonymous(), code_of(&sheet)).await, 204);
    phone.client.get("/api/member/profile").await.refused(401, "phone-lost");
    // A phone is enrolled by the present day alone, and a sheet of later knows no earlier day.
    app.advance(60);
    let later = app.sheet(&regional, phone.member).await;
    for path in ["/api/activation/check", LOST] {
        let earlier = app.anonymous().post(path, &check_body(code_of(&later))).await;
        earlier.refused(403, "activation-refused");
    }
    let present = json!({ "code": later["code"], "birthDate": "1982-05-17" });
    app.anonymous().post("/api/activation/check", &present).await.json(200);
}

#[tokio::test]
async fn a_code_that_was_ended_is_over_for_an_earlier_release_too() {
    let (app, phone, _) = with_phone().await;
    let chair = app.chair().await;
    // As a server of the release before asks, which knows of no end but this.
    let usable = async || -> i64 {
        sqlx::query_scalar("select count(*) from activation_code where used_at is null and expires_at > $1")
            .bind(app.app.clock.now())
            .fetch_one(&app.app.db)
            .await
            .unwrap()
    };
    app.advance(60);
    app.sheet(&chair, phone.member).await;
    app.sheet(&chair, phone.member).await;
    assert_eq!(usable().await, 1, "a newer sheet ends the one before");
    ask(&chair, phone.member, "phone/lost", &json!({})).await.json(200);
    assert_eq!(usable().await, 0);
    app.sheet(&chair, phone.member).await;
    app.set_status(phone.member, "left").await;
    assert_eq!(usable().await, 0);
}

#[tokio::test]
async fn a_suspended_member_can_lose_a_phone_too() {
    let (app, phone, sheet) = with_phone().await;
    app.set_status(phone.member, "suspended").await;
    assert_eq!(report(&app.anonymous(), code_of(&sheet)).await, 204);
    app.set_status(phone.member, "active").await;
    let held = Held::download(&app).await;
    assert_eq!(held.status_of(&phone.card), Status::Invalid, "a revocation outlives a suspension");
    assert!(held.verdict(sheet["paperToken"].as_str().unwrap()).accepted);
    phone.client.get("/api/member/profile").await.refused(401, "phone-lost");
    app.cards_are_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_during_an_enrolment_leaves_a_sound_register() {
    for _ in 0..4 {
        let (app, first, _) = with_phone().await;
        app.advance(60);
        let chair = app.chair().await;
        let sheet = app.sheet(&chair, first.member).await;
        let (client, key) = (app.anonymous(), ed25519());
        let body = enrolment(&key, &challenge_for(&client, &sheet["code"]).await);
        let losing = {
            let (chair, member) = (chair.clone(), first.member);
            tokio::spawn(async move { ask(&chair, member, "phone/lost", &json!({})).await.status })
        };
        let changing = {
            let (chair, member) = (chair.clone(), first.member);
            tokio::spawn(async move {
                edit_member(&chair, member, &edit("Соколова Мария Петровна")).await.json(200);
            })
        };
        let reporting = {
            let (client, sheet) = (app.anonymous(), sheet.clone());
            tokio::spawn(async move { report(&client, code_of(&sheet)).await })
        };
        let enrolled = client.post("/api/activation/enrol", &body).await;
        assert!(matches!(losing.await.unwrap(), 200 | 409));
        changing.await.unwrap();
        assert_eq!(reporting.await.unwrap(), 204);
        app.cards_are_sound().await;
        // Whoever came last: the first phone is out, and a phone that is in shows the truth.
        assert_eq!(first.client.get("/api/member/profile").await.status, 401);
        assert_eq!(Held::download(&app).await.status_of(&first.card), Status::Invalid);
        if enrolled.status == 201 && client.get("/api/member/profile").await.status == 200 {
            let mut phone = Phone::enrolled(key, client, first.member, &enrolled);
            phone.take_new_card().await;
            let verdict = Held::download(&app).await.verdict(&phone.token(app.now()));
            assert_eq!(verdict.shown().unwrap().name(), "Соколова М. П.");
        }
    }
}
