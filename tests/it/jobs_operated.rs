//! Jobs as those who run the instance meet them: what is late is told, what matters is listed first, what cannot be done is let go or
//! ordered anew.

use profcards::act::jobs::store::{self, claim, finish};
use profcards::act::jobs::{ClaimedJob, JobState, MAX_ATTEMPTS, NewJob, Progress};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::jobs::{TEST_STEPS, enqueue, execute, items_done, job, new_job, number, start_app};
use super::support::process::{Server, run};
use super::support::{Client, TestApp, do_due, next_id, until, with_phone};

/// The job's columns that only a few tests ask for.
async fn column(app: &TestApp, id: Uuid, column: &str) -> Option<Value> {
    let sql = format!("select to_jsonb({column}) from job where id = $1");
    sqlx::query_scalar(AssertSqlSafe(sql)).bind(id).fetch_one(&app.app.db).await.unwrap()
}

async fn overdue_minutes(app: &TestApp) -> i64 {
    store::overdue_seconds(&app.app.db).await.unwrap() / 60
}

/// Claims the job and fails until it is set aside.
async fn set_aside(app: &TestApp, held: &ClaimedJob) {
    let sql = format!("update job set attempts = {MAX_ATTEMPTS} where id = $1");
    sqlx::query(AssertSqlSafe(sql)).bind(held.id.0).execute(&app.app.db).await.unwrap();
    assert_eq!(store::fail(&app.app.db, held, "poison").await.unwrap(), Some(JobState::SetAside));
}

async fn claimed(app: &TestApp, kind: &str) -> ClaimedJob {
    claim(&app.app.db, &[kind.to_owned()], next_id()).await.unwrap().unwrap()
}

#[tokio::test]
async fn work_that_nobody_takes_up_is_told() {
    let app = start_app().await;
    enqueue(&app, "test.items", 1).await;
    let held = claimed(&app, "test.items").await;
    do_due(&app.app, &TEST_STEPS).await.unwrap();
    execute(&app, "update job set run_at = run_at - interval '30 minutes'").await;
    assert_eq!(overdue_minutes(&app).await, 0, "one is run, the others wait for their hour");
    // A process that is gone, and nobody who claims its job.
    execute(&app, "update job set lease_until = lease_until - interval '11 minutes' where state = 'running'")
        .await;
    assert_eq!(overdue_minutes(&app).await, 10);
    finish(&app.app.db, &held, &json!({})).await.unwrap();
    // A step whose row somebody locks: the others are done.
    execute(&app, "update job set run_at = run_at - interval '2 hours' where state = 'waiting'").await;
    let mut locker = app.app.db.begin().await.unwrap();
    sqlx::query("select from job where kind = 'test.failing-step' for update")
        .execute(&mut *locker)
        .await
        .unwrap();
    do_due(&app.app, &TEST_STEPS).await.unwrap();
    assert_eq!((items_done(&app).await, overdue_minutes(&app).await), (2, 90));
    locker.rollback().await.unwrap();
    do_due(&app.app, &TEST_STEPS).await.unwrap();
    assert_eq!(overdue_minutes(&app).await, 0);
}

#[tokio::test]
async fn a_job_of_a_kind_that_no_server_knows_is_told() {
    let app = start_app().await;
    let id = enqueue(&app, "test.items", 1).await;
    execute(&app, "update job set run_at = run_at - interval '1 day'").await;
    let server = Server::start(&app, None).await;
    until("it is told as overdue", async || {
        let told = Client::new(&server.base).get("/metrics").await.text();
        let figure = told.lines().find_map(|line| line.strip_prefix("profcards_jobs_overdue_seconds "));
        figure.is_some_and(|seconds| seconds.parse::<f64>().unwrap() >= 86_400.0)
    })
    .await;
    server.kill().await;
    let listed = run(&app, &["jobs", "list"]).await.unwrap();
    let line = listed.lines().find(|line| line.starts_with(&format!("{id} waiting"))).unwrap();
    assert!(line.contains("overdue since 2"), "{line}");
    assert!(line.ends_with("of a kind that this program does not know"), "{line}");
}

#[tokio::test]
async fn what_matters_is_listed_first_and_what_is_not_listed_is_counted() {
    let app = start_app().await;
    do_due(&app.app, &TEST_STEPS).await.unwrap();
    let [bad, running, done] = [
        enqueue(&app, "test.bad", 0).await,
        enqueue(&app, "test.run", 0).await,
        enqueue(&app, "test.done", 0).await,
    ];
    set_aside(&app, &claimed(&app, "test.bad").await).await;
    claimed(&app, "test.run").await;
    let held = claimed(&app, "test.done").await;
    finish(&app.app.db, &held, &json!({})).await.unwrap();
    execute(
        &app,
        "insert into job (id, kind, enqueued_by, run_at) select gen_random_uuid(), 'test.many', 'cli', clock_timestamp() - interval '1 hour'
         from generate_series(1, 3000)",
    )
    .await;
    let listed = run(&app, &["jobs", "list"]).await.unwrap();
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 201);
    assert!(lines[0].starts_with(&format!("{bad} set-aside")), "{}", lines[0]);
    assert!(lines[1].starts_with(&format!("{running} running")), "{}", lines[1]);
    assert!(lines[2..4].iter().all(|line| line.contains("step · hourly")), "{listed}");
    assert!(lines[4..200].iter().all(|line| line.contains("waiting test.many")), "{listed}");
    assert_eq!(lines[200], "and 2805 more");
    execute(&app, "delete from job where kind = 'test.many'").await;
    let listed = run(&app, &["jobs", "list"]).await.unwrap();
    assert!(listed.lines().last().unwrap().starts_with(&format!("{done} done")), "{listed}");
}

#[tokio::test]
async fn no_job_has_a_moment_that_no_program_can_read() {
    let app = start_app().await;
    let id = enqueue(&app, "test.items", 1).await;
    claimed(&app, "test.items").await;
    for column in ["enqueued_at", "run_at", "lease_until", "finished_at"] {
        for moment in ["infinity", "-infinity", "290000-01-01"] {
            let sql = format!("update job set {column} = '{moment}'");
            let refused = sqlx::query(AssertSqlSafe(sql)).execute(&app.app.db).await.unwrap_err();
            assert!(refused.to_string().contains("job_moments_check"), "{refused}");
        }
    }
    run(&app, &["jobs", "show", &id.to_string()]).await.unwrap();
}

#[tokio::test]
async fn a_job_can_be_let_go_unless_it_runs_or_is_done_or_is_a_step() {
    let app = start_app().await;
    let drop_job = async |id: Uuid| run(&app, &["--as", "olga", "jobs", "drop", &id.to_string()]).await;
    let running = enqueue(&app, "test.items", 1).await;
    let held = claimed(&app, "test.items").await;
    let step = next_id();
    sqlx::query("insert into job (id, kind, key, enqueued_by) values ($1, 'limits', 'hourly', 'server')")
        .bind(step)
        .execute(&app.app.db)
        .await
        .unwrap();
    for id in [running, step, next_id()] {
        let refused = drop_job(id).await.unwrap_err();
        assert!(refused.contains("no job of this id can be dropped"), "{refused}");
    }
    finish(&app.app.db, &held, &json!({})).await.unwrap();
    drop_job(running).await.unwrap_err();
    let [waiting, bad, lost] = [
        enqueue(&app, "test.wait", 0).await,
        enqueue(&app, "test.bad", 0).await,
        enqueue(&app, "test.lost", 0).await,
    ];
    set_aside(&app, &claimed(&app, "test.bad").await).await;
    let held = claimed(&app, "test.lost").await;
    execute(&app, "update job set lease_until = clock_timestamp() where state = 'running'").await;
    for id in [waiting, bad, lost] {
        drop_job(id).await.unwrap();
    }
    assert_eq!(number(&app, "select count(*) from job").await, 2);
    assert!(!finish(&app.app.db, &held, &json!({})).await.unwrap(), "nothing more is heard of it");
    // A step that this release does not know any more would be overdue for ever.
    do_due(&app.app, &TEST_STEPS[..1]).await.unwrap();
    drop_job(store::hourly(&app.app.db, "test.step").await.unwrap().0).await.unwrap();
    let acts = "select actor, subject, reason from audit_entry where action = 'job.drop' order by id";
    let acts: Vec<(String, String, String)> = sqlx::query_as(acts).fetch_all(&app.app.db).await.unwrap();
    let told = ("cli:olga".to_owned(), format!("job:{bad}"), "test.bad".to_owned());
    assert_eq!((acts.len(), &acts[1]), (4, &told));
    assert_eq!(acts[3].2, "test.step hourly");
}

#[tokio::test]
async fn what_is_ordered_anew_while_it_is_set_aside_is_done_as_it_is_ordered_now() {
    let app = start_app().await;
    let order = |items| NewJob { key: Some("one".to_owned()), ..new_job("test.items", items) };
    let mut conn = app.app.db.acquire().await.unwrap();
    let id = store::enqueue(&mut conn, "cli", &order(4)).await.unwrap();
    let set_it_aside = async || {
        let held = claimed(&app, "test.items").await;
        let mut conn = app.app.db.acquire().await.unwrap();
        held.move_mark(&mut conn, &3, Progress { done: 3, of: 4 }).await.unwrap();
        set_aside(&app, &held).await;
    };
    // The same args go on from the mark.
    set_it_aside().await;
    assert_eq!(store::enqueue(&mut conn, "cli:olga", &order(4)).await.unwrap(), id);
    assert_eq!(job(&app, id.0).await, ("waiting".to_owned(), 0, None));
    assert_eq!(column(&app, id.0, "enqueued_by").await, Some(json!("cli:olga")));
    assert_eq!(column(&app, id.0, "mark").await, Some(json!(3)));
    // Others begin from the beginning.
    set_it_aside().await;
    assert_eq!(store::enqueue(&mut conn, "cli", &order(5)).await.unwrap(), id);
    assert_eq!(column(&app, id.0, "args").await, Some(json!({ "items": 5 })));
    for name in ["mark", "progress_done", "progress_of", "error", "finished_at"] {
        assert_eq!(column(&app, id.0, name).await, None, "{name}");
    }
    // What is not set aside stays as it was ordered.
    store::enqueue(&mut conn, "cli:olga", &order(6)).await.unwrap();
    assert_eq!(column(&app, id.0, "args").await, Some(json!({ "items": 5 })));
}

#[tokio::test]
async fn a_reissue_with_args_that_nobody_can_read_is_ordered_anew_by_its_command() {
    let (app, _) = with_phone().await;
    execute(
        &app,
        "insert into job (id, kind, key, args, enqueued_by, state, mark, error, finished_at)
         values (gen_random_uuid(), 'cards.reissue', 'all both', '{\"choice\": 1}', 'cli', 'set-aside', '7', 'poison', clock_timestamp())",
    )
    .await;
    let told = run(&app, &["cards", "reissue", "--all"]).await.unwrap();
    assert_eq!(told, "2 cards of 1 members\n");
    assert_eq!(number(&app, "select count(*) from job where state = 'done'").await, 1);
}
