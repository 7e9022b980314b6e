//! Keys in a running server: how they take turns, and what follows when one is lost to somebody else.

use std::fs;

use profcards::cards::keys::file::HeldKey;
use profcards::cards::keys::{KeyFiles, store};
use profcards_card::{KeyRole, Kid, SignedCard, TrustedKey, VerdictCode, from_text, issue_card, to_text};
use serde_json::json;

use super::support::lists::Held;
use super::support::process::Server;
use super::support::{Client, DAY_SECONDS, Phone, TestApp, Till, next_id, with_phone, with_till};

const STATUS: &str = "/.well-known/profcards/status/1";

fn kid_of_card(card: &[u8]) -> Kid {
    SignedCard::parse(card).unwrap().kid
}

/// Adds a key that takes over after so many seconds; answers its name.
async fn add_key(app: &TestApp, role: KeyRole, in_seconds: u64) -> Kid {
    let files = KeyFiles::of(&app.app.config).unwrap();
    let mut held = files.read().unwrap();
    let key = HeldKey::generate(role, app.now() + in_seconds, &app.app.random);
    let kid = key.public.kid;
    held.push(key);
    files.write(&held, &app.app.random).unwrap();
    app.app.keys.refresh(&app.app.db, app.now()).await.unwrap();
    kid
}

#[tokio::test]
async fn a_new_key_takes_over_at_its_hour_and_old_cards_stay_good() {
    let (app, early) = with_phone().await;
    let before = Held::download(&app).await;
    let next = add_key(&app, KeyRole::Card, 7 * DAY_SECONDS as u64).await;
    let announced = Held::download(&app).await;
    assert_eq!(announced.trust.claims().seq, before.trust.claims().seq + 1);
    let meanwhile = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    assert_eq!(kid_of_card(&meanwhile.card), kid_of_card(&early.card));
    app.advance(7 * DAY_SECONDS);
    let late = Phone::activate(&app, app.member("Сидорова Ольга Ивановна").await).await;
    assert_eq!(kid_of_card(&late.card), next);
    // A till that has the list of a week ago knows the new key, and nobody's card was issued anew for it.
    let announced = announced.at(app.now());
    for phone in [&early, &meanwhile, &late] {
        assert_eq!(announced.verdict(&phone.token(app.now())).code, VerdictCode::Accepted);
    }
    assert_eq!(early.card_hex().await, hex::encode(&early.card));
}

/// The public part of the instance's first key for this role.
fn held_key(app: &TestApp, role: KeyRole) -> TrustedKey {
    let held = KeyFiles::of(&app.app.config).unwrap().read().unwrap();
    held.into_iter().find(|key| key.public.role == role).unwrap().public
}

/// The database is told that a key is revoked, and nothing else is yet.
async fn note_revoked(app: &TestApp, key: &TrustedKey) {
    store::revoke(&app.app.db, key, app.app.clock.now()).await.unwrap();
}

/// Revokes the card key, as `keys revoke` does it: somebody else has it.
async fn lose_card_key(app: &TestApp) -> Kid {
    let files = KeyFiles::of(&app.app.config).unwrap();
    let mut held = files.read().unwrap();
    let lost = held.iter_mut().find(|key| key.public.role == KeyRole::Card).unwrap();
    lost.secret = None;
    note_revoked(app, &lost.public).await;
    files.write(&held, &app.app.random).unwrap();
    add_key(app, KeyRole::Card, 0).await
}

#[tokio::test]
async fn what_a_lost_key_signed_is_refused_everywhere_and_at_any_time() {
    let (app, phone, till) = with_till().await;
    let shown_before = phone.token(app.now());
    let purchase = till.purchase(&shown_before, 1_500_00, app.now());
    let next = lose_card_key(&app).await;
    let held = Held::download(&app).await;
    assert_eq!(held.verdict(&phone.token(app.now())).code, VerdictCode::UnknownKey);
    till.refused(&purchase, "unknown-key").await;
    let other = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    assert_eq!(kid_of_card(&other.card), next);
    assert_eq!(Held::download(&app).await.verdict(&other.token(app.now())).code, VerdictCode::Accepted);
}

#[tokio::test]
async fn cards_of_a_lost_key_are_issued_anew_by_themselves() {
    let (app, mut phone, till) = with_till().await;
    let next = lose_card_key(&app).await;
    // Not before every instance has heard of it.
    app.replace_lost_cards().await;
    assert_eq!(phone.card_hex().await, hex::encode(&phone.card));
    app.advance(60);
    app.replace_lost_cards().await;
    phone.take_new_card().await;
    assert_eq!(kid_of_card(&phone.card), next);
    let token = phone.token(app.now());
    assert_eq!(Held::download(&app).await.verdict(&token).code, VerdictCode::Accepted);
    till.applied(&till.purchase(&token, 1_500_00, app.now())).await;
    // Done is done: nothing is issued once more.
    app.replace_lost_cards().await;
    assert_eq!(phone.card_hex().await, hex::encode(&phone.card));
}

#[tokio::test]
async fn a_lost_keys_cards_are_refused_before_any_trust_list_says_so() {
    let (app, phone, till) = with_till().await;
    note_revoked(&app, &held_key(&app, KeyRole::Card)).await;
    let purchase = till.purchase(&phone.token(app.now()), 1_500_00, app.now());
    till.refused(&purchase, "card-not-issued-here").await;
}

#[tokio::test]
async fn a_revoked_key_signs_nothing_whatever_else_cannot_be_read() {
    let app = TestApp::start().await;
    let files = KeyFiles::of(&app.app.config).unwrap();
    let held = files.read().unwrap();
    let lost = held_key(&app, KeyRole::Card);
    fs::write(&files.issuer, "cut sho").unwrap();
    note_revoked(&app, &lost).await;
    assert!(app.app.keys.refresh(&app.app.db, app.now()).await.is_err());
    assert!(app.app.keys.card_key(app.now()).is_err());
    assert!(app.app.keys.status_key(app.now()).is_ok());
    // The list that names it no more is in force all the same once the file is back, and is published without a copy.
    fs::remove_file(&files.trust_list).unwrap();
    fs::create_dir(&files.trust_list).unwrap();
    files.write(&held, &app.app.random).unwrap();
    app.app.keys.refresh(&app.app.db, app.now()).await.unwrap();
    assert!(app.app.keys.save_copy().is_err());
    assert!(!app.app.keys.trust_list().names(&lost));
}

#[tokio::test]
async fn a_restored_database_does_not_bring_a_revoked_key_back() {
    let (app, phone) = with_phone().await;
    let lost = kid_of_card(&phone.card);
    lose_card_key(&app).await;
    sqlx::query("delete from revoked_key").execute(&app.app.db).await.unwrap();
    app.advance(2 * DAY_SECONDS);
    app.housekeeping().await;
    let held = Held::download(&app).await;
    assert_eq!(held.trust.claims().iat, app.now());
    assert!(held.trust.claims().keys.iter().all(|key| key.kid != lost));
    // Nor are its cards forgotten.
    app.advance(60);
    app.replace_lost_cards().await;
    assert_ne!(kid_of_card(&hex::decode(phone.card_hex().await).unwrap()), lost);
}

#[tokio::test]
async fn the_figure_of_a_role_without_a_key_that_signs_is_nought() {
    let app = TestApp::start().await;
    let ends =
        |what: &str| app.app.keys.end_times(app.now()).into_iter().find(|(role, _)| *role == what).unwrap().1;
    add_key(&app, KeyRole::Card, 7 * DAY_SECONDS as u64).await;
    assert!(ends("card") > app.now());
    note_revoked(&app, &held_key(&app, KeyRole::Card)).await;
    app.app.keys.refresh(&app.app.db, app.now()).await.unwrap();
    // Another is named already, and signs in a week.
    assert_eq!(ends("card"), 0);
    assert!(ends("status") > app.now());
    app.advance(7 * DAY_SECONDS);
    assert!(ends("card") > app.now());
}

#[tokio::test]
async fn a_key_is_known_for_as_long_as_its_last_purchase_may_come() {
    let app = TestApp::start().await;
    let key = app.app.keys.trust_list().list.claims().keys[0].clone();
    let is_named = async |days_after_its_end: i64| {
        app.advance(i64::try_from(key.exp).unwrap() - app.now().cast_signed());
        app.advance(days_after_its_end * DAY_SECONDS);
        app.app.keys.refresh(&app.app.db, app.now()).await.unwrap();
        app.app.keys.trust_list().names(&key)
    };
    assert!(is_named(34).await);
    assert!(!is_named(35).await);
}

#[tokio::test]
async fn another_status_key_is_no_reason_to_sign_a_list_anew() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let before = client.get(STATUS).await.body;
    let next = add_key(&app, KeyRole::Status, 0).await;
    assert_eq!(app.app.keys.status_key(app.now()).unwrap().kid(), next);
    assert_eq!(client.get(STATUS).await.body, before);
    note_revoked(&app, &held_key(&app, KeyRole::Status)).await;
    app.app.keys.refresh(&app.app.db, app.now()).await.unwrap();
    assert_ne!(client.get(STATUS).await.body, before);
}

#[tokio::test]
async fn nothing_is_signed_by_a_clock_that_is_far_off() {
    let app = TestApp::start_with_real_clock().await;
    for (off, how) in [(DAY_SECONDS, "ahead of"), (-DAY_SECONDS, "behind")] {
        assert!(app.app.keys.refresh(&app.app.db, app.now().saturating_add_signed(off)).await.is_err());
        let refused = app.app.keys.card_key(app.now()).err().unwrap().to_string();
        assert!(refused.contains(how), "{refused}");
        assert!(app.app.keys.status_key(app.now()).is_err());
    }
    assert_eq!(app.anonymous().get(STATUS).await.status, 503);
    app.app.keys.refresh(&app.app.db, app.now()).await.unwrap();
    app.app.keys.is_ready(app.now()).unwrap();
    assert_eq!(app.anonymous().get(STATUS).await.status, 200);
}

#[tokio::test]
async fn a_server_says_when_its_keys_end() {
    let app = TestApp::start_with_real_clock().await;
    let server = Server::start(&app, None).await;
    let told = Client::new(&server.base).get("/metrics").await.text();
    for (what, ends_at) in app.app.keys.end_times(app.now()) {
        let line = format!("profcards_keys_end_timestamp_seconds{{what=\"{what}\"}} {ends_at}\n");
        assert!(told.contains(&line), "{line} is not in {told}");
    }
    server.kill().await;
}

#[tokio::test]
async fn a_server_ends_with_its_own_work() {
    let app = TestApp::start_with_real_clock().await;
    Server::start(&app, Some("panic-housekeeping")).await.died().await;
}

#[tokio::test]
async fn a_card_that_a_lost_key_signed_for_anothers_place_is_not_the_one_that_was_issued() {
    let app = TestApp::start().await;
    let (member, till) = (app.member("Иванова Мария Петровна").await, Till::pair(&app).await);
    let lost = app.app.keys.card_key(app.now()).unwrap();
    let next = add_key(&app, KeyRole::Card, 0).await;
    let holder = Phone::activate(&app, member).await;
    let genuine = app.paper_token(holder.member).await;
    let paper = from_text(&genuine).unwrap();
    let paper = SignedCard::parse(&paper).unwrap();
    assert_eq!(paper.kid, next);
    note_revoked(&app, &held_key(&app, KeyRole::Card)).await;
    // The trust list in force still names the key.
    let forged = to_text(&issue_card(&paper.claims, &lost).unwrap());
    assert_eq!(Held::download(&app).await.verdict(&forged).code, VerdictCode::Accepted);
    till.refused(&till.purchase(&forged, 1_500_00, app.now()), "card-not-issued-here").await;
    till.applied(&till.purchase(&genuine, 1_500_00, app.now())).await;
}

#[tokio::test]
async fn who_rested_while_a_key_was_lost_goes_on_with_cards_of_the_next() {
    let (app, mut phone) = with_phone().await;
    app.set_status(phone.member, "suspended").await;
    let next = lose_card_key(&app).await;
    app.advance(60);
    app.replace_lost_cards().await;
    app.set_status(phone.member, "active").await;
    phone.take_new_card().await;
    assert_eq!(kid_of_card(&phone.card), next);
    assert_eq!(Held::download(&app).await.verdict(&phone.token(app.now())).code, VerdictCode::Accepted);
    app.cards_are_sound().await;
}

#[tokio::test]
async fn nobody_is_handed_a_card_of_a_lost_key() {
    let app = TestApp::start().await;
    let (first, second) =
        (app.member("Иванова Мария Петровна").await, app.member("Петрова Анна Сергеевна").await);
    let chair = app.chair().await;
    let (phone, _) = (Phone::activate(&app, first).await, app.sheet(&chair, second).await);
    // Nothing has been issued anew by itself yet.
    let next = lose_card_key(&app).await;
    let renewed = phone.client.post("/api/member/card", &json!({})).await.json(200);
    assert_eq!(kid_of_card(&hex::decode(renewed["cardHex"].as_str().unwrap()).unwrap()), next);
    let sheet = app.sheet(&chair, first).await;
    let path = format!("/api/staff/organisations/{}/paper-cards", app.world.school);
    let printed = chair.post_with_key(&path, next_id(), &json!({ "memberIds": [second] })).await.json(200);
    for paper in [&sheet["paperToken"], &printed["items"][0]["token"]] {
        assert_eq!(kid_of_card(&from_text(paper.as_str().unwrap()).unwrap()), next);
    }
    app.cards_are_sound().await;
}

#[tokio::test]
async fn a_lost_key_is_done_with_when_no_card_of_it_is_left() {
    let (app, mut phone) = with_phone().await;
    let next = lose_card_key(&app).await;
    // A card that cannot be made, until somebody looks after it.
    let set_end = "update registration set valid_to = $1 where membership_id = $2";
    let registered_until = async |day: Option<chrono::NaiveDate>| {
        sqlx::query(set_end).bind(day).bind(phone.member).execute(&app.app.db).await.unwrap();
    };
    registered_until(Some(app.app.clock.today())).await;
    app.advance(60);
    app.replace_lost_cards().await;
    registered_until(None).await;
    let runs = async || -> i64 {
        sqlx::query_scalar("select count(*) from job where kind = 'cards.reissue'")
            .fetch_one(&app.app.db)
            .await
            .unwrap()
    };
    app.replace_lost_cards().await;
    assert_eq!(runs().await, 1, "it is not tried again at once");
    app.advance(3_700);
    app.replace_lost_cards().await;
    phone.take_new_card().await;
    assert_eq!(kid_of_card(&phone.card), next);
    app.advance(3_700);
    app.replace_lost_cards().await;
    assert_eq!(runs().await, 2, "done is done");
}

#[tokio::test]
async fn cards_of_a_key_that_was_revoked_by_a_clock_ahead_are_issued_anew_too() {
    let (app, mut phone, till) = with_till().await;
    let lost = held_key(&app, KeyRole::Card);
    let next = lose_card_key(&app).await;
    // As a host has it that was sixteen days ahead, and went through its cards then.
    let early = "update revoked_key set revoked_at = revoked_at + interval '16 days', tried_at = revoked_at + interval '16 days'";
    sqlx::query(early).execute(&app.app.db).await.unwrap();
    app.replace_lost_cards().await;
    phone.take_new_card().await;
    assert_eq!(kid_of_card(&phone.card), next);
    till.applied(&till.purchase(&phone.token(app.now()), 1_500_00, app.now())).await;
    // Said again it was revoked when it is said.
    note_revoked(&app, &lost).await;
    let at: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("select revoked_at from revoked_key").fetch_one(&app.app.db).await.unwrap();
    assert_eq!(at, app.app.clock.now());
}

#[tokio::test]
async fn cards_of_a_lost_key_whose_reissue_was_set_aside_are_issued_anew_after_an_hour_by_a_right_clock() {
    let (app, mut phone) = with_phone().await;
    let lost = held_key(&app, KeyRole::Card).kid;
    let next = lose_card_key(&app).await;
    app.advance(60);
    sqlx::query(
        "insert into job (id, kind, key, args, enqueued_by, state, error, finished_at)
         values ($1, 'cards.reissue', $2, '{}', 'server', 'set-aside', 'poison', clock_timestamp())",
    )
    .bind(next_id())
    .bind(format!("key {lost} both"))
    .execute(&app.app.db)
    .await
    .unwrap();
    app.replace_lost_cards().await;
    assert_eq!(phone.card_hex().await, hex::encode(&phone.card), "it rests");
    // As a clock has it that was ahead; what is ordered anew does not need the args that nobody could read.
    let ahead = "update job set enqueued_at = enqueued_at + interval '40 hours', finished_at = finished_at + interval '40 hours'";
    sqlx::query(ahead).execute(&app.app.db).await.unwrap();
    app.replace_lost_cards().await;
    phone.take_new_card().await;
    assert_eq!(kid_of_card(&phone.card), next);
}
