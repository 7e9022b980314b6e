//! A member's data and status change: the register keeps what was, and the cards follow at once.

use profcards_card::{Category, Status};
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::lists::Held;
use super::support::phone::{challenge_for, check_body, ed25519, enrolment};
use super::support::register::{ask, edit, edit_member, found, members_of, with};
use super::support::world::person;
use super::support::{DAY_SECONDS, NAME, Phone, TestApp, Till, entity, next_id, with_phone};

const MARRIED: &str = "Соколова Мария Петровна";

#[tokio::test]
async fn a_changed_name_is_on_every_card_at_once() {
    let (app, mut phone) = with_phone().await;
    let paper = app.paper_token(phone.member).await;
    let (old_code, chair) = (phone.token(app.now()), app.chair().await);
    let cursor = phone.caught_up().await;
    let detail = edit_member(&chair, phone.member, &edit(MARRIED)).await.json(200);
    assert_eq!((&detail["lastName"], &detail["card"]), (&json!("Соколова"), &json!("phone")));
    // What the old cards say is over, on the list that the next request downloads.
    let held = Held::download(&app).await;
    for token in [&old_code, &paper] {
        assert_eq!(held.verdict(token).code.as_str(), "revoked");
    }
    // The phone learns it by itself and goes on with the key that it has.
    let pulled = phone.pull(&cursor).await;
    let profile = entity(&pulled, "profile").unwrap();
    assert_eq!(profile["fullName"], MARRIED);
    assert_eq!(entity(&pulled, "notice").unwrap()["kind"], "card-changed");
    phone.take_new_card().await;
    assert_eq!(profile["card"]["cardHex"], hex::encode(&phone.card));
    let verdict = held.verdict(&phone.token(app.now()));
    assert!(verdict.accepted, "{:?}", verdict.code);
    assert_eq!(verdict.shown().unwrap().name(), "Соколова М. П.");
    let verdict = held.verdict(&app.paper_token(phone.member).await);
    assert_eq!(verdict.shown().unwrap().name(), "Соколова М. П.");
    let states: Vec<&str> =
        detail["cards"].as_array().unwrap().iter().map(|card| card["state"].as_str().unwrap()).collect();
    assert_eq!(states.iter().filter(|state| **state == "valid").count(), 2);
    assert_eq!(states.iter().filter(|state| **state == "revoked").count(), 2);
    app.cards_are_sound().await;
}

#[tokio::test]
async fn what_no_card_says_leaves_the_cards_alone() {
    let (app, phone) = with_phone().await;
    let (chair, card) = (app.chair().await, phone.card_hex().await);
    let mut form = edit(NAME);
    form["phone"] = json!("8 (971) 443-31-80");
    form["email"] = json!(" maria@school12.example ");
    form["position"] = json!("учитель  физики");
    form["birthDate"] = json!("1980-05-18");
    form["middleName"] = json!("Павловна");
    let detail = edit_member(&chair, phone.member, &form).await.json(200);
    assert_eq!(detail["phone"], "+79714433180");
    assert_eq!(detail["email"], "maria@school12.example");
    assert_eq!(detail["position"], "учитель физики");
    assert_eq!((&detail["birthDate"], &detail["middleName"]), (&json!("1980-05-18"), &json!("Павловна")));
    // М. П. as before.
    assert_eq!(phone.card_hex().await, card);
    assert_eq!(Held::download(&app).await.status_of(&phone.card), Status::Valid);
    // The member is told of the birth date alone, which the printed sheet asks for.
    let mut told = phone.notices().await;
    told.sort();
    assert_eq!(
        told,
        [("birth-date-changed".into(), "chair".into()), ("phone-enrolled".into(), "member".into())]
    );
    // The member is found by the new name, and only by it.
    for (word, total) in [("павловна", 1), ("петровна", 0)] {
        assert_eq!(found(&chair, app.world.school, &[("query", word)]).await["total"], total, "{word}");
    }
}

#[tokio::test]
async fn a_repeated_change_changes_once() {
    let (app, phone) = with_phone().await;
    let (chair, key) = (app.chair().await, next_id());
    let path = format!("/api/staff/members/{}", phone.member);
    let first = chair.put_with_key(&path, key, &edit(MARRIED)).await.json(200);
    let issued = app.cards_issued().await;
    assert_eq!(chair.put_with_key(&path, key, &edit(MARRIED)).await.json(200), first);
    // Said once more under another key, it is no change.
    assert_eq!(chair.put_with_key(&path, next_id(), &edit(MARRIED)).await.json(200), first);
    assert_eq!(app.cards_issued().await, issued);
    chair.put_with_key(&path, key, &edit(NAME)).await.refused(409, "idempotency-conflict");
    assert_eq!(phone.notices().await.len(), 2);
}

#[tokio::test]
async fn what_was_on_record_stays_on_record() {
    let (app, phone) = with_phone().await;
    let chair = app.chair().await;
    let engagements = async || -> Vec<(i16, Option<String>, bool, Option<i64>)> {
        sqlx::query_as(
            "select category, position, valid_to is null, (valid_to - $1)::bigint from engagement order by valid_from",
        )
        .bind(app.app.clock.today())
        .fetch_all(&app.app.db)
        .await
        .unwrap()
    };
    let student = with(with(edit(NAME), "category", json!(2)), "position", json!("1 курс"));
    edit_member(&chair, phone.member, &student).await.json(200);
    assert_eq!(
        engagements().await,
        [(1, None, false, Some(0)), (2, Some("1 курс".into()), true, None)],
        "the first one ended today"
    );
    // A slip put right on the same day leaves no trace of its own.
    let student = with(student, "position", json!("2 курс"));
    edit_member(&chair, phone.member, &student).await.json(200);
    assert_eq!(engagements().await.len(), 2);
    app.advance(DAY_SECONDS);
    let worker = with(edit(MARRIED), "phone", json!("9714433180"));
    edit_member(&chair, phone.member, &worker).await.json(200);
    assert_eq!(
        engagements().await.iter().map(|one| one.0).collect::<Vec<_>>(),
        [1, 2, 1],
        "each with its own dates"
    );
    let before: Vec<(String, Option<String>)> =
        sqlx::query_as("select last_name, phone from person_before").fetch_all(&app.app.db).await.unwrap();
    assert_eq!(before, [("Иванова".into(), None)]);
    let verdict = {
        let mut phone = phone;
        phone.take_new_card().await;
        Held::download(&app).await.verdict(&phone.token(app.now()))
    };
    assert_eq!(verdict.shown().unwrap().category(), Category::Working);
}

#[tokio::test]
async fn a_wrong_field_of_a_change_is_named_as_on_entry() {
    let (app, phone) = with_phone().await;
    let chair = app.chair().await;
    let cases = [
        ("lastName", json!(" "), "required"),
        ("firstName", json!("4Б"), "name-invalid"),
        ("sex", json!("x"), "required"),
        ("birthDate", json!("2012-11-23"), "too-young"),
        ("birthDate", json!("1899-12-31"), "date-invalid"),
        ("phone", json!("443-31-80"), "phone-invalid"),
        ("email", json!("alyona"), "email-invalid"),
        ("category", json!(4), "required"),
        ("position", json!("я".repeat(201)), "too-long"),
    ];
    let before = chair.get(&format!("/api/staff/members/{}", phone.member)).await.json(200);
    for (field, value, code) in cases {
        let form = with(edit(NAME), field, value.clone());
        let problem = edit_member(&chair, phone.member, &form).await.refused(422, "invalid-input");
        assert_eq!(problem["fields"], json!({ field: code }), "{field} = {value}");
    }
    // Nobody was admitted before they were fourteen.
    let path = members_of(app.world.school);
    let veteran = with(person("Белова Вера Павловна"), "joinedOn", json!("1996-09-01"));
    let veteran = chair.post_with_key(&path, next_id(), &veteran).await.json(201)["id"].clone();
    let veteran: Uuid = veteran.as_str().unwrap().parse().unwrap();
    for born in ["1996-09-02", "1982-09-02"] {
        let form = with(edit("Белова Вера Павловна"), "birthDate", json!(born));
        let problem = edit_member(&chair, veteran, &form).await.refused(422, "invalid-input");
        assert_eq!(problem["fields"], json!({ "birthDate": "too-young-when-joined" }));
    }
    let form = with(edit("Белова Вера Павловна"), "birthDate", json!("1982-09-01"));
    edit_member(&chair, veteran, &form).await.json(200);
    let unknown = with(edit(NAME), "joinedOn", json!("2015-09-01"));
    edit_member(&chair, phone.member, &unknown).await.refused(400, "malformed-request");
    app.member("Петрова Анна Сергеевна").await;
    let twin = edit_member(&chair, phone.member, &edit("петрова анна сергеевна")).await;
    twin.refused(409, "already-a-member");
    assert_eq!(chair.get(&format!("/api/staff/members/{}", phone.member)).await.json(200), before);
}

#[tokio::test]
async fn a_suspended_member_keeps_the_card_which_says_so() {
    let (app, phone) = with_phone().await;
    app.advance(60);
    let paper = app.paper_token(phone.member).await;
    let till = Till::pair(&app).await;
    let card = phone.card_hex().await;
    app.advance(60);
    assert_eq!(app.set_status(phone.member, "suspended").await["status"], "suspended");
    let held = Held::download(&app).await;
    assert_eq!(held.status_of(&phone.card), Status::Suspended);
    for token in [&phone.token(app.now()), &paper] {
        let verdict = held.verdict(token);
        assert_eq!((verdict.accepted, verdict.code.as_str()), (false, "suspended"));
    }
    // The phone stays signed in with what it has, and is given nothing new however old that is.
    let profile = phone.profile().await;
    assert_eq!((&profile["status"], &profile["card"]["cardHex"]), (&json!("suspended"), &json!(card)));
    app.advance(35 * DAY_SECONDS);
    app.housekeeping().await;
    let held_card = phone.client.post("/api/member/card", &json!({})).await.json(200);
    assert_eq!(held_card["cardHex"], card);
    let sheet = ask(&app.chair().await, phone.member, "activation", &json!({})).await;
    sheet.refused(409, "membership-not-active");
    till.refused(&till.purchase(&phone.token(app.now()), 1_500_00, app.now()), "suspended").await;
    // The same card, valid again; but what was bought meanwhile was bought with a suspended card.
    let (during, then) = (phone.token(app.now()), app.now());
    app.advance(60);
    app.set_status(phone.member, "active").await;
    assert_eq!(phone.card_hex().await, card);
    assert_eq!(Held::download(&app).await.status_of(&phone.card), Status::Valid);
    till.refused(&till.purchase(&during, 1_500_00, then), "suspended").await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    let kinds: Vec<String> = phone.notices().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["phone-enrolled", "sheet-printed", "membership-suspended", "membership-resumed"]);
    app.cards_are_sound().await;
}

#[tokio::test]
async fn a_suspended_member_is_still_found_and_counted() {
    let (app, phone) = with_phone().await;
    let chair = app.chair().await;
    app.set_status(phone.member, "suspended").await;
    let school = app.world.school;
    let counts = chair.get(&format!("/api/staff/organisations/{school}")).await.json(200)["counts"].clone();
    assert_eq!((&counts["members"], &counts["suspended"]), (&json!(1), &json!(1)));
    assert_eq!((&counts["withoutPhoneCard"], &counts["withPhoneCard"]), (&json!(0), &json!(0)));
    for (filter, total) in [("all", 1), ("suspended", 1), ("no-phone-card", 0), ("ended", 0)] {
        let page = found(&chair, school, &[("filter", filter)]).await;
        assert_eq!(page["total"], total, "{filter}");
    }
    app.set_status(phone.member, "left").await;
    for (filter, total) in [("all", 0), ("suspended", 0), ("no-phone-card", 0), ("ended", 1)] {
        let page = found(&chair, school, &[("filter", filter)]).await;
        assert_eq!(page["total"], total, "{filter}");
    }
}

#[tokio::test]
async fn what_changed_during_a_suspension_is_on_the_cards_after_it() {
    let (app, mut phone) = with_phone().await;
    let chair = app.chair().await;
    app.set_status(phone.member, "suspended").await;
    let issued = app.cards_issued().await;
    edit_member(&chair, phone.member, &edit(MARRIED)).await.json(200);
    assert_eq!(app.cards_issued().await, issued, "nothing is issued while the membership rests");
    let old = phone.token(app.now());
    app.set_status(phone.member, "active").await;
    phone.take_new_card().await;
    let held = Held::download(&app).await;
    assert_eq!(held.verdict(&old).code.as_str(), "revoked");
    assert_eq!(held.verdict(&phone.token(app.now())).shown().unwrap().name(), "Соколова М. П.");
    app.cards_are_sound().await;
}

#[tokio::test]
async fn leaving_is_final() {
    for end in ["left", "expelled"] {
        let (app, phone) = with_phone().await;
        let chair = app.chair().await;
        let sheet = app.sheet(&chair, phone.member).await;
        let checked = challenge_for(&app.anonymous(), &sheet["code"]).await;
        let detail = app.set_status(phone.member, end).await;
        assert_eq!((&detail["status"], &detail["card"]), (&json!(end), &json!("none")));
        assert_eq!(detail["enrolledPhone"], Value::Null);
        let held = Held::download(&app).await;
        for token in [&phone.token(app.now()), sheet["paperToken"].as_str().unwrap()] {
            assert_eq!(held.verdict(token).code.as_str(), "revoked");
        }
        phone.client.get("/api/member/profile").await.refused(401, "membership-ended");
        let check = check_body(sheet["code"].as_str().unwrap());
        let stranger = app.anonymous();
        stranger.post("/api/activation/check", &check).await.refused(403, "activation-refused");
        let body = enrolment(&ed25519(), &checked);
        stranger.post("/api/activation/enrol", &body).await.refused(403, "activation-refused");
        for to in ["active", "suspended", "left", "expelled"] {
            let reply = ask(&chair, phone.member, "status", &json!({ "to": to })).await;
            reply.refused(409, "status-conflict");
        }
        let elsewhere = json!({ "organisationId": app.world.group });
        ask(&chair, phone.member, "transfer", &elsewhere).await.refused(409, "status-conflict");
        ask(&chair, phone.member, "activation", &json!({})).await.refused(409, "membership-not-active");
        // Whoever left can be admitted again, as a new membership.
        let again =
            chair.post_with_key(&members_of(app.world.school), next_id(), &person(NAME)).await.json(201);
        assert_ne!(again["number"], detail["number"]);
    }
}

#[tokio::test]
async fn a_step_that_is_not_there_is_refused() {
    let (app, phone) = with_phone().await;
    let chair = app.chair().await;
    ask(&chair, phone.member, "status", &json!({ "to": "active" })).await.refused(409, "status-conflict");
    ask(&chair, phone.member, "status", &json!({ "to": "ended" })).await.refused(400, "malformed-request");
    let (key, body) = (next_id(), json!({ "to": "suspended" }));
    let path = format!("/api/staff/members/{}/status", phone.member);
    let first = chair.post_with_key(&path, key, &body).await.json(200);
    assert_eq!(chair.post_with_key(&path, key, &body).await.json(200), first);
    chair.post_with_key(&path, next_id(), &body).await.refused(409, "status-conflict");
    assert_eq!(phone.notices().await.len(), 2);
}

#[tokio::test]
async fn a_step_taken_by_a_slow_clock_follows_the_one_before() {
    let (app, phone) = with_phone().await;
    let till = Till::pair(&app).await;
    let ahead = app.beside(60).await;
    let chair = app.chair().await;
    let suspend = json!({ "to": "suspended" });
    ask(&chair.at(&ahead.base), phone.member, "status", &suspend).await.json(200);
    ask(&chair, phone.member, "status", &json!({ "to": "active" })).await.json(200);
    app.advance(120);
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
}

#[tokio::test]
async fn a_purchase_counts_by_the_card_of_its_own_time() {
    let (app, mut phone) = with_phone().await;
    let (till, chair) = (Till::pair(&app).await, app.chair().await);
    let (before, then) = (phone.token(app.now()), app.now());
    app.advance(60);
    edit_member(&chair, phone.member, &edit(MARRIED)).await.json(200);
    app.advance(60);
    till.refused(&till.purchase(&phone.token(app.now()), 1_500_00, app.now()), "revoked").await;
    till.applied(&till.purchase(&before, 1_500_00, then)).await;
    phone.take_new_card().await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    app.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_race_leave_one_card_of_each_class() {
    let (app, phone) = with_phone().await;
    app.sheet(&app.chair().await, phone.member).await;
    let chair = app.chair().await;
    let mut tasks = Vec::new();
    for name in [MARRIED, NAME, "Орлова Мария Петровна", "Белова Мария Петровна"]
    {
        let (chair, member) = (chair.clone(), phone.member);
        tasks.push(tokio::spawn(async move { edit_member(&chair, member, &edit(name)).await.json(200) }));
    }
    for _ in 0..2 {
        let client = phone.client.clone();
        tasks.push(tokio::spawn(async move { client.post("/api/member/card", &json!({})).await.json(200) }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    app.cards_are_sound().await;
    let profile = phone.profile().await;
    let mut phone = phone;
    phone.take_new_card().await;
    let verdict = Held::download(&app).await.verdict(&phone.token(app.now()));
    let last_name = profile["fullName"].as_str().unwrap().split(' ').next().unwrap();
    assert!(verdict.accepted && verdict.shown().unwrap().name().starts_with(last_name));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_enrolled_during_a_change_has_a_card_that_is_true() {
    for _ in 0..4 {
        let app = TestApp::start().await;
        let member = app.member(NAME).await;
        let chair = app.chair().await;
        let sheet = app.sheet(&chair, member).await;
        let (client, key) = (app.anonymous(), ed25519());
        let body = enrolment(&key, &challenge_for(&client, &sheet["code"]).await);
        let changing = {
            let chair = chair.clone();
            tokio::spawn(async move { edit_member(&chair, member, &edit(MARRIED)).await.json(200) })
        };
        let enrolled = client.post("/api/activation/enrol", &body).await;
        changing.await.unwrap();
        let mut phone = Phone::enrolled(key, client, member, &enrolled);
        phone.take_new_card().await;
        let verdict = Held::download(&app).await.verdict(&phone.token(app.now()));
        assert_eq!(verdict.shown().unwrap().name(), "Соколова М. П.");
        app.cards_are_sound().await;
    }
}
