//! What a running instance consists of, made once and shared by every request. No rules live here.

use std::sync::Arc;

use anyhow::Context as _;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::cache::Cache;
use crate::cards::keys::KeyRing;
use crate::cards::lists::PublishedLists;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::assets::Shell;
use crate::live::Live;
use crate::random::Random;
use crate::secret::InstanceSecret;

/// Connections of one instance. PostgreSQL's default of 100 leaves room for several instances and for people.
const MAX_DB_CONNECTIONS: u32 = 16;

/// One instance.
pub struct App {
    /// Its settings.
    pub config: Config,
    /// Where time comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub random: Random,
    /// The truth.
    pub db: PgPool,
    /// Redis, if it is there.
    pub cache: Cache,
    /// Wake-up calls to open pages.
    pub live: Live,
    /// The keys that sign cards and lists.
    pub keys: KeyRing,
    /// The public lists as last signed.
    pub lists: PublishedLists,
    /// Keys the hashes of typed codes.
    pub secret: InstanceSecret,
    /// What the PWA precaches about this instance.
    pub shell: Shell,
}

/// How handlers receive the instance.
pub type AppState = Arc<App>;

impl App {
    /// Connects, migrates, makes or loads the instance's keys and publishes its first lists.
    pub async fn start(config: Config, clock: Clock, random: Random) -> anyhow::Result<AppState> {
        let db = connect(&config).await?;
        crate::db::migrate(&db, clock.today()).await?;
        let cache =
            Cache::new(config.redis_url.as_deref(), clock.clone()).context("REDIS_URL cannot be used")?;
        let keys = KeyRing::open(&config, &clock, &random)?;
        let shell = Shell::new(&config, &keys);
        let app = Arc::new(Self {
            live: Live::new(&random),
            secret: InstanceSecret::open(&config.data, &random)?,
            lists: PublishedLists::default(),
            config,
            clock,
            random,
            db,
            cache,
            keys,
            shell,
        });
        crate::cards::lists::ensure_first_list(&app).await?;
        Ok(app)
    }
}

/// Opens the pool; the first connection must succeed.
async fn connect(config: &Config) -> anyhow::Result<PgPool> {
    let url = config.database_url.as_deref().context(
        "no database: set DATABASE_URL, or run `up`, which starts a private one (a command beside a running `up` finds it by itself)",
    )?;
    PgPoolOptions::new()
        .max_connections(MAX_DB_CONNECTIONS)
        .acquire_timeout(std::time::Duration::from_secs(5))
        .connect(url)
        .await
        .context("the database does not answer")
}
