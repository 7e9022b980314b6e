//! Keys: how an instance gets them, and how commands change them, with the root elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use profcards::base::clock::{Clock, unix_seconds};
use profcards::cards::keys::seal::Passphrase;
use profcards::cards::keys::{TrustRequest, roots};
use profcards_card::TrustList;
use rustix::process::{Pid, Signal, kill_process};

use super::support::lists::pins;
use super::support::process::address_of;
use super::support::production::{Production, chmod};
use super::support::{Client, keys_folder, until};

const TRUST: &str = "/.well-known/profcards/trust-list";
const STATUS: &str = "/.well-known/profcards/status/1";

fn words(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(role, state)| (role.as_str(), state.as_str())).collect()
}

#[tokio::test]
async fn a_production_server_runs_with_its_root_elsewhere() {
    let instance = Production::new().await;
    instance.make_root("root.json", "Первый").await.good();
    instance.on_server("serve").await.refused("no keys yet");
    instance.on_server("keys init").await.good();
    instance.on_server("serve").await.refused("there is no trust list");
    instance.new_trust_list().await;
    fs::rename(instance.path("root"), instance.path("safe")).unwrap();
    let (mut server, client) = instance.serve().await;
    let published = client.get(TRUST).await;
    assert_eq!(published.body, fs::read(instance.path("safe/trust-list.cose")).unwrap());
    let list = TrustList::load(&published.body, &pins(&client).await, None).unwrap();
    assert_eq!(list.claims().seq, 1);
    assert_eq!(client.get(STATUS).await.status, 200);
    server.kill().await.unwrap();
    let states = instance.states().await;
    assert_eq!(words(&states), [("root", "pinned"), ("card", "signs"), ("status", "signs")]);
}

#[tokio::test]
async fn a_production_server_asks_for_tls_and_for_the_number_of_its_proxies() {
    let instance = Production::new().await;
    instance.set_up().await;
    let mut command = instance.command("serve");
    let mut server = instance.of_server(&mut command).stderr(Stdio::piped()).spawn().unwrap();
    let client = Client::new(&address_of(&mut server).await);
    assert_eq!(client.get("/chair").await.header("strict-transport-security"), "max-age=31536000");
    server.kill().await.unwrap();
    let said = server.wait_with_output().await.unwrap().stderr;
    assert!(String::from_utf8_lossy(&said).contains("PROFCARDS_BEHIND_PROXY is not set"));
    let mut command = instance.command("serve");
    let configured =
        instance.of_server(&mut command).env("PROFCARDS_BEHIND_PROXY", "true").stderr(Stdio::piped());
    let mut server = configured.spawn().unwrap();
    address_of(&mut server).await;
    server.kill().await.unwrap();
    let said = server.wait_with_output().await.unwrap().stderr;
    assert!(!String::from_utf8_lossy(&said).contains("PROFCARDS_BEHIND_PROXY"));
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_first_says_that_it_is_not_ready() {
    let instance = Production::new().await;
    instance.set_up().await;
    let (mut server, client) = instance.serve().await;
    assert_eq!(client.get("/readyz").await.status, 200);
    let pid = Pid::from_raw(server.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    until("it is not ready any more", async || client.get("/readyz").await.status == 503).await;
    assert_eq!(client.get("/healthz").await.status, 200, "it still answers");
    assert!(server.wait().await.unwrap().success());
}

#[tokio::test]
async fn private_keys_are_sealed_and_theirs_alone() {
    let instance = Production::new().await;
    instance.set_up().await;
    let file = instance.path("server/keys/issuer.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    chmod(&file, 0o644);
    instance.on_server("keys list").await.refused("readable by others");
    chmod(&file, 0o600);
    instance.secret("server/passphrase", "не тот пароль совсем");
    instance.on_server("keys list").await.refused("the passphrase is wrong");
    let mut without = instance.command("keys list");
    instance
        .run(instance.of_server(&mut without).env_remove("PROFCARDS_KEY_PASSPHRASE_FILE"))
        .await
        .refused("is sealed");
    let root = "keys trust-list --request root/request.json --out root/again.cose --root root/root.json --root-passphrase-file server/passphrase";
    instance.beside_root(root).await.refused("the passphrase is wrong");

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
    let instance = Production::new().await;
    instance.set_up().await;
    fs::rename(instance.path("root/trust-list.cose"), instance.path("root/first.cose")).unwrap();
    instance.new_trust_list().await;
    instance.on_server("keys trust-list --install root/first.cose").await.refused("a later one is in force");
    // The same list again is no harm: an install that was cut off is simply repeated.
    instance.on_server("keys trust-list --install root/trust-list.cose").await.good();
    let stranger = "keys init --root root/stranger.json --root-passphrase-file root/passphrase";
    instance.beside_root(stranger).await.good();
    instance.sign_with("stranger.json", "forged.cose").await.refused("does not pin this root");
}

#[tokio::test]
async fn one_root_replaces_another_while_both_are_pinned() {
    let instance = Production::new().await;
    instance.set_up().await;
    instance.make_root("second.json", "Второй").await.good();
    instance.on_server("keys export-public --out root/request.json").await.good();
    instance.sign_with("second.json", "trust-list.cose").await.good();
    instance.on_server("keys trust-list --install root/trust-list.cose").await.good();
    let (mut server, client) = instance.serve().await;
    let pins = pins(&client).await;
    assert_eq!(pins.len(), 2);
    let published = client.get(TRUST).await.body;
    assert!(TrustList::load(&published, &pins[1..], None).is_ok_and(|list| list.claims().seq == 2));
    assert!(TrustList::load(&published, &pins[..1], None).is_err());
    server.kill().await.unwrap();
    instance.make_root("third.json", "Третий").await.refused("two roots already");
}

#[tokio::test]
async fn production_refuses_the_development_root() {
    let instance = Production::new().await;
    for name in ["pins.json", "dev/root-1.json"] {
        fs::create_dir_all(instance.path("keys/dev")).unwrap();
        fs::copy(keys_folder().join(name), instance.path("keys").join(name)).unwrap();
    }
    instance.on_server("keys init").await.good();
    instance.on_server("serve").await.refused("development root");
    instance.on_server("keys trust-list").await.refused("development root");
    // Its file says nothing that the program does not know.
    fs::remove_dir_all(instance.path("keys/dev")).unwrap();
    instance.on_server("serve").await.refused("development root");
    // Pinning a root of one's own takes it out.
    instance.make_root("root.json", "Первый").await.good();
    assert!(!fs::read_to_string(instance.path("keys/pins.json")).unwrap().contains("development"));
    instance.new_trust_list().await;
    let (mut server, _) = instance.serve().await;
    server.kill().await.unwrap();
}

#[tokio::test]
async fn a_server_needs_the_secret_that_its_database_was_used_with() {
    let instance = Production::new().await;
    instance.set_up().await;
    let (mut server, _) = instance.serve().await;
    server.kill().await.unwrap();
    let (secret, kept) = (instance.path("server/secret.hex"), instance.path("root/secret.hex"));
    fs::rename(&secret, &kept).unwrap();
    instance.on_server("serve").await.refused("secret.hex is missing");
    instance.secret("server/secret.hex", &"07".repeat(32));
    instance.on_server("serve").await.refused("not the one that this database was used with");
    instance.on_server("till list").await.refused("not the one that this database was used with");
    fs::rename(&kept, &secret).unwrap();
    let (mut server, _) = instance.serve().await;
    server.kill().await.unwrap();
}

#[tokio::test]
async fn production_starts_no_database_of_its_own() {
    let instance = Production::new().await;
    let without_database = async |args: &str| {
        instance.run(instance.of_server(&mut instance.command(args)).env_remove("DATABASE_URL")).await
    };
    for args in ["migrate", "keys list", "keys revoke 01020304", "serve"] {
        without_database(args).await.refused("set DATABASE_URL");
    }
    instance.on_server("up").await.refused("for development");
    assert!(!instance.path("server/postgres").exists());
}

#[tokio::test]
async fn production_refuses_a_database_with_the_demo_union_and_a_folder_without_the_app() {
    let instance = Production::new().await;
    instance.set_up().await;
    fs::remove_file(instance.path("pwa/index.html")).unwrap();
    instance.on_server("serve").await.refused("PROFCARDS_PWA");
    instance.looks_like_the_demo().await;
    instance.on_server("serve").await.refused("the demo union");
}

#[tokio::test]
async fn a_fresh_database_is_migrated_before_there_are_keys() {
    let instance = Production::new().await;
    instance.on_server("migrate").await.good();
}

#[tokio::test]
async fn without_a_card_key_a_server_still_starts_and_a_new_one_signs_at_once() {
    let instance = Production::new().await;
    instance.set_up().await;
    let lost = instance.kid("card").await;
    instance.sign_trust_list().await;
    instance.on_server(&format!("keys revoke {lost}")).await.good();
    // A list that was asked for before.
    instance.on_server("keys trust-list --install root/trust-list.cose").await.refused("was revoked");
    let (mut server, client) = instance.serve().await;
    assert_eq!(client.get(STATUS).await.status, 200);
    server.kill().await.unwrap();
    instance.on_server("cards reissue --due").await.good();
    instance.new_trust_list().await;
    assert_eq!(
        words(&instance.states().await)[1..],
        [("card", "revoked"), ("status", "signs"), ("card", "signs")]
    );
}

#[tokio::test]
async fn a_trust_list_from_the_future_is_refused() {
    let instance = Production::new().await;
    instance.set_up().await;
    instance.on_server("keys export-public --out root/request.json").await.good();
    let request: TrustRequest =
        serde_json::from_str(&fs::read_to_string(instance.path("root/request.json")).unwrap()).unwrap();
    let passphrase = Passphrase::new(fs::read_to_string(instance.path("root/passphrase")).unwrap());
    let root = roots::open(&instance.path("root/root.json"), &passphrase).unwrap();
    // An hour more: the program looks at its own clock later.
    let ahead = unix_seconds(Clock::System.now()) + 3 * 86_400 + 3_600;
    fs::write(instance.path("root/ahead.cose"), request.sign(&root, ahead).unwrap()).unwrap();
    let install = "keys trust-list --install root/ahead.cose";
    instance.on_server(install).await.refused("the clock where the root is kept is 3 days ahead");
    instance.new_trust_list().await;
}

#[tokio::test]
async fn a_new_key_waits_until_every_till_can_know_it() {
    let instance = Production::new().await;
    instance.set_up().await;
    instance.sign_trust_list().await;
    instance.on_server("keys rotate status --in-days 3").await.good();
    let short = instance.on_server("keys trust-list --install root/trust-list.cose").await;
    assert!(short.err.contains("It does not name status"), "{}", short.err);
    short.good();
    instance.sign_trust_list().await;
    instance
        .on_server("keys trust-list --install root/trust-list.cose")
        .await
        .refused("tills may hold the list");
    instance.on_server("keys trust-list --early --install root/trust-list.cose").await.good();
    instance.on_server("keys rotate card").await.good();
    instance.new_trust_list().await;
    let states = instance.states().await;
    assert_eq!(
        words(&states)[1..],
        [("card", "signs"), ("status", "signs"), ("status", "waits"), ("card", "waits")]
    );
}

#[tokio::test]
async fn commands_that_change_the_keys_wait_for_each_other() {
    let instance = Production::new().await;
    instance.set_up().await;
    let root = "--root root/root.json --root-passphrase-file server/passphrase";
    instance.on_server(&format!("keys rotate card {root}")).await.refused("the passphrase is wrong");
    assert_eq!(instance.states().await.len(), 3, "nothing was left behind");
    let lost = instance.kid("card").await;
    let revoke = format!("keys revoke {lost}");
    let commands = ["keys rotate card", "keys rotate status", &revoke, "keys rotate card"];
    let [a, b, c, d] = commands.map(|command| instance.on_server(command));
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    for outcome in [a, b, c, d] {
        outcome.good();
    }
    let states = instance.states().await;
    let of =
        |role, state| states.iter().filter(|key| (key.0.as_str(), key.1.as_str()) == (role, state)).count();
    assert_eq!((of("card", "revoked"), of("card", "unlisted"), of("status", "unlisted")), (1, 3, 1));
}

#[tokio::test]
async fn a_former_roots_list_is_no_hindrance() {
    let instance = Production::new().await;
    instance.set_up().await;
    fs::write(instance.path("server/keys/trust-list.cose"), "cut sho").unwrap();
    let (mut server, client) = instance.serve().await;
    assert_eq!(client.get(TRUST).await.body, fs::read(instance.path("root/trust-list.cose")).unwrap());
    server.kill().await.unwrap();
    // The root is lost: another one is pinned in its place.
    fs::remove_file(instance.path("keys/pins.json")).unwrap();
    fs::remove_file(instance.path("root/root.json")).unwrap();
    instance.make_root("root.json", "Второй").await.good();
    assert_eq!(words(&instance.states().await)[1..], [("card", "unlisted"), ("status", "unlisted")]);
    instance.new_trust_list().await;
    let (mut server, _) = instance.serve().await;
    server.kill().await.unwrap();
}
