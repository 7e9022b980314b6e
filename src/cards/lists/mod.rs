//! Publishing the status lists. A list is signed anew when a card on it was marked, or when the signature has become a
//! little old, so that tills can tell a fresh list from one that somebody holds back. Whichever instance is asked first
//! signs, for all: a till that meets them in turn gets the same bytes, and never a list made before the one it holds.

pub mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use axum::body::Bytes;
use chrono::{DateTime, Utc};
use profcards_card::constants::{STATUS_LIST_SECONDS, STATUS_LIST_TTL_SECONDS};
use profcards_card::{KeyRole, ListLocation, StatusBits, StatusListClaims, TrustListClaims};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use crate::base::clock::{from_unix_seconds, unix_seconds};
use crate::base::error::{Error, Result};
use crate::cards::Issuer;
use store::ListState;

/// Places of a list: 512 KiB of statuses, a few kilobytes once compressed. It belongs to the numbering and can never change.
pub const CAPACITY: i32 = 1 << POSITION_BITS;
/// A place's position on its list, in bits.
pub const POSITION_BITS: u32 = 21;
/// The number of lists that are declared ahead of the newest, because the root is not at hand when that one is full.
/// Eight million cards are more than the whole union is issued before the trust list must be signed anyway, and each
/// declared list is one more that tills ask for.
pub const DECLARED_LISTS: i32 = 4;
/// Seconds after which an unchanged list is signed anew.
const RESIGN_SECONDS: u64 = 600;

const URI_PREFIX: &str = "urn:pc:s";

/// The name of list `n`, as cards and the trust list have it.
pub fn uri(n: i32) -> String {
    format!("{URI_PREFIX}{n}")
}

/// The name and the download path of list `n`.
pub fn location(n: i32) -> ListLocation {
    ListLocation { uri: uri(n), path: format!("/.well-known/profcards/status/{n}") }
}

/// The lists that a trust list signed now should declare: every one that still has a card to end, and those ahead.
pub async fn declared(db: &PgPool) -> Result<Vec<ListLocation>> {
    let mut numbers = store::living_lists(db).await?;
    let newest = store::newest_list(&mut *db.acquire().await?).await?;
    numbers.extend(newest + 1..=newest + DECLARED_LISTS);
    Ok(numbers.into_iter().map(location).collect())
}

/// The numbers of the lists that a trust list declares.
pub fn numbers(trust: &TrustListClaims) -> impl Iterator<Item = i32> {
    trust.lists.iter().filter_map(|list| list.uri.strip_prefix(URI_PREFIX)?.parse().ok())
}

/// Whether the trust list in force declares list `n`. Only such a list takes cards, and only such a list is published.
pub fn is_declared(issuer: &Issuer, n: i32) -> bool {
    numbers(issuer.keys.trust_list().list.claims()).any(|declared| declared == n)
}

/// Notes which lists have ended: those whose every card has. They need not be declared any more.
pub async fn mark_ended(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    store::mark_ended(db, now).await
}

/// The lists as last published, so that most downloads cost one look at a revision.
#[derive(Default)]
pub struct PublishedLists {
    held: Mutex<HashMap<i32, Arc<Published>>>,
    /// One request of an instance looks or signs at a time; the others wait here, not on connections of the database, and share
    /// what the next one finds.
    refreshes: tokio::sync::Mutex<HashMap<i32, Refresh>>,
}

/// A look at the database for the newest version of a list.
struct Refresh {
    began_at: Instant,
    succeeded: bool,
}

impl PublishedLists {
    fn get(&self, n: i32) -> Option<Arc<Published>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&n).cloned()
    }

    fn keep(&self, n: i32, list: Published) -> Arc<Published> {
        let list = Arc::new(list);
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(n, list.clone());
        list
    }
}

/// A signed list.
pub struct Published {
    /// The COSE bytes.
    pub cose: Bytes,
    /// The beginning of their hash: what makes these bytes these bytes.
    pub digest: Digest,
}

/// Sixteen bytes of a SHA-256.
pub type Digest = [u8; 16];

/// The beginning of the hash of what is published.
pub fn digest_of(bytes: &[u8]) -> Digest {
    let mut digest = [0; 16];
    digest.copy_from_slice(&Sha256::digest(bytes)[..16]);
    digest
}

/// List `n`, no older than the last change to it. While the database is away the last list goes on being served: it is
/// still true as of its own time, which it states.
pub async fn published(issuer: &Issuer, n: i32) -> Result<Arc<Published>> {
    if !is_declared(issuer, n) {
        return Err(Error::NotFound);
    }
    match (current(issuer, n).await, issuer.lists.get(n)) {
        (Err(error), Some(held)) => {
            tracing::warn!(%error, "serving the last signed status list");
            Ok(held)
        }
        (outcome, _) => outcome,
    }
}

async fn current(issuer: &Issuer, n: i32) -> Result<Arc<Published>> {
    let asked_at = Instant::now();
    let mut refreshes = issuer.lists.refreshes.lock().await;
    // What began after this was asked for has seen all that this may want to see.
    if let Some(refresh) = refreshes.get(&n).filter(|refresh| refresh.began_at >= asked_at) {
        let found = issuer.lists.get(n).filter(|_| refresh.succeeded);
        return found.ok_or_else(|| Error::Unavailable(anyhow!("the look that was waited for failed")));
    }
    let began_at = Instant::now();
    let outcome = read_or_sign(issuer, n).await;
    refreshes.insert(n, Refresh { began_at, succeeded: outcome.is_ok() });
    outcome
}

async fn read_or_sign(issuer: &Issuer, n: i32) -> Result<Arc<Published>> {
    let now = issuer.clock.now();
    match already_signed(issuer, n, now).await? {
        Some(list) => Ok(list),
        None => sign(issuer, n, now).await,
    }
}

/// The list as this or another instance signed it, if it need not be signed anew.
async fn already_signed(issuer: &Issuer, n: i32, now: DateTime<Utc>) -> Result<Option<Arc<Published>>> {
    let mut conn = issuer.db_tills.acquire().await?;
    let state = store::state(&mut conn, n).await?;
    if !is_current(issuer, &state, now) {
        return Ok(None);
    }
    let held = issuer.lists.get(n).filter(|held| state.digest.as_deref() == Some(&held.digest[..]));
    if held.is_some() {
        return Ok(held);
    }
    let cose = Bytes::from(store::token(&mut conn, n).await?);
    Ok(Some(issuer.lists.keep(n, Published { digest: digest_of(&cose), cose })))
}

/// Whether the list that was signed last may still be served. Any trusted key will do: while instances do not yet agree
/// which of them signs, each would replace the others' lists.
fn is_current(issuer: &Issuer, state: &ListState, now: DateTime<Utc>) -> bool {
    state.signed_at.is_some_and(|at| unix_seconds(now) < unix_seconds(at) + RESIGN_SECONDS)
        && state.signed_revision == state.revision
        && state.kid.as_deref().is_some_and(|kid| issuer.keys.is_trusted(KeyRole::Status, kid))
}

/// Signs list `n` for every instance. What was signed meanwhile by another one, whose lock this waited for, is taken over.
async fn sign(issuer: &Issuer, n: i32, now: DateTime<Utc>) -> Result<Arc<Published>> {
    let mut tx = issuer.db_tills.begin().await?;
    store::lock_token(&mut tx, n).await?;
    let state = store::state(&mut tx, n).await?;
    if is_current(issuer, &state, now) {
        let cose = Bytes::from(store::token(&mut tx, n).await?);
        return Ok(issuer.lists.keep(n, Published { digest: digest_of(&cose), cose }));
    }
    let key = issuer.keys.status_key(unix_seconds(now))?;
    let content = store::content(&mut tx, n).await?;
    let revision = content.as_ref().map(|content| content.revision);
    // Another instance's clock may be ahead of ours.
    let iat = unix_seconds(state.signed_at.map_or(now, |held| held.max(now)));
    let claims = StatusListClaims {
        uri: uri(n),
        exp: iat + STATUS_LIST_SECONDS,
        iat,
        ttl_seconds: STATUS_LIST_TTL_SECONDS,
        bits: StatusBits::default(),
    };
    let kid = key.kid();
    let signed = tokio::task::spawn_blocking(move || {
        StatusListClaims { bits: bits_of(content.as_ref()), ..claims }.sign(&key)
    });
    let cose = signed
        .await
        .context("signing a list was cut short")?
        .context("the status key does not sign this list")?;
    let digest = digest_of(&cose);
    store::keep_token(&mut tx, n, revision, kid, &digest, from_unix_seconds(iat), &cose).await?;
    tx.commit().await?;
    Ok(issuer.lists.keep(n, Published { cose: cose.into(), digest }))
}

fn bits_of(content: Option<&store::ListContent>) -> StatusBits {
    let capacity = content.map_or(CAPACITY, |content| content.capacity);
    let mut bits = StatusBits::new(usize::try_from(capacity).unwrap_or(0));
    for (idx, mark) in content.iter().flat_map(|content| content.marked.iter().zip(&content.marks)) {
        bits.set(u64::try_from(*idx).unwrap_or(u64::MAX), (*mark).into());
    }
    bits
}
