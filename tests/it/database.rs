//! The database under stress: what is slow, stuck, abandoned or full keeps nobody else from being served, and is told.

use profcards::act::feed_watch::FeedWatch;
use profcards::base::db::settings_that_log_rows;
use profcards::base::error::Error;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

use super::support::{TestApp, entity, until, with_till};

fn pools(app: &TestApp) -> [&PgPool; 5] {
    [&app.app.db, &app.app.db_searches, &app.app.db_doors, &app.app.db_tills, &app.app.db_jobs]
}

async fn readiness(app: &TestApp) -> (u16, String) {
    let reply = app.anonymous().get("/readyz").await;
    let database = serde_json::from_slice::<Value>(&reply.body).unwrap()["database"].clone();
    (reply.status, database.as_str().unwrap().to_owned())
}

async fn metrics(app: &TestApp) -> String {
    String::from_utf8(app.anonymous().get("/metrics").await.body).unwrap()
}

#[tokio::test]
async fn every_connection_has_its_time_limits() {
    let app = TestApp::start().await;
    for db in pools(&app) {
        for setting in [
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
            "client_connection_check_interval",
        ] {
            let limit: String =
                sqlx::query_scalar("select current_setting($1)").bind(setting).fetch_one(db).await.unwrap();
            assert_ne!(limit, "0", "{setting}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_comes_back_in_a_transaction_is_closed() {
    let app = TestApp::start().await;
    for db in pools(&app) {
        for left_in in ["begin", "begin; select 1 / 0"] {
            let mut conn = db.acquire().await.unwrap();
            let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *conn).await.unwrap();
            // As a request leaves it that is dropped while it begins.
            let _ = sqlx::raw_sql(left_in).execute(&mut *conn).await;
            drop(conn);
            until("its session is gone", async || {
                let left = sqlx::query_scalar("select count(*) from pg_stat_activity where pid = $1");
                left.bind(pid).fetch_one(&app.app.db).await.unwrap_or(1i64) == 0
            })
            .await;
        }
    }
}

#[tokio::test]
async fn searches_have_their_limits_and_no_till_waits_for_them() {
    let (app, phone, till) = with_till().await;
    let mut slow = Vec::new();
    while let Some(conn) = app.app.db_searches.try_acquire() {
        slow.push(conn);
    }
    while app.app.db_searches.size() < app.app.db_searches.options().get_max_connections() {
        slow.push(app.app.db_searches.acquire().await.unwrap());
    }
    let chair = app.chair().await;
    let school = format!("/api/staff/organisations/{}", app.world.school);
    chair.get(&format!("{school}/members?query=иванова")).await.refused(503, "search-too-slow");
    chair.get(&school).await.refused(503, "search-too-slow");
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    phone.profile().await;
    drop(slow);
    let cancelled = sqlx::query("select pg_sleep(60)").execute(&app.app.db_searches).await.unwrap_err();
    assert!(matches!(Error::from(cancelled).as_search_error(), Error::SearchTooSlow(_)));
    assert_eq!(chair.get(&school).await.status, 200);
}

#[tokio::test]
async fn a_server_that_is_frozen_in_a_transaction_does_not_block_the_others() {
    let (app, phone, till) = with_till().await;
    let purchase = till.purchase(&phone.token(app.now()), 1_500_00, app.now());
    till.applied(&purchase).await;
    let frozen = app.beside(0).await;
    let mut held = frozen.app.db_tills.begin().await.unwrap();
    let lock = sqlx::query("select from balance where membership_id = $1 for update").bind(phone.member);
    lock.execute(&mut *held).await.unwrap();
    let next = till.purchase(&phone.token(app.now()), 1_000_00, app.now());
    assert_eq!(till.send(&next).await["status"], "retry");
    until("its lock is taken from it", async || till.send(&next).await["status"] == "applied").await;
    assert!(held.commit().await.is_err(), "its session was ended");
}

#[tokio::test]
async fn an_open_transaction_that_holds_changes_back_is_named_in_the_log() {
    let app = TestApp::start().await;
    let mut forgotten = app.app.db.begin().await.unwrap();
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid() where pg_current_xact_id() is not null")
        .fetch_one(&mut *forgotten)
        .await
        .unwrap();
    let now = app.app.clock.now();
    let mut told = None;
    // The other tests' transactions may be older; ours stays.
    until("the transaction is the oldest one", async || {
        let mut watch = FeedWatch::default();
        watch.check(&app.app.db_jobs, now).await.unwrap();
        told = watch.check(&app.app.db_jobs, now + chrono::TimeDelta::seconds(61)).await.unwrap();
        told.as_ref().is_some_and(|blocker| blocker.who == format!("process {pid}, profcards registry"))
    })
    .await;
    assert_eq!(told.unwrap().seconds, 61);
    assert!(metrics(&app).await.contains("profcards_feed_held_back_seconds "));
    forgotten.rollback().await.unwrap();
}

#[tokio::test]
async fn a_cursor_of_an_earlier_release_starts_over() {
    let (_app, phone, till) = with_till().await;
    for (client, face) in [(&phone.client, "member"), (&till.client, "till")] {
        let path = format!("/api/sync/pull?face={face}&schema=1&cursor=734.5");
        client.get(&path).await.refused(409, "sync-start-over");
    }
    assert!(entity(&phone.pull("").await, "profile").is_some());
}

/// Writes to these tables fail as on a full disk.
async fn fill_disk(app: &TestApp, tables: &[&str]) {
    let function = "create function no_room() returns trigger language plpgsql as $$
        begin raise exception 'could not extend file' using errcode = '53100'; end $$";
    sqlx::query(function).execute(&app.app.db).await.unwrap();
    for table in tables {
        let trigger = format!("create trigger no_room before insert on {table} execute function no_room()");
        sqlx::query(AssertSqlSafe(trigger)).execute(&app.app.db).await.unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_costs_nothing_that_was_recorded() {
    let (app, phone, till) = with_till().await;
    assert_eq!(readiness(&app).await, (200, "ok".to_owned()));
    fill_disk(&app, &["idempotency", "write_probe", "limit_counter"]).await;
    let purchase = till.purchase(&phone.token(app.now()), 1_500_00, app.now());
    let cancellation = till.cancellation(&purchase, app.now());
    let answers = till.push(&[purchase.clone(), cancellation], app.now()).await["answers"].clone();
    assert!(answers.as_array().unwrap().iter().all(|answer| answer["status"] == "retry"), "{answers}");
    for name in ["purchase.record", "purchase.cancel"] {
        let undecided = format!(r#"profcards_mutations_total{{name="{name}",outcome="retry"}}"#);
        assert!(metrics(&app).await.contains(&undecided), "undecided mutations are counted: {name}");
    }
    app.anonymous()
        .post("/api/till/pairing", &json!({ "code": app.pairing_code().await, "clientId": till.client_id }))
        .await
        .refused(503, "unavailable");
    until("the server is not ready", async || readiness(&app).await == (503, "no-writes".to_owned())).await;
    assert!(metrics(&app).await.contains("profcards_db_takes_writes 0"));
    sqlx::query("drop function no_room cascade").execute(&app.app.db).await.unwrap();
    until("the server is ready", async || readiness(&app).await == (200, "ok".to_owned())).await;
    till.applied(&purchase).await;
    app.audit().await;
}

#[tokio::test]
async fn a_connection_to_what_takes_no_writes_any_more_is_not_lent_again() {
    let app = TestApp::start().await;
    for db in pools(&app) {
        let mut conn = db.acquire().await.unwrap();
        let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *conn).await.unwrap();
        // As the former primary says that it has become a standby.
        sqlx::raw_sql("set default_transaction_read_only = on").execute(&mut *conn).await.unwrap();
        drop(conn);
        until("its session is gone", async || {
            let left = sqlx::query_scalar("select count(*) from pg_stat_activity where pid = $1");
            left.bind(pid).fetch_one(&app.app.db_jobs).await.unwrap_or(1i64) == 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_server_starts_on_the_schema_of_a_newer_release() {
    let app = TestApp::start().await;
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                 values (9999, 'of a newer release', true, '', 0)";
    sqlx::query(newer).execute(&app.app.db).await.unwrap();
    let beside = app.beside(0).await;
    beside.client.get("/api/time").await.json(200);
}

#[tokio::test]
async fn a_backup_does_not_make_a_server_unready() {
    let app = TestApp::start().await;
    // As a dump does to every table, for as long as it runs.
    let mut dump = app.app.db_jobs.begin().await.unwrap();
    sqlx::raw_sql("lock table write_probe in access share mode").execute(&mut *dump).await.unwrap();
    assert_eq!(readiness(&app).await, (200, "ok".to_owned()));
    dump.rollback().await.unwrap();
}

#[tokio::test]
async fn a_database_whose_log_tells_what_is_stored_is_noticed() {
    let app = TestApp::start().await;
    let mut conn = app.app.db.acquire().await.unwrap().detach();
    assert_eq!(settings_that_log_rows(&mut conn).await.unwrap(), []);
    sqlx::raw_sql("set log_error_verbosity = 'default'; set log_parameter_max_length = -1")
        .execute(&mut conn)
        .await
        .unwrap();
    let told = settings_that_log_rows(&mut conn).await.unwrap();
    assert_eq!(told, [("log_error_verbosity", "terse"), ("log_parameter_max_length", "0")]);
}

#[tokio::test]
async fn readiness_writes_at_most_once_a_second_and_leaves_nothing() {
    let app = TestApp::start().await;
    for sql in [
        "create sequence written",
        "create function note_write() returns trigger language plpgsql as $$ begin perform nextval('written'); return new; end $$",
        "create trigger note_write before insert on write_probe for each row execute function note_write()",
    ] {
        sqlx::query(sql).execute(&app.app.db).await.unwrap();
    }
    let began = std::time::Instant::now();
    for _ in 0..50 {
        assert_eq!(readiness(&app).await.0, 200);
    }
    let (written, kept): (i64, i64) =
        sqlx::query_as("select last_value, (select count(*) from write_probe) from written")
            .fetch_one(&app.app.db)
            .await
            .unwrap();
    assert!(written.unsigned_abs() <= began.elapsed().as_secs() + 1, "{written}");
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn readiness_locks_no_table_and_yet_asks_the_disk_for_room() {
    let app = TestApp::start().await;
    let file = async || -> i64 {
        sqlx::query_scalar("select pg_relation_filenode('write_probe')::bigint")
            .fetch_one(&app.app.db)
            .await
            .unwrap()
    };
    let put_aside = async || -> i64 {
        sqlx::query_scalar("select temp_files from pg_stat_database where datname = current_database()")
            .fetch_one(&app.app.db_jobs)
            .await
            .unwrap()
    };
    let before = (file().await, put_aside().await);
    // As a standby's backup does, for which a lock of one alone, replayed there, is waited in vain.
    let mut backup = app.app.db_jobs.begin().await.unwrap();
    sqlx::raw_sql("lock table write_probe in share update exclusive mode")
        .execute(&mut *backup)
        .await
        .unwrap();
    assert_eq!(readiness(&app).await, (200, "ok".to_owned()));
    backup.rollback().await.unwrap();
    until("the next look", async || {
        assert_eq!(readiness(&app).await, (200, "ok".to_owned()));
        put_aside().await > before.1
    })
    .await;
    assert_eq!(file().await, before.0, "the table has its file still");
}
