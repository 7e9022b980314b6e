//! Limits for everything that could be guessed at, flooded or filled. Three kinds:
//!
//! - [`attempt`]: guesses by strangers. Counted in Postgres, where nothing is evicted and all instances count together; an
//!   attempt that was answered right, or was not judged at all, is given back.
//! - [`consume`], [`consume_within`]: what leaves a row behind. Counted in Postgres too; never given back.
//! - [`check_rate`]: how fast somebody who is signed in may ask. Counted in Redis, or in this process without it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::base::Base;
use crate::base::clock::CLOCKS_APART;
use crate::base::error::{Error, Result};
use crate::base::extract::ClientAddress;

/// A limit: a number of attempts in a number of seconds.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The name of what is limited; part of the counter's name.
    pub name: &'static str,
    /// The most attempts in one window, which begins with the first of them.
    pub attempts: u32,
    /// The window's length.
    pub window_seconds: u32,
    /// The number of attempts beyond which each waits before it is judged.
    pub slow_after: u32,
}

impl Limit {
    /// The end of a window that begins now.
    fn ends_at(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + TimeDelta::seconds(self.window_seconds.into())
    }
}

const fn limit(name: &'static str, attempts: u32, window_seconds: u32) -> Limit {
    Limit { name, attempts, window_seconds, slow_after: u32::MAX }
}

/// Failures at a door from one address. A mobile carrier has thousands behind one, so it is slow soon and refuses late; what
/// holds a guesser are the limits of the code, the network and the door.
const fn per_address(name: &'static str) -> Limit {
    Limit { slow_after: 10, ..limit(name, 100, QUARTER_HOUR_SECONDS) }
}

const QUARTER_HOUR_SECONDS: u32 = 900;
const HOUR_SECONDS: u32 = 3_600;
const DAY_SECONDS: u32 = 86_400;

/// Failed sign-ins by browsers that are not known, altogether.
pub const LOGIN_ALTOGETHER: Limit = limit("login-all", 20_000, QUARTER_HOUR_SECONDS);
/// Failed sign-ins from one network, whatever the login.
pub const LOGIN_PER_NETWORK: Limit = limit("login-network", 1_000, QUARTER_HOUR_SECONDS);
/// Failed sign-ins from one address, whatever the login.
pub const LOGIN_PER_ADDRESS: Limit = limit("login-address", 100, QUARTER_HOUR_SECONDS);
/// Failed sign-ins for one login by browsers that are not known; slow long before it refuses.
pub const LOGIN_PER_ACCOUNT: Limit =
    Limit { slow_after: 20, ..limit("login-account", 100, QUARTER_HOUR_SECONDS) };
/// Failed sign-ins for one login from one address.
pub const LOGIN: Limit = limit("login", 10, QUARTER_HOUR_SECONDS);
/// Failed sign-ins with a login by a browser in which it was signed in before: a bucket of its own, which no stranger can use up.
pub const LOGIN_PER_KNOWN_BROWSER: Limit = limit("login-browser", 10, QUARTER_HOUR_SECONDS);

/// The limits of a door at which strangers try what they were given. Each door has its own, so that what was done at one does not
/// close another.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// Failures altogether: what is tried from many addresses stops here.
    pub altogether: Limit,
    /// Failures from one network: whoever holds many addresses must not use up everyone's limit.
    pub per_network: Limit,
    /// Failures from one address; a staff room or a carrier's customers share one, but successes do not count.
    pub per_address: Limit,
    /// Failures with one code, where something besides the code is asked for.
    pub per_code: Option<Limit>,
}

/// Activation codes.
pub const ACTIVATION: Door = Door {
    altogether: limit("activation-all", 20_000, HOUR_SECONDS),
    per_network: limit("activation-network", 500, HOUR_SECONDS),
    per_address: per_address("activation-address"),
    per_code: Some(limit("activation-code", 10, HOUR_SECONDS)),
};
/// Reports of a lost phone. Wrong birth dates close it to a code for a day and not for good, as the sheet may be all that its member
/// has; at ten a day the right one of fifty years' is found in years.
pub const LOSS: Door = Door {
    altogether: limit("loss-all", 20_000, HOUR_SECONDS),
    per_network: limit("loss-network", 500, HOUR_SECONDS),
    per_address: per_address("loss-address"),
    per_code: Some(limit("loss-code", 10, DAY_SECONDS)),
};
/// Answers to a challenge.
pub const ENROL: Door = Door {
    altogether: limit("enrol-all", 20_000, HOUR_SECONDS),
    per_network: limit("enrol-network", 500, HOUR_SECONDS),
    per_address: per_address("enrol-address"),
    per_code: None,
};
/// Pairings of tills.
pub const PAIRING: Door = Door {
    altogether: limit("pairing-all", 20_000, HOUR_SECONDS),
    per_network: limit("pairing-network", 500, HOUR_SECONDS),
    per_address: per_address("pairing-address"),
    per_code: None,
};

/// Challenges for one code; each is a row that is kept for a day.
pub const CHALLENGES_PER_CODE: Limit = limit("challenges-code", 30, HOUR_SECONDS);
/// Consents given and withdrawn by one member; each is a document that is kept.
pub const CONSENTS_PER_MEMBER: Limit = limit("consents-member", 20, DAY_SECONDS);
/// Pages of members that one account is shown; each is kept with whom it named. A region of 60 000 has twelve hundred.
pub const PAGES_PER_ACCOUNT: Limit = limit("pages-account", 10_000, DAY_SECONDS);
/// Requests and mutations of one principal that are remembered; each is a row of at least 444 bytes for a hundred days. A till
/// that was away for 35 days hands in a thousand purchases of each.
pub const KEYS_PER_PRINCIPAL: Limit = limit("keys-principal", 50_000, DAY_SECONDS);
/// Mutations of one till that were refused: an honest till has a few.
pub const REFUSALS_PER_TILL: Limit = limit("refusals-till", 1_000, DAY_SECONDS);

/// Digits that one till asks for; how many it may hold is limited besides.
pub const CHALLENGES_PER_TILL: Limit = limit("challenges-till", 60, 60);
/// Requests of one account, phone or till, whatever is asked: many times what people do, or an app that catches up.
pub const REQUESTS_PER_PRINCIPAL: Limit = limit("requests-principal", 1_200, 60);
/// Questions of one till for what a purchase may be paid from the balance.
pub const REDEMPTION_PER_TILL: Limit = limit("redemption-till", 60, 60);
/// Agreements of one phone to be replaced, given and taken back.
pub const MOVES_PER_PHONE: Limit = limit("moves-phone", 20, DAY_SECONDS);
/// Pushes of one phone or till; each holds up to a hundred mutations.
pub const PUSH_PER_CLIENT: Limit = limit("push-client", 300, 60);
/// Verifications by one API key.
pub const VENDOR_PER_KEY: Limit = limit("vendor-key", 600, 60);

/// The wait of an attempt where guesses are many already: a person hardly minds, a guesser loses most of the speed.
pub const SLOW_DOWN: Duration = Duration::from_secs(2);

/// Names the counter of a limit for somebody; a hash, so that the tables learn no address, login or code.
pub fn counter_key(limit: Limit, who: &str) -> [u8; 16] {
    let digest = Sha256::new().chain_update(limit.name).chain_update([0]).chain_update(who).finalize();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

/// An attempt that was counted before it is judged, so that parallel guesses cannot slip under a limit. Dropped unjudged, it is
/// given back: the client hung up, the database was away, a handler panicked.
pub struct Attempt {
    base: Base,
    counted: Vec<[u8; 16]>,
}

impl Attempt {
    /// Judges the attempt by costly work, to its end even if whoever asked hangs up meanwhile: else guesses would cost us and
    /// count for nothing.
    pub async fn judged_by<T: Send + 'static>(
        self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let judging = tokio::spawn(async move { self.judged(work.await).await });
        judging.await.map_err(|error| Error::Internal(error.into()))?
    }

    /// Ends the attempt by what came of it: a refusal stays counted; a success, and what nothing was decided about, does not.
    pub async fn judged<T>(mut self, outcome: Result<T>) -> Result<T> {
        let counted = std::mem::take(&mut self.counted);
        match &outcome {
            Ok(_) | Err(Error::Unavailable(_) | Error::Internal(_) | Error::TooManyAttempts { .. }) => {
                give_back(&self.base, &counted).await;
            }
            Err(_) => {}
        }
        outcome
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let (base, counted) = (self.base.clone(), std::mem::take(&mut self.counted));
        if !counted.is_empty()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { give_back(&base, &counted).await });
        }
    }
}

/// One counter after the other, so that no two of them are ever locked together against the order of [`attempt`].
async fn give_back(base: &Base, counted: &[[u8; 16]]) {
    for key in counted {
        let given = sqlx::query!(
            "update limit_counter set count = count - 1 where key = $1 and count > 0 and ends_at > $2",
            &key[..],
            base.clock.now()
        )
        .execute(&base.db_doors)
        .await;
        if let Err(error) = given {
            tracing::warn!(%error, "an attempt could not be given back; it counts until its window ends");
        }
    }
}

/// Counts an attempt at a door by whoever has this address, with this code if it is one.
pub async fn attempt_at(
    base: &Base,
    door: &Door,
    address: &ClientAddress,
    code: Option<&str>,
) -> Result<Attempt> {
    let (network, address) = (address.network_key(), address.limit_key());
    let mut counted =
        vec![(door.altogether, ""), (door.per_network, &*network), (door.per_address, &*address)];
    counted.extend(door.per_code.zip(code));
    attempt(base, &counted).await
}

/// Counts an attempt under all of these limits, or under none: beyond any of them it is refused and leaves no trace. The broadest
/// comes first, so that beyond it not even a counter is made.
pub async fn attempt(base: &Base, limits: &[(Limit, &str)]) -> Result<Attempt> {
    let (attempt, is_slow) = count(base, limits).await?;
    if is_slow {
        tokio::time::sleep(SLOW_DOWN).await;
    }
    Ok(attempt)
}

/// Counts an attempt; answers also whether it has to wait, which it must not do on a connection.
async fn count(base: &Base, limits: &[(Limit, &str)]) -> Result<(Attempt, bool)> {
    let now = base.clock.now();
    let mut is_slow = false;
    let mut conn = base.db_doors.acquire().await?;
    refuse_exhausted(&mut conn, limits, now).await?;
    let mut tx = conn.begin().await?;
    for (limit, who) in limits {
        is_slow |= consume_within(&mut tx, *limit, who, now).await? > limit.slow_after;
    }
    tx.commit().await?;
    let counted = limits.iter().map(|(limit, who)| counter_key(*limit, who)).collect();
    Ok((Attempt { base: base.clone(), counted }, is_slow))
}

/// Refuses by a look alone: a flood must not queue for the rows in which everybody's attempts are counted.
async fn refuse_exhausted(
    conn: &mut PgConnection,
    limits: &[(Limit, &str)],
    now: DateTime<Utc>,
) -> Result<()> {
    let keys: Vec<_> = limits.iter().map(|(limit, who)| counter_key(*limit, who).to_vec()).collect();
    let attempts: Vec<_> = limits.iter().map(|(limit, _)| limit.attempts.cast_signed()).collect();
    let latest_ends: Vec<_> = limits.iter().map(|(limit, _)| limit.ends_at(now) + CLOCKS_APART).collect();
    let beyond = sqlx::query!(
        r#"select asked.place as "place!", held.ends_at
           from unnest($1::bytea[], $2::int[], $3::timestamptz[]) with ordinality asked (key, attempts, latest_end, place)
           join limit_counter held on held.key = asked.key
           where held.count >= asked.attempts and is_running_window(held.ends_at, $4, asked.latest_end)
           order by asked.place limit 1"#,
        &keys,
        &attempts,
        &latest_ends,
        now
    )
    .fetch_optional(conn)
    .await?;
    let beyond =
        beyond.and_then(|row| Some((limits.get(usize::try_from(row.place).ok()? - 1)?.0, row.ends_at)));
    beyond.map_or(Ok(()), |(limit, ends_at)| Err(refused(limit, ends_at - now)))
}

/// Counts an event that leaves a row behind; it is never given back.
pub async fn consume(base: &Base, limit: Limit, who: &str) -> Result<()> {
    consume_within(&mut *base.db.acquire().await?, limit, who, base.clock.now()).await.map(drop)
}

/// Counts such an event in the caller's transaction, and refuses beyond the limit; answers the count. Whether a window
/// still runs is decided by the database's `is_running_window`.
pub async fn consume_within(
    conn: &mut PgConnection,
    limit: Limit,
    who: &str,
    now: DateTime<Utc>,
) -> Result<u32> {
    let (key, ends_at) = (counter_key(limit, who), limit.ends_at(now));
    let count = sqlx::query_scalar!(
        "insert into limit_counter as held (key, count, ends_at) values ($1, 1, $2)
         on conflict (key) do update
         set count = case when is_running_window(held.ends_at, $3, $4) then held.count + 1 else 1 end,
             ends_at = case when is_running_window(held.ends_at, $3, $4) then held.ends_at else $2 end
         where held.count < $5 or not is_running_window(held.ends_at, $3, $4)
         returning count",
        &key[..],
        ends_at,
        now,
        ends_at + CLOCKS_APART,
        limit.attempts.cast_signed()
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(count) = count {
        return Ok(count.unsigned_abs());
    }
    let ends_at = sqlx::query_scalar!("select ends_at from limit_counter where key = $1", &key[..])
        .fetch_optional(conn)
        .await?;
    Err(refused(limit, ends_at.map_or(TimeDelta::zero(), |ends_at| ends_at - now)))
}

/// Counts a request of somebody who is signed in, and refuses it above the limit; where the counter is lost, it is not
/// refused.
pub async fn check_rate(base: &Base, limit: Limit, who: &str) -> Result<()> {
    let key = format!("limit:{}", hex::encode(counter_key(limit, who)));
    let (count, remaining_seconds) = base.cache.count(&key, limit.window_seconds).await;
    if count > limit.attempts {
        Err(refused(limit, TimeDelta::seconds(remaining_seconds.into())))
    } else {
        Ok(())
    }
}

fn refused(limit: Limit, left: TimeDelta) -> Error {
    metrics::counter!("profcards_limited_total", "limit" => limit.name).increment(1);
    Error::TooManyAttempts { retry_after_seconds: u32::try_from(left.num_seconds()).unwrap_or(0).max(1) }
}

/// Forgets the windows that are over.
pub async fn prune(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("delete from limit_counter where ends_at <= $1", now).execute(db).await?;
    Ok(())
}
