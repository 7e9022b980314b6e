//! An instance in production with its root elsewhere, driven by the real program alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::Client;
use super::process::{address_of, bare_program};
use super::scratch::{Database, Folder};

/// An instance in production that is yet to be set up, and the place where its root is kept.
pub struct Production {
    folder: Folder,
    database: Database,
}

/// The end of a command.
pub struct Outcome {
    pub succeeded: bool,
    pub out: String,
    pub err: String,
}

impl Production {
    /// Makes folders, passphrases and a database; no root and no keys.
    pub async fn new() -> Self {
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

    /// The database says that the demo union is in it.
    pub async fn looks_like_the_demo(&self) {
        let db = sqlx::PgPool::connect(&self.database.url).await.unwrap();
        let member_of_none = "alter table demo_union drop constraint demo_union_sample_membership_id_fkey";
        sqlx::query(member_of_none).execute(&db).await.unwrap();
        let loaded =
            "insert into demo_union (loaded_at, sample_membership_id) values (now(), gen_random_uuid())";
        sqlx::query(loaded).execute(&db).await.unwrap();
        db.close().await;
    }

    /// The path of this file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Writes a file that its owner alone can read.
    pub fn secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        chmod(&self.path(name), 0o600);
    }

    /// The program; words with a slash are paths of this place.
    pub fn command(&self, args: &str) -> Command {
        let mut command = bare_program();
        command.env("PROFCARDS_KEYS", self.path("keys")).env("PROFCARDS_PWA", self.path("pwa"));
        for word in args.split_whitespace() {
            command.arg(if word.contains('/') { self.text(word) } else { word.to_owned() });
        }
        command
    }

    /// A command where the root is kept: no database, no server's folder.
    pub async fn beside_root(&self, args: &str) -> Outcome {
        self.run(self.command(args).env("PROFCARDS_DATA", self.path("elsewhere"))).await
    }

    /// A command on the server.
    pub async fn on_server(&self, args: &str) -> Outcome {
        self.run(self.of_server(&mut self.command(args))).await
    }

    /// The same with the settings of the server.
    pub fn of_server<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("PROFCARDS_PRODUCTION", "true").env("PROFCARDS_DATA", self.path("server"));
        command.env("PROFCARDS_KEY_PASSPHRASE_FILE", self.path("server/passphrase"));
        command.env("DATABASE_URL", &self.database.url).env("PROFCARDS_ADDR", "127.0.0.1:0")
    }

    /// Runs a command to its end.
    pub async fn run(&self, command: &mut Command) -> Outcome {
        let output = command.stderr(Stdio::piped()).output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Outcome { succeeded: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The running server and where it serves.
    pub async fn serve(&self) -> (Child, Client) {
        let mut child = self.of_server(&mut self.command("serve")).spawn().unwrap();
        let base = address_of(&mut child).await;
        (child, Client::new(&base))
    }

    /// Every key, as `keys list` tells of it.
    async fn listed(&self) -> Vec<Value> {
        serde_json::from_str(&self.on_server("keys list --json").await.good()).unwrap()
    }

    /// Their roles and states.
    pub async fn states(&self) -> Vec<(String, String)> {
        let word = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
        self.listed().await.iter().map(|key| (word(key, "role"), word(key, "state"))).collect()
    }

    /// Makes a root in this file and pins it by this name.
    pub async fn make_root(&self, file: &str, pin: &str) -> Outcome {
        let init = format!("keys init --root root/{file} --root-passphrase-file root/passphrase --pin {pin}");
        self.beside_root(&init).await
    }

    /// The root in this file signs the trust list that the server asked for.
    pub async fn sign_with(&self, root: &str, out: &str) -> Outcome {
        let files = format!("--request root/request.json --out root/{out} --root root/{root}");
        let sign = format!("keys trust-list {files} --root-passphrase-file root/passphrase");
        self.beside_root(&sign).await
    }

    /// Sets the instance up, from an empty folder to a trust list in force.
    pub async fn set_up(&self) {
        self.make_root("root.json", "Первый").await.good();
        self.on_server("keys init").await.good();
        self.new_trust_list().await;
    }

    /// The whole way of a trust list: asked for on the server, signed elsewhere, brought back.
    pub async fn new_trust_list(&self) {
        self.sign_trust_list().await;
        self.on_server("keys trust-list --install root/trust-list.cose").await.good();
    }

    /// The same without the last step.
    pub async fn sign_trust_list(&self) {
        self.on_server("keys export-public --out root/request.json").await.good();
        self.sign_with("root.json", "trust-list.cose").await.good();
    }

    /// The short name of the server's key that signs for this role.
    pub async fn kid(&self, role: &str) -> String {
        let listed = self.listed().await;
        let key = listed.iter().find(|key| key["role"] == role && key["state"] == "signs").unwrap();
        key["kid"].as_str().unwrap().to_owned()
    }
}

impl Outcome {
    /// Asserts that it succeeded; answers what it printed.
    #[track_caller]
    pub fn good(self) -> String {
        assert!(self.succeeded, "{}", self.err);
        self.out
    }

    /// Asserts that it failed, and said this.
    #[track_caller]
    pub fn refused(self, why: &str) {
        assert!(!self.succeeded && self.err.contains(why), "{}", self.err);
    }
}

/// Gives a file this mode.
pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
