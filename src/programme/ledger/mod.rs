//! ПрофКардс, the cashback ledger: Postgres holds the truth, Redis only makes reading it quicker. Rules are pure
//! ([`rules`]); [`customer`] finds out who stands before a till, by a card's token or by a number that was looked up
//! ([`lookup`]); postings are made in [`purchase`], [`reversal`] and [`confirm`], by people in [`decision`]; [`views`] shows them, and [`audit`]
//! recomputes everything from the journal. Nothing outside this folder writes to the books.

pub mod audit;
pub mod confirm;
pub mod customer;
pub mod decision;
pub mod guards;
pub mod lookup;
pub mod purchase;
pub mod redemption;
pub mod reversal;
pub mod routes;
pub mod rules;
pub mod store;
pub mod views;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::act::mutations::RefusalDetail;
use crate::base::Base;
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::ids::MembershipId;
use crate::base::money::Kopecks;
use crate::base::words::word_enum;

word_enum! {
    /// The state of a purchase.
    pub enum PurchaseState in "purchase.state" {
        /// The purchase's cashback waits for the return window to close.
        Pending = "pending",
        /// A person has to decide on the purchase first.
        Held = "held",
        /// The purchase's cashback may be spent.
        Available = "available",
        /// The purchase was cancelled.
        Cancelled = "cancelled",
    }
}

word_enum! {
    /// The kind of a posting.
    pub enum PostingKind in "journal.kind" {
        /// A purchase is booked.
        Purchase = "purchase",
        /// A purchase's cashback becomes available.
        Confirm = "confirm",
        /// A purchase is cancelled before its cashback is available.
        Refund = "refund",
        /// A purchase is cancelled after its cashback became available.
        TakeBack = "take-back",
    }
}

word_enum! {
    /// The way in which a card was shown for a purchase.
    pub enum ShownBy in "purchase.shown_by" {
        /// The card's code was scanned.
        Token = "token",
        /// The card's number was typed.
        Number = "number",
    }
}

/// Seconds for which a cached balance lives: the most that a reader can lag when a writer died between commit and
/// cache.
const BALANCE_CACHE_SECONDS: u64 = 60;

/// A member's balance, in kopecks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// The part that may be spent.
    pub available_kopecks: Kopecks,
    /// The part that waits for its return window to close.
    pub pending_kopecks: Kopecks,
    /// The debt, which is taken from later accruals.
    pub debt_kopecks: Kopecks,
    /// The part of the available that is held for a purchase in progress.
    pub held_kopecks: Kopecks,
}

impl Balance {
    /// The most that a purchase may take now. A hold is part of the available; what is owed is not there to spend.
    pub fn free_kopecks(&self) -> Kopecks {
        Kopecks((self.available_kopecks.0 - self.held_kopecks.0 - self.debt_kopecks.0).max(0))
    }
}

/// The refusal of an operation, which then has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code; the till has the words for it.
    pub code: Code,
    /// The figures that its words need.
    pub detail: Option<RefusalDetail>,
}

/// The reason why an operation stops before its end.
#[derive(Debug)]
pub enum Stop {
    /// The operation is refused for good.
    Refused(Refusal),
    /// The operation failed, and nothing is decided.
    Failed(Error),
}

/// The result of an operation if it is applied, otherwise why it stopped.
pub type Applied<T> = std::result::Result<T, Stop>;

/// A refusal whose code says all.
impl From<Code> for Stop {
    fn from(code: Code) -> Self {
        Self::Refused(Refusal { code, detail: None })
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// A balance and its version.
#[derive(Clone, Copy, Debug, Default)]
pub struct VersionedBalance {
    /// The figures.
    pub balance: Balance,
    /// The version, which grows with every change.
    pub version: i64,
}

impl VersionedBalance {
    /// The figures alone.
    pub fn shown(self) -> Balance {
        self.balance
    }
}

fn cache_key(membership_id: MembershipId) -> String {
    format!("balance:{{{membership_id}}}")
}

/// A member's balance, from the cache if it is there.
pub async fn cached_balance(base: &Base, membership_id: MembershipId) -> Result<Balance> {
    let cached = base.cache.get_versioned(&cache_key(membership_id)).await;
    if let Some(balance) = cached.and_then(|text| serde_json::from_str(&text).ok()) {
        return Ok(balance);
    }
    let mut conn = base.db_tills.acquire().await?;
    let read = store::balance(&mut conn, membership_id).await?;
    remember_balance(base, membership_id, read).await;
    Ok(read.balance)
}

/// Lets the cache follow a balance that has just been changed and committed.
pub async fn refresh_balance(base: &Base, membership_id: MembershipId) {
    if let Ok(mut conn) = base.db_tills.acquire().await
        && let Ok(read) = store::balance(&mut conn, membership_id).await
    {
        remember_balance(base, membership_id, read).await;
    }
}

/// Puts a committed balance into the cache.
async fn remember_balance(base: &Base, membership_id: MembershipId, read: VersionedBalance) {
    if let Ok(text) = serde_json::to_string(&read.balance) {
        base.cache.set_versioned(&cache_key(membership_id), read.version, &text, BALANCE_CACHE_SECONDS).await;
    }
}
