//! A server whose clock is behind, the database's with it, refuses nothing for good that lies in its future by the word of till and
//! phone alike. What only one of them says is not believed, and nothing waits for ever.

use serde_json::{Value, json};

use super::support::{DAY_SECONDS, TestApp, Till, with_till};

/// Pushes mutations by a till whose clock is right; answers the outcome of each.
async fn hand_in(till: &Till, mutations: &[Value], real_now: u64) -> Vec<Value> {
    let pushed = till.push(mutations, real_now).await;
    let outcome = |answer: &Value| answer.get("code").unwrap_or(&answer["status"]).clone();
    pushed["answers"].as_array().unwrap().iter().map(outcome).collect()
}

/// Hands in while the clock is behind by so much, when nothing may be decided, and again when it was put right.
async fn booked_when_the_clock_is_right(app: &TestApp, till: &Till, mutations: &[Value], behind: i64) {
    let real_now = app.now();
    app.advance(-behind);
    let early = hand_in(till, mutations, real_now).await;
    assert!(early.iter().all(|outcome| outcome == "retry"), "{behind} seconds behind: {early:?}");
    app.advance(behind);
    let later = hand_in(till, mutations, real_now).await;
    assert!(later.iter().all(|outcome| outcome == "applied"), "{behind} seconds behind: {later:?}");
}

#[tokio::test]
async fn what_lies_in_the_servers_future_waits_until_its_clock_is_right() {
    let (app, phone, till) = with_till().await;
    app.advance(2 * 3_600);
    // The code is from the future; then the card is as well.
    for behind in [61, 3_600, 40 * DAY_SECONDS] {
        app.advance(60);
        let purchase = till.purchase(&phone.token(app.now()), 1_500_00, app.now());
        let taken_back = till.cancellation(&purchase, app.now());
        booked_when_the_clock_is_right(&app, &till, &[purchase, taken_back], behind).await;
    }
    assert_eq!(phone.balance().await, (0, 0));
    app.audit().await;
}

#[tokio::test]
async fn a_purchase_between_a_revocation_and_a_slow_clock_waits_until_the_clock_is_right() {
    let (app, phone, till) = with_till().await;
    let paper = app.paper_token(phone.member).await;
    app.advance(3_600);
    app.set_status(phone.member, "suspended").await;
    app.advance(3_600);
    app.set_status(phone.member, "active").await;
    app.advance(60);
    let purchase = till.purchase(&paper, 1_500_00, app.now());
    // Of the suspension it knows the beginning alone.
    booked_when_the_clock_is_right(&app, &till, &[purchase], 1_800).await;
    let purchase = till.purchase(&paper, 500_00, app.now());
    app.advance(60);
    app.revoke(phone.member).await;
    app.advance(60);
    booked_when_the_clock_is_right(&app, &till, &[purchase], 3_600).await;
    app.audit().await;
}

#[tokio::test]
async fn a_till_that_makes_its_time_up_is_refused() {
    let (app, phone, till) = with_till().await;
    let paper = app.paper_token(phone.member).await;
    app.advance(7_200);
    let now = app.now();
    let ahead = |token: &str, seconds: u64| till.purchase(token, 1_500_00, now + seconds);
    let purchases = [
        // Another time than the code's, and one beyond the trust list.
        ahead(&phone.token(now + 3_600), 7_200),
        ahead(&phone.token(now - 3_600), 3_600),
        ahead(&phone.token(now + 31 * DAY_SECONDS.unsigned_abs()), 31 * DAY_SECONDS.unsigned_abs()),
    ];
    let outcomes = hand_in(&till, &purchases, now).await;
    assert_eq!(outcomes, ["proof-future", "proof-stale", "proof-future"].map(|code| json!(code)));
    // A card that has ended stays so whatever day is named.
    app.revoke(phone.member).await;
    app.advance(60);
    let named_ahead = [ahead(&paper, 3_600), ahead(&phone.token(now + 3_600), 3_600)];
    assert_eq!(hand_in(&till, &named_ahead, now).await[0], "revoked");
    assert_eq!(hand_in(&till, &named_ahead, now).await[1], "proof-future");
    app.audit().await;
}
