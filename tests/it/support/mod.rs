//! An instance for one test: the real server on a free port, its own database, its own Redis database, its own data
//! folder, a clock that the test moves and randomness from a seed.

pub mod client;
pub mod lists;
pub mod phone;
pub mod process;
pub mod production;
pub mod register;
pub mod scratch;
pub mod till;
pub mod world;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::header::SET_COOKIE;
use profcards::access::limits::{self, Limit};
use profcards::access::store::SessionOwner;
use profcards::access::{SessionToken, store};
use profcards::base::clock::{Clock, unix_seconds};
use profcards::base::config::Config;
use profcards::base::forwarded::ProxyHeader;
use profcards::base::random::Random;
use profcards::programme::ledger::audit::{self, Audit};
use profcards::server::jobs::kinds::KINDS;
use profcards::server::jobs::runner::{self, JobKind};
use profcards::server::{App, connections, health, jobs, router};
use serde_json::Value;
use tokio::net::TcpListener;
use uuid::Uuid;

pub use client::{Client, Reply};
pub use phone::Phone;
use scratch::{Database, Folder, RedisNumber};
pub use till::Till;
use world::World;

/// Tests begin on a Sunday at noon in Moscow.
pub const START: i64 = 1_795_338_000;
/// A day.
pub const DAY_SECONDS: i64 = 86_400;
/// The member whom most tests are about.
pub const NAME: &str = "Иванова Мария Петровна";
/// No condition that a test waits for may take longer.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running instance and what it stands on.
pub struct TestApp {
    pub app: App,
    pub base: String,
    pub world: World,
    clock: Option<Arc<AtomicI64>>,
    server: tokio::task::JoinHandle<()>,
    // Dropped after the server, in this order.
    _folder: Folder,
    pub database: Database,
    _redis: RedisNumber,
}

/// What is unusual about an instance.
struct Setup {
    clock: Clock,
    database: Option<Database>,
    redis_url: Option<String>,
    behind_proxy: usize,
    proxy_header: ProxyHeader,
    wait_hours: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            clock: manual_clock(),
            database: None,
            redis_url: None,
            behind_proxy: 0,
            proxy_header: ProxyHeader::XForwardedFor,
            wait_hours: 0,
        }
    }
}

impl TestApp {
    /// An instance at [`START`], with the small union of [`world`] in it.
    pub async fn start() -> Self {
        Self::build(Setup::default()).await
    }

    /// The same where a phone that a sheet enrolled waits before it redeems; elsewhere it does at once.
    pub async fn start_with_wait(wait_hours: u32) -> Self {
        Self::build(Setup { wait_hours, ..Setup::default() }).await
    }

    /// The same by the machine's clock, for tests that go on with the real program.
    pub async fn start_with_real_clock() -> Self {
        Self::build(Setup { clock: Clock::System, ..Setup::default() }).await
    }

    /// The same by the machine's clock, ahead by as many seconds as the handle says: none as yet.
    pub async fn start_with_shifted_clock() -> (Self, Arc<AtomicI64>) {
        let ahead_seconds = Arc::new(AtomicI64::new(0));
        let clock = Clock::Ahead(ahead_seconds.clone());
        (Self::build(Setup { clock, ..Setup::default() }).await, ahead_seconds)
    }

    /// An instance whose Redis is the test's to stop.
    pub async fn start_with_redis(url: &str) -> Self {
        Self::build(Setup { redis_url: Some(url.to_owned()), ..Setup::default() }).await
    }

    /// An instance on a database that is the test's to crash.
    pub async fn start_on(database: Database) -> Self {
        Self::build(Setup { database: Some(database), ..Setup::default() }).await
    }

    /// An instance that believes `X-Forwarded-For`.
    pub async fn start_behind_proxy() -> Self {
        Self::start_behind_proxies(1, ProxyHeader::XForwardedFor).await
    }

    /// The same behind so many, which tell the address in this header.
    pub async fn start_behind_proxies(hops: usize, header: ProxyHeader) -> Self {
        Self::build(Setup { behind_proxy: hops, proxy_header: header, ..Setup::default() }).await
    }

    async fn build(setup: Setup) -> Self {
        let redis = RedisNumber::take().await;
        let database = match setup.database {
            Some(database) => database,
            None => Database::copy().await,
        };
        let folder = Folder::make();
        let pwa = folder.path().join("pwa");
        std::fs::create_dir_all(pwa.join("assets")).unwrap();
        std::fs::write(pwa.join("index.html"), "<!doctype html><title>app</title>").unwrap();
        std::fs::write(pwa.join("sw.js"), "const revision = '__SHELL_REVISION__';").unwrap();
        std::fs::write(pwa.join("assets/app-1a2b3c.js"), "export {};").unwrap();
        let (handle, random) = match &setup.clock {
            Clock::Manual(millis) => (Some(millis.clone()), Random::seeded(1)),
            _ => (None, Random::System),
        };
        let config = Config {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: folder.path().join("data"),
            pwa,
            keys: keys_folder(),
            issuer_keys: None,
            key_passphrase_file: None,
            key_passphrase: None,
            database_url: Some(database.url.clone()),
            redis_url: Some(setup.redis_url.unwrap_or_else(|| redis.url.clone())),
            production: false,
            behind_proxy: setup.behind_proxy,
            proxy_header: setup.proxy_header,
            redemption_wait_hours: Some(setup.wait_hours),
            held_above_kopecks: 10_000_00,
            union_name: "Общероссийский Профсоюз образования".into(),
            union_short_name: "Профсоюз образования".into(),
        };
        let app = App::start(config, setup.clock, random).await.expect("the instance starts");
        health::recorder();
        let world = World::make(&app).await;
        let (base, server) = serve(app.clone()).await;
        Self { app, base, world, clock: handle, server, _folder: folder, database, _redis: redis }
    }

    /// Another instance on the same database and data folder, whose clock is off by so much.
    pub async fn beside(&self, skew_seconds: i64) -> Beside {
        let millis =
            self.clock.as_ref().expect("a manual clock").load(Ordering::SeqCst) + skew_seconds * 1_000;
        let clock = Arc::new(AtomicI64::new(millis));
        let app = App::start(self.app.config.clone(), Clock::Manual(clock.clone()), Random::System).await;
        let app = app.expect("another instance starts");
        let (base, server) = serve(app.clone()).await;
        Beside { app, client: Client::new(&base), base, clock, server }
    }

    /// Stops serving, as before another process takes over.
    pub async fn stop_serving(&mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }

    /// The server's time.
    pub fn now(&self) -> u64 {
        unix_seconds(self.app.clock.now())
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: i64) {
        self.clock.as_ref().expect("a manual clock").fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// Runs one round of what the instance does by itself.
    pub async fn housekeeping(&self) {
        self.app.keys.refresh(&self.app.db, self.now()).await.unwrap();
        jobs::housekeeping(&self.app).await;
        jobs::watches::look_at_jobs(&self.app).await.unwrap();
    }

    /// Runs the due jobs that are not hourly steps.
    pub async fn do_due_jobs(&self) {
        let others: Vec<_> = KINDS.into_iter().filter(|kind| !kind.is_hourly()).collect();
        do_due(&self.app, &others).await.unwrap();
    }

    /// Enqueues and runs the re-issue of a revoked key's cards.
    pub async fn replace_lost_cards(&self) {
        jobs::reissue::enqueue_lost_keys(&self.app).await.unwrap();
        self.do_due_jobs().await;
    }

    /// A client without any session.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.base)
    }

    /// A browser with a fresh session of this owner.
    pub async fn signed_in(&self, owner: SessionOwner) -> Client {
        let token = SessionToken::new(&self.app);
        let mut conn = self.app.db.acquire().await.unwrap();
        store::open_session(&mut conn, &token.stored_hash(), owner, self.app.clock.now()).await.unwrap();
        Client::with_cookie(&self.base, &token.into_cookie(&self.app, owner.face()).to_string())
    }

    /// One of those who keep the register.
    pub async fn staff(&self, account: Uuid) -> Client {
        self.signed_in(SessionOwner::Account(account.into())).await
    }

    /// The school's chair.
    pub async fn chair(&self) -> Client {
        self.staff(self.world.chair).await
    }

    /// Redis loses whatever it remembered.
    pub async fn forget_redis(&self) {
        scratch::flush(self.app.config.redis_url.as_ref().unwrap()).await;
    }

    /// As many attempts of somebody as a limit lets through, all of them wrong.
    pub async fn use_up(&self, limit: Limit, who: &str) {
        let ends_at = self.app.clock.now() + chrono::TimeDelta::seconds(limit.window_seconds.into());
        sqlx::query(
            "insert into limit_counter (key, count, ends_at) values ($1, $2, $3)
             on conflict (key) do update set count = excluded.count, ends_at = excluded.ends_at",
        )
        .bind(&limits::counter_key(limit, who)[..])
        .bind(limit.attempts.cast_signed())
        .bind(ends_at)
        .execute(&self.app.db)
        .await
        .unwrap();
    }

    /// Forgets all attempts.
    pub async fn forget_counters(&self) {
        sqlx::query("update limit_counter set count = 0").execute(&self.app.db).await.unwrap();
    }

    /// How many counters there are.
    pub async fn counters(&self) -> i64 {
        sqlx::query_scalar("select count(*) from limit_counter").fetch_one(&self.app.db).await.unwrap()
    }

    /// The books agree with themselves; answers what they hold.
    pub async fn audit(&self) -> Audit {
        let audit = audit::run(&self.app.db, self.app.clock.now()).await.unwrap();
        assert!(audit.is_clean(), "the books disagree: {audit:?}");
        audit
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Runs the jobs of these kinds that are due.
pub async fn do_due(app: &App, kinds: &[JobKind]) -> profcards::base::error::Result<()> {
    let (_stop, mut untold) = tokio::sync::watch::channel(false);
    runner::do_due(app, kinds, &mut untold).await
}

fn manual_clock() -> Clock {
    Clock::Manual(Arc::new(AtomicI64::new(START * 1_000)))
}

/// An instance, its one member, and that member's phone.
pub async fn with_phone() -> (TestApp, Phone) {
    let app = TestApp::start().await;
    let phone = Phone::activate(&app, app.member(NAME).await).await;
    (app, phone)
}

/// The same, and a till.
pub async fn with_till() -> (TestApp, Phone, Till) {
    let (app, phone) = with_phone().await;
    let till = Till::pair(&app).await;
    (app, phone, till)
}

async fn serve(app: App) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(app.config.addr).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (bounds, router) = (app.bounds, router::router(app));
    (base, tokio::spawn(connections::serve(listener, router, bounds, std::future::pending())))
}

/// An instance beside a test's own.
pub struct Beside {
    pub app: App,
    /// A client without any session.
    pub client: Client,
    pub base: String,
    clock: Arc<AtomicI64>,
    server: tokio::task::JoinHandle<()>,
}

impl Beside {
    /// Lets time pass there.
    pub fn advance(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The repository's public trust material.
pub fn keys_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("keys")
}

/// A new id; never the same twice in a run.
pub fn next_id() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    uuid::Builder::from_u128(u128::from(n) << 32 | u128::from(std::process::id()))
        .with_version(uuid::Version::Random)
        .with_variant(uuid::Variant::RFC4122)
        .into_uuid()
}

/// No more often than the pace of who is signed in allows, within [`DEADLINE`].
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Waits until `condition` holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < DEADLINE, "waited in vain: {what}");
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
    }
}

/// Repeats a pull until nothing newer waits for an older transaction to end.
pub async fn settled(mut pull: impl AsyncFnMut() -> Value) -> Value {
    let mut pulled = Value::Null;
    until("nothing waits", async || {
        pulled = pull().await;
        pulled["pending"] == false
    })
    .await;
    pulled
}

/// The entity of this name that a pull answered.
pub fn entity<'a>(pull: &'a Value, name: &str) -> Option<&'a Value> {
    pull["upserts"].as_array()?.iter().find(|upsert| upsert["entity"] == name).map(|upsert| &upsert["data"])
}

/// Whether a reply sets this cookie.
pub fn sets_cookie(reply: &Reply, name: &str) -> bool {
    reply
        .headers
        .get_all(SET_COOKIE)
        .iter()
        .any(|cookie| cookie.to_str().is_ok_and(|text| text.starts_with(&format!("{name}="))))
}

/// How many purchases a pull has brought.
pub fn purchases(pulled: &Value) -> usize {
    pulled["upserts"].as_array().unwrap().iter().filter(|upsert| upsert["entity"] == "purchase").count()
}
