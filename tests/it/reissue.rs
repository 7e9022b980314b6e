//! Many cards issued anew: all or some of them, through kills, beside everything else that goes on.

use std::collections::HashSet;

use profcards::access::EndReason;
use profcards::base::code::Code;
use profcards::base::error::Error;
use profcards::cards::reissue::{Progress, Selection, Which};
use profcards::registry::members;
use profcards::server::jobs::reissue::run_by_command;
use profcards_card::{CardClass, Kid, SignedCard, Status, to_text};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use uuid::Uuid;

use super::support::lists::{Held, status_ref_of};
use super::support::{DAY_SECONDS, Phone, TestApp, entity, process, until};

const ALL: Selection = Selection { which: Which::All, class: None };
const PHONES: Selection = Selection { which: Which::All, class: Some(CardClass::Phone) };
const NAMES: [&str; 4] =
    ["Иванова Мария Петровна", "Петрова Анна Сергеевна", "Ким Ольга", "Воскресенская Ирина Николаевна"];

/// Members with a phone and a paper card each.
async fn members(app: &TestApp, count: usize) -> Vec<Phone> {
    let mut phones = Vec::new();
    for n in 0..count {
        phones.push(Phone::activate(app, app.member(NAMES[n % NAMES.len()]).await).await);
    }
    phones
}

async fn reissued(app: &TestApp, selection: Selection, batch_members: u32) -> Progress {
    run_by_command(&app.app, None, selection, batch_members, |_| {}).await.unwrap()
}

#[derive(sqlx::FromRow)]
struct LivingCard {
    membership_id: Uuid,
    class: i16,
    cose: Vec<u8>,
}

async fn living_cards(app: &TestApp) -> Vec<LivingCard> {
    sqlx::query_as("select membership_id, class, cose from living_card").fetch_all(&app.app.db).await.unwrap()
}

/// The newest card of a phone, as it gets it by asking.
async fn fetch_card(phone: &mut Phone) {
    let card = phone.client.post("/api/member/card", &json!({})).await.json(200);
    phone.card = hex::decode(card["cardHex"].as_str().unwrap()).unwrap();
}

/// Asserts that every member holds one living card of each class, each of them is accepted by whoever downloads the
/// lists, and no place was given twice.
async fn assert_all_hold_good_cards(app: &TestApp, phones: &mut [Phone]) {
    let held = Held::download(app).await;
    let living = living_cards(app).await;
    let holders: HashSet<_> = living.iter().map(|card| (card.membership_id, card.class)).collect();
    assert_eq!((living.len(), holders.len()), (2 * phones.len(), 2 * phones.len()));
    for card in &living {
        match phones.iter_mut().find(|phone| phone.member == card.membership_id) {
            Some(phone) if card.class == 1 => {
                fetch_card(phone).await;
                assert_eq!(phone.card, card.cose, "the phone gets the newest card");
                assert!(held.verdict(&phone.token(app.now())).accepted);
            }
            Some(_) => assert!(held.verdict(&to_text(&card.cose)).accepted),
            None => panic!("a card of nobody"),
        }
    }
    let all: Vec<(Vec<u8>,)> = sqlx::query_as("select cose from card").fetch_all(&app.app.db).await.unwrap();
    let places: HashSet<_> = all.iter().map(|(cose,)| status_ref_of(cose)).collect();
    assert_eq!(places.len(), all.len(), "a place was given twice");
}

#[tokio::test]
async fn every_card_is_issued_anew_at_another_place_and_the_old_one_ends_by_itself() {
    let app = TestApp::start().await;
    let mut phones = members(&app, 5).await;
    let before = phones.iter().map(|phone| phone.card.clone()).collect::<Vec<_>>();
    app.advance(2 * 3_600);
    let mut told = Vec::new();
    let done = run_by_command(&app.app, None, ALL, 2, |progress| told.push(*progress)).await.unwrap();
    assert_eq!((done.members, done.cards, done.skipped), (5, 10, 0));
    assert!((done.share - 1.0).abs() < f64::EPSILON);
    assert_eq!(told.iter().map(|progress| progress.cards).collect::<Vec<_>>(), [4, 8, 10]);
    assert!(told.is_sorted_by(|one, next| one.share < next.share));
    assert_all_hold_good_cards(&app, &mut phones).await;
    let held = Held::download(&app).await;
    for (phone, old) in phones.iter_mut().zip(before) {
        assert_ne!(status_ref_of(&phone.card), status_ref_of(&old));
        assert_eq!(SignedCard::parse(&phone.card).unwrap().claims.iat, app.now() / 3_600 * 3_600);
        assert_eq!(held.status_of(&old), Status::Valid, "superseded is not revoked");
        let chair = app.chair().await;
        let detail = chair.get(&format!("/api/staff/members/{}", phone.member)).await.json(200);
        let states: Vec<_> = detail["cards"].as_array().unwrap().iter().map(|card| &card["state"]).collect();
        assert_eq!(states, ["valid", "valid", "superseded", "superseded"]);
        phone.card = old;
        assert!(held.verdict(&phone.token(app.now())).accepted);
    }
    // A loss ends the old and the new.
    app.revoke(phones[0].member).await;
    assert!(!Held::download(&app).await.verdict(&phones[0].token(app.now())).accepted);
    assert_eq!(living_cards(&app).await.len(), 8);
}

#[tokio::test]
async fn only_what_lives_and_is_asked_for_is_issued_anew() {
    let app = TestApp::start().await;
    let phones = members(&app, 4).await;
    app.revoke(phones[0].member).await;
    let status = phones[1].client.delete("/api/member/session").await.status;
    assert_eq!(status, 204, "signed out, which ends the phone's card and leaves the paper card");
    assert_eq!(reissued(&app, PHONES, 10).await.cards, 2);
    assert_eq!(reissued(&app, ALL, 10).await.cards, 2 + 3);
    let due = Selection { which: Which::Due, class: None };
    app.advance(29 * DAY_SECONDS);
    assert_eq!(reissued(&app, due, 10).await.cards, 0);
    app.advance(DAY_SECONDS);
    assert_eq!(reissued(&app, due, 10).await.cards, 2);
    assert_eq!(reissued(&app, due, 10).await.cards, 0);
    app.advance(61 * DAY_SECONDS);
    assert_eq!(reissued(&app, PHONES, 10).await.cards, 0, "phones that were away ask by themselves");
    app.advance((395 - 91 - 60) * DAY_SECONDS);
    assert_eq!(reissued(&app, due, 10).await.cards, 3, "paper cards with two months to live");
    // Who is suspended or has left keeps what there is and gets nothing.
    sqlx::query("update membership set status = 'suspended' where id = $1")
        .bind(phones[3].member)
        .execute(&app.app.db)
        .await
        .unwrap();
    assert_eq!(reissued(&app, ALL, 10).await.cards, 2);
}

#[tokio::test]
async fn the_cards_of_one_key_are_replaced_and_their_phones_told() {
    let app = TestApp::start().await;
    let mut phones = members(&app, 3).await;
    let signs = SignedCard::parse(&phones[0].card).unwrap().kid;
    let former = Selection { which: Which::SignedBy(Kid([0; 4])), class: None };
    assert_eq!(reissued(&app, former, 10).await.cards, 0);
    // As if another key had signed two members' cards.
    for n in [0, 2] {
        sqlx::query("update card set kid = '\\x00000000' where membership_id = $1")
            .bind(phones[n].member)
            .execute(&app.app.db)
            .await
            .unwrap();
    }
    let mut cursors = Vec::new();
    for phone in &phones {
        cursors.push(phone.pull("").await["cursor"].as_str().unwrap().to_owned());
    }
    let known = changes(&app).await;
    let done = reissued(&app, former, 10).await;
    assert_eq!((done.members, done.cards), (2, 4));
    for n in [0, 2] {
        let pulled = phones[n].pull(&cursors[n]).await;
        fetch_card(&mut phones[n]).await;
        let told = &entity(&pulled, "profile").expect("it is told")["card"]["cardHex"];
        assert_eq!(told, &json!(hex::encode(&phones[n].card)));
    }
    assert_eq!(changes(&app).await, known + 2, "nobody else is told");
    assert_eq!(reissued(&app, PHONES, 10).await.cards, 3);
    assert_eq!(changes(&app).await, known + 2, "an ordinary re-issue waits until the phone asks");
    // A key does not replace its own cards.
    let own = Selection { which: Which::SignedBy(signs), class: None };
    let refused = run_by_command(&app.app, None, own, 10, |_| ()).await;
    assert!(matches!(refused, Err(Error::Conflict(Code::ReissueBySameKey))));
}

async fn changes(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from change").fetch_one(&app.app.db).await.unwrap()
}

async fn run_began(app: &TestApp) {
    until("the run began", async || {
        let began: i64 = sqlx::query_scalar("select count(*) from job where state = 'running'")
            .fetch_one(&app.app.db)
            .await
            .unwrap();
        began == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_end_is_not_heard_of_is_not_begun_once_more() {
    let app = TestApp::start().await;
    let phones = members(&app, 2).await;
    // The second batch waits for a lock in vain, so the run goes on with another attempt.
    let mut hold = Some(app.app.db.begin().await.unwrap());
    members::store::lock(hold.as_mut().unwrap(), &[phones[1].member.into()]).await.unwrap();
    let done = run_by_command(&app.app, None, ALL, 1, |_| {
        let Some(hold) = hold.take() else { panic!("a second batch") };
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let end = "update job set state = 'done', lease_until = null, finished_at = enqueued_at";
                sqlx::query(end).execute(&app.app.db).await.unwrap();
                hold.rollback().await.unwrap();
            });
        });
    })
    .await
    .unwrap();
    assert_eq!((done.members, done.cards), (1, 2));
    let runs: Vec<bool> =
        sqlx::query_scalar("select state = 'done' from job").fetch_all(&app.app.db).await.unwrap();
    assert_eq!(runs, [true], "what was opened in its place is gone");
}

#[tokio::test]
async fn a_card_that_cannot_be_made_is_told_of() {
    let app = TestApp::start().await;
    let phones = members(&app, 2).await;
    let end = sqlx::query("update registration set valid_to = $1 where membership_id = $2");
    end.bind(app.app.clock.today()).bind(phones[0].member).execute(&app.app.db).await.unwrap();
    let told = process::run(&app, &["cards", "reissue", "--all"]).await.unwrap_err();
    assert!(told.contains("2 cards could not be issued"), "{told}");
    let named = format!("a card cannot be issued anew member={}", phones[0].member);
    assert_eq!(told.matches(&named).count(), 2, "{told}");
}

#[tokio::test]
async fn a_run_that_waits_for_somebody_elses_lock_says_so() {
    let app = TestApp::start().await;
    let phones = members(&app, 1).await;
    let mut hold = app.app.db.begin().await.unwrap();
    members::store::lock(&mut hold, &[phones[0].member.into()]).await.unwrap();
    let (child, log) = process::start_heard(&app, &["cards", "reissue", "--all"]);
    let mut complaints = BufReader::new(log).lines();
    let told = complaints.next_line().await.unwrap().unwrap();
    assert!(told.contains("somebody else's transaction holds a row of this batch"), "{told}");
    hold.rollback().await.unwrap();
    // Read to its end, so that it can write whatever it still has to say.
    while complaints.next_line().await.unwrap().is_some() {}
    assert_eq!(process::ended(child).await, (Some(0), "2 cards of 1 members\n".to_owned()));
}

#[tokio::test]
async fn a_second_run_is_refused() {
    let app = TestApp::start().await;
    let mut phones = members(&app, 3).await;
    let mut hold = app.app.db.begin().await.unwrap();
    members::store::lock(&mut hold, &[phones[0].member.into()]).await.unwrap();
    let state = app.app.clone();
    let first = tokio::spawn(async move { run_by_command(&state, None, ALL, 2, |_| {}).await });
    run_began(&app).await;
    let second = run_by_command(&app.app, None, ALL, 2, |_| {}).await;
    assert!(matches!(second, Err(Error::Conflict(Code::ReissueRunning))));
    let (code, told) = process::ended(process::start(&app, &["cards", "reissue", "--all"], None)).await;
    assert_eq!((code, told.as_str()), (Some(1), ""));
    hold.rollback().await.unwrap();
    let done = first.await.unwrap().unwrap();
    assert_eq!((done.members, done.cards), (3, 6));
    assert_all_hold_good_cards(&app, &mut phones).await;
}

#[tokio::test]
async fn a_card_says_what_is_true_when_it_is_issued() {
    let app = TestApp::start().await;
    let mut phones = members(&app, 3).await;
    // A change of the name is under way, its transaction not yet committed.
    let mut change = app.app.db.begin().await.unwrap();
    let rename = "update person set last_name = 'Новикова' where id = (select person_id from membership where id = $1)";
    sqlx::query(rename).bind(phones[1].member).execute(&mut *change).await.unwrap();
    members::store::lock(&mut change, &[phones[1].member.into()]).await.unwrap();
    let state = app.app.clone();
    let run = tokio::spawn(async move { run_by_command(&state, None, ALL, 10, |_| {}).await });
    run_began(&app).await;
    change.commit().await.unwrap();
    assert_eq!(run.await.unwrap().unwrap().cards, 6);
    fetch_card(&mut phones[1]).await;
    assert_eq!(SignedCard::parse(&phones[1].card).unwrap().claims.shown.name(), "Новикова А. С.");
    // A loss that is reported meanwhile leaves no living card behind.
    let mut loss = app.app.db.begin().await.unwrap();
    profcards::cards::enrolment::revoke_all(
        &mut loss,
        phones[2].member.into(),
        EndReason::Lost,
        app.app.clock.now(),
    )
    .await
    .unwrap();
    let state = app.app.clone();
    let run = tokio::spawn(async move { run_by_command(&state, None, ALL, 10, |_| {}).await });
    run_began(&app).await;
    loss.commit().await.unwrap();
    assert_eq!(run.await.unwrap().unwrap().cards, 4);
    assert!(living_cards(&app).await.iter().all(|card| card.membership_id != phones[2].member));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_enter_and_phones_renew_while_a_run_goes_on() {
    let app = TestApp::start().await;
    let mut phones = members(&app, 12).await;
    app.advance(31 * DAY_SECONDS);
    app.housekeeping().await;
    let state = app.app.clone();
    let run = tokio::spawn(async move { run_by_command(&state, None, ALL, 1, |_| {}).await });
    for n in 0..phones.len() {
        phones.push(Phone::activate(&app, app.member(NAMES[n % NAMES.len()]).await).await);
        fetch_card(&mut phones[n]).await;
    }
    assert!(run.await.unwrap().unwrap().cards >= 24);
    assert_all_hold_good_cards(&app, &mut phones).await;
}

/// (reached any member, cards) of the latest run.
async fn mark(app: &TestApp) -> (bool, i64) {
    let latest = "select mark is not null, coalesce((mark ->> 'cards')::bigint, 0) from job order by enqueued_at desc limit 1";
    sqlx::query_as(latest).fetch_one(&app.app.db).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_again_and_again_comes_to_its_end_with_nothing_half_issued() {
    let app = TestApp::start_with_real_clock().await;
    let mut phones = members(&app, 24).await;
    let before = app.cards_issued().await;
    assert_eq!(before, 48);
    let command = ["cards", "reissue", "--all", "--batch", "2"];
    // Killed when a batch is written and not committed: as if it had not been.
    for _ in 0..2 {
        let (code, _) =
            process::ended(process::start(&app, &command, Some("die-reissue-before-commit"))).await;
        assert_eq!(code, None, "it was to die");
        assert_eq!((mark(&app).await, app.cards_issued().await), ((false, 0), before));
    }
    // Killed when a batch is committed: it counts, and the next start goes on behind it.
    for batches in 1..=2 {
        let (code, _) =
            process::ended(process::start(&app, &command, Some("die-reissue-after-commit"))).await;
        assert_eq!(code, None, "it was to die");
        assert_eq!((mark(&app).await, app.cards_issued().await), ((true, batches * 4), before + batches * 4));
    }
    assert_eq!(living_cards(&app).await.len(), 48);
    // Killed wherever it happens to be.
    for goal in [16, 28, 40] {
        let mut child = process::start(&app, &command, None);
        until("some batches are committed", async || mark(&app).await.1 >= goal).await;
        child.kill().await.unwrap();
        let (_, cards) = mark(&app).await;
        assert!(cards % 4 == 0, "a batch is committed whole or not at all");
    }
    let (code, told) = process::ended(process::start(&app, &command, None)).await;
    assert_eq!(code, Some(0));
    assert!(told.ends_with(" members\n"), "{told}");
    assert_all_hold_good_cards(&app, &mut phones).await;
    let issued: i64 = sqlx::query_scalar("select sum((result ->> 'cards')::bigint)::bigint from job")
        .fetch_one(&app.app.db)
        .await
        .unwrap();
    assert_eq!(app.cards_issued().await, before + issued, "what the runs count is what there is");
}

#[tokio::test]
async fn a_run_whose_database_sessions_are_cut_goes_on_by_itself() {
    let app = TestApp::start().await;
    let mut phones = members(&app, 6).await;
    let mut hold = app.app.db.begin().await.unwrap();
    members::store::lock(&mut hold, &[phones[3].member.into()]).await.unwrap();
    let state = app.app.clone();
    let run = tokio::spawn(async move { run_by_command(&state, None, ALL, 1, |_| {}).await });
    run_began(&app).await;
    assert!(app.database.cut_sessions().await > 0);
    drop(hold);
    let done = run.await.unwrap().unwrap();
    assert_eq!((done.members, done.cards), (6, 12));
    assert_all_hold_good_cards(&app, &mut phones).await;
}
