//! The real servers, started, killed and asked.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use sqlx::{Connection, PgConnection};

use super::dirs::{InstanceDirs, random_name};
use super::process::{processes_in, wait_until};
use super::{PrivateRedis, READY_WITHIN, Services, answers_ping, with_services};

const HELD_DIR: &str = "PROFCARDS_TEST_HELD_DIR";

/// A data folder and whatever its databases left, removed at the end of a test.
struct Folder(PathBuf);

impl Folder {
    fn new(mode: u32) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("profcards-{}", random_name()?));
        DirBuilder::new().mode(mode).create(&path)?;
        Ok(Self(path.canonicalize()?))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Ok(home) = fs::read_link(self.0.join("databases")) {
            let _ = fs::remove_dir_all(home);
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn servers_of(dirs: &InstanceDirs) -> Vec<u32> {
    ["postgres", "redis"].iter().flat_map(|name| processes_in(&dirs.home.join(name))).collect()
}

async fn count_members(services: &Services, sql: &'static str) -> Result<i64> {
    let mut connection = PgConnection::connect(&services.database_url).await?;
    let count = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(count)
}

#[tokio::test]
async fn keeps_the_data_and_leaves_no_process() -> Result<()> {
    // Closed to all others: as root the database must find itself another home.
    let folder = Folder::new(0o700)?;
    let dirs = InstanceDirs::of(&folder.0)?;
    let services = Services::start(&folder.0)?;
    assert!(!servers_of(&dirs).is_empty());
    let filled = "WITH made AS (SELECT lower('Ёж') AS name) SELECT count(*) FROM made WHERE name = 'ёж'";
    assert_eq!(count_members(&services, filled).await?, 1, "Cyrillic letters have cases");
    let mut connection = PgConnection::connect(&services.database_url).await?;
    sqlx::raw_sql("CREATE TABLE member (name text); INSERT INTO member VALUES ('Анна')")
        .execute(&mut connection)
        .await?;
    let mut cache =
        redis::Client::open(services.redis_url.as_str())?.get_multiplexed_async_connection().await?;
    let pong: String = redis::cmd("PING").query_async(&mut cache).await?;
    assert_eq!(pong, "PONG");

    let refusal = Services::start(&folder.0).err().context("a second start must be refused")?.to_string();
    assert!(refusal.contains(&format!("process {}", std::process::id())), "{refusal}");
    let joined = Services::join_or_start(&folder.0)?;
    assert_eq!(joined.database_url, services.database_url);
    drop(joined);
    assert!(!servers_of(&dirs).is_empty(), "who joined must not stop what it did not start");

    services.stop();
    assert_eq!(servers_of(&dirs), Vec::<u32>::new());
    assert!(!dirs.sockets.exists());
    let again = Services::start(&folder.0)?;
    assert_eq!(count_members(&again, "SELECT count(*) FROM member").await?, 1);
    Ok(())
}

#[tokio::test]
async fn recovers_when_the_process_was_killed() -> Result<()> {
    let folder = Folder::new(0o755)?;
    let dirs = InstanceDirs::of(&folder.0)?;
    let mut holder = Command::new(std::env::current_exe()?)
        .args(["--exact", "server::embedded::tests::hold_services", "--ignored"])
        .env(HELD_DIR, &folder.0)
        .stdout(Stdio::null())
        .spawn()?;
    wait_until(READY_WITHIN, || Ok(answers_ping(&dirs.redis_socket())))?;
    let held = servers_of(&dirs);
    holder.kill()?;
    holder.wait()?;
    let services = Services::start(&folder.0)?;
    assert_eq!(count_members(&services, "SELECT 1::bigint").await?, 1);
    assert!(servers_of(&dirs).iter().all(|pid| !held.contains(pid)), "the killed process's servers are gone");
    Ok(())
}

/// Started by the test above in a process of its own, to be killed there.
#[test]
#[ignore = "a helper of another test"]
fn hold_services() {
    if let Some(folder) = std::env::var_os(HELD_DIR) {
        let _services = Services::start(Path::new(&folder)).expect("the services start");
        std::thread::park();
    }
}

#[test]
fn runs_a_command_and_passes_its_code_on() -> Result<()> {
    let folder = Folder::new(0o755)?;
    let seen = folder.0.join("seen");
    let script = format!(
        r#"printf '%s' "$DATABASE_URL" >{}; test -S "${{REDIS_URL#redis+unix://}}" && exit 7"#,
        seen.display()
    );
    let code = with_services(&["sh".into(), "-c".into(), script])?;
    assert_eq!(code, 7);
    let sockets = fs::read_to_string(seen)?.split_once("host=").context("a socket folder")?.1.to_owned();
    assert!(sockets.starts_with("/tmp/profcards-") && !Path::new(&sockets).exists());
    Ok(())
}

#[test]
fn a_failed_start_shows_the_log() -> Result<()> {
    let folder = Folder::new(0o755)?;
    let dirs = InstanceDirs::of(&folder.0)?;
    let failure = Services::start_with(&dirs, &["no_such_setting=1"]).err().context("must fail")?;
    assert!(failure.to_string().contains("no_such_setting"), "{failure}");
    assert!(!dirs.sockets.exists());
    Ok(())
}

#[test]
fn redis_comes_back_at_the_same_address() -> Result<()> {
    let folder = Folder::new(0o755)?;
    let url = PrivateRedis::start(&folder.0)?.url.clone();
    assert!(processes_in(&InstanceDirs::of(&folder.0)?.home.join("redis")).is_empty());
    assert_eq!(PrivateRedis::start(&folder.0)?.url, url);
    Ok(())
}

#[tokio::test]
async fn the_log_is_its_owners_and_holds_nothing_of_what_is_stored() -> Result<()> {
    let folder = Folder::new(0o755)?;
    let services = Services::start(&folder.0)?;
    let mut connection = PgConnection::connect(&services.database_url).await?;
    sqlx::raw_sql("create table member (name text primary key); insert into member values ('Секретова')")
        .execute(&mut connection)
        .await?;
    let twice =
        sqlx::query("insert into member values ($1)").bind("Секретова").execute(&mut connection).await;
    assert!(twice.is_err());
    drop(connection);
    services.stop();
    drop(Services::start(&folder.0)?);
    let mut before = String::new();
    for name in ["postgres.log", "redis.log", "postgres.log.before", "redis.log.before"] {
        let path = folder.0.join(name);
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600, "{name}");
        before += &fs::read_to_string(path)?;
    }
    assert!(before.contains("duplicate key value"), "it says what happened:\n{before}");
    assert!(!before.contains("Секретова") && !before.contains("insert into"), "and not to whom:\n{before}");
    Ok(())
}
