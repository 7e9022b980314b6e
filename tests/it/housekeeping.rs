//! The hourly round does nothing that cannot be undone by a clock that is wrong, stops before far more than usual, and is not
//! stopped for all by what is wrong with one.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use profcards::base::sweep::LiftedSteps;
use profcards::programme::ledger::audit;
use profcards::server::jobs;
use serde_json::json;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::support::process::run;
use super::support::{DAY_SECONDS, Phone, TestApp, Till, entity, with_till};

/// Sessions that ended so many days ago.
async fn add_ended_sessions(app: &TestApp, count: i64, days: i32) {
    sqlx::query(
        "insert into session (token_hash, face, account_id, created_at, expires_at)
         select sha256(n::text::bytea), 'staff', $1, $2 - make_interval(days => $3 + 14), $2 - make_interval(days => $3)
         from generate_series(1, $4) n",
    )
    .bind(app.world.chair)
    .bind(app.app.clock.now())
    .bind(days)
    .bind(count)
    .execute(&app.app.db)
    .await
    .unwrap();
}

async fn sessions(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from session").fetch_one(&app.app.db).await.unwrap()
}

/// A member by the machine's clock with a purchase of fifteen hundred roubles that is due in two weeks.
async fn with_a_purchase(app: &TestApp) -> Phone {
    let phone = Phone::activate(app, app.member(super::support::NAME).await).await;
    let till = Till::pair(app).await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    phone
}

#[tokio::test]
async fn a_server_whose_clock_is_wrong_waits_and_loses_nothing() {
    let (app, ahead_seconds) = TestApp::start_with_shifted_clock().await;
    let phone = with_a_purchase(&app).await;
    let till = Till::pair(&app).await;
    jobs::housekeeping(&app.app).await;
    let before = sessions(&app).await;
    for days in [16, 410, 2_000] {
        ahead_seconds.store(days * DAY_SECONDS, Ordering::SeqCst);
        jobs::housekeeping(&app.app).await;
        assert!(
            jobs::housekeeping_anyway(&app.app, None, LiftedSteps::Everything).await.is_err(),
            "not even when somebody insists"
        );
        // What a till hands in meanwhile is not refused for good.
        assert!(app.app.keys.refresh(&app.app.db, app.now()).await.is_err());
        if days == 16 {
            let real = app.now() - (days * DAY_SECONDS).unsigned_abs();
            assert_eq!(till.send(&till.purchase(&phone.token(real), 700_00, real)).await["status"], "retry");
        }
    }
    ahead_seconds.store(0, Ordering::SeqCst);
    app.app.keys.refresh(&app.app.db, app.now()).await.unwrap();
    jobs::housekeeping(&app.app).await;
    assert_eq!(sessions(&app).await, before);
    assert_eq!(phone.balance().await, (0, 45_00));
    till.applied(&till.purchase(&phone.token(app.now()), 700_00, app.now())).await;
    app.audit().await;
}

/// Makes all that is known of the time so much older: what a clock looks like that has jumped together with the
/// database's.
async fn move_the_past(app: &TestApp, days: i32) {
    for sql in [
        "update clock_seen set trusted_at = trusted_at - make_interval(days => $1), seen_at = seen_at - make_interval(days => $1)",
        "update purchase set confirm_on = confirm_on - $1",
        "update session set created_at = created_at - make_interval(days => $1), expires_at = expires_at - make_interval(days => $1)",
    ] {
        sqlx::query(sql).bind(days).execute(&app.app.db).await.unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_has_jumped_with_the_databases_is_not_believed_until_somebody_says_so() {
    let app = TestApp::start_with_real_clock().await;
    let phone = with_a_purchase(&app).await;
    jobs::housekeeping(&app.app).await;
    move_the_past(&app, 16).await;
    jobs::housekeeping(&app.app).await;
    jobs::housekeeping(&app.app).await;
    assert_eq!(phone.balance().await, (0, 45_00));
    let refused = run(&app, &["ledger", "confirm"]).await.unwrap_err();
    assert!(refused.contains("384 hours on since it was last believed"), "{refused}");
    run(&app, &["housekeeping", "--anyway"]).await.unwrap();
    assert_eq!(phone.balance().await, (45_00, 0));
    jobs::housekeeping(&app.app).await;
    app.audit().await;
}

#[tokio::test]
async fn after_an_outage_the_clock_is_believed_by_itself_when_it_has_gone_on_for_a_day() {
    let app = TestApp::start_with_real_clock().await;
    let phone = with_a_purchase(&app).await;
    jobs::housekeeping(&app.app).await;
    move_the_past(&app, 16).await;
    jobs::housekeeping(&app.app).await;
    let watched = "update clock_seen set doubted_since = doubted_since - interval '1 day', seen_at = seen_at - interval '1 hour'";
    sqlx::query(watched).execute(&app.app.db).await.unwrap();
    jobs::housekeeping(&app.app).await;
    assert_eq!(phone.balance().await, (45_00, 0));
}

#[tokio::test]
async fn what_a_jump_of_both_clocks_makes_too_old_is_sent_again_instead_of_refused() {
    let app = TestApp::start_with_real_clock().await;
    let phone = with_a_purchase(&app).await;
    let till = Till::pair(&app).await;
    jobs::housekeeping(&app.app).await;
    // Older than a till may be away, older than the answers that are kept, and of before the card.
    let ages_and_codes = [(40, "too-old"), (120, "too-old"), (20, "not-yet-valid")];
    move_the_past(&app, 40).await;
    let made = |days: i64| {
        let long_ago = app.now() - (days * DAY_SECONDS).unsigned_abs();
        till.purchase(&phone.token(long_ago), 1_500_00, long_ago)
    };
    let purchases = ages_and_codes.map(|(days, _)| made(days));
    for answer in till.push(&purchases, app.now()).await["answers"].as_array().unwrap() {
        assert_eq!(answer["status"], "retry", "{answer}");
    }
    sqlx::query("update clock_seen set trusted_at = now()").execute(&app.app.db).await.unwrap();
    let answers = till.push(&purchases, app.now()).await["answers"].clone();
    for (n, (_, code)) in ages_and_codes.into_iter().enumerate() {
        assert_eq!(answers[n]["code"], code);
    }
}

#[tokio::test]
async fn sessions_end_in_time_and_their_rows_long_after() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    app.advance(15 * DAY_SECONDS);
    app.housekeeping().await;
    chair.get("/api/staff/session").await.refused(401, "unauthenticated");
    assert_eq!(sessions(&app).await, 1, "by a clock that was wrong it would be needed again");
    app.advance(60 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(sessions(&app).await, 0);
}

#[tokio::test]
async fn a_round_many_times_larger_than_usual_stops_until_somebody_has_looked() {
    let app = TestApp::start().await;
    app.chair().await;
    add_ended_sessions(&app, 1_001, 61).await;
    app.housekeeping().await;
    assert_eq!(sessions(&app).await, 1_002);
    jobs::housekeeping_anyway(&app.app, None, LiftedSteps::Everything).await.unwrap();
    assert_eq!(sessions(&app).await, 1);
    // A thousand are never too many.
    add_ended_sessions(&app, 1_000, 61).await;
    app.housekeeping().await;
    assert_eq!(sessions(&app).await, 1);
}

/// Changes of three months ago and of now.
async fn add_changes(app: &TestApp, count: i64, days: i32) {
    sqlx::query(
        "insert into change (audience, entity, entity_id, changed_at)
         select 'member:' || n, 'profile', 'me', $1 - make_interval(days => $2) from generate_series(1, $3) n",
    )
    .bind(app.app.clock.now())
    .bind(days)
    .bind(count)
    .execute(&app.app.db)
    .await
    .unwrap();
}

async fn changes(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from change").fetch_one(&app.app.db).await.unwrap()
}

#[tokio::test]
async fn a_step_is_counted_before_it_is_begun_and_lifted_by_its_name() {
    let app = TestApp::start_with_real_clock().await;
    app.chair().await;
    add_changes(&app, 12_000, 91).await;
    add_ended_sessions(&app, 1_001, 61).await;
    let before = changes(&app).await;
    // A sequence remembers also what is rolled back.
    for sql in [
        "create sequence deletion",
        "create function note_deletion() returns trigger language plpgsql as $$ begin perform nextval('deletion'); return old; end $$",
        "create trigger note_deletion before delete on change for each row execute function note_deletion()",
    ] {
        sqlx::query(sql).execute(&app.app.db).await.unwrap();
    }
    let deletions = async || -> (bool, i64) {
        sqlx::query_as("select is_called, last_value from deletion").fetch_one(&app.app.db).await.unwrap()
    };
    jobs::housekeeping(&app.app).await;
    assert!(!deletions().await.0, "nothing is deleted to find out that it would be too much");
    let undone = run(&app, &["housekeeping", "--anyway", "changes"]).await.unwrap_err();
    assert!(undone.contains("not done: sessions;"), "{undone}");
    assert_eq!((changes(&app).await, sessions(&app).await), (before - 12_000, 1_002));
    assert_eq!(deletions().await.1, 12_000);
    let refused = run(&app, &["housekeeping", "--anyway", "everything"]).await.unwrap_err();
    assert!(refused.contains("the steps are confirm, sessions"), "{refused}");
}

/// Copies the only purchase with its posting until there are so many.
async fn multiply_the_purchase(app: &TestApp, by: i64) {
    let copies = "with copied as (
             insert into journal (booked_at, event_at, kind, principal, idem, membership_id, partner_id, outlet_id, terminal_id,
                                  amount_kopecks, accrual_kopecks, commission_kopecks, rule_version)
             select booked_at, event_at, kind, principal, gen_random_uuid(), membership_id, partner_id, outlet_id, terminal_id,
                    amount_kopecks, accrual_kopecks, commission_kopecks, rule_version
             from journal, generate_series(2, $1) where kind = 'purchase' returning seq, idem
         ), sold as (
             insert into purchase (id, seq, terminal_id, idem, op_no, membership_id, partner_id, outlet_id, card_id,
                                   amount_kopecks, accrual_kopecks, rule_version, state, event_at, booked_at, confirm_on)
             select gen_random_uuid(), c.seq, u.terminal_id, c.idem, 1000 + c.seq, u.membership_id, u.partner_id, u.outlet_id,
                    u.card_id, u.amount_kopecks, u.accrual_kopecks, u.rule_version, u.state, u.event_at, u.booked_at, u.confirm_on
             from copied c, purchase u
         )
         update balance set pending_kopecks = pending_kopecks * $1, version = version + 1";
    sqlx::query(copies).bind(by).execute(&app.app.db).await.unwrap();
    app.forget_redis().await;
}

#[tokio::test]
async fn confirming_most_of_what_waits_at_once_needs_somebody_who_has_looked() {
    let (app, phone, till) = with_till().await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    multiply_the_purchase(&app, 1_100).await;
    app.advance(16 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (0, 1_100 * 45_00));
    jobs::housekeeping_anyway(&app.app, None, LiftedSteps::Everything).await.unwrap();
    assert_eq!(phone.balance().await, (1_100 * 45_00, 0));
}

#[tokio::test]
async fn a_balance_that_is_wrong_keeps_nobody_else_from_their_cashback() {
    let (app, phone, till) = with_till().await;
    let now = app.now();
    let second = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    let third = Phone::activate(&app, app.member("Сидорова Ольга Ивановна").await).await;
    for buyer in [&phone, &second, &third] {
        till.applied(&till.purchase(&buyer.token(now), 1_500_00, now)).await;
    }
    let spoil = "update balance set pending_kopecks = $2, version = version + 1 where membership_id = $1";
    let set_pending = async |member: Uuid, kopecks: i64| {
        sqlx::query(spoil).bind(member).bind(kopecks).execute(&app.app.db).await.unwrap();
    };
    set_pending(second.member, 44_99).await;
    app.advance(14 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!((phone.balance().await, third.balance().await), ((45_00, 0), (45_00, 0)));
    let pulled = second.pull("").await;
    assert_eq!(entity(&pulled, "purchase").unwrap()["state"], "pending");
    let found = audit::run(&app.app.db, app.app.clock.now()).await.unwrap();
    assert_eq!((found.wrong_balances, found.wrong_memberships), (1, vec![second.member.into()]));
    let told = app.anonymous().get("/metrics").await.text();
    assert!(told.contains("profcards_confirm_set_aside"), "{told}");
    // Put right, it is confirmed with the next round.
    set_pending(second.member, 45_00).await;
    app.housekeeping().await;
    assert_eq!(second.balance().await, (45_00, 0));
    app.audit().await;
}

#[tokio::test]
async fn a_balance_that_somebody_keeps_locked_keeps_nobody_else_from_their_cashback() {
    let (app, phone, till) = with_till().await;
    let second = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    for buyer in [&phone, &second] {
        till.applied(&till.purchase(&buyer.token(app.now()), 1_500_00, app.now())).await;
    }
    app.advance(14 * DAY_SECONDS);
    let mut forgotten = app.app.db.acquire().await.unwrap().detach();
    sqlx::raw_sql("set idle_in_transaction_session_timeout = 0").execute(&mut forgotten).await.unwrap();
    sqlx::raw_sql("begin").execute(&mut forgotten).await.unwrap();
    sqlx::query("select from balance where membership_id = $1 for update")
        .bind(second.member)
        .execute(&mut forgotten)
        .await
        .unwrap();
    app.housekeeping().await;
    assert_eq!((phone.balance().await, second.balance().await), ((45_00, 0), (0, 45_00)));
    sqlx::raw_sql("rollback").execute(&mut forgotten).await.unwrap();
    app.housekeeping().await;
    assert_eq!(second.balance().await, (45_00, 0));
}

#[tokio::test]
async fn a_member_without_a_balance_is_set_aside_too() {
    let (app, phone, till) = with_till().await;
    let second = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    for buyer in [&phone, &second] {
        till.applied(&till.purchase(&buyer.token(app.now()), 1_500_00, app.now())).await;
    }
    sqlx::query("delete from balance where membership_id = $1")
        .bind(second.member)
        .execute(&app.app.db)
        .await
        .unwrap();
    app.advance(14 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(phone.balance().await, (45_00, 0));
    let states: Vec<String> =
        sqlx::query_scalar("select state from purchase order by state").fetch_all(&app.app.db).await.unwrap();
    assert_eq!(json!(states), json!(["available", "pending"]));
}

#[tokio::test]
async fn a_revocation_that_a_clock_ahead_has_dated_counts_at_once() {
    let (app, phone, till) = with_till().await;
    let paper = app.paper_token(phone.member).await;
    app.revoke(phone.member).await;
    let future = app.app.clock.now() + TimeDelta::days(16);
    sqlx::query("update card set status_at = $1 where status <> 0")
        .bind(future)
        .execute(&app.app.db)
        .await
        .unwrap();
    till.refused(&till.purchase(&paper, 1_500_00, app.now()), "revoked").await;
}

#[tokio::test]
async fn a_new_phones_wait_does_not_end_by_a_clock_that_has_jumped() {
    let app = TestApp::start_with_real_clock().await;
    let phone = with_a_purchase(&app).await;
    let till = Till::pair(&app).await;
    jobs::housekeeping(&app.app).await;
    move_the_past(&app, 4).await;
    let op_no = till.next_op_no();
    let token = phone.redeeming(app.now(), &till.digits(op_no).await, 10_00);
    let question = json!({ "token": token, "opNo": op_no, "amountKopecks": 200_00 });
    let ask = async || till.client.post("/api/till/redemption-limit", &question).await;
    ask().await.refused(503, "unavailable");
    sqlx::query("update clock_seen set trusted_at = now()").execute(&app.app.db).await.unwrap();
    ask().await.json(200);
}

#[tokio::test]
async fn a_round_by_hand_tells_which_steps_failed_and_does_the_others() {
    let app = TestApp::start_with_real_clock().await;
    run(&app, &["housekeeping"]).await.unwrap();
    for table in ["vendor_redemption", "pairing_code"] {
        sqlx::query(AssertSqlSafe(format!("alter table {table} rename to {table}_away")))
            .execute(&app.app.db)
            .await
            .unwrap();
    }
    add_ended_sessions(&app, 1, 61).await;
    let undone = run(&app, &["housekeeping"]).await.unwrap_err();
    assert!(undone.contains("not done: pairing codes, partners' redemptions;"), "{undone}");
    assert_eq!(sessions(&app).await, 0);
}
