//! Signed consents that come in after the entry, for many members at once.

use serde_json::{Value, json};
use uuid::Uuid;

use super::support::register::{ask, members_of, with};
use super::support::world::person;
use super::support::{Client, DAY_SECONDS, Phone, Reply, TestApp, next_id};

async fn without_consent(app: &TestApp, chair: &Client, full_name: &str) -> Uuid {
    let form = with(person(full_name), "processingConsentOn", Value::Null);
    let entered = chair.post_with_key(&members_of(app.world.school), next_id(), &form).await.json(201);
    entered["id"].as_str().unwrap().parse().unwrap()
}

fn signed(members: &[Uuid], on: &str) -> Value {
    json!({ "memberIds": members, "signedOn": on })
}

async fn record(staff: &Client, organisation_id: i64, body: &Value) -> Reply {
    staff
        .post_with_key(&format!("/api/staff/organisations/{organisation_id}/consents"), next_id(), body)
        .await
}

async fn consents_of(staff: &Client, member: Uuid) -> Value {
    let detail = staff.get(&format!("/api/staff/members/{member}")).await.json(200);
    assert_eq!(detail["processingConsent"], !detail["consents"].as_array().unwrap().is_empty());
    detail["consents"].clone()
}

#[tokio::test]
async fn signed_consents_are_entered_for_many_at_once_and_only_once() {
    let app = TestApp::start().await;
    let (chair, school) = (app.chair().await, app.world.school);
    let anna = without_consent(&app, &chair, "Петрова Анна Сергеевна").await;
    let vera = without_consent(&app, &chair, "Белова Вера Павловна").await;
    let with_consent = app.member("Иванова Мария Петровна").await;
    let before = consents_of(&chair, with_consent).await;
    let body = signed(&[anna, vera, with_consent], "2026-11-20");
    let key = next_id();
    let path = format!("/api/staff/organisations/{school}/consents");
    for _ in 0..2 {
        assert_eq!(chair.post_with_key(&path, key, &body).await.json(200), json!({ "recorded": 2 }));
    }
    // 20 November 2026.
    let paper = json!([{ "kind": "processing", "givenAt": 1_795_132_800, "channel": "paper" }]);
    assert_eq!(consents_of(&chair, anna).await, paper);
    assert_eq!(consents_of(&chair, vera).await, paper);
    assert_eq!(consents_of(&chair, with_consent).await, before, "who has given one keeps it");
    assert_eq!(record(&chair, school, &body).await.json(200), json!({ "recorded": 0 }));
    let counts = chair.get(&format!("/api/staff/organisations/{school}")).await.json(200)["counts"].clone();
    assert_eq!(counts["withoutConsent"], 0);
}

#[tokio::test]
async fn consents_are_entered_by_those_who_keep_the_members_and_by_nobody_else() {
    let app = TestApp::start().await;
    let (chair, school) = (app.chair().await, app.world.school);
    let anna = without_consent(&app, &chair, "Петрова Анна Сергеевна").await;
    let stranger = app.staff(app.world.foreign_chair).await;
    record(&stranger, school, &signed(&[anna], "2026-11-20")).await.refused(404, "not-found");
    record(&stranger, app.world.lyceum, &signed(&[anna], "2026-11-20")).await.refused(404, "not-found");
    record(&app.anonymous(), school, &signed(&[anna], "2026-11-20")).await.refused(401, "unauthenticated");
    ask(&chair, anna, "status", &json!({ "to": "left" })).await.json(200);
    record(&chair, school, &signed(&[anna], "2026-11-20")).await.refused(404, "not-found");
    let vera = without_consent(&app, &chair, "Белова Вера Павловна").await;
    let region = app.staff(app.world.regional).await;
    record(&region, app.world.region, &signed(&[vera], "2026-11-20")).await.json(200);
}

#[tokio::test]
async fn a_consent_has_a_day_that_can_be_true_and_members_who_are_chosen_once() {
    let app = TestApp::start().await;
    let (chair, school) = (app.chair().await, app.world.school);
    let anna = without_consent(&app, &chair, "Петрова Анна Сергеевна").await;
    for (day, code) in [
        ("2026-11-23", "in-the-future"),
        ("1980-05-16", "before-birth"),
        ("2006-07-26", "too-early"),
        ("-262143-01-01", "before-birth"),
        ("+262142-12-31", "in-the-future"),
    ] {
        let problem = record(&chair, school, &signed(&[anna], day)).await.refused(422, "invalid-input");
        assert_eq!(problem["fields"], json!({ "signedOn": code }), "{day}");
    }
    let many: Vec<Uuid> = (0..201).map(|_| next_id()).collect();
    for (members, code) in [(&[][..], "required"), (&[anna, anna], "repeated"), (&many, "too-many")] {
        let problem =
            record(&chair, school, &signed(members, "2026-11-20")).await.refused(422, "invalid-input");
        assert_eq!(problem["fields"], json!({ "memberIds": code }));
    }
    assert_eq!(consents_of(&chair, anna).await, json!([]));
    // The first hour of the 23rd in Kamchatka is the 22nd in Moscow; nobody has signed in the future, though.
    app.advance(4 * 3600);
    record(&chair, school, &signed(&[anna], "2026-11-23")).await.json(200);
    assert_eq!(consents_of(&chair, anna).await[0]["givenAt"], app.now());
}

#[tokio::test]
async fn the_members_phone_hears_of_the_consent() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let anna = without_consent(&app, &chair, "Петрова Анна Сергеевна").await;
    let phone = Phone::activate(&app, anna).await;
    let cursor = phone.caught_up().await;
    app.advance(DAY_SECONDS);
    record(&chair, app.world.school, &signed(&[anna], "2026-11-20")).await.json(200);
    let pulled = phone.pull(&cursor).await;
    assert!(pulled["upserts"].as_array().unwrap().iter().any(|one| one["entity"] == "profile"));
}
