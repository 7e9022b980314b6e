//! Paying from the balance: only by a living code that was made for this operation of this till, and never more than the
//! member, the rule and the balance allow.

use std::collections::BTreeSet;

use profcards_card::ProofClaims;
use serde_json::{Value, json};

use super::support::{DAY_SECONDS, Phone, Reply, TestApp, Till, entity, with_till};

/// What the balance of [`with_a_balance`] holds.
const BALANCE: i64 = 300_00;
/// The server never draws five digits.
const WRONG_DIGITS: &str = "00000";

/// A member who has cashback to spend, and a till.
async fn with_a_balance() -> (TestApp, Phone, Till) {
    let (app, phone, till) = with_till().await;
    till.applied(&till.purchase(&phone.token(app.now()), 10_000_00, app.now())).await;
    app.advance(15 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (BALANCE, 0));
    (app, phone, till)
}

async fn limit(till: &Till, token: &str, op_no: i64, amount_kopecks: i64) -> Reply {
    let body = json!({ "token": token, "opNo": op_no, "amountKopecks": amount_kopecks });
    till.client.post("/api/till/redemption-limit", &body).await
}

#[tokio::test]
async fn a_part_is_paid_from_the_balance_and_the_rest_brings_cashback() {
    let (app, phone, till) = with_a_balance().await;
    let (now, op_no) = (app.now(), till.next_op_no());
    let state = till.client.get("/api/till").await.json(200);
    assert_eq!(state["redemption"], json!({ "maxShareBp": 3_000 }));
    assert!(state.get("challengeKey").is_none(), "a till knows no digits beforehand");
    let token = phone.redeeming(now, &till.digits(op_no).await, 250_00);
    // By the rule 240 roubles, by the member 250, by the balance 300.
    assert_eq!(limit(&till, &token, op_no, 800_00).await.json(200), json!({ "maxKopecks": 240_00 }));
    assert_eq!(limit(&till, &token, op_no, 2_000_00).await.json(200), json!({ "maxKopecks": 250_00 }));
    let purchase = till.redemption(&token, op_no, 1_000_00, 250_00, now);
    let result = till.applied(&purchase).await;
    assert_eq!(result["amountKopecks"], 1_000_00);
    assert_eq!((&result["redeemKopecks"], &result["payableKopecks"]), (&json!(250_00), &json!(750_00)));
    assert_eq!(result["accrualKopecks"], 22_50, "three percent of what was left to pay");
    let explanation = json!([
        { "code": "redeemed", "redeemKopecks": 250_00, "payableKopecks": 750_00 },
        { "code": "percent", "percentBp": 300, "amountKopecks": 750_00, "accrualKopecks": 22_50 },
        { "code": "pending-until", "date": "2026-12-21" },
    ]);
    assert_eq!(result["explanation"], explanation);
    assert_eq!(phone.balance().await, (50_00, 22_50));
    let pulled = phone.pull("").await;
    for pulled in [&pulled, &till.pull("").await] {
        let upserts = pulled["upserts"].as_array().unwrap();
        let seen = &upserts.iter().find(|upsert| upsert["id"] == result["purchaseId"]).unwrap()["data"];
        assert_eq!((&seen["redeemKopecks"], &seen["explanation"]), (&json!(250_00), &explanation));
    }
    assert_eq!(entity(&pulled, "balance").unwrap()["availableKopecks"], 50_00);
    app.audit().await;
    assert_eq!(till.send(&purchase).await["result"], result, "a retry is told the same");
    assert_eq!(phone.balance().await, (50_00, 22_50));
    // Taken back, all of it comes back.
    till.applied(&till.cancellation(&purchase, now)).await;
    assert_eq!(phone.balance().await, (BALANCE, 0));
    app.audit().await;
}

#[tokio::test]
async fn what_was_redeemed_is_gone_when_its_window_has_closed() {
    let (app, phone, till) = with_a_balance().await;
    let op_no = till.next_op_no();
    let token = phone.redeeming(app.now(), &till.digits(op_no).await, 300_00);
    // A rule's minimum goes by what is left to pay: 70 roubles bring nothing.
    let purchase = till.redemption(&token, op_no, 100_00, 30_00, app.now());
    let result = till.applied(&purchase).await;
    assert_eq!(result["accrualKopecks"], 0);
    assert_eq!(result["explanation"][1], json!({ "code": "below-minimum", "minAmountKopecks": 100_00 }));
    app.advance(15 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (BALANCE - 30_00, 0));
    till.refused(&till.cancellation(&purchase, app.now()), "cancel-too-late").await;
    app.audit().await;
}

/// A redemption of a purchase of 1 000 roubles whose proof says just this.
fn attempt(till: &Till, phone: &Phone, at: u64, op_no: i64, proof: ProofClaims, redeem: i64) -> Value {
    let token = phone.token_of(&ProofClaims { iat: at, ..proof });
    till.redemption(&token, op_no, 1_000_00, redeem, at)
}

fn proof(challenge: &str, max: u64) -> ProofClaims {
    ProofClaims { iat: 0, challenge: Some(challenge.to_owned()), max_redemption_kopecks: Some(max) }
}

#[tokio::test]
async fn only_the_digits_of_this_operation_of_this_till_let_a_code_pay() {
    let (app, phone, till) = with_a_balance().await;
    let other = Till::pair(&app).await;
    let (now, op_no) = (app.now(), till.next_op_no());
    let others = [till.digits(op_no + 1).await, other.digits(op_no).await];
    for wrong in [WRONG_DIGITS, &others[0], &others[1], "", "shorter", "longer"] {
        let right = till.digits(op_no).await;
        let (challenge, code) = match wrong {
            "" => (None, "challenge-missing"),
            "shorter" => (Some(right[..3].to_owned()), "challenge-wrong"),
            "longer" => (Some(format!("{right}0")), "challenge-wrong"),
            wrong => (Some(wrong.to_owned()), "challenge-wrong"),
        };
        let proof = ProofClaims { iat: 0, challenge, max_redemption_kopecks: Some(300_00) };
        let refused = attempt(&till, &phone, now, op_no, proof, 100_00);
        let token = refused["args"]["token"].as_str().unwrap();
        limit(&till, token, op_no, 1_000_00).await.refused(422, code);
        till.refused(&refused, code).await;
    }
    let right = till.digits(op_no).await;
    // Made for one till, handed in by another under the same number.
    let token = phone.redeeming(now, &right, 300_00);
    other.refused(&other.redemption(&token, op_no, 1_000_00, 100_00, now), "challenge-wrong").await;
    let paper = app.paper_token(phone.member).await;
    limit(&till, &paper, op_no, 1_000_00).await.refused(422, "redemption-not-allowed");
    till.refused(&till.redemption(&paper, op_no, 1_000_00, 100_00, now), "redemption-not-allowed").await;
    assert_eq!(phone.balance().await, (BALANCE, 0));
    // Nothing was used up by being refused; used, it serves no second time.
    till.applied(&till.redemption(&token, op_no, 1_000_00, 100_00, now)).await;
    limit(&till, &token, op_no, 1_000_00).await.refused(422, "replayed");
    till.refused(&till.redemption(&token, op_no, 1_000_00, 100_00, now), "replayed").await;
    let fresh = phone.redeeming(now, &right, 299_00);
    limit(&till, &fresh, op_no, 1_000_00).await.refused(422, "op-number-reused");
    till.refused(&till.redemption(&fresh, op_no, 1_000_00, 100_00, now), "op-number-reused").await;
    assert_eq!(phone.balance().await.0, BALANCE - 100_00);
    app.audit().await;
}

#[tokio::test]
async fn no_two_redemptions_at_a_time_have_the_same_digits() {
    let (app, phone, till) = with_a_balance().await;
    let victim = Till::pair(&app).await;
    let digits = victim.digits(1).await;
    let seen = phone.redeeming(app.now(), &digits, 300_00);
    let mut drawn = BTreeSet::from([digits]);
    // A till that has seen the code asks as often as it may, under any number: what it is given is never what the code says.
    for op_no in [till.next_op_no(), 5_000, 1_000_000].into_iter().chain(10..27) {
        assert!(drawn.insert(till.digits(op_no).await), "digits are drawn twice");
        limit(&till, &seen, op_no, 1_000_00).await.refused(422, "challenge-wrong");
        till.refused(&till.redemption(&seen, op_no, 1_000_00, 1_00, app.now()), "challenge-wrong").await;
    }
    let limited = till.ask_digits(99).await;
    limited.refused(429, "too-many-attempts");
    assert!((1..=601).contains(&limited.header("retry-after").parse::<u32>().unwrap()));
    // Another till is not held up, and after ten minutes this one is not.
    let token = phone.redeeming(app.now(), &victim.digits(2).await, 300_00);
    victim.applied(&victim.redemption(&token, 2, 1_000_00, 1_00, app.now())).await;
    app.advance(600);
    app.housekeeping().await;
    let token = phone.redeeming(app.now(), &till.digits(99).await, 300_00);
    till.applied(&till.redemption(&token, 99, 1_000_00, 1_00, app.now())).await;
    assert_eq!(phone.balance().await.0, BALANCE - 2_00);
    app.audit().await;
}

#[tokio::test]
async fn digits_serve_once_for_three_minutes_and_until_they_are_asked_for_anew() {
    let (app, phone, till) = with_a_balance().await;
    let over = async |token: &str, op_no: i64, code: &str| {
        limit(&till, token, op_no, 1_000_00).await.refused(422, code);
        till.refused(&till.redemption(token, op_no, 1_000_00, 1_00, app.now()), code).await;
    };
    // Nobody asked.
    over(&phone.redeeming(app.now(), WRONG_DIGITS, 300_00), 7, "challenge-over").await;
    let asked = till.ask_digits(7).await.json(200);
    assert_eq!(asked["validSeconds"], 180);
    let first = asked["digits"].as_str().unwrap();
    assert!(first.len() == 4 && first.bytes().all(|digit| digit.is_ascii_digit()), "{first}");
    app.advance(179);
    limit(&till, &phone.redeeming(app.now(), first, 300_00), 7, 1_000_00).await.json(200);
    app.advance(1);
    over(&phone.redeeming(app.now(), first, 300_00), 7, "challenge-over").await;
    let second = till.digits(7).await;
    let third = till.digits(7).await;
    over(&phone.redeeming(app.now(), &second, 300_00), 7, "challenge-wrong").await;
    let token = phone.redeeming(app.now(), &third, 300_00);
    till.applied(&till.redemption(&token, 7, 1_000_00, 1_00, app.now())).await;
    // The number is used, so there are no digits for it any more; and those that it had pay for no other.
    till.ask_digits(7).await.refused(422, "op-number-reused");
    over(&phone.redeeming(app.now(), &third, 300_00), 8, "challenge-over").await;
    app.audit().await;
}

#[tokio::test]
async fn a_code_that_is_older_than_its_digits_does_not_answer_them() {
    let (app, phone, till) = with_a_balance().await;
    let (now, op_no) = (app.now(), till.next_op_no());
    let digits = till.digits(op_no).await;
    // A phone's clock may be a little behind; somebody who guessed the digits beforehand is not believed.
    let early = phone.redeeming(now - 16, &digits, 300_00);
    limit(&till, &early, op_no, 1_000_00).await.refused(422, "proof-stale");
    till.refused(&till.redemption(&early, op_no, 1_000_00, 1_00, now), "proof-stale").await;
    let behind = phone.redeeming(now - 15, &digits, 300_00);
    limit(&till, &behind, op_no, 1_000_00).await.json(200);
    till.applied(&till.redemption(&behind, op_no, 1_000_00, 1_00, now)).await;
    // A phone whose clock is ahead is heard as far as the policy lets it.
    let op_no = till.next_op_no();
    let digits = till.digits(op_no).await;
    limit(&till, &phone.redeeming(now + 61, &digits, 300_00), op_no, 1_000_00)
        .await
        .refused(422, "proof-future");
    let ahead = phone.redeeming(now + 60, &digits, 300_00);
    till.applied(&till.redemption(&ahead, op_no, 1_000_00, 1_00, now)).await;
    app.audit().await;
}

#[tokio::test]
async fn five_wrong_codes_end_the_digits() {
    let (app, phone, till) = with_a_balance().await;
    for is_pushed in [false, true] {
        let op_no = till.next_op_no();
        let digits = till.digits(op_no).await;
        for n in 0..5 {
            let wrong = attempt(&till, &phone, app.now(), op_no, proof(WRONG_DIGITS, 300_00 + n), 1_00);
            if is_pushed {
                till.refused(&wrong, "challenge-wrong").await;
            } else {
                let token = wrong["args"]["token"].as_str().unwrap();
                limit(&till, token, op_no, 1_000_00).await.refused(422, "challenge-wrong");
            }
        }
        let right = phone.redeeming(app.now(), &digits, 300_00);
        limit(&till, &right, op_no, 1_000_00).await.refused(422, "challenge-over");
        till.refused(&till.redemption(&right, op_no, 1_000_00, 1_00, app.now()), "challenge-over").await;
        // An ordinary purchase is not held up, and new digits pay.
        let token = phone.redeeming(app.now(), &till.digits(op_no).await, 300_00);
        till.applied(&till.redemption(&token, op_no, 1_000_00, 1_00, app.now())).await;
    }
    app.audit().await;
}

#[tokio::test]
async fn no_digits_are_drawn_for_what_cannot_be_paid() {
    let (_app, _, till) = with_a_balance().await;
    let ask = async |op_no: i64, amount_kopecks: i64| {
        let body = json!({ "opNo": op_no, "amountKopecks": amount_kopecks });
        till.client.post("/api/till/redemption-challenge", &body).await
    };
    for amount in [0, -1, 1_000_000_001] {
        ask(7, amount).await.refused(422, "amount-invalid");
    }
    ask(0, 100).await.refused(422, "op-number-invalid");
    let more = json!({ "opNo": 7, "amountKopecks": 100, "digits": "0000" });
    let asked = till.client.post("/api/till/redemption-challenge", &more).await;
    asked.refused(400, "malformed-request");
}

#[tokio::test]
async fn no_more_is_taken_than_member_rule_and_balance_allow() {
    let (app, phone, till) = with_a_balance().await;
    let (now, op_no) = (app.now(), till.next_op_no());
    let digits = till.digits(op_no).await;
    let no_sum = ProofClaims { iat: 0, challenge: Some(digits.clone()), max_redemption_kopecks: None };
    let too_much = |max: i64| json!({ "code": "redemption-too-much", "detail": { "maxKopecks": max } });
    let cases = [
        (no_sum, 1_000_00, 1, too_much(0)),
        (proof(&digits, 99_99), 1_000_00, 100_00, too_much(99_99)),
        (proof(&digits, 1_000_00), 1_000_00, 300_01, too_much(300_00)),
        (proof(&digits, 1_000_00), 2_000_00, 2_000_01, too_much(300_00)),
        (proof(&digits, 1_000_00), 2_000_00, i64::MAX, too_much(300_00)),
        (
            proof(&digits, 1_000_00),
            2_000_00,
            300_01,
            json!({ "code": "balance-too-low", "detail": { "availableKopecks": 300_00 } }),
        ),
    ];
    for (proof, amount, redeem, expected) in cases {
        let token = phone.token_of(&ProofClaims { iat: now, ..proof });
        let mutation = till.redemption(&token, op_no, amount, redeem, now);
        for _ in 0..2 {
            let answer = till.send(&mutation).await;
            assert_eq!((&answer["status"], &answer["code"]), (&json!("rejected"), &expected["code"]));
            assert_eq!(answer["detail"], expected["detail"], "also when it is asked again");
        }
    }
    let token = phone.redeeming(now, &digits, 300_00);
    let record = |redeem: Value| {
        let mut mutation = till.redemption(&token, op_no, 1_000_00, 1, now);
        mutation["args"]["redeemKopecks"] = redeem;
        mutation
    };
    for redeem in [-1, i64::MIN] {
        till.refused(&record(json!(redeem)), "amount-invalid").await;
    }
    for redeem in [json!(1.5), json!("1"), json!(1_u64 << 63)] {
        till.refused(&record(redeem), "malformed-args").await;
    }
    for amount in [0, -1, 1_000_000_001] {
        limit(&till, &token, op_no, amount).await.refused(422, "amount-invalid");
    }
    limit(&till, &token, 0, 100).await.refused(422, "op-number-invalid");
    let question = json!({ "token": token, "opNo": op_no, "amountKopecks": 100, "redeemKopecks": 5 });
    till.client.post("/api/till/redemption-limit", &question).await.refused(400, "malformed-request");
    assert_eq!(phone.balance().await, (BALANCE, 0));
    // Nothing redeemed is a plain purchase, whatever the code would have allowed.
    assert_eq!(till.applied(&record(json!(0))).await["accrualKopecks"], 30_00);
    app.audit().await;
}

#[tokio::test]
async fn what_is_owed_is_not_there_to_spend() {
    let (app, phone, till) = with_a_balance().await;
    let (now, op_no) = (app.now(), till.next_op_no());
    let owe = "update balance set debt_kopecks = $2 where membership_id = $1";
    sqlx::query(owe).bind(phone.member).bind(BALANCE - 10_00).execute(&app.app.db).await.unwrap();
    let token = phone.redeeming(now, &till.digits(op_no).await, BALANCE.unsigned_abs());
    assert_eq!(limit(&till, &token, op_no, 2_000_00).await.json(200), json!({ "maxKopecks": 10_00 }));
    sqlx::query(owe).bind(phone.member).bind(2 * BALANCE).execute(&app.app.db).await.unwrap();
    assert_eq!(limit(&till, &token, op_no, 2_000_00).await.json(200), json!({ "maxKopecks": 0 }));
    till.refused(&till.redemption(&token, op_no, 1_000_00, 10_00, now), "balance-too-low").await;
}

#[tokio::test]
async fn a_partner_without_redemption_takes_none() {
    let (app, phone, till) = with_a_balance().await;
    let (now, op_no) = (app.now(), till.next_op_no());
    let digits = till.digits(op_no).await;
    sqlx::query("update offer set redeem_max_share_bp = 0").execute(&app.app.db).await.unwrap();
    till.ask_digits(op_no).await.refused(422, "redemption-not-allowed");
    assert!(till.client.get("/api/till").await.json(200).get("redemption").is_none());
    let token = phone.redeeming(now, &digits, 300_00);
    limit(&till, &token, op_no, 1_000_00).await.refused(422, "redemption-not-allowed");
    till.refused(&till.redemption(&token, op_no, 1_000_00, 1, now), "redemption-not-allowed").await;
    till.applied(&till.redemption(&token, op_no, 1_000_00, 0, now)).await;
    app.audit().await;
}

#[tokio::test]
async fn nothing_is_paid_without_the_network() {
    let (app, phone, till) = with_a_balance().await;
    // A slow network is one; a purchase that waited in the till was made without. The server's clock alone tells how old the code
    // is, whatever the till says of the time and of its own clock.
    for (waited, expected) in [(60, "applied"), (61, "rejected")] {
        let (before, op_no) = (app.now(), till.next_op_no());
        let token = phone.redeeming(before, &till.digits(op_no).await, 300_00);
        let mutation = till.redemption(&token, op_no, 1_000_00, 100_00, before);
        app.advance(waited);
        if expected == "rejected" {
            limit(&till, &token, op_no, 1_000_00).await.refused(422, "proof-stale");
        }
        let answer = till.push(&[mutation], before).await["answers"][0].clone();
        assert_eq!(answer["status"], expected, "{answer}");
        assert!(expected == "applied" || answer["code"] == "redemption-offline");
    }
    assert_eq!(phone.balance().await.0, BALANCE - 100_00);
    app.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tills_at_once_never_take_the_same_money() {
    let (app, phone, first) = with_a_balance().await;
    let second = Till::pair(&app).await;
    for round in 0..6 {
        let now = app.now();
        let mut redemptions = Vec::new();
        for till in [&first, &second, &first, &second] {
            let op_no = till.next_op_no();
            let token = phone.redeeming(now, &till.digits(op_no).await, 200_00);
            let mutation = till.redemption(&token, op_no, 1_000_00, 200_00, now);
            let body = Till::push_body(std::slice::from_ref(&mutation), now);
            let client = till.client.clone();
            let sent = tokio::spawn(async move { client.post("/api/sync/push", &body).await.json(200) });
            redemptions.push((till, mutation, sent));
        }
        let mut won = Vec::new();
        for (till, mutation, sent) in redemptions {
            let answer = sent.await.unwrap()["answers"][0].clone();
            if answer["status"] == "applied" {
                won.push((till, mutation));
            } else {
                assert_eq!(answer["code"], "balance-too-low", "{round}: {answer}");
                assert_eq!(answer["detail"]["availableKopecks"], BALANCE - 200_00);
            }
        }
        assert_eq!(won.len(), 1, "{round}");
        assert_eq!(phone.balance().await.0, BALANCE - 200_00);
        let (till, mutation) = won.remove(0);
        till.applied(&till.cancellation(&mutation, now)).await;
        assert_eq!(phone.balance().await, (BALANCE, 0));
    }
    app.audit().await;
}

#[tokio::test]
async fn a_till_asks_for_limits_within_limits() {
    let (app, phone, till) = with_a_balance().await;
    let op_no = till.next_op_no();
    let token = phone.redeeming(app.now(), &till.digits(op_no).await, 300_00);
    for _ in 0..60 {
        limit(&till, &token, op_no, 1_000_00).await.json(200);
    }
    let limited = limit(&till, &token, op_no, 1_000_00).await;
    limited.refused(429, "too-many-attempts");
    assert!((1..=60).contains(&limited.header("retry-after").parse::<u32>().unwrap()));
    // Another till is not held up.
    let other = Till::pair(&app).await;
    let token = phone.redeeming(app.now(), &other.digits(op_no).await, 300_00);
    limit(&other, &token, op_no, 1_000_00).await.json(200);
    // Asking has used nothing up.
    assert_eq!(phone.balance().await, (BALANCE, 0));
}

#[tokio::test]
async fn digits_of_a_wrong_hour_neither_fill_the_tills_share_nor_stand_for_an_operation() {
    let (app, phone, till) = with_a_balance().await;
    let op_no = till.next_op_no();
    app.advance(2 * DAY_SECONDS);
    while till.ask_digits(op_no).await.status == 200 {}
    till.ask_digits(op_no).await.refused(429, "too-many-attempts");
    app.advance(-2 * DAY_SECONDS);
    let now = app.now();
    let token = phone.redeeming(now, &till.digits(op_no).await, 10_00);
    till.applied(&till.redemption(&token, op_no, 200_00, 10_00, now)).await;
    app.audit().await;
}
