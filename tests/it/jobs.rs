//! Work behind the acts: each thing is done once, through kills, several instances and wrong clocks; what cannot be done is set aside and
//! told, and keeps nothing else waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use clap::Parser;
use profcards::access::rights::Action;
use profcards::act::audit::Entry;
use profcards::act::jobs::store::{self, claim, finish, renew};
use profcards::act::jobs::{ClaimedJob, JobState, MAX_ATTEMPTS, NewJob, Progress, TakenOver};
use profcards::act::{self, ActSpec};
use profcards::base::clock::Clock;
use profcards::base::config::Config;
use profcards::base::error::Error;
use profcards::base::faults;
use profcards::base::random::Random;
use profcards::server::jobs::kinds::KINDS;
use profcards::server::jobs::runner::{self, JobKind};
use profcards::server::jobs::watches::look_at_jobs;
use profcards::server::{App, demo};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::sync::watch;
use uuid::Uuid;

use super::support::process::{ended, run, start, start_test};
use super::support::scratch::Database;
use super::support::{DAY_SECONDS, Phone, TestApp, do_due, next_id, until};

/// Kinds of job that no server knows.
pub(super) const TEST_KINDS: [JobKind; 4] = [
    JobKind::once("test.items", |app, job| Box::pin(do_items(app, job))),
    JobKind::once("test.panic", |_, _| Box::pin(async { panic!("on purpose") })),
    JobKind::once("test.endless", |_, _| Box::pin(std::future::pending())),
    JobKind::once("test.never", |_, _| Box::pin(async { Err(Error::NotFound) })),
];

pub(super) const TEST_STEPS: [JobKind; 2] = [
    JobKind::hourly("test.step", |app, _| Box::pin(do_step(app))),
    JobKind::hourly("test.failing-step", |_, _| Box::pin(async { Err(Error::NotFound) })),
];

/// Inserts each item into a table that would accept it twice, and moves the mark with it.
async fn do_items(app: App, job: ClaimedJob) -> profcards::base::error::Result<Value> {
    faults::at("poison");
    let items = job.args::<Value>()?["items"].as_i64().unwrap();
    for item in job.mark::<i64>()?.unwrap_or(0)..items {
        let mut tx = app.db_jobs.begin().await?;
        sqlx::query("insert into item_done (job_id, item) values ($1, $2)")
            .bind(job.id.0)
            .bind(item)
            .execute(&mut *tx)
            .await?;
        job.move_mark(&mut tx, &(item + 1), Progress { done: item + 1, of: items }).await?;
        faults::at("item-before-commit");
        tx.commit().await?;
        faults::at("item-after-commit");
    }
    Ok(json!({ "items": items }))
}

async fn do_step(app: App) -> profcards::base::error::Result<Value> {
    sqlx::query("insert into item_done (item) values (0)").execute(&app.db_jobs).await?;
    Ok(Value::Null)
}

pub(super) async fn execute(app: &TestApp, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&app.app.db_jobs).await.unwrap();
}

pub(super) async fn number(app: &TestApp, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&app.app.db_jobs).await.unwrap()
}

/// An instance that goes by the machine's clock, and the table for the items of its jobs.
pub(super) async fn start_app() -> TestApp {
    let app = TestApp::start_with_real_clock().await;
    execute(&app, "create table item_done (job_id uuid, item bigint not null)").await;
    app
}

pub(super) fn new_job(kind: &'static str, items: i64) -> NewJob {
    NewJob { id: next_id().into(), kind, key: None, args: json!({ "items": items }), organisation_id: None }
}

pub(super) async fn enqueue(app: &TestApp, kind: &'static str, items: i64) -> Uuid {
    let mut conn = app.app.db_jobs.acquire().await.unwrap();
    store::enqueue(&mut conn, "cli", &new_job(kind, items)).await.unwrap().0
}

/// The job's state, attempts and error.
pub(super) async fn job(app: &TestApp, id: Uuid) -> (String, i32, Option<String>) {
    let job = "select state, attempts, error from job where id = $1";
    sqlx::query_as(job).bind(id).fetch_one(&app.app.db_jobs).await.unwrap()
}

pub(super) async fn items_done(app: &TestApp) -> i64 {
    number(app, "select count(*) from item_done").await
}

async fn assert_each_item_is_done_once(app: &TestApp, items: i64) {
    let distinct =
        number(app, "select count(*) from (select distinct job_id, item from item_done) done").await;
    assert_eq!((items_done(app).await, distinct), (items, items));
}

/// Makes every lease end, as if its process had not renewed it.
async fn let_leases_end(app: &TestApp) {
    execute(app, "update job set lease_until = clock_timestamp() where state = 'running'").await;
}

/// Makes every waiting job due.
async fn let_rests_end(app: &TestApp) {
    execute(app, "update job set run_at = clock_timestamp() where state = 'waiting'").await;
}

#[derive(Parser)]
struct Worker {
    #[command(flatten)]
    config: Config,
}

/// Not a test: the instance that another process of the tests runs, which knows the kinds of this file.
#[tokio::test]
#[ignore = "started by the tests of this file, to be killed"]
async fn worker() {
    faults::arm(false);
    let config = Worker::parse_from(["worker"]).config;
    let app = App::start(config, Clock::System, Random::System).await.unwrap();
    let (_stop, untold) = watch::channel(false);
    runner::work(&app, &TEST_KINDS, untold).await;
}

fn start_worker(app: &TestApp, fault: Option<&str>) -> tokio::process::Child {
    start_test(app, "jobs::worker", fault)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_killed_again_and_again_does_each_item_once() {
    const ITEMS: i64 = 600;
    let app = start_app().await;
    let id = enqueue(&app, "test.items", ITEMS).await;
    // Killed when it is claimed, when an item is not yet committed, when it just is.
    for (fault, done) in [("die-job-claimed", 0), ("die-item-before-commit", 0), ("die-item-after-commit", 1)]
    {
        let (code, _) = ended(start_worker(&app, Some(fault))).await;
        assert_eq!((code, items_done(&app).await), (None, done), "{fault}");
        assert_eq!(job(&app, id).await.0, "running");
        let_leases_end(&app).await;
    }
    // Killed wherever it happens to be.
    for goal in [20, 60] {
        let mut child = start_worker(&app, None);
        until("some items are done", async || items_done(&app).await >= goal).await;
        child.kill().await.unwrap();
        assert_eq!(job(&app, id).await.0, "running", "it was killed too late to matter");
        let_leases_end(&app).await;
    }
    // Killed when all is done and nobody has heard of it.
    let (code, _) = ended(start_worker(&app, Some("die-job-ended"))).await;
    assert_eq!((code, job(&app, id).await.0.as_str()), (None, "running"));
    let_leases_end(&app).await;
    do_due(&app.app, &TEST_KINDS).await.unwrap();
    assert_eq!(job(&app, id).await.0, "done");
    assert_each_item_is_done_once(&app, ITEMS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_instances_at_once_do_each_job_once() {
    let app = start_app().await;
    for _ in 0..40 {
        enqueue(&app, "test.items", 5).await;
    }
    let workers = [start_worker(&app, None), start_worker(&app, None)];
    let (one, other) = tokio::join!(do_due(&app.app, &TEST_KINDS), do_due(&app.app, &TEST_KINDS));
    one.and(other).unwrap();
    until("all are done", async || number(&app, "select count(*) from job where state <> 'done'").await == 0)
        .await;
    drop(workers);
    assert_each_item_is_done_once(&app, 200).await;
    assert_eq!(number(&app, "select count(*) from job where attempts = 1").await, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_again_and_again_is_set_aside_and_told_and_keeps_nothing_waiting() {
    let app = start_app().await;
    let (panics, fails) = (enqueue(&app, "test.panic", 1).await, enqueue(&app, "test.never", 1).await);
    let good = enqueue(&app, "test.items", 3).await;
    for attempt in 1..=MAX_ATTEMPTS {
        do_due(&app.app, &TEST_KINDS).await.unwrap();
        assert_eq!(job(&app, good).await.0, "done");
        for bad in [panics, fails] {
            let expected = if attempt == MAX_ATTEMPTS { "set-aside" } else { "waiting" };
            assert_eq!(job(&app, bad).await.0, expected);
        }
        // It rests before it is tried again.
        do_due(&app.app, &TEST_KINDS).await.unwrap();
        assert_eq!(job(&app, panics).await.1, attempt);
        let_rests_end(&app).await;
    }
    do_due(&app.app, &TEST_KINDS).await.unwrap();
    assert!(job(&app, panics).await.2.unwrap().contains("panic"));
    look_at_jobs(&app.app).await.unwrap();
    let told = app.anonymous().get("/metrics").await.text();
    assert!(told.contains("profcards_jobs_set_aside"), "{told}");
    let listed = run(&app, &["jobs", "list"]).await.unwrap();
    assert!(listed.contains(&format!("{panics} set-aside test.panic")), "{listed}");
    assert!(listed.contains(&format!("{good} done test.items · 3 of 3")), "{listed}");
    assert_each_item_is_done_once(&app, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_which_its_process_dies_is_set_aside_until_somebody_has_mended_it() {
    let app = start_app().await;
    let id = enqueue(&app, "test.items", 2).await;
    for _ in 0..MAX_ATTEMPTS {
        assert_eq!(ended(start_worker(&app, Some("die-poison"))).await.0, None);
        let_leases_end(&app).await;
    }
    // Whoever claims it next does not begin it any more.
    let child = start_worker(&app, Some("die-poison"));
    until("it is set aside", async || job(&app, id).await.0 == "set-aside").await;
    drop(child);
    let shown = run(&app, &["jobs", "show", &id.to_string()]).await.unwrap();
    assert!(shown.contains("has ended in the middle"), "{shown}");
    run(&app, &["--as", "olga", "jobs", "retry", &id.to_string()]).await.unwrap();
    run(&app, &["jobs", "retry", &id.to_string()]).await.unwrap_err();
    do_due(&app.app, &TEST_KINDS).await.unwrap();
    assert_eq!(job(&app, id).await, ("done".to_owned(), 1, None));
    let retried: Vec<(String, String)> =
        sqlx::query_as("select actor, subject from audit_entry where action = 'job.retry'")
            .fetch_all(&app.app.db)
            .await
            .unwrap();
    assert_eq!(retried, [("cli:olga".to_owned(), format!("job:{id}"))]);
}

#[tokio::test]
async fn an_instance_whose_clock_is_wrong_neither_begins_a_job_early_nor_takes_one_over() {
    let (app, ahead_seconds) = TestApp::start_with_shifted_clock().await;
    execute(&app, "create table item_done (job_id uuid, item bigint not null)").await;
    let right = App::start(app.app.config.clone(), Clock::System, Random::System).await.unwrap();
    let (due, later) = (enqueue(&app, "test.items", 2).await, enqueue(&app, "test.items", 2).await);
    let held = enqueue(&app, "test.endless", 0).await;
    sqlx::query("update job set run_at = clock_timestamp() + interval '10 minutes' where id = $1")
        .bind(later)
        .execute(&app.app.db)
        .await
        .unwrap();
    let holder = claim(&right.db_jobs, &["test.endless".to_owned()], next_id()).await.unwrap().unwrap();
    for ahead in [DAY_SECONDS, -DAY_SECONDS] {
        ahead_seconds.store(ahead, Ordering::SeqCst);
        do_due(&app.app, &TEST_KINDS).await.unwrap_err();
        assert_eq!(items_done(&app).await, 0);
        // What is asked for by another's clock changes nothing either.
        assert!(claim(&app.app.db_jobs, &["test.endless".to_owned()], next_id()).await.unwrap().is_none());
    }
    // By four minutes clocks may be apart: then too the database's alone says what is due.
    ahead_seconds.store(240, Ordering::SeqCst);
    do_due(&app.app, &TEST_KINDS).await.unwrap();
    do_due(&right, &TEST_KINDS).await.unwrap();
    assert_eq!((job(&app, due).await.0, job(&app, later).await.0), ("done".into(), "waiting".into()));
    assert_each_item_is_done_once(&app, 2).await;
    assert_eq!(job(&app, held).await.0, "running");
    assert!(renew(&right.db_jobs, &holder).await.unwrap());
}

#[tokio::test]
async fn what_a_clock_that_was_ahead_put_off_is_due_once_it_is_right() {
    let app = start_app().await;
    let kinds = ["test.items", "test.never", "test.endless"].map(str::to_owned);
    let set = async |id: Uuid, what: &str| {
        let sql = format!("update job set {what} where id = $1");
        sqlx::query(AssertSqlSafe(sql)).bind(id).execute(&app.app.db).await.unwrap();
    };
    // An hourly step that was done under it; done now, it rests for its hour.
    do_due(&app.app, &TEST_STEPS).await.unwrap();
    execute(&app, "update job set run_at = run_at + interval '40 hours'").await;
    for _ in 0..2 {
        do_due(&app.app, &TEST_STEPS).await.unwrap();
        assert_eq!(items_done(&app).await, 2);
    }
    // A job that was enqueued under it, if only half an hour off; one that fails still rests between its attempts.
    let (new, failing) = (enqueue(&app, "test.items", 1).await, enqueue(&app, "test.never", 1).await);
    for id in [new, failing] {
        set(id, "enqueued_at = enqueued_at + interval '30 minutes', run_at = run_at + interval '30 minutes'")
            .await;
    }
    for _ in 0..2 {
        do_due(&app.app, &TEST_KINDS).await.unwrap();
    }
    assert_eq!((job(&app, new).await.0.as_str(), job(&app, failing).await.1), ("done", 1));
    // A failed one that waits by it, and one that was let be tried again under it.
    set(failing, "run_at = run_at + interval '40 hours'").await;
    do_due(&app.app, &TEST_KINDS).await.unwrap();
    assert_eq!(job(&app, failing).await.1, 2);
    set(failing, "attempts = 0, run_at = run_at + interval '40 hours'").await;
    do_due(&app.app, &TEST_KINDS).await.unwrap();
    assert_eq!(job(&app, failing).await.1, 1);
    // One that was claimed under it by a process that is gone.
    let held = enqueue(&app, "test.endless", 0).await;
    claim(&app.app.db, &kinds, next_id()).await.unwrap().unwrap();
    assert!(claim(&app.app.db, &kinds, next_id()).await.unwrap().is_none(), "its lease lives");
    set(held, "lease_until = lease_until + interval '40 hours'").await;
    assert_eq!(claim(&app.app.db, &kinds, next_id()).await.unwrap().unwrap().id.0, held);
}

#[tokio::test]
async fn whoever_has_lost_a_job_writes_nothing_any_more() {
    let app = start_app().await;
    let id = enqueue(&app, "test.items", 2).await;
    let (db, kinds) = (&app.app.db_jobs, ["test.items".to_owned()]);
    let mut lost = claim(db, &kinds, next_id()).await.unwrap().unwrap();
    assert!(claim(db, &kinds, next_id()).await.unwrap().is_none(), "it is held");
    let_leases_end(&app).await;
    assert!(renew(db, &lost).await.unwrap(), "nobody has taken it over");
    // While a batch is being committed nobody can.
    let_leases_end(&app).await;
    let mut tx = db.begin().await.unwrap();
    lost.move_mark(&mut tx, &1, Progress { done: 1, of: 2 }).await.unwrap();
    assert!(claim(db, &kinds, next_id()).await.unwrap().is_none());
    tx.commit().await.unwrap();
    let held = claim(db, &kinds, next_id()).await.unwrap().unwrap();
    assert_eq!(held.mark::<i64>().unwrap(), Some(1));
    let mut tx = db.begin().await.unwrap();
    let refused = lost.move_mark(&mut tx, &2, Progress { done: 2, of: 2 }).await.unwrap_err();
    assert!(TakenOver::is_behind(&refused));
    drop(tx);
    assert!(!renew(db, &lost).await.unwrap());
    assert!(!finish(db, &lost, &json!({})).await.unwrap());
    assert_eq!(store::fail(db, &lost, "lost").await.unwrap(), None);
    store::give_back(db, &lost).await.unwrap();
    let mut conn = db.acquire().await.unwrap();
    assert!(TakenOver::is_behind(&store::look_again(&mut conn, &mut lost).await.unwrap_err()));
    assert_eq!(job(&app, id).await.0, "running");
    assert!(finish(db, &held, &json!({ "items": 2 })).await.unwrap());
    assert!(finish(db, &held, &json!({ "items": 2 })).await.unwrap(), "its end may be said again");
    assert_eq!(job(&app, id).await.0, "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_stop_gives_back_what_it_is_at() {
    let app = start_app().await;
    let id = enqueue(&app, "test.endless", 0).await;
    let (stop, untold) = watch::channel(false);
    let state = app.app.clone();
    let working = tokio::spawn(async move { runner::work(&state, &TEST_KINDS, untold).await });
    until("it is begun", async || job(&app, id).await.0 == "running").await;
    stop.send(true).unwrap();
    working.await.unwrap();
    assert_eq!(job(&app, id).await, ("waiting".to_owned(), 0, None));
}

/// Counts how often each kind is claimed.
async fn count_claims(app: &TestApp) {
    for sql in [
        "create table claimed (kind text)",
        "create function note_claim() returns trigger language plpgsql as $$ begin insert into claimed values (new.kind); return new; end $$",
        "create trigger note_claim after update on job for each row when (new.state = 'running' and old.state = 'waiting')
         execute function note_claim()",
    ] {
        execute(app, sql).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hourly_step_is_done_once_an_hour_by_one_of_two_instances() {
    let app = TestApp::start().await;
    let beside = app.beside(0).await;
    count_claims(&app).await;
    let hourly: Vec<_> = KINDS.into_iter().filter(JobKind::is_hourly).collect();
    for round in 1..=3 {
        let (one, other) = tokio::join!(do_due(&app.app, &hourly), do_due(&beside.app, &hourly));
        one.and(other).unwrap();
        // Nothing is due before an hour has passed.
        do_due(&app.app, &hourly).await.unwrap();
        let counts: Vec<i64> = sqlx::query_scalar("select count(*) from claimed group by kind")
            .fetch_all(&app.app.db)
            .await
            .unwrap();
        assert_eq!(counts, vec![round; hourly.len()]);
        execute(&app, "update job set run_at = run_at - interval '1 hour'").await;
    }
}

#[tokio::test]
async fn an_hourly_step_that_fails_is_tried_every_hour_and_keeps_no_other_from_being_done() {
    let app = start_app().await;
    for round in 1..=i64::from(MAX_ATTEMPTS) + 2 {
        do_due(&app.app, &TEST_STEPS).await.unwrap();
        assert_eq!(items_done(&app).await, round);
        let_rests_end(&app).await;
    }
    let states: Vec<(String, bool)> =
        sqlx::query_as("select state, error is not null from job order by kind")
            .fetch_all(&app.app.db)
            .await
            .unwrap();
    assert_eq!(states, [("waiting".to_owned(), true), ("waiting".to_owned(), false)]);
}

#[tokio::test]
async fn a_step_that_failed_on_one_instance_is_told_by_all_until_any_has_done_it() {
    let app = TestApp::start().await;
    let hourly: Vec<_> = KINDS.into_iter().filter(JobKind::is_hourly).collect();
    let failed = async || {
        look_at_jobs(&app.app).await.unwrap();
        let rows = store::step_outcomes(&app.app.db).await.unwrap();
        rows.into_iter().filter(|row| row.has_failed).map(|row| row.step).collect::<Vec<_>>()
    };
    let rename = async |from: &str, to: &str| {
        let sql = format!("alter table {from} rename to {to}");
        sqlx::query(AssertSqlSafe(sql)).execute(&app.app.db).await.unwrap();
    };
    rename("pairing_code", "pairing_code_away").await;
    do_due(&app.app, &hourly).await.unwrap();
    assert_eq!(failed().await, ["pairing codes"]);
    rename("pairing_code_away", "pairing_code").await;
    let_rests_end(&app).await;
    do_due(&app.beside(0).await.app, &hourly).await.unwrap();
    assert!(failed().await.is_empty());
}

#[tokio::test]
async fn a_job_and_its_act_are_one_and_the_same_work_is_not_queued_twice() {
    let app = TestApp::start().await;
    let new = || NewJob { key: Some("one".to_owned()), ..new_job("test.items", 1) };
    let enqueue = async |is_kept: bool| {
        let (new, spec) = (&new(), ActSpec::by_operator(&app.app, Some("olga"), Action::ReissueCards));
        let enqueued = act::perform(&app.app, spec, |mut act| async move {
            let id = act.enqueue(new).await?;
            act.record(Entry::of_subject(format!("job:{id}")));
            if is_kept { act.commit(id) } else { act.roll_back(id) }
        });
        enqueued.await.unwrap()
    };
    enqueue(false).await;
    assert_eq!(number(&app, "select count(*) from job").await, 0);
    let id = enqueue(true).await;
    assert_eq!(enqueue(true).await, id);
    let by: Vec<String> =
        sqlx::query_scalar("select enqueued_by from job").fetch_all(&app.app.db).await.unwrap();
    assert_eq!(by, ["cli:olga"]);
    let held = claim(&app.app.db, &["test.items".to_owned()], next_id()).await.unwrap().unwrap();
    assert_eq!(enqueue(true).await, id, "also while somebody is at it");
    finish(&app.app.db, &held, &json!({})).await.unwrap();
    assert_ne!(enqueue(true).await, id);
}

#[tokio::test]
async fn whoever_wanted_a_job_sees_how_far_it_is_and_nobody_else_learns_that_it_exists() {
    let app = TestApp::start().await;
    let chair = format!("staff:{}", app.world.chair);
    let job = NewJob { organisation_id: Some(app.world.school.into()), ..new_job("test.items", 4) };
    let mut conn = app.app.db.acquire().await.unwrap();
    let id = store::enqueue(&mut conn, &chair, &job).await.unwrap();
    let of_operator = store::enqueue(&mut conn, &chair, &new_job("test.items", 4)).await.unwrap();
    let (path, owner) = (format!("/api/staff/jobs/{id}"), app.chair().await);
    let seen = owner.get(&path).await.json(200);
    assert_eq!((&seen["state"], &seen["progress"]), (&json!("waiting"), &Value::Null));
    let held = claim(&app.app.db, &["test.items".to_owned()], next_id()).await.unwrap().unwrap();
    assert_eq!(held.id, id);
    held.move_mark(&mut conn, &3, Progress { done: 3, of: 4 }).await.unwrap();
    let seen = owner.get(&path).await.json(200);
    assert_eq!((&seen["state"], &seen["progress"]), (&json!("running"), &json!({ "done": 3, "of": 4 })));
    finish(&app.app.db, &held, &json!({ "items": 4 })).await.unwrap();
    let seen = owner.get(&path).await.json(200);
    assert_eq!((&seen["state"], &seen["result"]["items"]), (&json!("done"), &json!(4)));
    assert_eq!(seen["progress"], json!({ "done": 4, "of": 4 }), "what is done is done whole");
    for stranger in [app.world.regional, app.world.foreign_chair] {
        app.staff(stranger).await.get(&path).await.refused(404, "not-found");
    }
    owner.get(&format!("/api/staff/jobs/{of_operator}")).await.refused(404, "not-found");
    owner.get(&format!("/api/staff/jobs/{}", next_id())).await.refused(404, "not-found");
    let end = sqlx::query("update mandate set term_to = $1 where account_id = $2");
    end.bind(app.app.clock.today()).bind(app.world.chair).execute(&app.app.db).await.unwrap();
    owner.get(&path).await.refused(404, "not-found");
}

#[tokio::test]
async fn what_came_of_a_job_is_kept_for_a_while_and_what_was_set_aside_longer() {
    let app = TestApp::start().await;
    let ids = [new_job("test.items", 1), new_job("test.items", 1)].map(|job| job.id.0);
    for (id, state) in ids.iter().zip([JobState::Done, JobState::SetAside]) {
        sqlx::query("insert into job (id, kind, enqueued_by, state, finished_at) values ($1, 'test.items', 'cli', $2, clock_timestamp())")
            .bind(id)
            .bind(state.as_str())
            .execute(&app.app.db)
            .await
            .unwrap();
    }
    for (days, left) in [(99, 2), (2, 1), (298, 1), (2, 0)] {
        sqlx::query("update job set finished_at = finished_at - make_interval(days => $1)")
            .bind(days)
            .execute(&app.app.db)
            .await
            .unwrap();
        store::prune(&app.app.db).await.unwrap();
        assert_eq!(number(&app, "select count(*) from job").await, left, "{days}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_goes_on_with_a_reissue_whose_command_was_killed_and_its_record_names_who_wanted_it() {
    let app = TestApp::start_with_real_clock().await;
    let mut members = Vec::new();
    for name in ["Иванова Мария Петровна", "Петрова Анна Сергеевна", "Ким Ольга"]
    {
        members.push(Phone::activate(&app, app.member(name).await).await.member);
    }
    let before = app.cards_issued().await;
    let command = ["--as", "olga", "cards", "reissue", "--all", "--batch", "1"];
    let (code, _) = ended(start(&app, &command, Some("die-reissue-after-commit"))).await;
    assert_eq!((code, app.cards_issued().await), (None, before + 2));
    app.do_due_jobs().await;
    assert_eq!(app.cards_issued().await, before + 2, "until its lease is over it might be at it");
    let_leases_end(&app).await;
    app.do_due_jobs().await;
    assert_eq!(app.cards_issued().await, before + 6);
    let result: Value = sqlx::query_scalar("select result from job").fetch_one(&app.app.db).await.unwrap();
    assert_eq!(result, json!({ "members": 3, "cards": 6, "skipped": 0 }));
    let acts = "select actor, reason, cardinality(members) from audit_entry where action = 'cards.reissue' order by id";
    let acts: Vec<(String, String, i32)> = sqlx::query_as(acts).fetch_all(&app.app.db).await.unwrap();
    let of = |members| ("cli:olga".to_owned(), "all both".to_owned(), members);
    assert_eq!(acts, [of(0), of(1), of(2)]);
    for member in members {
        let told = run(&app, &["audit", "acts", "--member", &member.to_string()]).await.unwrap();
        assert!(told.contains("cli:olga cards.reissue"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_operators_do_with_keys_rounds_and_dumps_is_on_record() {
    let app = TestApp::start_with_real_clock().await;
    for command in [
        &["--as", "olga", "keys", "rotate", "card"][..],
        &["--as", "olga", "keys", "trust-list"],
        &["--as", "olga", "housekeeping", "--anyway", "changes"],
        &["--as", "olga", "restored", "--cards", "5", "--members", "5"],
    ] {
        run(&app, command).await.unwrap();
    }
    let kid = app.app.keys.card_key(app.now()).unwrap().kid().to_string();
    run(&app, &["--as", "olga", "keys", "revoke", &kid]).await.unwrap();
    let done = "select action, subject from audit_entry where actor = 'cli:olga' order by id";
    let done: Vec<(String, String)> = sqlx::query_as(done).fetch_all(&app.app.db).await.unwrap();
    let actions: Vec<_> = done.iter().map(|(action, _)| action.as_str()).collect();
    let expected = [
        "key.rotate",
        "trust-list.install",
        "trust-list.install",
        "housekeeping.anyway",
        "dump.take-up",
        "key.revoke",
        "trust-list.install",
    ];
    assert_eq!(actions, expected);
    assert_eq!(done[3].1, "housekeeping:changes");
    assert_eq!(done[5].1, format!("key:{kid}"));
}

#[tokio::test]
async fn a_demo_union_and_its_codes_are_on_record() {
    let app = TestApp::start().await;
    let (empty, now) = (Database::copy().await, app.app.clock.now().timestamp_millis());
    let config = Config { database_url: Some(empty.url.clone()), ..app.app.config.clone() };
    let clock = Clock::Manual(Arc::new(AtomicI64::new(now)));
    let other = App::start(config, clock, Random::System).await.unwrap();
    for _ in 0..2 {
        demo::load(&other).await.unwrap();
    }
    demo::member_entry(&other, Some("olga")).await.unwrap().unwrap();
    let acts: Vec<(String, String, i32)> =
        sqlx::query_as("select actor, action, cardinality(members) from audit_entry order by id")
            .fetch_all(&other.db)
            .await
            .unwrap();
    let expected = [("server", "demo.load", 0), ("cli:olga", "demo.code", 1)];
    assert_eq!(acts, expected.map(|(actor, action, members)| (actor.to_owned(), action.to_owned(), members)));
}
