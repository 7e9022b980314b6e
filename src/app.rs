//! What a running instance consists of, made once and shared by every request. No rules live here.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use sqlx::PgPool;

use crate::cache::Cache;
use crate::cards::keys::KeyRing;
use crate::cards::lists::PublishedLists;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Pools;
use crate::http::assets::Shell;
use crate::http::connections::Bounds;
use crate::http::health::WriteProbe;
use crate::live::Live;
use crate::random::Random;
use crate::secret::InstanceSecret;

/// One instance.
pub struct App {
    /// Its settings.
    pub config: Config,
    /// Where time comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub random: Random,
    /// The truth, for staff and members.
    pub db: PgPool,
    /// The same, for what goes through many rows of the registry.
    pub db_searches: PgPool,
    /// The same, for counting what strangers try.
    pub db_doors: PgPool,
    /// The same, for tills and partners' servers.
    pub db_tills: PgPool,
    /// The same, for what the instance does by itself, and for commands.
    pub db_jobs: PgPool,
    /// Whether the database takes what is written, as last tried.
    pub write_probe: WriteProbe,
    /// Redis, if it is there.
    pub cache: Cache,
    /// How many connections it takes.
    pub bounds: Bounds,
    /// It was told to stop: it still answers, and says that no more should be sent to it.
    pub is_stopping: AtomicBool,
    /// Wake-up calls to open pages.
    pub live: Live,
    /// The keys that sign cards and lists.
    pub keys: KeyRing,
    /// The status lists as last published.
    pub lists: PublishedLists,
    /// Keys the hashes of typed codes.
    pub secret: InstanceSecret,
    /// What the PWA precaches about this instance.
    pub shell: Shell,
}

/// How handlers receive the instance.
pub type AppState = Arc<App>;

impl App {
    /// Connects, migrates, makes or loads the instance's keys and its first trust list.
    pub async fn start(config: Config, clock: Clock, random: Random) -> anyhow::Result<AppState> {
        let Pools { registry: db, searches: db_searches, doors: db_doors, tills: db_tills, jobs: db_jobs } =
            crate::db::open(&config, &clock).await?;
        let cache = Cache::new(config.redis_url.as_deref()).context("REDIS_URL cannot be used")?;
        let secret = InstanceSecret::open(&config.data, &db_jobs, &random).await?;
        let keys = KeyRing::open(&config, &db_jobs, &clock, &random).await?;
        let shell = Shell::new(&config, &keys);
        let bounds = Bounds::of(&config);
        Ok(Arc::new(Self {
            live: Live::new(&random, bounds.listeners),
            bounds,
            is_stopping: AtomicBool::new(false),
            secret,
            lists: PublishedLists::default(),
            config,
            clock,
            random,
            db,
            db_searches,
            db_doors,
            db_tills,
            db_jobs,
            write_probe: WriteProbe::default(),
            cache,
            keys,
            shell,
        }))
    }
}
