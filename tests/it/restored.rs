//! A database that was loaded from a dump: nothing that was given out after it is given to others, and nobody misses a change.

use std::process::{Command, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use profcards::act::audit::chain;
use profcards::server::restored::{GivenSince, check_is_prepared, prepare_restored};
use profcards_card::Status;

use super::support::lists::{Held, status_ref_of};
use super::support::scratch::Folder;
use super::support::{NAME, Phone, TestApp, purchases, with_till};

const OTHER_NAME: &str = "Петров Пётр Ильич";
const SINCE: GivenSince = GivenSince { cards: 20, members: 20 };

fn run(program: &str, args: &[&str]) {
    let done = Command::new(program).args(args).stdout(Stdio::null()).status().unwrap();
    assert!(done.success(), "{program}: {done}");
}

/// What the database held at a moment, to be put in the place of what it holds later.
struct Dump<'a> {
    folder: Folder,
    app: &'a TestApp,
}

impl<'a> Dump<'a> {
    fn save(app: &'a TestApp) -> Self {
        let dump = Self { folder: Folder::make(), app };
        run("pg_dump", &["--file", &dump.file(), &app.database.url]);
        dump
    }

    fn load(&self) {
        let url = &self.app.database.url;
        let empty = "set client_min_messages = warning; drop schema public cascade; create schema public";
        let whole = ["--no-psqlrc", "--quiet", "--single-transaction", "-v", "ON_ERROR_STOP=1"];
        run("psql", &[&whole[..], &["-c", empty, "-f", &self.file(), url]].concat());
    }

    fn file(&self) -> String {
        self.folder.path().join("dump.sql").to_str().unwrap().to_owned()
    }
}

async fn number_of(app: &TestApp, phone: &Phone) -> String {
    let number = sqlx::query_scalar("select number from membership where id = $1").bind(phone.member);
    number.fetch_one(&app.app.db).await.unwrap()
}

#[tokio::test]
async fn a_database_from_a_dump_is_not_served_before_it_is_prepared() {
    let app = TestApp::start().await;
    for _ in 0..2 {
        check_is_prepared(&app.app).await.unwrap();
    }
    // As the dump of another database has it.
    sqlx::query("update instance_database set identity = '7-7'").execute(&app.app.db).await.unwrap();
    let refused = check_is_prepared(&app.app).await.unwrap_err().to_string();
    assert!(refused.contains("profcards restored"), "{refused}");
    prepare_restored(&app.app, None, SINCE).await.unwrap();
    check_is_prepared(&app.app).await.unwrap();
}

#[tokio::test]
async fn a_chain_from_a_later_past_is_not_taken_for_linked() {
    let app = TestApp::start().await;
    // As where a dump was loaded into a younger PostgreSQL, whose transactions have smaller numbers.
    sqlx::query("update audit_position set xid = '9000000000'").execute(&app.app.db).await.unwrap();
    let now = app.app.clock.now();
    assert!(chain::link(&app.app.db_jobs, now).await.is_err());
    assert!(chain::verify(&app.app.db_jobs, None, now).await.unwrap().broken > 0);
    prepare_restored(&app.app, None, SINCE).await.unwrap();
    assert_eq!(chain::verify(&app.app.db_jobs, None, now).await.unwrap().broken, 0);
}

#[tokio::test]
async fn what_was_given_out_after_a_dump_is_given_to_nobody_else() {
    let app = TestApp::start().await;
    let kept = Phone::activate(&app, app.member(NAME).await).await;
    let dump = Dump::save(&app);
    let lost = Phone::activate(&app, app.member(OTHER_NAME).await).await;
    let (lost_number, lost_place) = (number_of(&app, &lost).await, status_ref_of(&lost.card));
    dump.load();
    let done = prepare_restored(&app.app, None, SINCE).await.unwrap();
    assert!(done.last_changed_at.is_some());
    let next = Phone::activate(&app, app.member(OTHER_NAME).await).await;
    assert_ne!(number_of(&app, &next).await, lost_number);
    assert_ne!(status_ref_of(&next.card), lost_place);
    let lists = Held::download(&app).await;
    assert_eq!(lists.status_of(&lost.card), Status::Invalid, "a till without a network would take it");
    assert_eq!(lists.status_of(&kept.card), Status::Valid);
    assert_eq!(lists.status_of(&next.card), Status::Valid);
    lost.client.get("/api/member/profile").await.refused(401, "unauthenticated");
    kept.client.get("/api/member/profile").await.json(200);
}

#[tokio::test]
async fn a_list_that_the_dump_does_not_know_is_void_as_a_whole() {
    let app = TestApp::start().await;
    let last_of_first_list = "select setval('card_place_seq', 2 * 2097152 - 3)";
    sqlx::query(last_of_first_list).execute(&app.app.db).await.unwrap();
    let kept = Phone::activate(&app, app.member(NAME).await).await;
    let dump = Dump::save(&app);
    let lost = Phone::activate(&app, app.member(OTHER_NAME).await).await;
    assert_ne!(status_ref_of(&lost.card).uri, status_ref_of(&kept.card).uri);
    dump.load();
    prepare_restored(&app.app, None, SINCE).await.unwrap();
    let next = Phone::activate(&app, app.member(OTHER_NAME).await).await;
    assert_ne!(status_ref_of(&next.card).uri, status_ref_of(&lost.card).uri);
    let living: i64 = sqlx::query_scalar(
        "select capacity - (select count(*) from void_place where list_n = n) from status_list where n = 2",
    )
    .fetch_one(&app.app.db)
    .await
    .unwrap();
    assert_eq!(living, 0);
}

#[tokio::test]
async fn nobody_redeems_while_losses_since_the_dump_are_reported_again() {
    let app = TestApp::start_with_wait(72).await;
    let _phone = Phone::activate(&app, app.member(NAME).await).await;
    sqlx::query("update device set redeems_from = enrolled_at").execute(&app.app.db).await.unwrap();
    let done = prepare_restored(&app.app, None, SINCE).await.unwrap();
    assert_eq!((done.phones, done.redeem_from), (1, app.app.clock.now() + TimeDelta::hours(72)));
    let from: DateTime<Utc> =
        sqlx::query_scalar("select redeems_from from device").fetch_one(&app.app.db).await.unwrap();
    assert_eq!(from, done.redeem_from);
}

#[tokio::test]
async fn after_a_restored_dump_clients_start_over() {
    let (app, phone, till) = with_till().await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    let before = phone.pull("").await["cursor"].as_str().unwrap().to_owned();
    // The dump's rows bear numbers that this database has not given yet.
    sqlx::query("update change set xid = '999999999'").execute(&app.app.db).await.unwrap();
    prepare_restored(&app.app, None, SINCE).await.unwrap();
    let path = format!("/api/sync/pull?face=member&schema=1&cursor={before}");
    phone.client.get(&path).await.refused(409, "sync-start-over");
    let anew = phone.pull("").await;
    assert_eq!(purchases(&anew), 1);
    till.applied(&till.purchase(&phone.token(app.now()), 1_000_00, app.now())).await;
    let next = phone.pull(anew["cursor"].as_str().unwrap()).await;
    assert_eq!(purchases(&next), 1);
}
