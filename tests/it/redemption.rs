//! Paying from the balance: only by a living code that was made for this operation of this till, and never more than the
//! member, the rule and the balance allow.

use profcards_card::ProofClaims;
use serde_json::{Value, json};

use super::support::{DAY_SECONDS, Phone, Reply, TestApp, Till, entity, with_till};

/// What the balance of [`with_a_balance`] holds.
const BALANCE: i64 = 300_00;

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
    let token = phone.redeeming(now, &till.digits(op_no), 250_00);
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
    let token = phone.redeeming(app.now(), &till.digits(op_no), 300_00);
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
    let right = till.digits(op_no);
    let wrong = if right == "0000" { "0001" } else { "0000" };
    let cases = [
        (ProofClaims { iat: 0, challenge: None, max_redemption_kopecks: Some(300_00) }, "challenge-missing"),
        (proof(wrong, 300_00), "challenge-wrong"),
        (proof(&right[..3], 300_00), "challenge-wrong"),
        (proof(&format!("{right}0"), 300_00), "challenge-wrong"),
        (proof(&till.digits(op_no + 1), 300_00), "challenge-wrong"),
        (proof(&other.digits(op_no), 300_00), "challenge-wrong"),
    ];
    for (proof, code) in cases {
        let refused = attempt(&till, &phone, now, op_no, proof, 100_00);
        let token = refused["args"]["token"].as_str().unwrap();
        limit(&till, token, op_no, 1_000_00).await.refused(422, code);
        till.refused(&refused, code).await;
    }
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
async fn a_till_cannot_look_for_a_number_whose_digits_fit() {
    let (app, phone, till) = with_a_balance().await;
    let newest = till.next_op_no() - 1;
    // Made for digits that one of this till's numbers happens to have.
    let fitting = |op_no: i64| phone.redeeming(app.now(), &till.digits(op_no), 300_00);
    let refused = async |token: &str, op_no: i64| {
        limit(&till, token, op_no, 1_000_00).await.refused(422, "challenge-wrong");
        till.refused(&till.redemption(token, op_no, 1_000_00, 1_00, app.now()), "challenge-wrong").await;
    };
    for op_no in [newest + 51, 5_000, i64::MAX] {
        refused(&fitting(op_no), op_no).await;
    }
    // Neither does it bring its numbers to where they fit once it has seen the code.
    let seen = fitting(5_000);
    app.advance(1);
    let mut purchase = till.purchase(&phone.token(app.now()), 200_00, app.now());
    purchase["args"]["opNo"] = json!(4_999);
    till.applied(&purchase).await;
    refused(&seen, 5_000).await;
    refused(&fitting(4_988), 4_988).await;
    assert_eq!(phone.balance().await.0, BALANCE);
    // What it was refused, took back or has not handed in yet leaves gaps.
    for op_no in [4_989, 5_049] {
        limit(&till, &fitting(op_no), op_no, 1_000_00).await.json(200);
        till.applied(&till.redemption(&fitting(op_no), op_no, 1_000_00, 1_00, app.now())).await;
    }
    app.audit().await;
}

#[tokio::test]
async fn no_more_is_taken_than_member_rule_and_balance_allow() {
    let (app, phone, till) = with_a_balance().await;
    let (now, op_no) = (app.now(), till.next_op_no());
    let digits = till.digits(op_no);
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
async fn a_partner_without_redemption_takes_none() {
    let (app, phone, till) = with_a_balance().await;
    sqlx::query("update offer set redeem_max_share_bp = 0").execute(&app.app.db).await.unwrap();
    let (now, op_no) = (app.now(), till.next_op_no());
    assert!(till.client.get("/api/till").await.json(200).get("redemption").is_none());
    let token = phone.redeeming(now, &till.digits(op_no), 300_00);
    limit(&till, &token, op_no, 1_000_00).await.refused(422, "redemption-not-allowed");
    till.refused(&till.redemption(&token, op_no, 1_000_00, 1, now), "redemption-not-allowed").await;
    till.applied(&till.redemption(&token, op_no, 1_000_00, 0, now)).await;
    app.audit().await;
}

#[tokio::test]
async fn nothing_is_paid_without_the_network() {
    let (app, phone, till) = with_a_balance().await;
    // A slow network is one; a purchase that waited in the till was made without.
    for (waited, expected) in [(120, "applied"), (121, "rejected")] {
        let (before, op_no) = (app.now(), till.next_op_no());
        let token = phone.redeeming(before, &till.digits(op_no), 300_00);
        let mutation = till.redemption(&token, op_no, 1_000_00, 100_00, before);
        app.advance(waited);
        let answer = till.push(&[mutation], app.now()).await["answers"][0].clone();
        assert_eq!(answer["status"], expected, "{answer}");
        assert!(expected == "applied" || answer["code"] == "redemption-offline");
        limit(&till, &phone.redeeming(before, &till.digits(99), 300_00), 99, 1_000_00)
            .await
            .refused(422, "proof-stale");
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
            let token = phone.redeeming(now, &till.digits(op_no), 200_00);
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
    let token = phone.redeeming(app.now(), &till.digits(op_no), 300_00);
    for _ in 0..60 {
        limit(&till, &token, op_no, 1_000_00).await.json(200);
    }
    let limited = limit(&till, &token, op_no, 1_000_00).await;
    limited.refused(429, "too-many-attempts");
    assert!((1..=60).contains(&limited.header("retry-after").parse::<u32>().unwrap()));
    // Another till is not held up.
    let other = Till::pair(&app).await;
    let token = phone.redeeming(app.now(), &other.digits(op_no), 300_00);
    limit(&other, &token, op_no, 1_000_00).await.json(200);
    // Asking has used nothing up.
    assert_eq!(phone.balance().await, (BALANCE, 0));
}
