//! What a till hands in late: its clock describes the purchase, and neither shortens a wait nor picks a better rule. Above a
//! sum a person decides, and money that turned out false is taken back.

use profcards::base::ids::PurchaseId;
use profcards::programme::ledger::decision::{self, Decision, Grounds};
use profcards::programme::offers::Offer;
use profcards::programme::offers::store::insert_offer;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::process::{run, run_as};
use super::support::world::offer;
use super::support::{DAY_SECONDS, Phone, TestApp, Till, entity, with_till};

/// A member with a phone and a paper card that is older than a till may be away, and a till.
async fn with_old_paper_card() -> (TestApp, Phone, Till, String) {
    let (app, phone, till) = with_till().await;
    let paper = app.paper_token(phone.member).await;
    app.advance(40 * DAY_SECONDS);
    app.housekeeping().await;
    (app, phone, till, paper)
}

fn days_ago(app: &TestApp, days: u64) -> u64 {
    app.now() - days * DAY_SECONDS.unsigned_abs()
}

/// Pushes a purchase by a till whose clock is right.
async fn hand_in(app: &TestApp, till: &Till, purchase: &Value) -> Value {
    let answer = till.push(std::slice::from_ref(purchase), app.now()).await["answers"][0].clone();
    assert_eq!(answer["status"], "applied", "{answer}");
    answer["result"].clone()
}

async fn seen_state(phone: &Phone) -> Value {
    entity(&phone.pull("").await, "purchase").unwrap()["state"].clone()
}

fn id_of(result: &Value) -> PurchaseId {
    result["purchaseId"].as_str().unwrap().parse().unwrap()
}

fn because(reason: &str) -> Grounds {
    Grounds::new("Смирнова", reason).unwrap()
}

#[tokio::test]
async fn a_purchase_dated_weeks_back_waits_as_long_as_any_other() {
    let (app, phone, till, paper) = with_old_paper_card().await;
    let purchase = till.purchase(&paper, 1_500_00, days_ago(&app, 34));
    let result = hand_in(&app, &till, &purchase).await;
    // Booked on the first of January: the day before it, and fourteen.
    assert_eq!(result["confirmOn"], "2027-01-14");
    assert_eq!(result["explanation"][1], json!({ "code": "handed-in-late" }));
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (0, 45_00), "nothing is spendable in the next round");
    app.advance(12 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (0, 45_00));
    till.applied(&till.cancellation(&purchase, app.now())).await;
    assert_eq!(phone.balance().await, (0, 0), "its cancellation is in time");
    app.audit().await;
}

#[tokio::test]
async fn a_late_purchase_gets_the_rule_that_gives_less() {
    let (app, phone, till, paper) = with_old_paper_card().await;
    let started = app.app.clock.now() - chrono::TimeDelta::days(2);
    let mut conn = app.app.db.acquire().await.unwrap();
    sqlx::query("update offer set valid_to = $1").bind(started).execute(&mut *conn).await.unwrap();
    let meagre = Offer { version: 2, percent_bp: 100, ..offer() };
    insert_offer(&mut conn, app.world.partner.into(), &meagre, started).await.unwrap();
    drop(conn);
    let by = async |days| {
        let purchase = till.purchase(&paper, 1_000_00, days_ago(&app, days));
        hand_in(&app, &till, &purchase).await["accrualKopecks"].clone()
    };
    assert_eq!(by(1).await, 10_00);
    assert_eq!(by(3).await, 30_00, "three days late it still goes by its own time");
    assert_eq!(by(4).await, 10_00, "later it is not the better one of the past");
    // Nor is a better one of the present.
    let mut conn = app.app.db.acquire().await.unwrap();
    let now = app.app.clock.now();
    sqlx::query("update offer set valid_to = $1 where version = 2")
        .bind(now)
        .execute(&mut *conn)
        .await
        .unwrap();
    let generous = Offer { version: 3, percent_bp: 900, ..offer() };
    insert_offer(&mut conn, app.world.partner.into(), &generous, now).await.unwrap();
    drop(conn);
    assert_eq!(by(5).await, 30_00);
    // What was given can be explained at any time.
    let pulled = phone.pull("").await;
    let views = pulled["upserts"].as_array().unwrap().iter().filter(|one| one["entity"] == "purchase");
    for view in views.map(|one| &one["data"]) {
        assert_eq!(view["explanation"][0]["accrualKopecks"], view["accrualKopecks"], "{view}");
    }
    app.audit().await;
}

#[tokio::test]
async fn what_is_booked_on_a_tills_word_is_held_above_a_sum_also_when_it_is_split() {
    let (app, phone, till, paper) = with_old_paper_card().await;
    let other = Till::pair(&app).await;
    let late = |till: &Till, amount| till.purchase(&paper, amount, days_ago(&app, 34));
    hand_in(&app, &till, &late(&till, 6_000_00)).await;
    assert_eq!(seen_state(&phone).await, "pending");
    // At another till, so that together it is more than ten thousand roubles.
    let purchase = late(&other, 4_000_01);
    let held = hand_in(&app, &other, &purchase).await;
    assert_eq!(held["explanation"][2], json!({ "code": "under-review" }));
    let listed = decision::held(&app.app.db, 10).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [id_of(&held)]);
    // What is handed in in time is not held, whatever it costs.
    till.applied(&till.purchase(&phone.token(app.now()), 50_000_00, app.now())).await;
    assert_eq!(phone.balance().await, (0, 180_00 + 120_00 + 500_00));
    app.advance(20 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (680_00, 120_00), "it waits for a person, however long");
    assert_eq!(app.audit().await.held_purchases, 1);
    let release = async || {
        decision::decide(&app.app, id_of(&held), Decision::Release, &because("проверено")).await.unwrap()
    };
    assert_eq!((release().await, release().await), (true, false));
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (800_00, 0));
    app.audit().await;
}

#[tokio::test]
async fn a_held_purchase_that_is_refused_or_cancelled_leaves_nothing() {
    let (app, phone, till, paper) = with_old_paper_card().await;
    let late = || till.purchase(&paper, 20_000_00, days_ago(&app, 10));
    let (refused, cancelled) = (late(), late());
    let id = id_of(&hand_in(&app, &till, &refused).await);
    hand_in(&app, &till, &cancelled).await;
    assert_eq!(phone.balance().await, (0, 1_000_00));
    till.applied(&till.cancellation(&cancelled, app.now())).await;
    let refuse =
        async || decision::decide(&app.app, id, Decision::Refuse, &because("нет чека")).await.unwrap();
    assert_eq!((refuse().await, refuse().await), (true, false));
    assert_eq!(phone.balance().await, (0, 0));
    till.refused(&till.cancellation(&refused, app.now()), "already-cancelled").await;
    assert!(decision::decide(&app.app, id, Decision::Release, &because("передумали")).await.is_err());
    assert_eq!(app.audit().await.held_purchases, 0);
}

#[tokio::test]
async fn a_purchase_dated_before_its_card_was_revoked_is_on_trust() {
    let (app, phone, till, paper) = with_old_paper_card().await;
    app.advance(3_600);
    let before = app.now() - 1_800;
    app.revoke(phone.member).await;
    app.advance(60);
    let state = async |amount| {
        let result = hand_in(&app, &till, &till.purchase(&paper, amount, before)).await;
        let sql = "select state from purchase where id = $1";
        sqlx::query_scalar::<_, String>(sql).bind(id_of(&result)).fetch_one(&app.app.db).await.unwrap()
    };
    assert_eq!(state(1_500_00).await, "pending");
    assert_eq!(state(9_000_00).await, "held");
    app.audit().await;
}

#[tokio::test]
async fn confirmed_money_is_taken_back_and_what_was_spent_becomes_debt_that_later_cashback_pays() {
    let (app, phone, till) = with_till().await;
    let buy = async |amount| till.applied(&till.purchase(&phone.token(app.now()), amount, app.now())).await;
    let false_one = id_of(&buy(1_500_00).await);
    buy(500_00).await;
    app.advance(15 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (60_00, 0));
    let op_no = till.next_op_no();
    let token = phone.redeeming(app.now(), &till.digits(op_no).await, 40_00);
    till.applied(&till.redemption(&token, op_no, 200_00, 40_00, app.now())).await;
    assert_eq!(phone.balance().await, (20_00, 4_80));
    let take_back = async || {
        decision::decide(&app.app, false_one, Decision::TakeBack, &because("чек поддельный")).await.unwrap()
    };
    assert_eq!((take_back().await, take_back().await), (true, false));
    let balance = phone.profile().await["balance"].clone();
    assert_eq!((&balance["availableKopecks"], &balance["debtKopecks"]), (&json!(0), &json!(25_00)));
    let pulled = phone.pull("").await;
    let views = pulled["upserts"].as_array().unwrap();
    let view = &views.iter().find(|one| one["data"]["id"] == json!(false_one)).unwrap()["data"];
    assert_eq!(view["state"], "cancelled");
    let told = json!({ "code": "taken-back", "availableKopecks": 20_00, "debtKopecks": 25_00 });
    assert_eq!(view["explanation"][1], told);
    // Its till learns that it was, and nothing of what the member had spent.
    let pulled = till.pull("").await;
    let views = pulled["upserts"].as_array().unwrap();
    let view = &views.iter().find(|one| one["data"]["id"] == json!(false_one)).unwrap()["data"];
    assert_eq!((&view["state"], view["explanation"].as_array().unwrap().len()), (&json!("cancelled"), 1));
    app.audit().await;
    // The oldest that becomes available pays first, as far as it goes.
    buy(1_000_00).await;
    app.advance(15 * DAY_SECONDS);
    app.housekeeping().await;
    let balance = phone.profile().await["balance"].clone();
    assert_eq!((&balance["availableKopecks"], &balance["debtKopecks"]), (&json!(9_80), &json!(0)));
    app.audit().await;
}

#[tokio::test]
async fn taking_back_a_purchase_that_was_paid_in_part_gives_that_part_back() {
    let (app, phone, till) = with_till().await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    app.advance(15 * DAY_SECONDS);
    app.housekeeping().await;
    let op_no = till.next_op_no();
    let token = phone.redeeming(app.now(), &till.digits(op_no).await, 40_00);
    let paid = till.applied(&till.redemption(&token, op_no, 200_00, 40_00, app.now())).await;
    app.advance(15 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (9_80, 0));
    decision::decide(&app.app, id_of(&paid), Decision::TakeBack, &because("ошибка кассы")).await.unwrap();
    assert_eq!(phone.balance().await, (45_00, 0));
    app.audit().await;
}

#[tokio::test]
async fn what_a_reversal_gives_back_pays_what_is_owed_first() {
    let (app, phone, till) = with_till().await;
    let bought = till.purchase(&phone.token(app.now()), 1_500_00, app.now());
    let redeem = async |amount, kopecks: u64| {
        let op_no = till.next_op_no();
        let token = phone.redeeming(app.now(), &till.digits(op_no).await, kopecks);
        let purchase = till.redemption(&token, op_no, amount, kopecks.cast_signed(), app.now());
        (id_of(&till.applied(&purchase).await), purchase)
    };
    let take_back = async |id| {
        decision::decide(&app.app, id, Decision::TakeBack, &because("чек поддельный")).await.unwrap()
    };
    let stands = async || {
        let balance = phone.profile().await["balance"].clone();
        ["availableKopecks", "debtKopecks"].map(|name| balance[name].as_i64().unwrap())
    };
    let false_one = id_of(&till.applied(&bought).await);
    app.advance(15 * DAY_SECONDS);
    app.housekeeping().await;
    let (older, _) = redeem(200_00, 15_00).await;
    let (_, newer) = redeem(1_000_00, 30_00).await;
    take_back(false_one).await;
    assert_eq!(stands().await, [0, 45_00]);
    // Cancelled by its till, it gives back less than is owed.
    till.applied(&till.cancellation(&newer, app.now())).await;
    assert_eq!(stands().await, [0, 15_00]);
    app.audit().await;
    // The older one has brought 5.55, which have paid as much.
    app.advance(15 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(stands().await, [0, 9_45]);
    // Taken back by a person, it gives back so much more than it takes.
    take_back(older).await;
    assert_eq!(stands().await, [0, 0]);
    app.audit().await;
    let pulled = phone.pull("").await;
    let views = pulled["upserts"].as_array().unwrap();
    let view = &views.iter().find(|one| one["data"]["id"] == json!(older)).unwrap()["data"];
    let told = json!({ "code": "taken-back", "availableKopecks": 5_55, "debtKopecks": 0 });
    assert_eq!(view["explanation"][2], told, "{view}");
}

#[tokio::test]
async fn the_command_line_lists_what_is_held_and_decides_with_a_reason() {
    let mut app = TestApp::start_with_real_clock().await;
    let phone = Phone::activate(&app, app.member(super::support::NAME).await).await;
    let till = Till::pair(&app).await;
    let result = till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    app.stop_serving().await;
    let id = result["purchaseId"].as_str().unwrap().to_owned();
    sqlx::query("update purchase set state = 'held', on_trust = true").execute(&app.app.db).await.unwrap();
    assert!(run(&app, &["ledger", "held"]).await.unwrap().starts_with(&id));
    let by = "Смирнова Анна";
    let unreasoned =
        run(&app, &["ledger", "held", "release", &id, "--by", by, "--reason", " "]).await.unwrap_err();
    assert!(unreasoned.contains("1 to 500 characters"), "{unreasoned}");
    // Nobody is signed in here.
    let nobodys = run(&app, &["ledger", "held", "release", &id, "--reason", "проверено"]).await.unwrap_err();
    assert!(nobodys.contains("--by NAME"), "{nobodys}");
    let release = ["ledger", "held", "release", &id, "--by", by, "--reason", "звонили партнёру"];
    assert_eq!(run(&app, &release).await.unwrap(), format!("{id} done\n"));
    assert_eq!(run(&app, &release).await.unwrap(), format!("{id} was done before\n"));
    assert_eq!(run(&app, &["ledger", "held"]).await.unwrap(), "");
    let take_back = ["ledger", "take-back", &id, "--reason", "чек поддельный"];
    assert_eq!(run_as(&app, "ivanov", &take_back).await.unwrap(), format!("{id} done\n"));
    let deciders =
        sqlx::query_scalar::<_, String>("select decided_by from purchase_decision order by decided_at");
    assert_eq!(deciders.fetch_all(&app.app.db).await.unwrap(), [by, "ivanov"]);
    assert!(run(&app, &["ledger", "audit"]).await.is_ok());
}

#[tokio::test]
async fn what_is_older_than_a_till_may_be_away_is_refused_and_not_dated_anew() {
    let (app, phone, till, paper) = with_old_paper_card().await;
    for days in [36, 99] {
        let purchase = till.purchase(&paper, 1_500_00, days_ago(&app, days));
        let answer = till.push(std::slice::from_ref(&purchase), app.now()).await["answers"][0].clone();
        assert_eq!((&answer["status"], &answer["code"]), (&json!("rejected"), &json!("too-old")), "{days}");
    }
    assert_eq!(phone.balance().await, (0, 0));
    hand_in(&app, &till, &till.purchase(&paper, 1_500_00, days_ago(&app, 35))).await;
    // Old by the till's clock alone, which is forty days behind, it is as old as the server reckons.
    let behind = till.purchase(&paper, 500_00, days_ago(&app, 50));
    let answer = till.push(&[behind], days_ago(&app, 40)).await["answers"][0].clone();
    assert_eq!(answer["status"], "applied", "{answer}");
    let booked = "select event_at from purchase where amount_kopecks = 50000";
    let event_at: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar(booked).fetch_one(&app.app.db).await.unwrap();
    assert_eq!(event_at.timestamp().unsigned_abs(), days_ago(&app, 10));
    app.audit().await;
}

#[tokio::test]
async fn what_came_late_by_a_clock_that_was_ahead_holds_up_nothing_afterwards() {
    let (app, _phone, till, paper) = with_old_paper_card().await;
    let purchase = till.purchase(&paper, 9_000_00, app.now());
    app.advance(16 * DAY_SECONDS);
    hand_in(&app, &till, &purchase).await;
    app.advance(-16 * DAY_SECONDS);
    let late = till.purchase(&paper, 9_000_00, days_ago(&app, 4));
    let booked = hand_in(&app, &till, &late).await;
    assert!(
        !booked["explanation"].as_array().unwrap().contains(&json!({ "code": "under-review" })),
        "{booked}"
    );
}

#[tokio::test]
async fn one_purchase_that_cannot_be_decided_keeps_no_other_from_it() {
    let (app, _phone, till, paper) = with_old_paper_card().await;
    let held = hand_in(&app, &till, &till.purchase(&paper, 20_000_00, days_ago(&app, 10))).await;
    let (unknown, id) = (Uuid::nil().to_string(), id_of(&held).to_string());
    let reason = "нет\u{202e} чека\u{7}";
    let told = run_as(&app, "ivanov", &["ledger", "held", "refuse", &unknown, &id, "--reason", reason])
        .await
        .unwrap_err();
    assert!(told.contains(&format!("{unknown}: there is no such purchase")), "{told}");
    assert!(decision::held(&app.app.db, 10).await.unwrap().is_empty());
    let kept = sqlx::query_scalar::<_, String>("select reason from purchase_decision");
    assert_eq!(kept.fetch_one(&app.app.db).await.unwrap(), "нет чека");
}
