//! The books: a purchase is booked once, explained, taken back or confirmed, and the sums hold whatever happens.

use profcards::base::random::Random;
use serde_json::{Value, json};

use super::support::{DAY_SECONDS, Till, entity, next_id, with_till};

#[tokio::test]
async fn a_purchase_is_booked_and_the_member_sees_why() {
    let (app, phone, till) = with_till().await;
    let now = app.now();
    let cursor = phone.pull("").await["cursor"].as_str().unwrap().to_owned();
    let explanation = json!([
        { "code": "percent", "percentBp": 300, "amountKopecks": 1_499_90, "accrualKopecks": 44_99 },
        { "code": "pending-until", "date": "2026-12-06" },
    ]);
    let purchase = till.purchase(&phone.token(now), 1_499_90, now);
    let result = till.applied(&purchase).await;
    assert_eq!(result["amountKopecks"], 1_499_90);
    assert_eq!(result["accrualKopecks"], 44_99);
    assert_eq!(result["confirmOn"], "2026-12-06");
    assert_eq!(result["shownName"], "Иванова М. П.");
    assert_eq!(till.send(&purchase).await["result"], result, "a retry is told the same");
    let named: i64 =
        sqlx::query_scalar("select count(*) from idempotency where answer::text like '%Иванова%'")
            .fetch_one(&app.app.db)
            .await
            .unwrap();
    assert_eq!(named, 0, "stored answers are kept for good, and without names");
    assert_eq!(result["explanation"], explanation);
    let pulled = phone.pull(&cursor).await;
    let balance = entity(&pulled, "balance").unwrap();
    assert_eq!((&balance["availableKopecks"], &balance["pendingKopecks"]), (&json!(0), &json!(44_99)));
    let seen = entity(&pulled, "purchase").unwrap();
    assert_eq!(seen["explanation"], explanation);
    assert_eq!((&seen["state"], &seen["receipt"]), (&json!("pending"), &result["receipt"]));
    assert_eq!(
        (&seen["partnerName"], &seen["outletName"]),
        (&json!("Книжная лавка"), &json!("Магазин на Ленина"))
    );
    assert!(seen.get("mutationId").is_none(), "the till's own id is the till's");
    let own = till.pull("").await;
    assert_eq!(entity(&own, "purchase").unwrap()["mutationId"], purchase["id"]);
    assert_eq!(phone.balance().await, (0, 44_99));
    assert_eq!(app.audit().await.postings, 1);
}

#[tokio::test]
async fn the_rule_has_a_minimum_and_a_cap() {
    let (app, phone, till) = with_till().await;
    let now = app.now();
    let small = till.applied(&till.purchase(&phone.token(now), 99_99, now)).await;
    assert_eq!(small["accrualKopecks"], 0);
    assert_eq!(small["explanation"], json!([{ "code": "below-minimum", "minAmountKopecks": 100_00 }]));
    let large = till.applied(&till.purchase(&phone.token(now), 50_000_00, now)).await;
    assert_eq!(large["accrualKopecks"], 500_00);
    assert_eq!(large["explanation"][1], json!({ "code": "capped", "capKopecks": 500_00 }));
    // A rule ends: what was bought before follows it, what is bought after brings nothing.
    app.advance(60);
    let end = "update offer set valid_to = $1 where partner_id = $2";
    let (at, partner) = (app.app.clock.now(), app.world.partner);
    sqlx::query(end).bind(at).bind(partner).execute(&app.app.db).await.unwrap();
    app.advance(60);
    let before = till.applied(&till.purchase(&phone.token(now), 1_000_00, now)).await;
    assert_eq!(before["accrualKopecks"], 30_00);
    let after = till.applied(&till.purchase(&phone.token(app.now()), 1_000_00, app.now())).await;
    assert_eq!(after["explanation"], json!([{ "code": "no-offer" }]));
    assert_eq!(phone.balance().await, (0, 530_00));
    app.audit().await;
}

#[tokio::test]
async fn a_retry_gets_the_stored_answer_and_nothing_else_passes_for_one() {
    let (app, phone, till) = with_till().await;
    let now = app.now();
    let token = phone.token(now);
    let purchase = till.purchase(&token, 1_500_00, now);
    let result = till.applied(&purchase).await;
    app.advance(3 * DAY_SECONDS);
    let again = till.send(&purchase).await;
    assert_eq!((&again["status"], &again["result"]), (&json!("duplicate"), &result));
    let mut dearer = purchase.clone();
    dearer["args"]["amountKopecks"] = json!(15_000_00);
    till.refused(&dearer, "idempotency-conflict").await;
    till.refused(&till.purchase(&token, 1_500_00, now), "replayed").await;
    let mut renumbered = till.purchase(&phone.token(app.now()), 1_500_00, app.now());
    renumbered["args"]["opNo"] = purchase["args"]["opNo"].clone();
    till.refused(&renumbered, "op-number-reused").await;
    // The refused proof was not used up by its wrong number.
    renumbered["id"] = json!(next_id());
    renumbered["args"]["opNo"] = json!(till.next_op_no());
    till.applied(&renumbered).await;
    // An id is the till's own: another till's purchase may bear the same.
    let (other, now) = (Till::pair(&app).await, app.now());
    let mut namesake = other.purchase(&phone.token(now), 700_00, now);
    namesake["id"] = purchase["id"].clone();
    assert_eq!(other.applied(&namesake).await["amountKopecks"], 700_00);
    assert_eq!(phone.balance().await, (0, 111_00));
    assert_eq!(app.audit().await.postings, 3);
}

#[tokio::test]
async fn a_proof_serves_one_purchase_at_whatever_till() {
    let (app, phone, till) = with_till().await;
    let other = Till::pair(&app).await;
    let (now, token) = (app.now(), phone.token(app.now()));
    till.applied(&till.purchase(&token, 1_500_00, now)).await;
    other.refused(&other.purchase(&token, 1_500_00, now), "replayed").await;
    // Redis forgets; the books do not.
    app.forget_redis().await;
    other.refused(&other.purchase(&token, 1_500_00, now), "replayed").await;
    app.audit().await;
}

#[tokio::test]
async fn a_purchase_is_taken_back_once_and_in_time() {
    let (app, phone, till) = with_till().await;
    let now = app.now();
    let (first, second) =
        (till.purchase(&phone.token(now), 1_500_00, now), till.purchase(&phone.token(now), 500_00, now));
    let booked = till.applied(&first).await;
    till.applied(&second).await;
    assert_eq!(phone.balance().await, (0, 60_00));
    let cancellation = till.cancellation(&first, now);
    let result = till.applied(&cancellation).await;
    assert_eq!(result, json!({ "purchaseId": booked["purchaseId"], "state": "cancelled" }));
    assert_eq!(till.send(&cancellation).await["status"], "duplicate");
    assert_eq!(phone.balance().await, (0, 15_00));
    till.refused(&till.cancellation(&first, now), "already-cancelled").await;
    till.refused(&till.cancellation(&json!({ "id": next_id() }), now), "unknown-purchase").await;
    let other = Till::pair(&app).await;
    other.refused(&other.cancellation(&second, now), "unknown-purchase").await;
    let mut reused = till.cancellation(&second, now);
    reused["args"]["opNo"] = first["args"]["opNo"].clone();
    till.refused(&reused, "op-number-reused").await;
    app.advance(14 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (15_00, 0));
    till.refused(&till.cancellation(&second, app.now()), "cancel-too-late").await;
    // A retry of the recording itself still answers what was booked then.
    assert_eq!(till.send(&first).await["result"], booked);
    let pulled = phone.pull("").await;
    let states: Vec<_> =
        pulled["upserts"].as_array().unwrap().iter().filter_map(|u| u["data"]["state"].as_str()).collect();
    assert_eq!(states.iter().filter(|state| **state == "cancelled").count(), 1);
    assert_eq!(states.iter().filter(|state| **state == "available").count(), 1);
    assert_eq!(app.audit().await.postings, 4);
}

#[tokio::test]
async fn the_books_say_when_a_purchase_was_taken_back() {
    let (app, phone, till) = with_till().await;
    let sold_at = app.now();
    let purchases = [0, 1, 2].map(|_| till.purchase(&phone.token(sold_at), 1_500_00, sold_at));
    for purchase in &purchases {
        till.applied(purchase).await;
    }
    app.advance(3_600);
    let [in_order, before_the_sale, ahead] = &purchases;
    // Handed in an hour later; one by a clock that has lost a minute since, one by a clock that is ahead.
    let taken_back = [
        till.cancellation(in_order, sold_at + 10),
        till.cancellation(before_the_sale, sold_at - 60),
        till.cancellation(ahead, app.now() + 60),
    ];
    for answer in till.push(&taken_back, app.now()).await["answers"].as_array().unwrap() {
        assert_eq!(answer["status"], "applied", "{answer}");
    }
    let times: Vec<(i64, i64)> = sqlx::query_as(
        "select extract(epoch from event_at)::bigint, extract(epoch from booked_at)::bigint
         from journal where kind = 'refund' order by seq",
    )
    .fetch_all(&app.app.db)
    .await
    .unwrap();
    let (sold_at, now) = (sold_at.cast_signed(), app.now().cast_signed());
    assert_eq!(times, [(sold_at + 10, now), (sold_at, now), (now, now)]);
    app.audit().await;
}

#[tokio::test]
async fn cashback_is_confirmed_when_the_return_window_has_closed() {
    let (app, phone, till) = with_till().await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    let cursor = phone.pull("").await["cursor"].as_str().unwrap().to_owned();
    app.advance(14 * DAY_SECONDS - 13 * 3_600);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (0, 45_00), "in Moscow it is still the day before");
    app.advance(3_600);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (45_00, 0));
    let pulled = phone.pull(&cursor).await;
    assert_eq!(entity(&pulled, "balance").unwrap()["availableKopecks"], 45_00);
    assert_eq!(entity(&pulled, "purchase").unwrap()["state"], "available");
    app.housekeeping().await;
    assert_eq!(app.audit().await.postings, 2, "a second round confirms nothing again");
}

/// What of several answers to one race is what.
fn count(answers: &[Value], status: &str) -> usize {
    answers.iter().filter(|answer| answer["status"] == status).count()
}

/// Pushes each mutation in a request of its own, all at once.
async fn race(till: &Till, mutations: Vec<Value>) -> Vec<Value> {
    let tasks: Vec<_> = mutations
        .into_iter()
        .map(|mutation| {
            let (client, body) = (
                till.client.clone(),
                Till::push_body(std::slice::from_ref(&mutation), mutation["at"].as_u64().unwrap()),
            );
            tokio::spawn(
                async move { client.post("/api/sync/push", &body).await.json(200)["answers"][0].clone() },
            )
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_retries_at_once_are_one_purchase() {
    let (app, phone, till) = with_till().await;
    let purchase = till.purchase(&phone.token(app.now()), 1_500_00, app.now());
    let answers = race(&till, vec![purchase; 16]).await;
    assert_eq!((count(&answers, "applied"), count(&answers, "duplicate")), (1, 15));
    assert!(answers.iter().all(|answer| answer["result"] == answers[0]["result"]));
    assert_eq!(phone.balance().await, (0, 45_00));
    assert_eq!(app.audit().await.postings, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rivals_for_one_proof_number_or_purchase_exactly_one_wins() {
    let (app, phone, till) = with_till().await;
    for round in 0..5 {
        let now = app.now();
        let token = phone.token(now);
        let rivals = (0..4).map(|_| till.purchase(&token, 1_500_00, now)).collect();
        let answers = race(&till, rivals).await;
        assert_eq!((count(&answers, "applied"), count(&answers, "rejected")), (1, 3), "{round}: {answers:?}");
        assert!(answers.iter().all(|answer| answer["status"] == "applied" || answer["code"] == "replayed"));
        let op_no = till.next_op_no();
        let numbered = |_| {
            let mut purchase = till.purchase(&phone.token(now), 1_500_00, now);
            purchase["args"]["opNo"] = json!(op_no);
            purchase
        };
        let rivals: Vec<_> = (0..4).map(numbered).collect();
        let answers = race(&till, rivals.clone()).await;
        assert_eq!((count(&answers, "applied"), count(&answers, "rejected")), (1, 3), "{round}: {answers:?}");
        let winner = &rivals[answers.iter().position(|answer| answer["status"] == "applied").unwrap()];
        let answers = race(&till, (0..4).map(|_| till.cancellation(winner, now)).collect()).await;
        assert_eq!((count(&answers, "applied"), count(&answers, "rejected")), (1, 3), "{round}: {answers:?}");
    }
    assert_eq!(phone.balance().await, (0, 5 * 45_00));
    app.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sums_hold_at_every_moment_of_a_rush() {
    let (app, phone, till) = with_till().await;
    let now = app.now();
    let purchases: Vec<_> = (0..40).map(|_| till.purchase(&phone.token(now), 1_500_00, now)).collect();
    let cancellations: Vec<_> =
        purchases.iter().step_by(2).map(|purchase| till.cancellation(purchase, now)).collect();
    let random = Random::seeded(3);
    let mut mutations: Vec<_> = purchases.iter().chain(&purchases).chain(&cancellations).cloned().collect();
    for place in (1..mutations.len()).rev() {
        mutations.swap(place, random.below(u32::try_from(place).unwrap() + 1) as usize);
    }
    let rush = race(&till, mutations);
    tokio::pin!(rush);
    let answers = loop {
        tokio::select! {
            answers = &mut rush => break answers,
            audit = app.audit() => assert!(audit.postings <= 60),
        }
    };
    assert_eq!(count(&answers, "retry"), 0);
    let cancelled = i64::try_from(count(&answers, "applied")).unwrap() - 40;
    assert_eq!(phone.balance().await, (0, (40 - cancelled) * 45_00));
    assert_eq!(app.audit().await.postings, 40 + cancelled);
}
