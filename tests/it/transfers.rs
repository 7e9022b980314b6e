//! A member is registered elsewhere: within one's rights, with the card of the new place, and whoever waited is asked anew.

use profcards::registry::members;
use serde_json::json;

use super::support::lists::Held;
use super::support::register::{ask, edit, edit_member};
use super::support::{NAME, TestApp, next_id, until, with_phone};

#[tokio::test]
async fn a_transfer_within_the_region_keeps_the_card() {
    let (app, phone) = with_phone().await;
    let (chair, card) = (app.chair().await, phone.card_hex().await);
    let detail = ask(&chair, phone.member, "transfer", &json!({ "organisationId": app.world.group })).await;
    let detail = detail.json(200);
    assert_eq!(detail["organisationId"], app.world.group);
    assert_eq!(detail["organisationName"], "Профгруппа начальной школы");
    assert_eq!(phone.card_hex().await, card);
    assert_eq!(phone.profile().await["organisationName"], "Профгруппа начальной школы");
    let notices = phone.notice_data().await;
    let told = notices.iter().find(|notice| notice["kind"] == "transferred").unwrap();
    assert_eq!(told["params"], json!({ "organisationName": "Профгруппа начальной школы" }));
    let open: Vec<(i64, bool)> =
        sqlx::query_as("select organisation_id, valid_to is null from registration order by valid_from")
            .fetch_all(&app.app.db)
            .await
            .unwrap();
    assert_eq!(open, [(app.world.school, false), (app.world.group, true)]);
}

#[tokio::test]
async fn a_transfer_to_another_region_changes_the_card() {
    let (app, mut phone) = with_phone().await;
    let central = app.staff(app.world.central).await;
    let old = phone.token(app.now());
    let to = json!({ "organisationId": app.world.lyceum });
    ask(&central, phone.member, "transfer", &to).await.json(200);
    phone.take_new_card().await;
    let held = Held::download(&app).await;
    assert_eq!(held.verdict(&old).code.as_str(), "revoked");
    assert_eq!(held.verdict(&phone.token(app.now())).shown().unwrap().region(), 97);
    // The member went out of one chair's sight and into the other's.
    let path = format!("/api/staff/members/{}", phone.member);
    app.chair().await.get(&path).await.refused(404, "not-found");
    app.staff(app.world.foreign_chair).await.get(&path).await.json(200);
    let mut kinds: Vec<String> = phone.notices().await.into_iter().map(|(kind, _)| kind).collect();
    kinds.sort();
    assert_eq!(kinds, ["card-changed", "phone-enrolled", "transferred"]);
    app.cards_are_sound().await;
}

#[tokio::test]
async fn a_transfer_needs_a_place_within_ones_rights() {
    let (app, phone) = with_phone().await;
    let (chair, regional) = (app.chair().await, app.staff(app.world.regional).await);
    let to = |organisation_id: i64| json!({ "organisationId": organisation_id });
    let foreign = ask(&chair, phone.member, "transfer", &to(app.world.lyceum)).await;
    let absent = ask(&chair, phone.member, "transfer", &to(987_654)).await;
    foreign.refused(404, "not-found");
    assert_eq!(foreign.body, absent.body);
    let refused = ask(&regional, phone.member, "transfer", &to(app.world.region)).await;
    assert_eq!(
        refused.refused(422, "invalid-input")["fields"],
        json!({ "organisationId": "keeps-no-members" })
    );
    let refused = ask(&chair, phone.member, "transfer", &to(app.world.school)).await;
    assert_eq!(refused.refused(422, "invalid-input")["fields"], json!({ "organisationId": "already-there" }));
    assert_eq!(phone.profile().await["organisationName"], "ППО школы № 12");
}

#[tokio::test]
async fn a_transfer_makes_no_double_entry() {
    let (app, phone) = with_phone().await;
    let chair = app.chair().await;
    app.member_of(app.world.group, NAME).await;
    let to = json!({ "organisationId": app.world.group });
    ask(&chair, phone.member, "transfer", &to).await.refused(409, "already-a-member");
    assert_eq!(phone.profile().await["organisationName"], "ППО школы № 12");
}

async fn all_wait(app: &TestApp, requests: usize) {
    until("all of them wait for the lock", async || {
        let waiters: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(&app.app.db)
        .await
        .unwrap();
        usize::try_from(waiters).unwrap() == requests
    })
    .await;
}

/// Every act on members that somebody signed in asks for is refused who lost the right while it waited.
async fn acts_that_lose_their_right(taken: &'static str) {
    let (app, phone) = with_phone().await;
    let (chair, member, place) = (app.chair().await, phone.member, app.world.school);
    let mut holding = app.app.db.begin().await.unwrap();
    members::store::lock(&mut holding, &[member.into()]).await.unwrap();
    let mut waiting = Vec::new();
    for (path, body) in [
        (format!("members/{member}/status"), json!({ "to": "suspended" })),
        (format!("members/{member}/transfer"), json!({ "organisationId": app.world.group })),
        (format!("members/{member}/activation"), json!({})),
        (format!("organisations/{place}/paper-cards"), json!({ "memberIds": [member] })),
        (
            format!("organisations/{place}/consents"),
            json!({ "memberIds": [member], "signedOn": "2026-11-20" }),
        ),
    ] {
        let chair = chair.clone();
        waiting.push(tokio::spawn(async move {
            chair.post_with_key(&format!("/api/staff/{path}"), next_id(), &body).await
        }));
    }
    all_wait(&app, waiting.len()).await;
    sqlx::query(taken).bind(app.world.chair).execute(&mut *holding).await.unwrap();
    holding.commit().await.unwrap();
    for request in waiting {
        request.await.unwrap().refused(404, "not-found");
    }
}

#[tokio::test]
async fn whoever_waited_is_asked_for_a_mandate_anew() {
    acts_that_lose_their_right(
        "update mandate set (term_from, term_to) = ('2020-01-01', '2020-01-02') where account_id = $1",
    )
    .await;
}

#[tokio::test]
async fn whoever_waited_is_asked_anew_whether_the_account_is_open() {
    acts_that_lose_their_right("update account set disabled_at = now() where id = $1").await;
}

#[tokio::test]
async fn a_transfer_is_asked_for_both_places_anew() {
    let (app, phone) = with_phone().await;
    let (central, member) = (app.staff(app.world.central).await, phone.member);
    let mut holding = app.app.db.begin().await.unwrap();
    members::store::lock(&mut holding, &[member.into()]).await.unwrap();
    let to = json!({ "organisationId": app.world.lyceum });
    let waiting = tokio::spawn(async move { ask(&central, member, "transfer", &to).await });
    all_wait(&app, 1).await;
    // What is left reaches the place that the member would leave, and not the other.
    sqlx::query("update mandate set organisation_id = $1 where account_id = $2")
        .bind(app.world.school)
        .bind(app.world.central)
        .execute(&mut *holding)
        .await
        .unwrap();
    holding.commit().await.unwrap();
    waiting.await.unwrap().refused(404, "not-found");
    assert_eq!(phone.profile().await["organisationName"], "ППО школы № 12");
}

#[tokio::test]
async fn what_waited_for_a_transfer_is_asked_of_the_new_chair() {
    let (app, phone) = with_phone().await;
    let (chair, member) = (app.chair().await, phone.member);
    let before = chair.get(&format!("/api/staff/members/{member}")).await.json(200);
    let mut transfer = app.app.db.begin().await.unwrap();
    members::store::lock(&mut transfer, &[member.into()]).await.unwrap();
    sqlx::query("update registration set organisation_id = $1 where membership_id = $2")
        .bind(app.world.lyceum)
        .bind(member)
        .execute(&mut *transfer)
        .await
        .unwrap();
    let mut waiting = Vec::new();
    for (what, body) in [
        ("status", json!({ "to": "suspended" })),
        ("transfer", json!({ "organisationId": app.world.group })),
        ("phone/lost", json!({})),
        ("cards/revoke", json!({ "reason": "lost" })),
        ("activation", json!({})),
    ] {
        let chair = chair.clone();
        waiting.push(tokio::spawn(async move { ask(&chair, member, what, &body).await }));
    }
    waiting.push({
        let chair = chair.clone();
        tokio::spawn(async move {
            edit_member(&chair, member, &edit("Соколова Мария Петровна")).await
        })
    });
    all_wait(&app, waiting.len()).await;
    transfer.commit().await.unwrap();
    for request in waiting {
        request.await.unwrap().refused(404, "not-found");
    }
    let path = format!("/api/staff/members/{member}");
    let after = app.staff(app.world.foreign_chair).await.get(&path).await.json(200);
    for field in ["lastName", "status", "enrolledPhone", "cards", "activation"] {
        assert_eq!(after[field], before[field], "{field}");
    }
}
