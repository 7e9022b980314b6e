//! Keys: how an instance gets them, how they take turns, and what follows when one is lost to somebody else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use profcards::cards::keys::file::HeldKey;
use profcards::cards::keys::{KeyFiles, store};
use profcards::clock::from_unix_seconds;
use profcards::jobs;
use profcards_card::{Code, KeyRole, Kid, SignedCard, TrustList, from_text, issue_card, to_text};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::support::lists::{Held, pins};
use super::support::scratch::{Database, Folder};
use super::support::{Client, DAY_SECONDS, Phone, TestApp, Till, keys_folder, next_id};

const TRUST: &str = "/.well-known/profcards/trust-list";

/// An instance in production that is yet to be set up, and the place where its root is kept.
struct Production {
    folder: Folder,
    database: Database,
}

/// How a command ended.
struct Outcome {
    succeeded: bool,
    out: String,
    err: String,
}

impl Production {
    async fn new() -> Self {
        let (folder, database) = (Folder::make(), Database::copy().await);
        let production = Self { folder, database };
        for name in ["root", "server", "keys", "pwa"] {
            fs::create_dir_all(production.path(name)).unwrap();
        }
        fs::write(production.path("pwa/index.html"), "<!doctype html>").unwrap();
        production.secret("root/passphrase", "корень лежит в сейфе");
        production.secret("server/passphrase", "а ключи на сервере\n");
        production
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        chmod(&self.path(name), 0o600);
    }

    fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_profcards"));
        command
            .env_clear()
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("PROFCARDS_KEYS", self.path("keys")).env("PROFCARDS_PWA", self.path("pwa"));
        for word in args.split_whitespace() {
            command.arg(if word.contains('/') { self.text(word) } else { word.to_owned() });
        }
        command
    }

    /// A command where the root is kept: no database, no server's folder.
    async fn beside_root(&self, args: &str) -> Outcome {
        self.run(self.command(args).env("PROFCARDS_DATA", self.path("elsewhere"))).await
    }

    /// A command on the server.
    async fn on_server(&self, args: &str) -> Outcome {
        self.run(self.of_server(&mut self.command(args))).await
    }

    fn of_server<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("PROFCARDS_PRODUCTION", "true").env("PROFCARDS_DATA", self.path("server"));
        command.env("PROFCARDS_KEY_PASSPHRASE_FILE", self.path("server/passphrase"));
        command.env("DATABASE_URL", &self.database.url).env("PROFCARDS_ADDR", "127.0.0.1:0")
    }

    async fn run(&self, command: &mut Command) -> Outcome {
        let output = command.output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Outcome { succeeded: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The running server and where it serves.
    async fn serve(&self) -> (Child, Client) {
        let mut child = self.of_server(&mut self.command("serve")).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("the server says where it serves");
        (child, Client::new(&line.trim().replace("localhost", "127.0.0.1")))
    }

    async fn states(&self) -> Vec<(String, String)> {
        let listed = self.on_server("keys list --json").await.good();
        let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
        let word = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
        listed.iter().map(|key| (word(key, "role"), word(key, "state"))).collect()
    }

    /// From an empty folder to a trust list in force.
    async fn set_up(&self) {
        let root = "keys init --root root/root.json --root-passphrase-file root/passphrase --pin Первый";
        self.beside_root(root).await.good();
        self.on_server("keys init").await.good();
        self.new_trust_list().await;
    }

    /// The whole way of a trust list: asked for on the server, signed elsewhere, brought back.
    async fn new_trust_list(&self) {
        self.on_server("keys export-public --out root/request.json").await.good();
        let sign = "keys trust-list --request root/request.json --out root/trust-list.cose --root root/root.json --root-passphrase-file root/passphrase";
        self.beside_root(sign).await.good();
        self.on_server("keys trust-list --install root/trust-list.cose").await.good();
    }
}

impl Outcome {
    #[track_caller]
    fn good(self) -> String {
        assert!(self.succeeded, "{}", self.err);
        self.out
    }

    #[track_caller]
    fn refused(self, why: &str) {
        assert!(!self.succeeded && self.err.contains(why), "{}", self.err);
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn words(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(role, state)| (role.as_str(), state.as_str())).collect()
}

#[tokio::test]
async fn a_production_server_runs_with_its_root_elsewhere() {
    let place = Production::new().await;
    place
        .beside_root("keys init --root root/root.json --root-passphrase-file root/passphrase --pin Первый")
        .await
        .good();
    place.on_server("serve").await.refused("no keys yet");
    place.on_server("keys init").await.good();
    place.on_server("serve").await.refused("there is no trust list");
    place.new_trust_list().await;
    fs::rename(place.path("root"), place.path("safe")).unwrap();
    let (mut server, client) = place.serve().await;
    let published = client.get(TRUST).await;
    assert_eq!(published.body, fs::read(place.path("safe/trust-list.cose")).unwrap());
    let list = TrustList::load(&published.body, &pins(&client).await, None).unwrap();
    assert_eq!(list.claims().seq, 1);
    client.get("/.well-known/profcards/status/1").await;
    server.kill().await.unwrap();
    let states = place.states().await;
    assert_eq!(words(&states), [("root", "pinned"), ("card", "signs"), ("status", "signs")]);
}

#[tokio::test]
async fn private_keys_are_sealed_and_theirs_alone() {
    let place = Production::new().await;
    place.set_up().await;
    let file = place.path("server/keys/issuer.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    chmod(&file, 0o644);
    place.on_server("keys list").await.refused("readable by others");
    chmod(&file, 0o600);
    place.secret("server/passphrase", "не тот пароль совсем");
    place.on_server("keys list").await.refused("the passphrase is wrong");
    let mut without = place.command("keys list");
    place
        .run(place.of_server(&mut without).env_remove("PROFCARDS_KEY_PASSPHRASE_FILE"))
        .await
        .refused("is sealed");
    let root = "keys trust-list --request root/request.json --out root/again.cose --root root/root.json --root-passphrase-file server/passphrase";
    place.beside_root(root).await.refused("the passphrase is wrong");

    let bare = Production::new().await;
    let mut init = bare.command("keys init");
    bare.run(bare.of_server(&mut init).env_remove("PROFCARDS_KEY_PASSPHRASE_FILE")).await.refused("sealed");
    bare.secret("server/passphrase", "коротко");
    bare.on_server("keys init").await.refused("at least 12 characters");
    let within = "keys init --root server/root.json --root-passphrase-file root/passphrase";
    bare.on_server(within).await.refused("kept apart");
}

#[tokio::test]
async fn a_trust_list_is_never_replaced_by_an_older_one_or_a_strangers() {
    let place = Production::new().await;
    place.set_up().await;
    fs::rename(place.path("root/trust-list.cose"), place.path("root/first.cose")).unwrap();
    place.new_trust_list().await;
    place.on_server("keys trust-list --install root/first.cose").await.refused("a later one is in force");
    // The same list again is no harm: an install that was cut off is simply repeated.
    place.on_server("keys trust-list --install root/trust-list.cose").await.good();
    let stranger = "keys init --root root/stranger.json --root-passphrase-file root/passphrase";
    place.beside_root(stranger).await.good();
    let sign = "keys trust-list --request root/request.json --out root/forged.cose --root root/stranger.json --root-passphrase-file root/passphrase";
    place.beside_root(sign).await.refused("does not pin this root");
}

#[tokio::test]
async fn one_root_replaces_another_while_both_are_pinned() {
    let place = Production::new().await;
    place.set_up().await;
    let second = "keys init --root root/second.json --root-passphrase-file root/passphrase --pin Второй";
    place.beside_root(second).await.good();
    place.on_server("keys export-public --out root/request.json").await.good();
    let sign = "keys trust-list --request root/request.json --out root/trust-list.cose --root root/second.json --root-passphrase-file root/passphrase";
    place.beside_root(sign).await.good();
    place.on_server("keys trust-list --install root/trust-list.cose").await.good();
    let (mut server, client) = place.serve().await;
    let pins = pins(&client).await;
    assert_eq!(pins.len(), 2);
    let published = client.get(TRUST).await.body;
    assert!(TrustList::load(&published, &pins[1..], None).is_ok_and(|list| list.claims().seq == 2));
    assert!(TrustList::load(&published, &pins[..1], None).is_err());
    server.kill().await.unwrap();
    let third = "keys init --root root/third.json --root-passphrase-file root/passphrase --pin Третий";
    place.beside_root(third).await.refused("two roots already");
}

#[tokio::test]
async fn production_refuses_the_development_root() {
    let place = Production::new().await;
    for name in ["pins.json", "dev/root-1.json"] {
        fs::create_dir_all(place.path("keys/dev")).unwrap();
        fs::copy(keys_folder().join(name), place.path("keys").join(name)).unwrap();
    }
    place.on_server("keys init").await.good();
    place.on_server("serve").await.refused("development root");
    place.on_server("keys trust-list").await.refused("development root");
    // Pinning a root of one's own takes it out.
    place
        .beside_root("keys init --root root/root.json --root-passphrase-file root/passphrase --pin Первый")
        .await
        .good();
    assert!(!fs::read_to_string(place.path("keys/pins.json")).unwrap().contains("development"));
    place.new_trust_list().await;
    let (mut server, _) = place.serve().await;
    server.kill().await.unwrap();
}

fn kid_of_card(card: &[u8]) -> Kid {
    SignedCard::parse(card).unwrap().kid
}

/// Adds a card key that takes over after so many seconds; answers its name.
async fn add_card_key(app: &TestApp, in_seconds: u64) -> Kid {
    let files = KeyFiles::of(&app.app.config).unwrap();
    let mut held = files.read().unwrap();
    let key = HeldKey::generate(KeyRole::Card, app.now() + in_seconds, &app.app.random);
    let kid = key.public.kid;
    held.push(key);
    files.write(&held, &app.app.random).unwrap();
    app.app.keys.refresh(&app.app.db, app.now()).await.unwrap();
    kid
}

#[tokio::test]
async fn a_new_key_takes_over_at_its_hour_and_old_cards_stay_good() {
    let app = TestApp::start().await;
    let early = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let before = Held::download(&app).await;
    let next = add_card_key(&app, 7 * DAY_SECONDS as u64).await;
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
        assert_eq!(announced.verdict(&phone.token(app.now())).code, Code::Accepted);
    }
    assert_eq!(early.profile().await["card"]["cardHex"], hex::encode(&early.card));
}

/// Somebody else has the card key: it is revoked, as `keys revoke` does it.
async fn lose_card_key(app: &TestApp) -> Kid {
    let files = KeyFiles::of(&app.app.config).unwrap();
    let mut held = files.read().unwrap();
    let lost = held.iter_mut().find(|key| key.public.role == KeyRole::Card).unwrap();
    lost.secret = None;
    store::revoke(&app.app.db, &lost.public, from_unix_seconds(app.now())).await.unwrap();
    files.write(&held, &app.app.random).unwrap();
    add_card_key(app, 0).await
}

#[tokio::test]
async fn what_a_lost_key_signed_is_refused_everywhere_and_at_any_time() {
    let app = TestApp::start().await;
    let phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let till = Till::pair(&app).await;
    let shown_before = phone.token(app.now());
    let purchase = till.purchase(&shown_before, 150_000, app.now());
    let next = lose_card_key(&app).await;
    let held = Held::download(&app).await;
    assert_eq!(held.verdict(&phone.token(app.now())).code, Code::UnknownKey);
    till.refused(&purchase, "unknown-key").await;
    let other = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    assert_eq!(kid_of_card(&other.card), next);
    assert_eq!(Held::download(&app).await.verdict(&other.token(app.now())).code, Code::Accepted);
}

#[tokio::test]
async fn cards_of_a_lost_key_are_issued_anew_by_themselves() {
    let app = TestApp::start().await;
    let mut phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let till = Till::pair(&app).await;
    let next = lose_card_key(&app).await;
    // Not before every instance has heard of it.
    jobs::replace_lost_cards(&app.app).await.unwrap();
    assert_eq!(phone.profile().await["card"]["cardHex"], hex::encode(&phone.card));
    app.advance(60);
    jobs::replace_lost_cards(&app.app).await.unwrap();
    phone.card = hex::decode(phone.profile().await["card"]["cardHex"].as_str().unwrap()).unwrap();
    assert_eq!(kid_of_card(&phone.card), next);
    let token = phone.token(app.now());
    assert_eq!(Held::download(&app).await.verdict(&token).code, Code::Accepted);
    till.applied(&till.purchase(&token, 150_000, app.now())).await;
    // Done is done: nothing is issued once more.
    jobs::replace_lost_cards(&app.app).await.unwrap();
    assert_eq!(phone.profile().await["card"]["cardHex"], hex::encode(&phone.card));
}

#[tokio::test]
async fn a_lost_keys_cards_are_refused_before_any_trust_list_says_so() {
    let app = TestApp::start().await;
    let phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let till = Till::pair(&app).await;
    let key = KeyFiles::of(&app.app.config).unwrap().read().unwrap();
    let key = key.iter().find(|key| key.public.role == KeyRole::Card).unwrap();
    store::revoke(&app.app.db, &key.public, from_unix_seconds(app.now())).await.unwrap();
    let purchase = till.purchase(&phone.token(app.now()), 150_000, app.now());
    till.refused(&purchase, "card-not-issued-here").await;
}

#[tokio::test]
async fn a_card_that_a_lost_key_signed_for_anothers_place_is_not_the_one_that_was_issued() {
    let app = TestApp::start().await;
    let (member, till) = (app.member("Иванова Мария Петровна").await, Till::pair(&app).await);
    let lost = app.app.keys.card_key(app.now()).unwrap();
    let next = add_card_key(&app, 0).await;
    let holder = Phone::activate(&app, member).await;
    let genuine =
        app.sheet(&app.chair().await, holder.member).await["paperToken"].as_str().unwrap().to_owned();
    let paper = from_text(&genuine).unwrap();
    let paper = SignedCard::parse(&paper).unwrap();
    assert_eq!(paper.kid, next);
    let files = KeyFiles::of(&app.app.config).unwrap().read().unwrap();
    let lost_key = files.iter().find(|key| key.public.kid == lost.kid()).unwrap();
    store::revoke(&app.app.db, &lost_key.public, from_unix_seconds(app.now())).await.unwrap();
    // The trust list in force still names the key.
    let forged = to_text(&issue_card(&paper.claims, &lost).unwrap());
    assert_eq!(Held::download(&app).await.verdict(&forged).code, Code::Accepted);
    till.refused(&till.purchase(&forged, 150_000, app.now()), "card-not-issued-here").await;
    till.applied(&till.purchase(&genuine, 150_000, app.now())).await;
}

#[tokio::test]
async fn who_rested_while_a_key_was_lost_goes_on_with_cards_of_the_next() {
    let app = TestApp::start().await;
    let mut phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    app.set_status(phone.member, "suspended").await;
    let next = lose_card_key(&app).await;
    app.advance(60);
    jobs::replace_lost_cards(&app.app).await.unwrap();
    app.set_status(phone.member, "active").await;
    phone.take_new_card().await;
    assert_eq!(kid_of_card(&phone.card), next);
    assert_eq!(Held::download(&app).await.verdict(&phone.token(app.now())).code, Code::Accepted);
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
    let printed = chair.post_once(&path, next_id(), &json!({ "memberIds": [second] })).await.json(200);
    for paper in [&sheet["paperToken"], &printed["items"][0]["token"]] {
        assert_eq!(kid_of_card(&from_text(paper.as_str().unwrap()).unwrap()), next);
    }
    app.cards_are_sound().await;
}

#[tokio::test]
async fn a_lost_key_is_done_with_when_no_card_of_it_is_left() {
    let app = TestApp::start().await;
    let mut phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let next = lose_card_key(&app).await;
    // A card that cannot be made, until somebody looks after it.
    let set_end = "update registration set valid_to = $1 where membership_id = $2";
    let registered_until = async |day: Option<chrono::NaiveDate>| {
        sqlx::query(set_end).bind(day).bind(phone.member).execute(&app.app.db).await.unwrap();
    };
    registered_until(Some(app.app.clock.today())).await;
    app.advance(60);
    jobs::replace_lost_cards(&app.app).await.unwrap();
    registered_until(None).await;
    let runs = async || -> i64 {
        sqlx::query_scalar("select count(*) from reissue_run").fetch_one(&app.app.db).await.unwrap()
    };
    jobs::replace_lost_cards(&app.app).await.unwrap();
    assert_eq!(runs().await, 1, "it is not tried again at once");
    app.advance(3_700);
    jobs::replace_lost_cards(&app.app).await.unwrap();
    phone.take_new_card().await;
    assert_eq!(kid_of_card(&phone.card), next);
    app.advance(3_700);
    jobs::replace_lost_cards(&app.app).await.unwrap();
    assert_eq!(runs().await, 2, "done is done");
}
