//! What people type and paste is one thing however it is spelt in bytes; and a text that comes from a file or a pipe is read
//! as any editor left it.

use profcards::registry::members::names;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::support::process::start_piped;
use super::support::production::Production;
use super::support::register::{ask, edit, edit_member, found, members_of, with};
use super::support::world::person;
use super::support::{Client, Phone, Reply, TestApp, next_id};

async fn enter(app: &TestApp, chair: &Client, name: &str) -> Reply {
    chair.post_with_key(&members_of(app.world.school), next_id(), &person(name)).await
}

#[tokio::test]
async fn a_name_is_one_however_it_is_spelt_in_bytes() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let entered =
        enter(&app, &chair, "Семе\u{308}\u{ad}нова-О\u{2019}Генри Фëкла\u{200b} Иванoвна").await.json(201);
    assert_eq!(
        ["lastName", "firstName", "middleName"].map(|field| entered[field].as_str().unwrap()),
        ["Семёнова-О'Генри", "Фёкла", "Ивановна"]
    );
    for spelt in [
        "Семёнова-О'Генри Фёкла Ивановна",
        "СЕМЕНОВА\u{2010}О\u{2bc}ГЕНРИ ФЁКЛА ИВАНОВНА",
        "Сeмёновa-О`Генри Фекла Ивановна",
    ] {
        enter(&app, &chair, spelt).await.refused(409, "already-a-member");
        let page = found(&chair, app.world.school, &[("query", spelt)]).await;
        assert_eq!(page["total"], 1, "{spelt}");
    }
    enter(&app, &chair, "Сiдорова Анна Петровна").await.refused(422, "invalid-input");
}

#[tokio::test]
async fn where_there_is_no_middle_name_none_is_kept_however_that_is_said() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let form = with(person("Иванова Мария"), "middleName", json!("нет"));
    let entered = chair.post_with_key(&members_of(app.world.school), next_id(), &form).await.json(201);
    assert!(entered.get("middleName").is_none(), "{entered}");
    for said in ["—", "Отсутствует", ""] {
        let again = with(form.clone(), "middleName", json!(said));
        let reply = chair.post_with_key(&members_of(app.world.school), next_id(), &again).await;
        reply.refused(409, "already-a-member");
    }
    let id = entered["id"].as_str().unwrap().parse().unwrap();
    let changed = edit_member(&chair, id, &with(edit("Иванова Мария"), "middleName", json!("-"))).await;
    assert!(changed.json(200).get("middleName").is_none());
}

#[tokio::test]
async fn the_letter_that_no_keyboard_has_is_read_from_what_looks_like_it() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let entered = enter(&app, &chair, "Т1ахирова ПатIимат Iалиевна").await.json(201);
    assert_eq!(
        ["lastName", "firstName", "middleName"].map(|field| entered[field].as_str().unwrap()),
        ["ТӀахирова", "ПатӀимат", "Ӏалиевна"]
    );
    enter(&app, &chair, "ТӀахирова ПатӀимат Ӏалиевна").await.refused(409, "already-a-member");
    for typed in ["т1ахирова", "ТIахирова", "патӀимат"] {
        assert_eq!(found(&chair, app.world.school, &[("query", typed)]).await["total"], 1, "{typed}");
    }
}

#[tokio::test]
async fn nothing_is_stored_that_cannot_be_seen() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let form = person("Иванова Мария Петровна");
    let form = with(form, "position", json!("зав\u{202e}уч\u{0}\nшколы\u{1b}[2J \u{2066}№ 12"));
    let form = with(form, "email", json!("\u{200b}m@school12.example\u{feff}"));
    let form = with(form, "phone", json!("\u{202a}+7 971 443-31-80\u{202c}"));
    let entered = chair.post_with_key(&members_of(app.world.school), next_id(), &form).await.json(201);
    assert_eq!(entered["position"], "завуч школы[2J № 12");
    assert_eq!(
        (&entered["email"], &entered["phone"]),
        (&json!("m@school12.example"), &json!("+79714433180"))
    );
    // An edit goes the same way.
    let id = entered["id"].as_str().unwrap().parse().unwrap();
    let typed = with(edit("Ивановa Мария Петровна"), "position", json!("\u{2067}\u{0}"));
    let changed = edit_member(&chair, id, &typed).await.json(200);
    assert_eq!((&changed["lastName"], changed.get("position")), (&json!("Иванова"), None));
}

#[tokio::test]
async fn it_is_today_in_kamchatka_before_it_is_in_moscow() {
    let app = TestApp::start().await;
    let (chair, path) = (app.chair().await, members_of(app.world.school));
    let tomorrow = with(person("Иванова Мария Петровна"), "joinedOn", json!("2026-11-23"));
    chair.post_with_key(&path, next_id(), &tomorrow).await.refused(422, "invalid-input");
    // 16:00 in Moscow: in Kamchatka the 23rd is an hour old.
    app.advance(4 * 3600);
    let entered = chair.post_with_key(&path, next_id(), &tomorrow).await.json(201);
    let member = entered["id"].as_str().unwrap().parse().unwrap();
    let later = with(person("Петрова Анна Петровна"), "joinedOn", json!("2026-11-24"));
    chair.post_with_key(&path, next_id(), &later).await.refused(422, "invalid-input");
    // Whoever joined there today can be given a card, changed and transferred here.
    Phone::activate(&app, member).await;
    let changed = with(edit("Соколова Мария Петровна"), "category", json!(2));
    assert_eq!(edit_member(&chair, member, &changed).await.json(200)["category"], 2);
    ask(&chair, member, "transfer", &json!({ "organisationId": app.world.group })).await.json(200);
    assert_eq!(app.set_status(member, "left").await["status"], "left");
}

#[tokio::test]
async fn names_of_an_older_release_are_found_and_matched_like_new_ones() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let old = [
        ("Иванoва", "иванoва мария петровна"),
        ("Фëдорова", "фëдорова мария петровна"),
        ("Петрова", "петрова мария петровна"),
    ];
    for (index, (last_name, search_name)) in old.into_iter().enumerate() {
        let member =
            app.member(&format!("{} Мария Петровна", ["Абакумова", "Белова", "Власова"][index])).await;
        sqlx::query("update person set last_name = $2, search_name = $3 from membership m where m.id = $1 and person.id = m.person_id")
            .bind(member)
            .bind(last_name)
            .bind(search_name)
            .execute(&app.app.db)
            .await
            .unwrap();
    }
    // Twice, as on a database that has it behind it.
    for _ in 0..2 {
        sqlx::raw_sql(include_str!("../../migrations/0018_search_form.sql"))
            .execute(&app.app.db)
            .await
            .unwrap();
    }
    let forms: Vec<String> =
        sqlx::query_scalar("select search_name from person order by search_name collate \"C\"")
            .fetch_all(&app.app.db)
            .await
            .unwrap();
    let mut expected = old.map(|(last_name, _)| names::search_name(last_name, "Мария", Some("Петровна")));
    expected.sort();
    assert_eq!(forms, expected);
    enter(&app, &chair, "Иванова Мария Петровна").await.refused(409, "already-a-member");
    assert_eq!(found(&chair, app.world.school, &[("query", "федорова")]).await["total"], 1);
}

#[tokio::test]
async fn a_transfer_is_possible_where_two_organisations_are_in_reach() {
    let app = TestApp::start().await;
    for (account, can_transfer) in [
        (app.world.chair, true),
        (app.world.foreign_chair, false),
        (app.world.regional, true),
        (app.world.central, true),
    ] {
        let session = app.staff(account).await.get("/api/staff/session").await.json(200);
        assert_eq!(session["canTransfer"], can_transfer, "{account}");
    }
    sqlx::query("update organisation set valid_to = $1 where id = $2")
        .bind(app.app.clock.today())
        .bind(app.world.group)
        .execute(&app.app.db)
        .await
        .unwrap();
    assert_eq!(app.chair().await.get("/api/staff/session").await.json(200)["canTransfer"], false);
}

#[tokio::test]
async fn files_of_an_instance_are_read_as_any_editor_left_them() {
    let instance = Production::new().await;
    instance.secret("root/passphrase", "\u{feff}корень лежит в сейфе\r\n");
    instance.secret("server/passphrase", "\u{feff}а ключи на сервере\r\n");
    instance.set_up().await;
    // The same passphrases, written plainly, open what those made.
    instance.secret("root/passphrase", "корень лежит в сейфе");
    instance.secret("server/passphrase", "а ключи на сервере\n");
    instance.on_server("keys list").await.good();
    for name in [
        "keys/pins.json",
        "root/request.json",
        "root/root.json",
        "server/keys/issuer.json",
        "server/secret.hex",
    ] {
        let path = instance.path(name);
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        std::fs::write(&path, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    }
    instance.on_server("keys list").await.good();
    instance.sign_with("root.json", "again.cose").await.good();
    let (mut server, client) = instance.serve().await;
    assert_eq!(client.get("/readyz").await.status, 200);
    server.kill().await.unwrap();
}

#[tokio::test]
async fn tokens_from_a_pipe_are_read_whatever_ends_their_lines() {
    let app = TestApp::start_with_real_clock().await;
    let token = app.paper_token(app.member("Иванова Мария Петровна").await).await;
    let verify = async |args: &[&str], input: String| {
        let mut command = start_piped(&app, args);
        command.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        let ended = command.wait_with_output().await.unwrap();
        String::from_utf8(ended.stdout).unwrap()
    };
    let accepted = |out: &str| out.lines().filter(|line| line.contains("\"accepted\":true")).count();
    for (begin, end) in [("", "\n"), ("", "\r\n"), ("\u{feff}", "\r\n"), ("\u{feff}", "\n")] {
        let out = verify(&["card", "verify", "-"], format!("{begin}{token}{end}{token}{end}{token}")).await;
        assert_eq!((out.lines().count(), accepted(&out)), (3, 3), "{begin:?} {end:?}: {out}");
    }
    let argument = format!("{token}\r\n");
    assert_eq!(accepted(&verify(&["card", "verify", &argument], String::new()).await), 1);
    // Nothing else is cut: a space is a digit of Base45.
    assert_eq!(accepted(&verify(&["card", "verify", "-"], format!("{token} \n")).await), 0);
}
