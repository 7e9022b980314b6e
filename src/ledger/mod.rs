//! ПрофКардс, the cashback ledger: Postgres holds the truth, Redis only makes reading it quicker. Rules are pure
//! ([`rules`]), postings are made in [`purchase`] and [`confirm`], and [`audit`] recomputes everything from the journal.
//! Nothing outside this folder writes to the books.

pub mod audit;
pub mod confirm;
pub mod purchase;
pub mod rules;
pub mod store;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::error::Result;
use crate::money::Kopecks;

/// A cached balance lives no longer: the most that a reader can lag when a writer died between commit and cache.
const BALANCE_CACHE_SECONDS: u64 = 60;

/// What a member has, in kopecks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// May be spent.
    pub available_kopecks: Kopecks,
    /// Waits for its return window to close.
    pub pending_kopecks: Kopecks,
    /// Is taken from later accruals.
    pub debt_kopecks: Kopecks,
    /// Of the available, held for a purchase in progress.
    pub held_kopecks: Kopecks,
}

/// A balance and its version.
#[derive(Clone, Copy, Debug, Default)]
pub struct VersionedBalance {
    /// The figures.
    pub balance: Balance,
    /// Grows with every change.
    pub version: i64,
}

impl VersionedBalance {
    /// The figures alone.
    pub fn shown(self) -> Balance {
        self.balance
    }
}

fn cache_key(membership_id: Uuid) -> String {
    format!("balance:{{{membership_id}}}")
}

/// A member's balance, from the cache if it is there.
pub async fn cached_balance(app: &App, membership_id: Uuid) -> Result<Balance> {
    let cached = app.cache.get_versioned(&cache_key(membership_id)).await;
    if let Some(balance) = cached.and_then(|text| serde_json::from_str(&text).ok()) {
        return Ok(balance);
    }
    let mut conn = app.db.acquire().await?;
    let read = store::balance(&mut conn, membership_id).await?;
    remember_balance(app, membership_id, read).await;
    Ok(read.balance)
}

/// Lets the cache follow a balance that has just been changed and committed.
pub async fn refresh_balance(app: &App, membership_id: Uuid) {
    if let Ok(mut conn) = app.db.acquire().await
        && let Ok(read) = store::balance(&mut conn, membership_id).await
    {
        remember_balance(app, membership_id, read).await;
    }
}

/// Puts a committed balance into the cache.
async fn remember_balance(app: &App, membership_id: Uuid, read: VersionedBalance) {
    if let Ok(text) = serde_json::to_string(&read.balance) {
        app.cache.set_versioned(&cache_key(membership_id), read.version, &text, BALANCE_CACHE_SECONDS).await;
    }
}
