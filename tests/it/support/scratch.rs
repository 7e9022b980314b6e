//! What a test stands on and leaves nothing of: a copy of the migrated database, a numbered Redis database, a folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use profcards::base::clock::Clock;
use redis::AsyncCommands as _;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

/// Instances at once, however many processors there are: each may open 24 of the 250 database sessions, and Redis has 16
/// databases unless told otherwise.
const INSTANCES: u32 = 8;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NEXT: AtomicU64 = AtomicU64::new(1);
static REDIS_TAKEN: Mutex<u32> = Mutex::new(0);
static SLOTS: Semaphore = Semaphore::const_new(INSTANCES as usize);

/// A service's address, which the tests do not guess.
fn service(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: these tests need a throw-away PostgreSQL and Redis. Run: bin/test rust")
    })
}

fn unique(what: &str) -> String {
    format!("profcards_it_{}_{what}{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The same server, another database.
fn url_of(database: &str) -> String {
    let url = service("DATABASE_URL");
    let (address, options) = url.split_once('?').unwrap_or((&url, ""));
    let (server, _) = address.rsplit_once('/').expect("DATABASE_URL names a database");
    format!("{server}/{database}?{options}")
}

async fn admin(sql: String) {
    let mut conn = PgConnection::connect(&service("DATABASE_URL")).await.expect("DATABASE_URL answers");
    // Only names made here are in it.
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// The migrated, empty database that every test copies; made once in a run.
async fn template() -> &'static str {
    TEMPLATE
        .get_or_init(|| async {
            let name = unique("template");
            admin(format!("create database {name}")).await;
            let pool = PgPoolOptions::new().max_connections(1).connect(&url_of(&name)).await.unwrap();
            let start = Clock::Manual(std::sync::Arc::new((super::START * 1_000).into()));
            profcards::base::db::migrate(&pool, start.today()).await.unwrap();
            pool.close().await;
            name
        })
        .await
}

/// A database of one's own; dropped with everything in it.
pub struct Database {
    name: String,
    pub url: String,
}

impl Database {
    /// Copies the template.
    pub async fn copy() -> Self {
        let (template, name) = (template().await, unique("test"));
        admin(format!("create database {name} template {template}")).await;
        Self { url: url_of(&name), name }
    }

    /// One that the test has for itself, on a server of its own.
    pub fn at(url: &str) -> Self {
        Self { name: String::new(), url: url.to_owned() }
    }

    /// Cuts every session of this database; answers how many that were.
    pub async fn cut_sessions(&self) -> i64 {
        let mut conn = PgConnection::connect(&service("DATABASE_URL")).await.unwrap();
        sqlx::query_scalar(
            "select count(*) from (select pg_terminate_backend(pid) as cut from pg_stat_activity where datname = $1) a where cut",
        )
        .bind(&self.name)
        .fetch_one(&mut conn)
        .await
        .unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.name.is_empty() {
            return;
        }
        let sql = format!("drop database if exists {} with (force)", self.name);
        // The test's own runtime may be ending, so the clean-up has one of its own.
        let cleaned = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(admin(sql));
        });
        let _ = cleaned.join();
    }
}

/// A numbered Redis database that no other test of this run uses meanwhile.
pub struct RedisNumber {
    number: u32,
    pub url: String,
    _slot: SemaphorePermit<'static>,
}

impl RedisNumber {
    /// Waits for a free number and empties its database.
    pub async fn take() -> Self {
        let slot = SLOTS.acquire().await.expect("nobody closes the semaphore");
        let number = {
            let mut taken = REDIS_TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
            let number = (0..INSTANCES).find(|n| *taken & (1 << n) == 0).expect("as many numbers as places");
            *taken |= 1 << number;
            number
        };
        let server = service("REDIS_URL");
        let url = if server.contains("unix") {
            format!("{server}?db={number}")
        } else {
            format!("{}/{number}", server.trim_end_matches('/'))
        };
        flush(&url).await;
        Self { number, url, _slot: slot }
    }
}

impl Drop for RedisNumber {
    fn drop(&mut self) {
        *REDIS_TAKEN.lock().unwrap_or_else(PoisonError::into_inner) &= !(1 << self.number);
    }
}

/// Empties a Redis database.
pub async fn flush(url: &str) {
    let client = redis::Client::open(url).unwrap();
    let mut conn = client.get_multiplexed_async_connection().await.expect("REDIS_URL answers");
    let _: () = conn.flushdb().await.unwrap();
}

/// A folder that goes with the test.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty one.
    pub fn make() -> Self {
        let path = std::env::temp_dir().join(unique("folder"));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
