//! Paper cards for a sheet: those that there are, and new ones where there are none.

use serde_json::{Value, json};
use uuid::Uuid;

use super::support::lists::Held;
use super::support::{Client, DAY_SECONDS, TestApp, next_id};

fn path(organisation_id: i64) -> String {
    format!("/api/staff/organisations/{organisation_id}/paper-cards")
}

async fn print(app: &TestApp, chair: &Client, ids: &[Uuid]) -> Vec<Value> {
    let body = json!({ "memberIds": ids });
    let printed = chair.post_with_key(&path(app.world.school), next_id(), &body).await.json(200);
    printed["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_sheet_has_everyones_card_in_the_order_asked() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let (first, second) =
        (app.member("Иванова Мария Петровна").await, app.member("Белова Вера Павловна").await);
    let grouped = app.member_of(app.world.group, "Власова Нина Львовна").await;
    let held = app.sheet(&chair, second).await["paperToken"].clone();
    let items = print(&app, &chair, &[grouped, second, first]).await;
    let ids: Vec<&Value> = items.iter().map(|item| &item["memberId"]).collect();
    assert_eq!(ids, [&json!(grouped), &json!(second), &json!(first)]);
    assert_eq!(items[0]["organisationName"], "Профгруппа начальной школы");
    assert_eq!((&items[1]["fullName"], &items[1]["token"]), (&json!("Белова Вера Павловна"), &held));
    let lists = Held::download(&app).await;
    for item in &items {
        let verdict = lists.verdict(item["token"].as_str().unwrap());
        assert!(verdict.accepted && !verdict.allowed.redemption);
        assert_eq!(verdict.card.unwrap().number.to_string(), item["number"].as_str().unwrap());
        assert!(item["expiresAt"].as_u64().unwrap() > app.now());
    }
    // Printed once more it is the same sheet.
    assert_eq!(print(&app, &chair, &[grouped, second, first]).await, items);
    app.cards_are_sound().await;
}

#[tokio::test]
async fn a_card_that_is_about_to_end_is_not_printed() {
    let app = TestApp::start().await;
    let (chair, member) = (app.chair().await, app.member("Иванова Мария Петровна").await);
    let first = print(&app, &chair, &[member]).await;
    let days_left =
        (first[0]["expiresAt"].as_i64().unwrap() - i64::try_from(app.now()).unwrap()) / DAY_SECONDS;
    app.advance((days_left - 61) * DAY_SECONDS);
    let chair = app.chair().await;
    assert_eq!(print(&app, &chair, &[member]).await, first);
    app.advance(2 * DAY_SECONDS);
    app.housekeeping().await;
    let second = print(&app, &chair, &[member]).await;
    assert!(second[0]["expiresAt"].as_i64() > first[0]["expiresAt"].as_i64());
    // The card that somebody still has in a purse ends by itself.
    assert!(Held::download(&app).await.verdict(first[0]["token"].as_str().unwrap()).accepted);
    app.cards_are_sound().await;
}

#[tokio::test]
async fn a_repeated_order_issues_nothing_twice() {
    let app = TestApp::start().await;
    let (chair, member, key) = (app.chair().await, app.member("Иванова Мария Петровна").await, next_id());
    let body = json!({ "memberIds": [member] });
    let first = chair.post_with_key(&path(app.world.school), key, &body).await.json(200);
    assert_eq!(chair.post_with_key(&path(app.world.school), key, &body).await.json(200), first);
    // After a revocation the repetition has nothing to show, and issues nothing for it.
    app.revoke(member).await;
    chair.post_with_key(&path(app.world.school), key, &body).await.refused(409, "card-revoked");
    assert_eq!(app.cards_issued().await, 1);
    assert_eq!(print(&app, &chair, &[member]).await.len(), 1);
}

#[tokio::test]
async fn an_order_that_cannot_be_filled_issues_nothing() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let (member, resting) =
        (app.member("Иванова Мария Петровна").await, app.member("Белова Вера Павловна").await);
    let foreign = app.member_of(app.world.lyceum, "Чужая Анна Петровна").await;
    app.set_status(resting, "suspended").await;
    let ask = async |ids: Vec<Uuid>| {
        chair.post_with_key(&path(app.world.school), next_id(), &json!({ "memberIds": ids })).await
    };
    let hidden = ask(vec![member, foreign]).await;
    hidden.refused(404, "not-found");
    assert_eq!(hidden.body, ask(vec![member, next_id()]).await.body);
    for (ids, code) in [
        (vec![], "required"),
        (vec![member, member], "repeated"),
        (vec![member, resting], "not-active"),
        ((0..201).map(|_| next_id()).collect(), "too-many"),
    ] {
        let problem = ask(ids).await.refused(422, "invalid-input");
        assert_eq!(problem["fields"], json!({ "memberIds": code }));
    }
    assert_eq!(app.cards_issued().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sheets_at_once_hold_the_same_cards() {
    let app = TestApp::start().await;
    let mut members = Vec::new();
    for name in ["Иванова Мария", "Белова Вера", "Власова Нина", "Громова Лидия", "Орлова Яна"]
    {
        members.push(app.member(name).await);
    }
    let backwards: Vec<Uuid> = members.iter().rev().copied().collect();
    let chair = app.chair().await;
    let running: Vec<_> = [members, backwards]
        .into_iter()
        .map(|ids| {
            let (chair, url, body) = (chair.clone(), path(app.world.school), json!({ "memberIds": ids }));
            tokio::spawn(async move { chair.post_with_key(&url, next_id(), &body).await.json(200) })
        })
        .collect();
    let mut sheets = Vec::new();
    for task in running {
        sheets.push(task.await.unwrap()["items"].as_array().unwrap().clone());
    }
    sheets[1].reverse();
    assert_eq!(sheets[0], sheets[1]);
    app.cards_are_sound().await;
}
