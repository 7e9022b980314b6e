//! What a member is told: by the event itself, once, and for a while.

use serde_json::{Value, json};

use super::support::phone::ed25519;
use super::support::register::{edit, edit_member};
use super::support::{DAY_SECONDS, Phone, next_id, with_phone};

/// Hands in one mutation; answers its answer.
async fn push(phone: &Phone, mutation: &Value, now: u64) -> Value {
    let body = json!({
        "face": "member", "schema": 1, "clientTime": now, "mutations": [mutation],
    });
    let pushed = phone.client.post("/api/sync/push", &body).await.json(200);
    pushed["answers"][0].clone()
}

fn read(ids: &[Value], seq: i64, now: u64) -> Value {
    json!({ "id": next_id(), "seq": seq, "name": "notice.read", "args": { "ids": ids }, "at": now })
}

#[tokio::test]
async fn a_notice_is_read_once_and_by_its_member_only() {
    let (app, phone) = with_phone().await;
    let other = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    let mine = phone.notice_data().await;
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0]["params"], json!({}));
    assert_eq!(mine[0]["at"], app.now());
    assert!(mine[0].get("readAt").is_none());
    let theirs = other.notice_data().await;
    let cursor = phone.caught_up().await;
    app.advance(60);
    let ids = [mine[0]["id"].clone(), theirs[0]["id"].clone(), json!(next_id())];
    let mutation = read(&ids, 1, app.now());
    let answer = push(&phone, &mutation, app.now()).await;
    assert_eq!((&answer["status"], &answer["result"]), (&json!("applied"), &json!({ "readAt": app.now() })));
    let pulled = phone.pull(&cursor).await;
    assert_eq!(pulled["upserts"].as_array().unwrap().len(), 1);
    assert_eq!(pulled["upserts"][0]["data"]["readAt"], app.now());
    assert!(other.notice_data().await[0].get("readAt").is_none());
    // Said again it is the same act; under another id it is none.
    let at = app.now();
    app.advance(60);
    assert_eq!(push(&phone, &mutation, app.now()).await["status"], "duplicate");
    assert_eq!(push(&phone, &read(&ids[..1], 2, app.now()), app.now()).await["status"], "applied");
    assert_eq!(phone.notice_data().await[0]["readAt"], at);
    // What had no effect has left nothing.
    let keys: i64 = sqlx::query_scalar("select count(*) from idempotency where principal like 'member:%'")
        .fetch_one(&app.app.db)
        .await
        .unwrap();
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn what_a_phone_cannot_hand_in_is_refused() {
    let (app, phone) = with_phone().await;
    let refused = async |name: &str, args: Value, code: &str| {
        let mutation = json!({ "id": next_id(), "seq": 0, "name": name, "args": args, "at": app.now() });
        let answer = push(&phone, &mutation, app.now()).await;
        assert_eq!((&answer["status"], &answer["code"]), (&json!("rejected"), &json!(code)));
    };
    refused("purchase.record", json!({}), "unknown-mutation").await;
    refused("notice.read", json!({}), "malformed-args").await;
    refused("notice.read", json!({ "ids": [1] }), "malformed-args").await;
    refused("notice.read", json!({ "ids": [] }), "malformed-args").await;
    let many: Vec<_> = (0..101).map(|_| next_id()).collect();
    refused("notice.read", json!({ "ids": many }), "malformed-args").await;
}

#[tokio::test]
async fn a_member_keeps_a_hundred_notices_for_thirteen_months() {
    let (app, phone) = with_phone().await;
    let chair = app.chair().await;
    let first = phone.notice_data().await[0]["id"].clone();
    let cursor = phone.caught_up().await;
    sqlx::query(
        "insert into notice (id, membership_id, kind, given_at, given_by)
         select gen_random_uuid(), $1, 'card-changed', $2::timestamptz + n * interval '1 second', 'chair'
         from generate_series(1, 99) n",
    )
    .bind(phone.member)
    .bind(app.app.clock.now())
    .execute(&app.app.db)
    .await
    .unwrap();
    app.advance(3_600);
    edit_member(&chair, phone.member, &edit("Соколова Мария Петровна")).await.json(200);
    assert_eq!(phone.notice_data().await.len(), 100);
    let gone = phone.pull(&cursor).await["tombstones"].clone();
    assert_eq!(gone, json!([{ "entity": "notice", "id": first }]));
    app.advance(390 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.notice_data().await.len(), 100);
    app.advance(8 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.notice_data().await.len(), 0);
}

#[tokio::test]
async fn a_new_phone_learns_that_it_replaced_another_and_signing_out_is_told() {
    let (app, first) = with_phone().await;
    app.advance(60);
    let sheet = app.sheet(&app.chair().await, first.member).await;
    app.advance(60);
    let second = Phone::enrol(&app, first.member, &sheet["code"], ed25519()).await;
    app.advance(60);
    assert_eq!(second.client.delete("/api/member/session").await.status, 204);
    // What signed itself out has no more to be told.
    second.client.get("/api/member/profile").await.refused(401, "unauthenticated");
    first.client.get("/api/member/profile").await.refused(401, "phone-replaced");
    app.advance(60);
    let sheet = app.sheet(&app.chair().await, first.member).await;
    app.advance(60);
    let third = Phone::enrol(&app, first.member, &sheet["code"], ed25519()).await;
    let kinds: Vec<String> = third.notices().await.into_iter().map(|(kind, _)| kind).collect();
    // Who had a phone, however it ended, is told of sheets and of the next phone as one who has.
    let first_to_third = [
        "phone-enrolled",
        "sheet-printed",
        "phone-replaced",
        "signed-out",
        "sheet-printed",
        "phone-replaced",
    ];
    assert_eq!(kinds, first_to_third);
}

#[tokio::test]
async fn an_open_page_is_woken_by_a_change() {
    let (app, phone) = with_phone().await;
    let mut calls = app.app.live.listen(&format!("member:{}", phone.member)).unwrap();
    edit_member(&app.chair().await, phone.member, &edit("Соколова Мария Петровна")).await.json(200);
    assert!(calls.called().await);
}
