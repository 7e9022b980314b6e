//! A till: how it is paired, and which cards its purchases are refused for.

use profcards::access::limits;
use profcards::access::store::SessionOwner;
use profcards::cards::{self, CardOrder};
use profcards_card::{IssuerAlg, IssuerSigningKey, KeyRole, SignedCard, from_text, issue_card, to_text};
use serde_json::{Value, json};

use super::support::phone::{ed25519, shown};
use super::support::process::run;
use super::support::{DAY_SECONDS, Phone, TestApp, Till, entity, next_id, sets_cookie, with_till};

const PAIRING: &str = "/api/till/pairing";

/// A pairing by a browser that was never a till before.
fn pairing(code: &str) -> Value {
    json!({ "code": code, "clientId": next_id() })
}

#[tokio::test]
async fn a_till_is_paired_once_with_one_code() {
    let app = TestApp::start().await;
    let (till, code) = (app.anonymous(), app.pairing_code().await);
    let reply = till.post(PAIRING, &pairing(&code.to_lowercase())).await;
    assert!(sets_cookie(&reply, "pc_till"));
    let state = reply.json(201);
    assert_eq!(state["terminalNumber"], 1);
    assert_eq!(state["partnerName"], "Книжная лавка");
    assert_eq!(state["outletAddress"], "Липецк, ул. Ленина, 5");
    assert_eq!(state["lastOpNo"], 0);
    assert_eq!(
        state["offer"],
        json!({
            "version": 1, "title": "Кэшбэк 3 %", "percentBp": 300, "minAmountKopecks": 100_00,
            "capPerPurchaseKopecks": 500_00,
        })
    );
    assert_eq!(till.get("/api/till").await.json(200), state);
    let used = app.anonymous().post(PAIRING, &pairing(&code)).await;
    used.refused(403, "pairing-refused");
    let second = Till::pair(&app).await;
    assert_eq!(second.client.get("/api/till").await.json(200)["terminalNumber"], 2);
    // A till that is ended is signed out, and its number is not given again.
    assert_eq!(second.client.delete("/api/till").await.status, 204);
    second.client.get("/api/till").await.refused(401, "unauthenticated");
    assert_eq!(Till::pair(&app).await.client.get("/api/till").await.json(200)["terminalNumber"], 3);
}

#[tokio::test]
async fn guessing_pairing_codes_is_limited() {
    let app = TestApp::start().await;
    let (till, late, good) = (app.anonymous(), app.pairing_code().await, app.pairing_code().await);
    till.post(PAIRING, &pairing(&good)).await.json(201);
    app.advance(7 * DAY_SECONDS);
    till.post(PAIRING, &pairing(&late)).await.refused(403, "pairing-refused");
    for n in 0..9 {
        let wrong = pairing(&format!("00000-0000{n}"));
        till.post(PAIRING, &wrong).await.refused(403, "pairing-refused");
    }
    app.use_up(limits::PAIRING.per_address, "127.0.0.1").await;
    let code = app.pairing_code().await;
    let limited = till.post(PAIRING, &pairing(&code)).await;
    limited.refused(429, "too-many-attempts");
    assert!(limited.header("retry-after").parse::<u32>().is_ok());
}

#[tokio::test]
async fn a_lost_reply_to_a_pairing_is_asked_for_again() {
    let app = TestApp::start().await;
    let request = pairing(&app.pairing_code().await);
    let first = app.anonymous().post(PAIRING, &request).await.json(201);
    let again = app.anonymous();
    assert_eq!(again.post(PAIRING, &request).await.json(201)["terminalId"], first["terminalId"]);
    again.get("/api/till").await.json(200);
}

#[tokio::test]
async fn a_till_that_is_paired_anew_goes_on_as_itself() {
    let (app, phone, till) = member_and_till().await;
    let paper = app.paper_token(phone.member).await;
    let purchase = till.purchase(&paper, 1_500_00, app.now());
    let booked = till.applied(&purchase).await;
    assert_eq!(till.client.delete("/api/till").await.status, 204);
    // The reply was lost before the till was ended: paired again, it learns what became of its purchase.
    let anew = Till::pair_as(&app, till.client_id).await;
    assert_eq!(anew.terminal, till.terminal);
    let answer = anew.send(&purchase).await;
    assert_eq!((&answer["status"], &answer["result"]), (&json!("duplicate"), &booked));
    assert_eq!(phone.balance().await, (0, 45_00));
    // Moved to another shop, it cannot hand in there what the first one sold.
    let mut elsewhere = anew.purchase(&paper, 700_00, app.now());
    elsewhere["args"]["outletId"] = json!(next_id());
    anew.refused(&elsewhere, "other-outlet").await;
}

#[tokio::test]
async fn a_stolen_till_is_ended_from_the_command_line() {
    let app = TestApp::start().await;
    let (stolen, other) = (Till::pair(&app).await, Till::pair(&app).await);
    let copy = app.signed_in(SessionOwner::Terminal(stolen.terminal.into())).await;
    let id = stolen.terminal.to_string();
    let listed = run(&app, &["till", "list"]).await.unwrap();
    assert!(
        listed.contains(&format!("{} Книжная лавка, Магазин на Ленина\n  {id} 1 ", app.world.outlet)),
        "{listed}"
    );
    run(&app, &["till", "end", &id]).await.unwrap();
    for thief in [&stolen.client, &copy] {
        thief.get("/api/till").await.refused(401, "unauthenticated");
        thief.get("/api/sync/pull?face=till&schema=1").await.refused(401, "unauthenticated");
    }
    other.client.get("/api/till").await.json(200);
    let listed = run(&app, &["till", "list"]).await.unwrap();
    assert_eq!(listed.lines().filter(|line| line.contains(" ended 2")).count(), 1, "{listed}");
    run(&app, &["till", "end", &id]).await.unwrap_err();
}

#[tokio::test]
async fn a_copied_cookie_does_not_outlive_an_end_or_a_new_pairing() {
    let app = TestApp::start().await;
    let till = Till::pair(&app).await;
    let copy = app.signed_in(SessionOwner::Terminal(till.terminal.into())).await;
    copy.get("/api/till").await.json(200);
    let anew = Till::pair_as(&app, till.client_id).await;
    assert_eq!(anew.terminal, till.terminal);
    for old in [&till.client, &copy] {
        old.get("/api/till").await.refused(401, "unauthenticated");
    }
    let copy = app.signed_in(SessionOwner::Terminal(till.terminal.into())).await;
    assert_eq!(anew.client.delete("/api/till").await.status, 204);
    let sessions: i64 = sqlx::query_scalar("select count(*) from session where terminal_id = $1")
        .bind(till.terminal)
        .fetch_one(&app.app.db)
        .await
        .unwrap();
    assert_eq!(sessions, 0);
    copy.get("/api/till").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn pushes_of_one_till_are_limited() {
    let app = TestApp::start().await;
    let (till, other) = (Till::pair(&app).await, Till::pair(&app).await);
    let push = Till::push_body(&[], app.now());
    for _ in 0..limits::PUSH_PER_CLIENT.attempts {
        till.client.post("/api/sync/push", &push).await.json(200);
    }
    till.client.post("/api/sync/push", &push).await.refused(429, "too-many-attempts");
    other.client.post("/api/sync/push", &push).await.json(200);
}

async fn member_and_till() -> (TestApp, Phone, Till) {
    let (app, phone, till) = with_till().await;
    app.advance(DAY_SECONDS);
    (app, phone, till)
}

/// The token with one bit of a byte turned, counted from its end.
fn altered(token: &str, from_end: usize) -> String {
    let mut bytes = from_text(token).unwrap();
    let place = bytes.len() - from_end;
    bytes[place] ^= 1;
    to_text(&bytes)
}

#[tokio::test]
async fn a_card_that_is_not_genuine_brings_nothing() {
    let (app, phone, till) = member_and_till().await;
    let now = app.now();
    let paper = app.paper_token(phone.member).await;
    let secret = [9; 32];
    let stranger = IssuerSigningKey::from_secret(&secret, KeyRole::Card, IssuerAlg::EdDsa);
    let foreign = issue_card(&SignedCard::parse(&phone.card).unwrap().claims, &stranger).unwrap();
    let cases = [
        ("HELLO".to_owned(), "not-a-card"),
        (format!("{paper} "), "not-a-card"),
        (altered(&paper, 1), "bad-signature"),
        (altered(&phone.token(now), 1), "proof-bad"),
        (altered(&to_text(&phone.card), 1), "bad-signature"),
        (to_text(&phone.card), "proof-missing"),
        (shown(&foreign, now, &phone.key), "unknown-key"),
        (phone.forged(&app, now), "card-not-issued-here"),
        (phone.token(now - 61), "proof-stale"),
        (phone.token(now + 61), "proof-future"),
    ];
    for (token, code) in cases {
        till.refused(&till.purchase(&token, 1_500_00, now), code).await;
    }
    assert_eq!(phone.balance().await, (0, 0));
    assert_eq!(app.audit().await.postings, 0);
    // The refusals have used nothing up: the same till goes on.
    till.applied(&till.purchase(&phone.token(now), 1_500_00, now)).await;
    app.audit().await;
}

#[tokio::test]
async fn a_figure_that_cannot_be_is_refused() {
    let (app, phone, till) = member_and_till().await;
    let now = app.now();
    for amount in [0, -1, i64::MIN, 1_000_000_001, i64::MAX] {
        till.refused(&till.purchase(&phone.token(now), amount, now), "amount-invalid").await;
    }
    till.applied(&till.purchase(&phone.token(now), 1_000_000_000, now)).await;
    let args = |amount: Value, op_no: Value| json!({ "token": phone.token(now), "amountKopecks": amount, "opNo": op_no });
    let record = |args: &Value| till.mutation("purchase.record", args, now);
    till.refused(&record(&args(json!(100), json!(0))), "op-number-invalid").await;
    let mut extra = args(json!(100), json!(70));
    extra["discount"] = json!(5);
    let malformed = [
        args(json!(1.5), json!(71)),
        args(json!("100"), json!(72)),
        args(Value::Null, json!(73)),
        json!({ "amountKopecks": 100, "opNo": 74 }),
        json!([]),
        Value::Null,
        extra,
    ];
    for args in &malformed {
        till.refused(&record(args), "malformed-args").await;
    }
    till.refused(&till.mutation("purchase.redeem", &json!({}), now), "unknown-mutation").await;
    assert_eq!(app.audit().await.postings, 1);
}

#[tokio::test]
async fn a_revocation_counts_from_its_moment_on() {
    let (app, phone, till) = member_and_till().await;
    let before = app.now();
    let (early, late) = (phone.token(before), phone.token(before + 20));
    app.advance(10);
    app.revoke(phone.member).await;
    app.advance(20);
    till.refused(&till.purchase(&late, 1_500_00, before + 20), "revoked").await;
    // Recorded while the card was good, handed in afterwards.
    till.applied(&till.purchase(&early, 1_500_00, before)).await;
    app.audit().await;
}

#[tokio::test]
async fn only_who_takes_part_gets_cashback() {
    let (app, phone, till) = member_and_till().await;
    let before = app.now();
    let early = phone.token(before);
    app.advance(10);
    phone.consent(false).await;
    app.advance(10);
    let now = app.now();
    let refused = till.purchase(&phone.token(now), 1_500_00, now);
    till.refused(&refused, "not-in-programme").await;
    // A day that a till names does not bring back who has left.
    till.refused(&till.purchase(&early, 1_500_00, before), "not-in-programme").await;
    phone.consent(true).await;
    // What was refused stays refused: the cashier has told the member so.
    till.refused(&refused, "not-in-programme").await;
    till.applied(&till.purchase(&phone.token(now), 1_500_00, app.now())).await;
    app.audit().await;
}

#[tokio::test]
async fn a_paper_card_and_a_sample_accrue_too() {
    let (app, phone, till) = member_and_till().await;
    let now = app.now();
    let paper = app.paper_token(phone.member).await;
    for _ in 0..2 {
        // A paper card has no proofs to use up.
        assert_eq!(till.applied(&till.purchase(&paper, 1_500_00, now)).await["accrualKopecks"], 45_00);
    }
    let key = ed25519();
    let public = key.public_key();
    let order =
        CardOrder { membership_id: phone.member.into(), key: Some(&public), device_id: None, sample: true };
    let mut conn = app.app.db.acquire().await.unwrap();
    let sample = cards::issue(&app.app, &mut conn, &order, app.app.clock.now()).await.unwrap();
    till.applied(&till.purchase(&shown(&sample.cose, now, &key), 1_500_00, now)).await;
    // The sample has replaced nothing.
    till.applied(&till.purchase(&phone.token(now), 1_500_00, now)).await;
    assert_eq!(phone.balance().await, (0, 180_00));
    app.audit().await;
}

#[tokio::test]
async fn a_till_whose_clock_is_behind_is_booked_and_told() {
    let (app, phone, till) = member_and_till().await;
    let now = app.now();
    let behind = now - 600;
    // It knows its offset and has corrected the time; then it does not and has not; then it was offline for an hour.
    let corrected = till.purchase(&phone.token(now), 1_500_00, now);
    let uncorrected = till.purchase(&phone.token(now), 1_500_00, behind);
    let offline = till.purchase(&phone.token(now - 3_600), 1_500_00, behind - 3_600);
    for (purchase, event_at) in [(corrected, now), (uncorrected, now), (offline, now - 3_600)] {
        let pushed = till.push(std::slice::from_ref(&purchase), behind).await;
        assert_eq!(pushed["clock"], json!({ "skewSeconds": 600, "whose": "client" }));
        assert_eq!(pushed["serverTime"], now);
        assert_eq!(pushed["answers"][0]["status"], "applied", "{pushed}");
        let id = &pushed["answers"][0]["result"]["purchaseId"];
        let pulled = till.pull("").await;
        let booked = pulled["upserts"].as_array().unwrap().iter().find(|upsert| upsert["id"] == *id).unwrap();
        assert_eq!(booked["data"]["eventAt"], event_at);
    }
    let right = till.push(&[], now + 60).await;
    assert_eq!(right["clock"], json!({ "skewSeconds": -60 }));
    app.audit().await;
}

#[tokio::test]
async fn a_till_may_be_away_for_weeks_but_not_for_ever() {
    let (app, phone, till) = member_and_till().await;
    let recorded = app.now();
    let in_time = till.purchase(&phone.token(recorded), 1_500_00, recorded);
    let too_late = till.purchase(&phone.token(recorded), 1_500_00, recorded);
    app.advance(34 * DAY_SECONDS);
    app.housekeeping().await;
    let pushed = till.push(std::slice::from_ref(&in_time), app.now()).await;
    assert_eq!(pushed["answers"][0]["status"], "applied", "{pushed}");
    // The return window counts from the booking: what a till says of the time makes nothing spendable at once.
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (0, 45_00));
    app.advance(2 * DAY_SECONDS);
    let pushed = till.push(std::slice::from_ref(&too_late), app.now()).await;
    assert_eq!(pushed["answers"][0]["code"], "too-old", "{pushed}");
    // Nobody buys in the future.
    let now = app.now();
    till.refused(&till.purchase(&phone.token(now + 3_600), 1_500_00, now), "proof-future").await;
    // A till that had to be paired anew still hands in what it recorded before.
    let new = Till::pair(&app).await;
    let earlier = new.purchase(&phone.token(now - 3_600), 1_500_00, now - 3_600);
    let pushed = new.push(&[earlier], now).await;
    assert_eq!(pushed["answers"][0]["status"], "applied", "{pushed}");
    app.audit().await;
}

#[tokio::test]
async fn one_bad_mutation_does_not_keep_the_others() {
    let (app, phone, till) = member_and_till().await;
    let now = app.now();
    let batch = [
        till.purchase(&phone.token(now), 1_500_00, now),
        till.purchase(&phone.token(now), -5, now),
        till.mutation("coupon.print", &json!({}), now),
        till.mutation("purchase.record", &json!({ "token": 7 }), now),
        till.purchase(&phone.token(now), 200_00, now),
    ];
    let pushed = till.push(&batch, now).await;
    let answers = pushed["answers"].as_array().unwrap();
    let statuses: Vec<_> = answers.iter().map(|answer| answer["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["applied", "rejected", "rejected", "rejected", "applied"]);
    for (answer, mutation) in answers.iter().zip(&batch) {
        assert_eq!(answer["id"], mutation["id"]);
    }
    assert_eq!(phone.balance().await, (0, 51_00));
    let pulled = till.pull("").await;
    assert_eq!(entity(&pulled, "till").unwrap()["lastOpNo"], 3);
    app.audit().await;
}

#[tokio::test]
async fn a_push_has_a_limit() {
    let (app, _, till) = member_and_till().await;
    let now = app.now();
    let mutations: Vec<_> = (0..101).map(|_| till.mutation("coupon.print", &json!({}), now)).collect();
    till.client.post("/api/sync/push", &Till::push_body(&mutations, now)).await.refused(413, "too-large");
    let pushed = till.push(&mutations[..100], now).await;
    assert_eq!(pushed["answers"].as_array().unwrap().len(), 100);
    let mut wide = till.mutation("purchase.record", &json!({}), now);
    wide["args"]["token"] = json!("x".repeat(600_000));
    till.client.post("/api/sync/push", &Till::push_body(&[wide], now)).await.refused(413, "too-large");
    let mut nameless = Till::push_body(&mutations[..1], now);
    nameless["mutations"][0]["id"] = json!("not-a-uuid");
    till.client.post("/api/sync/push", &nameless).await.refused(400, "malformed-request");
}

#[tokio::test]
async fn a_till_that_was_put_back_to_an_earlier_state_sends_the_same_operations_under_new_numbers() {
    let (app, phone, till) = member_and_till().await;
    let now = app.now();
    let mut booked = Vec::new();
    for _ in 0..3 {
        booked.push(till.purchase(&phone.token(now), 1_000_00, now));
    }
    assert_eq!(till.push(&booked, now).await["lastOpNo"], 3);
    // Numbered from the beginning again: two purchases, and one of them is taken back at once.
    let numbered = |mutation: &Value, op_no: i64| {
        let mut mutation = mutation.clone();
        mutation["args"]["opNo"] = json!(op_no);
        mutation
    };
    let (first, second) =
        (till.purchase(&phone.token(now), 200_00, now), till.purchase(&phone.token(now), 300_00, now));
    let taken_back = till.cancellation(&second, now);
    let outcomes = async |op_nos: [i64; 3]| {
        let [a, b, c] = op_nos;
        let batch = [numbered(&first, a), numbered(&second, b), numbered(&taken_back, c)];
        let pushed = till.push(&batch, now).await;
        let outcome = |answer: &Value| answer.get("code").unwrap_or(&answer["status"]).clone();
        (
            pushed["answers"].as_array().unwrap().iter().map(outcome).collect::<Vec<_>>(),
            pushed["lastOpNo"].clone(),
        )
    };
    let refused = (vec![json!("op-number-reused"), json!("op-number-reused"), json!("retry")], json!(3));
    assert_eq!(outcomes([1, 2, 3]).await, refused);
    let (applied, last_op_no) = outcomes([4, 5, 3]).await;
    assert_eq!(applied, ["applied", "applied", "op-number-reused"].map(|outcome| json!(outcome)));
    assert_eq!(last_op_no, 5);
    assert_eq!(
        outcomes([4, 5, 6]).await.0,
        ["duplicate", "duplicate", "applied"].map(|outcome| json!(outcome))
    );
    assert_eq!(phone.balance().await, (0, 96_00));
    app.audit().await;
}

#[tokio::test]
async fn a_number_far_beyond_the_newest_is_refused_and_uses_none_up() {
    let (app, phone, till) = member_and_till().await;
    let now = app.now();
    let numbered = |op_no: i64| {
        let args = json!({ "token": phone.token(now), "amountKopecks": 1_000_00, "opNo": op_no });
        till.mutation("purchase.record", &args, now)
    };
    till.applied(&numbered(7)).await;
    for op_no in [0, -1, i64::MIN, 1_000_008, 1 << 53, i64::MAX] {
        till.refused(&numbered(op_no), "op-number-invalid").await;
        till.ask_digits(op_no).await.refused(422, "op-number-invalid");
    }
    assert_eq!(till.push(&[], now).await["lastOpNo"], 7);
    till.applied(&numbered(1_000_007)).await;
    till.applied(&numbered(2_000_007)).await;
    app.audit().await;
}
