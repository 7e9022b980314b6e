//! What everything stands on, and what knows of nothing else: settings, time, randomness, money, texts, errors, the ways to the
//! databases, what a handler takes from a request. Nothing here knows what a member, a card or a partner is, beyond that it has an id.

pub mod cache;
pub mod clock;
pub mod code;
pub mod conditional;
pub mod config;
pub mod db;
pub mod error;
pub mod extract;
pub mod faults;
pub mod files;
pub mod forwarded;
pub mod ids;
pub mod live;
pub mod money;
pub mod pages;
pub mod random;
pub mod secret;
pub mod sweep;
pub mod texts;
pub mod trusted_time;
pub mod words;

use std::ops::Deref;
use std::sync::Arc;

use anyhow::Context as _;
use sqlx::PgPool;

use self::cache::Cache;
use self::clock::Clock;
use self::config::Config;
use self::db::Pools;
use self::live::Live;
use self::random::Random;
use self::secret::InstanceSecret;

/// The base that every feature takes: made once, and shared by every request. A clone is another handle to the same.
#[derive(Clone)]
pub struct Base(Arc<Parts>);

/// The parts of a [`Base`].
pub struct Parts {
    /// The instance's settings.
    pub config: Config,
    /// The source of time.
    pub clock: Clock,
    /// The source of randomness.
    pub random: Random,
    /// Connections to the database for staff and members.
    pub db: PgPool,
    /// Connections for what goes through many rows of the registry.
    pub db_searches: PgPool,
    /// Connections for counting what strangers try.
    pub db_doors: PgPool,
    /// Connections for tills and partners' servers.
    pub db_tills: PgPool,
    /// Connections for what the instance does by itself, and for commands.
    pub db_jobs: PgPool,
    /// Redis, if it is there.
    pub cache: Cache,
    /// Wake-up calls to open pages.
    pub live: Live,
    /// The secret that keys the hashes of typed codes.
    pub secret: InstanceSecret,
}

impl Deref for Base {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Base {
    /// Connects and migrates; no more pages than `max_listeners` will listen at once.
    pub async fn open(
        config: Config,
        clock: Clock,
        random: Random,
        max_listeners: usize,
    ) -> anyhow::Result<Self> {
        let Pools { registry: db, searches: db_searches, doors: db_doors, tills: db_tills, jobs: db_jobs } =
            db::open(&config, &clock).await?;
        let cache = Cache::new(config.redis_url.as_deref()).context("REDIS_URL cannot be used")?;
        let secret = InstanceSecret::open(&config.data, &db_jobs, &random).await?;
        let live = Live::new(&random, max_listeners);
        Ok(Self(Arc::new(Parts {
            config,
            clock,
            random,
            db,
            db_searches,
            db_doors,
            db_tills,
            db_jobs,
            cache,
            live,
            secret,
        })))
    }
}
