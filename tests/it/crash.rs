//! A database that crashes or is promoted: no client misses a change for it.

use profcards::act::change_log::start_cursor;
use profcards::server::embedded::PrivatePostgres;

use super::support::scratch::{Database, Folder};
use super::support::{NAME, Phone, TestApp, Till, purchases, until};

/// Only a commit flushes the log, as on a busy server in the last moment before it dies.
const LAZY: [&str; 2] = ["wal_writer_delay=10s", "autovacuum=off"];

async fn with_private_database() -> (Folder, PrivatePostgres, TestApp, Phone, Till) {
    let folder = Folder::make();
    let postgres = PrivatePostgres::start(folder.path(), &LAZY).unwrap();
    let app = TestApp::start_on(Database::at(&postgres.url)).await;
    let phone = Phone::activate(&app, app.member(NAME).await).await;
    let till = Till::pair(&app).await;
    (folder, postgres, app, phone, till)
}

async fn until_back(app: &TestApp) {
    until("the database is back", async || app.anonymous().get("/readyz").await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_database_loses_no_change() {
    let (folder, postgres, app, phone, till) = with_private_database().await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    // Transactions without a trace: their numbers are given, and nothing of them reaches the disk.
    for _ in 0..20 {
        let mut tx = app.app.db.begin().await.unwrap();
        sqlx::query("select pg_current_xact_id()").execute(&mut *tx).await.unwrap();
        tx.rollback().await.unwrap();
    }
    let mut conn = app.app.db.acquire().await.unwrap();
    let start = start_cursor(&mut conn).await.unwrap().to_string();
    let oldest_running: String = sqlx::query_scalar("select pg_snapshot_xmin(pg_current_snapshot())::text")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    drop(conn);
    postgres.crash().unwrap();
    let _postgres = PrivatePostgres::start(folder.path(), &LAZY).unwrap();
    until_back(&app).await;
    for _ in 0..5 {
        till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    }
    let given_again: i64 = sqlx::query_scalar(
        "select count(*) from (select xid from change order by seq desc limit 5) c where xid < $1::xid8",
    )
    .bind(oldest_running)
    .fetch_one(&app.app.db)
    .await
    .unwrap();
    assert!(given_again > 0, "the crash came too late to matter");
    assert_eq!(purchases(&phone.pull(&start).await), 5);
    app.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_recovery_to_a_point_in_time_clients_start_over() {
    let (folder, postgres, app, phone, till) = with_private_database().await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    let start = phone.pull("").await["cursor"].as_str().unwrap().to_owned();
    let data = postgres.data.clone();
    drop(postgres);
    // A recovery that finds no archive ends where the log ends, and a new timeline begins: as when a standby is promoted.
    std::fs::write(data.join("recovery.signal"), "").unwrap();
    let _postgres = PrivatePostgres::start(folder.path(), &["restore_command=false"]).unwrap();
    until_back(&app).await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_000_00, app.now())).await;
    let pull = |cursor: &str| format!("/api/sync/pull?face=member&schema=1&cursor={cursor}");
    phone.client.get(&pull(&start)).await.refused(409, "sync-start-over");
    let anew = phone.pull("").await;
    assert_eq!(purchases(&anew), 2);
    let cursor = anew["cursor"].as_str().unwrap();
    assert!(cursor.contains("-00000002."), "{cursor}");
    assert_eq!(phone.client.get(&pull(cursor)).await.status, 200);
}
