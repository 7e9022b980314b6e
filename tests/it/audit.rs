//! The record of acts and of reading: what is in it, that it commits with the effect, and that nothing in it can be changed unseen.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::Method;
use profcards::access::rights::Action;
use profcards::act::audit::chain::{self, Verified};
use profcards::act::audit::{Entry, find};
use profcards::act::{self, ActSpec};
use profcards::base::error::Error;
use profcards::server::restored::{GivenSince, prepare_restored};
use serde_json::json;
use uuid::Uuid;

use super::support::phone::check_body;
use super::support::register::{ask, edit, edit_member, found, members_of};
use super::support::world::person;
use super::support::{DAY_SECONDS, Phone, TestApp, Till, next_id, with_phone, with_till};

/// Actor, action, reason and fields of every act on a member, the oldest first.
async fn acts_on(app: &TestApp, member: Uuid) -> Vec<(String, String, Option<String>, Vec<String>)> {
    sqlx::query_as(
        "select actor, action, reason, fields from audit_entry where members @> array[$1] order by id",
    )
    .bind(member)
    .fetch_all(&app.app.db)
    .await
    .unwrap()
}

async fn actions(app: &TestApp) -> BTreeSet<String> {
    let all: Vec<String> =
        sqlx::query_scalar("select action from audit_entry").fetch_all(&app.app.db).await.unwrap();
    all.into_iter().collect()
}

async fn verified(app: &TestApp) -> Verified {
    chain::verify(&app.app.db_jobs, None, app.app.clock.now()).await.unwrap()
}

/// Links what there is. Other tests' transactions on the same server may hold it back for a while.
async fn linked(app: &TestApp) -> Verified {
    for _ in 0..600 {
        let found = verified(app).await;
        if found.unlinked == 0 {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("what was done is never linked");
}

#[tokio::test]
async fn whatever_staff_do_is_on_record_with_who_and_why() {
    let app = TestApp::start().await;
    let (chair, actor) = (app.chair().await, format!("staff:{}", app.world.chair));
    let entered = chair
        .post_with_key(&members_of(app.world.school), next_id(), &person("Иванова Мария Петровна"))
        .await;
    let member: Uuid = entered.json(201)["id"].as_str().unwrap().parse().unwrap();
    let mut form = edit("Иванова Мария Сергеевна");
    form["position"] = json!("директор");
    edit_member(&chair, member, &form).await.json(200);
    ask(&chair, member, "activation", &json!({})).await.json(200);
    let only = json!({ "memberIds": [member] });
    let school = format!("/api/staff/organisations/{}", app.world.school);
    chair.post_with_key(&format!("{school}/paper-cards"), next_id(), &only).await.json(200);
    let signed = json!({ "memberIds": [member], "signedOn": "2026-11-20" });
    chair.post_with_key(&format!("{school}/consents"), next_id(), &signed).await.json(200);
    Phone::activate(&app, member).await;
    ask(&chair, member, "phone/lost", &json!({})).await.json(200);
    ask(&chair, member, "status", &json!({ "to": "suspended" })).await.json(200);
    ask(&chair, member, "status", &json!({ "to": "active" })).await.json(200);
    ask(&chair, member, "transfer", &json!({ "organisationId": app.world.group })).await.json(200);
    ask(&chair, member, "cards/revoke", &json!({ "reason": "lost" })).await.json(200);
    let acts = acts_on(&app, member).await;
    let of_chair: Vec<_> = acts.iter().filter(|act| act.0 == actor).map(|act| act.1.as_str()).collect();
    let done = [
        "member.add",
        "member.edit",
        "sheet.print",
        "paper-cards.print",
        "consents.record",
        "sheet.print",
        "member.phone-lost",
        "member.status",
        "member.status",
        "member.transfer",
        "cards.revoke",
    ];
    assert_eq!(of_chair, done);
    assert_eq!(acts[1].3, ["middleName", "position"], "names of fields, and no values");
    assert_eq!(acts.last().unwrap().2.as_deref(), Some("lost"));
    assert!(acts.iter().any(|act| act.2.as_deref() == Some("suspended")));
    assert_eq!(linked(&app).await.broken, 0);
}

#[tokio::test]
async fn what_a_member_and_a_till_do_is_on_record_and_a_purchase_in_the_journal_alone() {
    let (app, phone, till) = with_till().await;
    phone.consent(false).await;
    phone.consent(true).await;
    phone.client.post("/api/member/move", &json!({})).await.json(200);
    let before = actions(&app).await;
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    assert_eq!(actions(&app).await, before, "no second row is written for money");
    let sheet = app.sheet(&app.chair().await, phone.member).await;
    app.anonymous().post("/api/lost-phone", &check_body(sheet["code"].as_str().unwrap())).await;
    let again = Phone::activate(&app, phone.member).await;
    assert_eq!(again.client.delete("/api/member/session").await.status, 204);
    assert_eq!(till.client.delete("/api/till").await.status, 204);
    let done = actions(&app).await;
    for action in [
        "phone.enrol",
        "consent.change",
        "phone.move",
        "phone.lost",
        "phone.sign-out",
        "till.pair",
        "till.unpair",
    ] {
        assert!(done.contains(action), "{action} is missing in {done:?}");
    }
    let journal: i64 = sqlx::query_scalar("select count(*) from audit_link where source = 'journal'")
        .fetch_one(&app.app.db)
        .await
        .unwrap();
    assert_eq!(journal, 0, "nothing is linked before somebody links it");
    let found = linked(&app).await;
    let rows: i64 =
        sqlx::query_scalar("select (select count(*) from audit_entry) + (select count(*) from journal)")
            .fetch_one(&app.app.db)
            .await
            .unwrap();
    assert_eq!((found.rows, found.broken), (rows.unsigned_abs(), 0));
}

#[tokio::test]
async fn an_act_and_its_record_are_one_whatever_is_repeated_or_refused() {
    let app = TestApp::start().await;
    let (chair, key) = (app.chair().await, next_id());
    let form = person("Иванова Мария Петровна");
    for _ in 0..3 {
        chair.post_with_key(&members_of(app.world.school), key, &form).await.json(201);
    }
    let added = "select count(*) from audit_entry where action = 'member.add'";
    let count = async || sqlx::query_scalar::<_, i64>(added).fetch_one(&app.app.db).await.unwrap();
    assert_eq!(count().await, 1);
    chair
        .post_with_key(&members_of(app.world.school), next_id(), &form)
        .await
        .refused(409, "already-a-member");
    assert_eq!(count().await, 1);
    let member = app.member("Петрова Анна Сергеевна").await;
    ask(&app.staff(app.world.foreign_chair).await, member, "status", &json!({ "to": "suspended" }))
        .await
        .refused(404, "not-found");
    ask(&chair, member, "status", &json!({ "to": "active" })).await.refused(409, "status-conflict");
    assert!(acts_on(&app, member).await.is_empty());
}

#[tokio::test]
async fn an_act_that_gives_way_is_done_again_and_leaves_one_trace() {
    let app = TestApp::start().await;
    let (member, tries) = (app.member("Иванова Мария Петровна").await, AtomicU32::new(0));
    let spec = || ActSpec::by_operator(&app.app, Some("somebody"), Action::DecidePurchase);
    let tries = &tries;
    let done = act::perform(&app.app, spec(), |mut act| async move {
        act.record(Entry::of_member(member.into()));
        if tries.fetch_add(1, Ordering::SeqCst) < 2 {
            sqlx::raw_sql("do $$ begin raise exception 'given way' using errcode = '40P01'; end $$")
                .execute(act.conn())
                .await?;
        }
        act.commit(7)
    });
    assert_eq!(done.await.unwrap(), 7);
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    assert_eq!(acts_on(&app, member).await.len(), 1);
    // What gives way for ever is told in the end, and what says nothing of itself is no act.
    let never = act::perform(&app.app, spec(), |mut act| async move {
        sqlx::raw_sql("do $$ begin raise exception 'given way' using errcode = '40001'; end $$")
            .execute(act.conn())
            .await?;
        act.commit(())
    });
    assert!(matches!(never.await, Err(Error::Unavailable(_))));
    let silent = act::perform(&app.app, spec(), |act| async move { act.commit(()) });
    assert!(matches!(silent.await, Err(Error::Internal(_))));
    assert_eq!(acts_on(&app, member).await.len(), 1);
}

#[tokio::test]
async fn whatever_is_changed_or_removed_afterwards_breaks_the_chain() {
    let (app, phone, till) = with_till().await;
    for _ in 0..2 {
        till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
        app.advance(20);
    }
    phone.consent(false).await;
    assert_eq!(linked(&app).await.broken, 0);
    let tamper = async |sql: &'static str| {
        let mut tx = app.app.db.begin().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        verified(&app).await.broken
    };
    assert_eq!(
        tamper("update audit_entry set reason = 'another' where id = (select max(id) from audit_entry)")
            .await,
        1
    );
    assert_eq!(tamper("update journal set amount_kopecks = amount_kopecks + 1 where seq = (select min(seq) from journal)").await, 2);
    assert_eq!(tamper("delete from audit_entry where id = (select min(id) from audit_entry)").await, 3);
    // A link that is taken out is missed by the one behind it.
    // And the row whose link was taken out has none.
    assert_eq!(tamper("delete from audit_link where seq = 2").await, 5);
    // A row that is slipped in before what is linked already never gets one.
    let forged =
        "insert into audit_entry (at, actor, action, xid) values (now(), 'staff:x', 'member.edit', '3')";
    assert_eq!(tamper(forged).await, 6);
}

#[tokio::test]
async fn an_answer_that_is_given_again_is_a_reading() {
    let app = TestApp::start().await;
    let (chair, member) = (app.chair().await, app.member("Иванова Мария Петровна").await);
    let reads = async || -> i64 {
        sqlx::query_scalar("select count(*) from audit_read where membership_id = $1")
            .bind(member)
            .fetch_one(&app.app.db)
            .await
            .unwrap()
    };
    let new = person("Новикова Вера Ильинична");
    let repeatable = [
        (format!("/api/staff/members/{member}/status"), json!({ "to": "suspended" })),
        (format!("/api/staff/members/{member}/status"), json!({ "to": "active" })),
        (format!("/api/staff/members/{member}/activation"), json!({})),
        (
            format!("/api/staff/organisations/{}/paper-cards", app.world.school),
            json!({ "memberIds": [member] }),
        ),
    ];
    for (path, body) in repeatable {
        sqlx::query("delete from audit_read").execute(&app.app.db).await.unwrap();
        let key = next_id();
        chair.post_with_key(&path, key, &body).await.json(200);
        assert_eq!(reads().await, 0, "{path}: the act itself is on record");
        for _ in 0..2 {
            chair.post_with_key(&path, key, &body).await.json(200);
        }
        assert_eq!(reads().await, 1, "{path}");
    }
    let (key, path) = (next_id(), members_of(app.world.school));
    for _ in 0..2 {
        chair.post_with_key(&path, key, &new).await.json(201);
    }
    let read: i64 = sqlx::query_scalar("select count(*) from audit_read where membership_id <> $1")
        .bind(member)
        .fetch_one(&app.app.db)
        .await
        .unwrap();
    assert_eq!(read, 1);
}

#[tokio::test]
async fn a_chain_that_is_cut_or_written_anew_is_found_out() {
    let (app, phone) = with_phone().await;
    for given in [false, true, false, true] {
        phone.consent(given).await;
    }
    let whole = linked(&app).await;
    assert_eq!(whole.broken, 0);
    let app = &app;
    let after = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(&app.app.db).await.unwrap();
        chain::verify(&app.app.db_jobs, Some(&whole.head), app.app.clock.now()).await.unwrap().broken
    };
    assert_eq!(after("select").await, 0);
    // The end is gone, and its rows with it: up to where it was linked is known.
    let cut =
        "with last as (delete from audit_link where seq = (select max(seq) from audit_link) returning row_id)
               delete from audit_entry where id = (select row_id from last)";
    assert!(after(cut).await > 0);
    assert!(verified(app).await.broken > 0);
    // Where that was put back too, only the head that was noted elsewhere tells.
    let forgotten = "update audit_position set (xid, row_id) = (
                         select e.xid, e.id from audit_entry e join audit_link l on l.row_id = e.id and l.source = 'entry'
                         order by l.seq desc limit 1) where source = 'entry'";
    assert_eq!(after(forgotten).await, 1);
    assert_eq!(verified(app).await.broken, 0);
    assert!(after("truncate audit_link").await > 0);
    assert!(verified(app).await.broken > 0);
}

#[tokio::test]
async fn many_who_act_and_two_who_link_make_one_chain() {
    let (app, phone) = with_phone().await;
    let beside = app.beside(0).await;
    let acting = async {
        for given in [false, true, false, true, false, true] {
            phone.consent(given).await;
        }
    };
    let linking = async |db: &sqlx::PgPool| {
        for _ in 0..20 {
            chain::link(db, app.app.clock.now()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let mut tills = tokio::task::JoinSet::new();
    let code = app.pairing_code().await;
    let client = app.anonymous();
    tills.spawn(async move {
        client.post("/api/till/pairing", &json!({ "code": code, "clientId": next_id() })).await
    });
    tokio::join!(acting, linking(&app.app.db_jobs), linking(&beside.app.db_jobs));
    tills.join_all().await;
    let found = linked(&app).await;
    let (rows, last): (i64, i64) =
        sqlx::query_as("select (select count(*) from audit_entry), (select max(seq) from audit_link)")
            .fetch_one(&app.app.db)
            .await
            .unwrap();
    assert_eq!((found.rows, found.broken, found.unlinked), (rows.unsigned_abs(), 0, 0));
    assert_eq!(last, rows);
}

#[tokio::test]
async fn after_a_restored_dump_the_chain_goes_on() {
    let (app, phone) = with_phone().await;
    phone.consent(false).await;
    // The numbers of another database's transactions are larger than any that this one gives.
    sqlx::query("update audit_entry set xid = '900000000000'").execute(&app.app.db).await.unwrap();
    prepare_restored(&app.app, None, GivenSince { cards: 10, members: 10 }).await.unwrap();
    phone.consent(true).await;
    let found = linked(&app).await;
    assert!(found.rows >= 3);
    assert_eq!((found.broken, found.unlinked), (0, 0));
}

#[tokio::test]
async fn who_read_whose_data_is_found_by_the_member_and_by_the_reader() {
    let app = TestApp::start().await;
    let member = app.member("Иванова Мария Петровна").await;
    let other = app.member("Петрова Анна Сергеевна").await;
    let (chair, regional) = (app.chair().await, app.staff(app.world.regional).await);
    let page = format!("/api/staff/members/{member}");
    for _ in 0..3 {
        chair.get(&page).await.json(200);
    }
    app.advance(15 * 60);
    chair.get(&page).await.json(200);
    regional.get(&page).await.json(200);
    app.staff(app.world.foreign_chair).await.get(&page).await.refused(404, "not-found");
    found(&chair, app.world.school, &[("query", "петр"), ("filter", "working")]).await;
    let of = async |member: Option<Uuid>, login: Option<&str>| {
        let reads = find::reads(&app.app.db, member.map(Into::into), login, 100).await.unwrap();
        reads.into_iter().map(|read| read.to_string()).collect::<Vec<_>>()
    };
    let of_member = of(Some(member), None).await;
    // Three within a quarter of an hour are one; «петр» is in both names.
    assert_eq!(
        of_member.iter().filter(|line| line.contains("school") && line.contains("member:")).count(),
        2
    );
    assert_eq!(of_member.iter().filter(|line| line.contains("region")).count(), 1);
    assert_eq!(of_member.len(), 4, "{of_member:?}");
    assert_eq!(of(Some(other), None).await.len(), 1);
    let of_chair = of(None, Some("school")).await;
    assert_eq!(of_chair.len(), 3, "{of_chair:?}");
    assert!(of_chair.iter().any(|line| line.ends_with("a list of 2: working search")), "{of_chair:?}");
    app.advance(4 * 366 * DAY_SECONDS);
    app.housekeeping().await;
    assert!(of(Some(member), None).await.is_empty(), "after three years nobody asks any more");
}

#[tokio::test]
async fn reading_is_no_act_for_whoever_may_not() {
    let (app, phone) = with_phone().await;
    let till = Till::pair(&app).await;
    for client in [&phone.client, &till.client, &app.anonymous()] {
        let request = client.request(&Method::GET, &format!("/api/staff/members/{}", phone.member));
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    assert!(find::reads(&app.app.db, Some(phone.member.into()), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_browser_that_is_paired_anew_is_on_record_as_the_till_that_it_was() {
    let app = TestApp::start().await;
    let (browser, client_id) = (app.anonymous(), next_id());
    for _ in 0..2 {
        let form = json!({ "code": app.pairing_code().await, "clientId": client_id });
        browser.post("/api/till/pairing", &form).await.json(201);
    }
    let paired: Vec<(String, String)> =
        sqlx::query_as("select actor, subject from audit_entry where action = 'till.pair' order by id")
            .fetch_all(&app.app.db)
            .await
            .unwrap();
    assert_eq!(paired.len(), 2);
    assert_eq!(paired[0].0, paired[0].1, "who is paired is who does it");
    assert_eq!(paired[0], paired[1], "the same browser is the same till");
}
