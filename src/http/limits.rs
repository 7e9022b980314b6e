//! Rate limits for everything that could be guessed at or flooded. Counted in Redis, or in this process without it.

use sha2::{Digest as _, Sha256};

use crate::app::AppState;
use crate::error::{Error, Result};

/// So many attempts in so many seconds.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// What is limited; part of the counter's name.
    pub name: &'static str,
    /// Attempts in one window.
    pub attempts: u32,
    /// The window's length.
    pub window_seconds: u32,
}

/// Failed sign-ins for one login from one address.
pub const LOGIN: Limit = Limit { name: "login", attempts: 10, window_seconds: 900 };
/// Failed sign-ins for one login from anywhere.
pub const LOGIN_PER_ACCOUNT: Limit = Limit { name: "login-account", attempts: 100, window_seconds: 900 };
/// Failed sign-ins from one address, whatever the login.
pub const LOGIN_PER_ADDRESS: Limit = Limit { name: "login-address", attempts: 100, window_seconds: 900 };
/// Failed activations from one address; a staff room shares one, but successes do not count.
pub const ACTIVATION_PER_ADDRESS: Limit =
    Limit { name: "activation-address", attempts: 10, window_seconds: 900 };
/// Failed activations with one code.
pub const ACTIVATION_PER_CODE: Limit = Limit { name: "activation-code", attempts: 10, window_seconds: 3_600 };
/// Challenges for one code; each is a row that is kept for a day.
pub const CHALLENGES_PER_CODE: Limit = Limit { name: "challenges-code", attempts: 30, window_seconds: 3_600 };
/// Failed activations from one network: whoever holds many addresses must not use up everyone's limit.
pub const ACTIVATION_PER_NETWORK: Limit =
    Limit { name: "activation-network", attempts: 500, window_seconds: 3_600 };
/// Failed activations altogether: a search of the code space from many addresses stops here.
pub const ACTIVATION_ALTOGETHER: Limit =
    Limit { name: "activation-all", attempts: 20_000, window_seconds: 3_600 };
/// Failed reports of a lost phone altogether. Counted apart, so that a phone can be reported while activations are flooded.
pub const LOSS_ALTOGETHER: Limit = Limit { name: "loss-all", attempts: 20_000, window_seconds: 3_600 };
/// Failed pairings from one address.
pub const PAIRING_PER_ADDRESS: Limit = Limit { name: "pairing-address", attempts: 10, window_seconds: 900 };

/// Questions of one till for what a purchase may be paid from the balance.
pub const REDEMPTION_PER_TILL: Limit = Limit { name: "redemption-till", attempts: 60, window_seconds: 60 };

/// Pushes of one phone or till; each holds up to a hundred mutations.
pub const PUSH_PER_CLIENT: Limit = Limit { name: "push-client", attempts: 300, window_seconds: 60 };
/// Consents given and withdrawn by one member; each is a document that is kept.
pub const CONSENTS_PER_MEMBER: Limit =
    Limit { name: "consents-member", attempts: 20, window_seconds: 86_400 };

/// Verifications by one API key.
pub const VENDOR_PER_KEY: Limit = Limit { name: "vendor-key", attempts: 600, window_seconds: 60 };

/// An attempt that was counted. Dropped, it stays counted; a success takes it back with [`Attempt::forgive`], so that
/// only failures use a limit up. Counting first keeps parallel guesses from slipping under it.
pub struct Attempt {
    key: String,
}

impl Attempt {
    /// The attempt was a success and does not count.
    pub async fn forgive(self, app: &AppState) {
        app.cache.uncount(&self.key).await;
    }
}

/// Counts an attempt of `who` and refuses it above the limit. `who` is hashed: Redis learns no address and no code.
pub async fn attempt(app: &AppState, limit: Limit, who: &str) -> Result<Attempt> {
    let digest = Sha256::digest(who.as_bytes());
    let key = format!("limit:{}:{}", limit.name, hex::encode(&digest[..12]));
    let (count, remaining_seconds) = app.cache.count(&key, limit.window_seconds).await;
    if count > limit.attempts {
        metrics::counter!("profcards_limited_total", "limit" => limit.name).increment(1);
        return Err(Error::TooManyAttempts { retry_after_seconds: remaining_seconds.max(1) });
    }
    Ok(Attempt { key })
}
