//! The typed number: the last resort of a till with a network. It brings cashback once, pays never, and tells a guesser
//! nothing.

use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{DAY_SECONDS, Phone, Reply, TestApp, Till, next_id, with_till};

async fn member_and_till() -> (TestApp, Phone, Till) {
    let (app, phone, till) = with_till().await;
    app.advance(DAY_SECONDS);
    (app, phone, till)
}

async fn number_of(app: &TestApp, member: Uuid) -> String {
    let number = sqlx::query_scalar("select number from membership where id = $1").bind(member);
    number.fetch_one(&app.app.db).await.unwrap()
}

async fn look_up(till: &Till, number: &str) -> Reply {
    till.client.post("/api/till/lookup", &json!({ "number": number })).await
}

/// A purchase by a member who was looked up.
fn purchase(till: &Till, lookup_id: &Value, amount_kopecks: i64, at: u64) -> Value {
    let args = json!({ "lookupId": lookup_id, "amountKopecks": amount_kopecks, "opNo": till.next_op_no() });
    till.mutation("purchase.record", &args, at)
}

#[tokio::test]
async fn a_typed_number_brings_cashback_once() {
    let (app, phone, till) = member_and_till().await;
    let (now, number) = (app.now(), number_of(&app, phone.member).await);
    let found = look_up(&till, &number).await.json(200);
    assert_eq!(found["shown"], json!({ "name": "Иванова М. П.", "region": 42, "category": 1 }));
    assert_eq!(found["expiresAt"], now + 600);
    assert_eq!(found.as_object().unwrap().len(), 3, "nothing else is told");
    let first = purchase(&till, &found["lookupId"], 1_500_00, now);
    let result = till.applied(&first).await;
    assert_eq!((&result["accrualKopecks"], &result["shownName"]), (&json!(45_00), &json!("Иванова М. П.")));
    assert_eq!(till.send(&first).await["status"], "duplicate");
    till.refused(&purchase(&till, &found["lookupId"], 1_500_00, now), "lookup-used").await;
    assert_eq!(phone.balance().await, (0, 45_00));
    app.audit().await;
    till.applied(&till.cancellation(&first, now)).await;
    till.refused(&purchase(&till, &found["lookupId"], 1_500_00, now), "lookup-used").await;
    assert_eq!(phone.balance().await, (0, 0));
    app.audit().await;
}

#[tokio::test]
async fn a_paper_card_is_found_and_its_lookup_outlives_a_new_phone() {
    let app = TestApp::start().await;
    let (member, till) = (app.member("Петрова Анна Сергеевна").await, Till::pair(&app).await);
    let number = number_of(&app, member).await;
    look_up(&till, &number).await.refused(404, "card-unknown");
    // Enrolled, agreed to ПрофКардс, signed out: the paper card is left.
    let phone = Phone::activate(&app, member).await;
    assert_eq!(phone.client.delete("/api/member/session").await.status, 204);
    let found = look_up(&till, &number).await.json(200);
    let phone = Phone::activate(&app, member).await;
    till.applied(&purchase(&till, &found["lookupId"], 1_500_00, app.now())).await;
    assert_eq!(phone.balance().await, (0, 45_00));
    app.audit().await;
}

#[tokio::test]
async fn a_lookup_is_its_tills_own_and_lasts_ten_minutes() {
    let (app, phone, till) = member_and_till().await;
    let (other, looked_up) = (Till::pair(&app).await, app.now());
    let number = number_of(&app, phone.member).await;
    let found = look_up(&till, &number).await.json(200);
    let id = &found["lookupId"];
    other.refused(&purchase(&other, id, 1_500_00, looked_up), "lookup-expired").await;
    till.refused(&purchase(&till, &json!(next_id()), 1_500_00, looked_up), "lookup-expired").await;
    // The network was lost in between: what counts is when the purchase was made.
    let (in_time, too_late) =
        (purchase(&till, id, 1_500_00, looked_up + 600), purchase(&till, id, 1_500_00, looked_up + 601));
    app.advance(DAY_SECONDS);
    for (mutation, expected) in [(too_late, "rejected"), (in_time, "applied")] {
        let answer = till.push(&[mutation], app.now()).await["answers"][0].clone();
        assert_eq!(answer["status"], expected, "{answer}");
        assert!(expected == "applied" || answer["code"] == "lookup-expired");
    }
    // A till whose clock is behind is not held to it.
    let found = look_up(&till, &number).await.json(200);
    let behind = app.now() - 3_600;
    let answer = till.push(&[purchase(&till, &found["lookupId"], 200_00, behind)], behind).await;
    assert_eq!(answer["answers"][0]["status"], "applied", "{answer}");
    assert_eq!(phone.balance().await, (0, 51_00));
    app.audit().await;
}

#[tokio::test]
async fn a_typed_number_never_pays() {
    let (app, phone, till) = member_and_till().await;
    let found = look_up(&till, &number_of(&app, phone.member).await).await.json(200);
    let with = |extra: &Value| {
        let mut mutation = purchase(&till, &found["lookupId"], 1_500_00, app.now());
        let args = mutation["args"].as_object_mut().unwrap();
        args.extend(extra.as_object().unwrap().clone());
        args.retain(|_, value| !value.is_null());
        mutation
    };
    till.refused(&with(&json!({ "redeemKopecks": 1 })), "redemption-not-allowed").await;
    let token = phone.token(app.now());
    for malformed in [json!({ "token": token }), json!({ "lookupId": null }), json!({ "lookupId": "7" })] {
        till.refused(&with(&malformed), "malformed-args").await;
    }
    // Its refusals have not used it up.
    till.applied(&with(&json!({ "redeemKopecks": 0 }))).await;
    app.audit().await;
}

#[tokio::test]
async fn whoever_cannot_be_found_is_answered_alike() {
    let (app, phone, till) = member_and_till().await;
    let good = number_of(&app, phone.member).await;
    let set_status = async |member: Uuid, status: &str| {
        let update = sqlx::query("update membership set status = $2 where id = $1").bind(member).bind(status);
        update.execute(&app.app.db).await.unwrap();
    };
    let mut numbers = vec!["079927398713".to_owned()];
    let mut altered = good.clone().into_bytes();
    altered[11] = b'0' + (altered[11] - b'0' + 1) % 10;
    numbers.push(String::from_utf8(altered).unwrap());
    numbers.push("12".into());
    for (name, status) in [("Петрова Анна Ивановна", "suspended"), ("Сидорова Ольга Ивановна", "left")]
    {
        let member = Phone::activate(&app, app.member(name).await).await.member;
        set_status(member, status).await;
        numbers.push(number_of(&app, member).await);
    }
    let revoked = Phone::activate(&app, app.member("Кузнецова Нина Павловна").await).await.member;
    app.revoke(revoked).await;
    numbers.push(number_of(&app, revoked).await);
    numbers.push(number_of(&app, app.member("Орлова Вера Ильинична").await).await);
    // A card, and no consent to ПрофКардс: never given, or withdrawn.
    let abstaining = app.member("Белова Вера Павловна").await;
    app.sheet(&app.chair().await, abstaining).await;
    numbers.push(number_of(&app, abstaining).await);
    let withdrawn = Phone::activate(&app, app.member("Власова Нина Львовна").await).await;
    withdrawn.consent(false).await;
    numbers.push(number_of(&app, withdrawn.member).await);
    let mut answers = Vec::new();
    for number in &numbers {
        let reply = look_up(&till, number).await;
        reply.refused(404, "card-unknown");
        answers.push(reply.body);
        // A till that guesses is stopped after a few.
        app.advance(600);
    }
    assert_eq!(answers.len(), 9);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    look_up(&till, &good).await.json(200);
}

#[tokio::test]
async fn what_changes_after_the_lookup_counts() {
    let (app, phone, till) = member_and_till().await;
    let number = number_of(&app, phone.member).await;
    let found = look_up(&till, &number).await.json(200);
    app.advance(1);
    phone.consent(false).await;
    app.advance(1);
    till.refused(&purchase(&till, &found["lookupId"], 1_500_00, app.now()), "not-in-programme").await;
    phone.consent(true).await;
    app.advance(1);
    app.revoke(phone.member).await;
    app.advance(1);
    till.refused(&purchase(&till, &found["lookupId"], 1_500_00, app.now()), "revoked").await;
    app.audit().await;
}

#[tokio::test]
async fn a_till_that_guesses_is_stopped_and_redis_has_no_part_in_it() {
    let (app, phone, till) = member_and_till().await;
    let number = number_of(&app, phone.member).await;
    for _ in 0..8 {
        look_up(&till, "079927398713").await.refused(404, "card-unknown");
        app.advance(60);
    }
    app.forget_redis().await;
    let limited = look_up(&till, &number).await;
    assert_eq!(limited.refused(429, "too-many-attempts")["retryAfterSeconds"], 3_600 - 480 + 1);
    assert_eq!(limited.header("retry-after"), "3121");
    // Another till is free to.
    let other = Till::pair(&app).await;
    look_up(&other, &number).await.json(200);
    app.advance(3_121);
    look_up(&till, &number).await.json(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_lookups_an_hour_and_not_one_more_at_once() {
    let (app, phone, till) = member_and_till().await;
    let body = json!({ "number": number_of(&app, phone.member).await });
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let (client, body) = (till.client.clone(), body.clone());
            tokio::spawn(async move { client.post("/api/till/lookup", &body).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((count(200), count(429)), (30, 10));
    // They are forgotten when they can serve nothing any more.
    let kept = async || -> i64 {
        sqlx::query_scalar("select count(*) from number_lookup").fetch_one(&app.app.db).await.unwrap()
    };
    app.advance(34 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(kept().await, 30);
    app.advance(2 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(kept().await, 0);
}

#[tokio::test]
async fn what_was_looked_up_while_the_clock_was_ahead_neither_blocks_the_till_nor_is_lost() {
    let (app, phone, till) = member_and_till().await;
    let number = number_of(&app, phone.member).await;
    app.advance(16 * DAY_SECONDS);
    let found = look_up(&till, &number).await.json(200);
    let early = purchase(&till, &found["lookupId"], 1_500_00, app.now());
    for _ in 0..8 {
        look_up(&till, "079927398713").await.refused(404, "card-unknown");
    }
    look_up(&till, &number).await.refused(429, "too-many-attempts");
    app.advance(-16 * DAY_SECONDS);
    look_up(&till, &number).await.json(200);
    // What the till recorded then, and could not hand in, is booked now, once.
    let answer = till.push(&[early], app.now()).await["answers"][0].clone();
    assert_eq!(answer["status"], "applied", "{answer}");
    till.refused(&purchase(&till, &found["lookupId"], 1_500_00, app.now()), "lookup-used").await;
    assert_eq!(phone.balance().await, (0, 45_00));
    app.audit().await;
}
