//! The real program: its commands, and a server to be killed.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};

use super::{TestApp, keys_folder};

/// The program without anything of the environment; what it says is kept, what it complains of is not.
pub fn bare_program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_profcards"));
    command.env_clear().kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// Where a server that was just started says that it serves.
pub async fn address_of(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().expect("the server says where it serves");
    // Cookies belong to the host by which the tests signed in.
    line.trim().replace("localhost", "127.0.0.1")
}

/// The program with these arguments, on a test's database and data folder and nothing else of the environment, to play this
/// fault or none.
fn program(app: &TestApp, arguments: &[&str], fault: Option<&str>) -> Command {
    let mut command = bare_program();
    command.args(arguments);
    place_on(app, &mut command, fault);
    command
}

/// Another process of the tests themselves, which runs this one: it knows kinds of jobs that the program does not.
pub fn start_test(app: &TestApp, name: &str, fault: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env_clear().kill_on_drop(true).args([name, "--exact", "--ignored"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    place_on(app, &mut command, fault);
    command.spawn().unwrap()
}

fn place_on(app: &TestApp, command: &mut Command, fault: Option<&str>) {
    let config = &app.app.config;
    command.env("PROFCARDS_ADDR", "127.0.0.1:0").env("PROFCARDS_KEYS", keys_folder());
    command.env("PROFCARDS_DATA", &config.data).env("PROFCARDS_PWA", &config.pwa);
    command.env("DATABASE_URL", config.database_url.as_ref().unwrap());
    command.env("REDIS_URL", config.redis_url.as_ref().unwrap());
    if let Some(fault) = fault {
        command.env("PROFCARDS_FAULT", fault);
    }
}

/// Runs one command; answers what it printed, or what it complained of.
pub async fn run(app: &TestApp, args: &[&str]) -> Result<String, String> {
    result_of(program(app, args, None)).await
}

/// The same with this name signed in to the machine.
pub async fn run_as(app: &TestApp, user: &str, args: &[&str]) -> Result<String, String> {
    let mut command = program(app, args, None);
    command.env("USER", user);
    result_of(command).await
}

async fn result_of(mut command: Command) -> Result<String, String> {
    let ended = command.stderr(Stdio::piped()).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if ended.status.success() { Ok(text(ended.stdout)) } else { Err(text(ended.stderr)) }
}

/// `profcards serve` on a test's database and data folder.
pub struct Server {
    pub base: String,
    child: Child,
}

/// A command of the program that runs to its end, unless it dies or is killed.
pub fn start(app: &TestApp, arguments: &[&str], fault: Option<&str>) -> Child {
    program(app, arguments, fault).spawn().unwrap()
}

/// The same without a fault, and what it complains of until it ends.
pub fn start_heard(app: &TestApp, arguments: &[&str]) -> (Child, ChildStderr) {
    let mut child = program(app, arguments, None).stderr(Stdio::piped()).spawn().unwrap();
    let log = child.stderr.take().unwrap();
    (child, log)
}

/// The same with a pipe into it.
pub fn start_piped(app: &TestApp, arguments: &[&str]) -> Child {
    program(app, arguments, None).stdin(Stdio::piped()).spawn().unwrap()
}

/// What a command printed, and its exit code; none if it was killed.
pub async fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().await.unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

impl Server {
    /// Starts it with a fault, or none, and waits until it serves.
    pub async fn start(app: &TestApp, fault: Option<&str>) -> Self {
        let mut child = start(app, &["serve"], fault);
        Self { base: address_of(&mut child).await, child }
    }

    /// The same without a fault, and its log until it ends.
    pub async fn start_heard(app: &TestApp) -> (Self, ChildStderr) {
        let (mut child, log) = start_heard(app, &["serve"]);
        (Self { base: address_of(&mut child).await, child }, log)
    }

    /// `kill -9`.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits until it has died by itself.
    pub async fn died(mut self) {
        let status = self.child.wait().await.unwrap();
        assert!(!status.success(), "the server was to die");
    }
}
