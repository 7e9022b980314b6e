//! Redis, used so that it is never needed: every call has a time limit, and when Redis is away the caller goes to
//! Postgres or to this process's own memory. Nothing here is ever the truth about money or rights.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncTypedCommands as _, Script};

/// The time that a call may take before Redis counts as away.
const CALL_TIMEOUT: Duration = Duration::from_millis(150);
/// The pause after a failure before Redis is asked again, so that its absence does not slow every request.
const PAUSE: Duration = Duration::from_secs(1);
/// The most keys that the local stand-in for the rate limits holds.
const LOCAL_KEYS: usize = 20_000;

/// A handle on Redis, or on nothing. What it holds itself goes by a clock that nobody can set.
pub struct Cache {
    connection: Option<ConnectionManager>,
    failed_at: Mutex<Option<Instant>>,
    local_counters: Mutex<HashMap<String, (u32, Instant)>>,
}

impl Cache {
    /// Connects lazily: the server starts whether Redis is there or not.
    pub fn new(url: Option<&str>) -> anyhow::Result<Self> {
        let connection = match url {
            None => None,
            Some(url) => {
                let config = ConnectionManagerConfig::new()
                    .set_connection_timeout(Some(CALL_TIMEOUT))
                    .set_response_timeout(Some(CALL_TIMEOUT))
                    .set_number_of_retries(1)
                    .set_max_delay(CALL_TIMEOUT);
                Some(ConnectionManager::new_lazy_with_config(redis::Client::open(url)?, config)?)
            }
        };
        Ok(Self { connection, failed_at: Mutex::default(), local_counters: Mutex::default() })
    }

    /// Runs one call; `None` means that Redis is away (or was a moment ago) and the caller must do without.
    async fn call<T>(&self, work: impl AsyncFnOnce(ConnectionManager) -> redis::RedisResult<T>) -> Option<T> {
        let connection = self.connection.clone()?;
        if self.failed_at().is_some_and(|failed_at| failed_at.elapsed() < PAUSE) {
            return None;
        }
        let asked_at = Instant::now();
        let outcome = tokio::time::timeout(CALL_TIMEOUT * 2, work(connection)).await;
        match outcome {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => tracing::warn!(%error, "redis call failed"),
            Err(_) => tracing::warn!("redis did not answer in time"),
        }
        metrics::counter!("profcards_redis_failures_total").increment(1);
        *self.failed_at() = Some(asked_at);
        None
    }

    fn failed_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether Redis answers now.
    pub async fn is_up(&self) -> bool {
        self.call(async |mut c| c.ping().await).await.is_some()
    }

    /// Reads a short text.
    pub async fn get(&self, key: &str) -> Option<String> {
        self.call(async |mut c| c.get(key).await).await.flatten()
    }

    /// Keeps a short text for so many seconds.
    pub async fn set(&self, key: &str, value: &str, ttl_seconds: u64) {
        self.call(async |mut c| c.set_ex(key, value, ttl_seconds).await).await;
    }

    /// Publishes a message to every instance.
    pub async fn publish(&self, channel: &str, message: &str) {
        self.call(async |mut c| c.publish(channel, message).await).await;
    }

    /// Counts one more event of `key` in a window that began with its first one. Answers the count and the seconds that
    /// the window still lasts. Without Redis the count is this process's own.
    pub async fn count(&self, key: &str, window_seconds: u32) -> (u32, u32) {
        let counted = self
            .call(async |mut c| {
                Script::new(
                    "local n = redis.call('INCR', KEYS[1]) \
                     if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end \
                     return {n, redis.call('TTL', KEYS[1])}",
                )
                .key(key)
                .arg(window_seconds)
                .invoke_async::<(u32, i64)>(&mut c)
                .await
            })
            .await;
        match counted {
            Some((count, ttl_seconds)) => (count, u32::try_from(ttl_seconds).unwrap_or(window_seconds)),
            None => self.count_locally(key, window_seconds),
        }
    }

    /// Caches a text that has a version, unless a newer one is there already: a slow reader must not put back what a
    /// writer has just replaced.
    pub async fn set_versioned(&self, key: &str, version: i64, value: &str, ttl_seconds: u64) {
        self.call(async |mut c| {
            Script::new(
                "local held = redis.call('HGET', KEYS[1], 'v') \
                 if held and tonumber(held) > tonumber(ARGV[1]) then return end \
                 redis.call('HSET', KEYS[1], 'v', ARGV[1], 'value', ARGV[2]) \
                 redis.call('EXPIRE', KEYS[1], ARGV[3])",
            )
            .key(key)
            .arg(version)
            .arg(value)
            .arg(ttl_seconds)
            .invoke_async::<()>(&mut c)
            .await
        })
        .await;
    }

    /// Reads a text cached by [`Cache::set_versioned`].
    pub async fn get_versioned(&self, key: &str) -> Option<String> {
        self.call(async |mut c| c.hget(key, "value").await).await.flatten()
    }

    fn count_locally(&self, key: &str, window_seconds: u32) -> (u32, u32) {
        let (now, window) = (Instant::now(), Duration::from_secs(window_seconds.into()));
        let mut counters = self.local_counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= LOCAL_KEYS {
            counters.retain(|_, (_, ends_at)| *ends_at > now);
        }
        if counters.len() >= LOCAL_KEYS && !counters.contains_key(key) {
            // More callers at once than there is room for: those who are signed in are served uncounted, not refused.
            return (0, window_seconds);
        }
        let entry = counters.entry(key.to_owned()).or_insert((0, now + window));
        if entry.1 <= now {
            *entry = (0, now + window);
        }
        entry.0 = entry.0.saturating_add(1);
        (entry.0, u32::try_from((entry.1 - now).as_millis().div_ceil(1_000)).unwrap_or(window_seconds))
    }
}
