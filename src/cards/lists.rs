//! Publishing the status lists: signed anew when a card on them was marked, or when the signature has become a little
//! old, so that tills can tell a fresh list from one that somebody holds back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use profcards_card::constants::{STATUS_LIST_SECONDS, STATUS_LIST_TTL_SECONDS};
use profcards_card::{ListLocation, Status, StatusBits, StatusListClaims};
use sqlx::PgConnection;

use super::store;
use crate::app::App;
use crate::clock::unix_seconds;
use crate::error::{Error, Result};

/// The root declares so many lists in advance, because it is not at hand when one fills up.
pub const DECLARED_LISTS: i32 = 8;
/// Cards on one list: 256 KiB before compression, a few kilobytes after.
const LIST_CAPACITY: i32 = 1 << 20;
/// An unchanged list is signed anew after so long.
const RESIGN_SECONDS: u64 = 600;

/// The name of list `n`, as cards and the trust list have it.
fn uri(n: i32) -> String {
    format!("urn:pc:s{n}")
}

/// Where list `n` is downloaded.
pub fn location(n: i32) -> ListLocation {
    ListLocation { uri: uri(n), path: format!("/.well-known/profcards/status/{n}") }
}

/// The lists that a trust list names.
pub fn declared() -> Vec<ListLocation> {
    (1..=DECLARED_LISTS).map(location).collect()
}

/// The lists as last signed, so that most downloads cost one look at a revision.
#[derive(Default)]
pub struct PublishedLists(Mutex<HashMap<i32, Arc<Published>>>);

/// A signed list.
pub struct Published {
    /// The COSE bytes.
    pub cose: Vec<u8>,
    revision: Option<i64>,
    signed_at: u64,
}

/// Opens list `n` for new cards; harmless if it is open.
pub async fn open(conn: &mut PgConnection, n: i32, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into status_list (n, uri, capacity, opened_at) values ($1, $2, $3, $4) on conflict do nothing",
        n,
        uri(n),
        LIST_CAPACITY,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Opens the first list of a new instance.
pub async fn ensure_first_list(app: &App) -> anyhow::Result<()> {
    let mut conn = app.db.acquire().await?;
    open(&mut conn, 1, app.clock.now()).await.context("the first status list could not be opened")
}

/// List `n`, no older than the last change to it. While the database is away the last signed list goes on being served:
/// it is still true as of its own time, which it states.
pub async fn published(app: &App, n: i32) -> Result<Arc<Published>> {
    if !(1..=DECLARED_LISTS).contains(&n) {
        return Err(Error::NotFound);
    }
    let now = unix_seconds(app.clock.now());
    let held = app.lists.0.lock().unwrap_or_else(PoisonError::into_inner).get(&n).cloned();
    match (store::list_revision(&app.db, n).await, held) {
        (Ok(revision), Some(held)) if revision == held.revision && now < held.signed_at + RESIGN_SECONDS => {
            Ok(held)
        }
        (Ok(_), _) => sign(app, n, now).await,
        (Err(error), Some(held)) => {
            tracing::warn!(%error, "serving the last signed status list");
            Ok(held)
        }
        (Err(error), None) => Err(error),
    }
}

async fn sign(app: &App, n: i32, now: u64) -> Result<Arc<Published>> {
    let content = store::list_content(&app.db, n).await?;
    let capacity = content.as_ref().map_or(LIST_CAPACITY, |content| content.capacity);
    let mut bits = StatusBits::new(usize::try_from(capacity).unwrap_or(0));
    for (idx, mark) in content.iter().flat_map(|content| content.marked.iter().zip(&content.marks)) {
        let status = if *mark == 2 { Status::Suspended } else { Status::Invalid };
        bits.set(u64::try_from(*idx).unwrap_or(u64::MAX), status);
    }
    let claims = StatusListClaims {
        uri: uri(n),
        exp: now + STATUS_LIST_SECONDS,
        iat: now,
        ttl_seconds: STATUS_LIST_TTL_SECONDS,
        bits,
    };
    let cose = claims.sign(&*app.keys.status_key(now)?).context("the status key does not sign this list")?;
    let published =
        Arc::new(Published { cose, revision: content.map(|content| content.revision), signed_at: now });
    app.lists.0.lock().unwrap_or_else(PoisonError::into_inner).insert(n, published.clone());
    Ok(published)
}
