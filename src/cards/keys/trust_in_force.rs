//! Putting a trust list in force: what it should say, where the newest one is, and that every instance publishes the same.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, ensure};
use profcards_card::IssuerSigningKey;
use sqlx::{PgConnection, PgPool};

use super::file::HeldKey;
use super::{KeyFiles, SignedTrustList, TrustRequest, is_revoked, store};
use crate::base::clock::from_unix_seconds;
use crate::base::files;
use crate::cards::lists;

/// The request for a root to sign: every key that was not revoked and may still be needed, and the status lists.
pub async fn request(
    db: &PgPool,
    issuer: &str,
    keys: impl IntoIterator<Item = &HeldKey>,
    revoked: &BTreeSet<[u8; 32]>,
    seq: u64,
    now_seconds: u64,
) -> anyhow::Result<TrustRequest> {
    let wanted = |key: &&HeldKey| key.is_needed_at(now_seconds) && !is_revoked(key, revoked);
    let keys: Vec<_> = keys.into_iter().filter(wanted).map(|key| &key.public).collect();
    Ok(TrustRequest::new(issuer, seq, keys, lists::declared(db).await?))
}

/// The newest of the list that all instances share and this one's copy, which a restored database may lack.
pub(super) async fn newest(
    files: &KeyFiles,
    roots: &[[u8; 32]],
    db: &PgPool,
    now_seconds: u64,
) -> anyhow::Result<Option<SignedTrustList>> {
    let shared = match store::newest_trust_list(db).await? {
        Some(cose) => Some(SignedTrustList::load(cose, roots)?),
        None => None,
    };
    if !files.trust_list.exists() {
        return Ok(shared);
    }
    let copy = match SignedTrustList::read(&files.trust_list, roots) {
        Ok(copy) => copy,
        // A former root's, or cut short: it only stands in for what the database has lost.
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "the copy of the trust list is passed over");
            return Ok(shared);
        }
    };
    if shared.as_ref().is_some_and(|shared| shared.seq() >= copy.seq()) {
        return Ok(shared);
    }
    install(&mut *db.acquire().await?, &copy, now_seconds).await?;
    Ok(Some(copy))
}

/// Puts a list in force for every instance.
///
/// # Errors
/// When a list of this number, or a later one, is in force already.
pub async fn install(
    conn: &mut PgConnection,
    list: &SignedTrustList,
    now_seconds: u64,
) -> anyhow::Result<()> {
    ensure!(
        store::keep_trust_list(conn, list.seq(), &list.cose, from_unix_seconds(now_seconds)).await?,
        "another trust list with the number {} or a later one is in force: ask for the next number",
        list.seq()
    );
    Ok(())
}

/// Signs a list and puts it in force; where another instance was quicker, takes that one's.
pub(super) async fn sign_and_install(
    roots: &[[u8; 32]],
    db: &PgPool,
    request: &TrustRequest,
    root: &IssuerSigningKey,
    now_seconds: u64,
) -> anyhow::Result<SignedTrustList> {
    let cose = request.sign(root, now_seconds)?;
    store::keep_trust_list(&mut *db.acquire().await?, request.seq, &cose, from_unix_seconds(now_seconds))
        .await?;
    let newest = store::newest_trust_list(db).await?.context("the trust list just kept is gone")?;
    SignedTrustList::load(newest, roots)
}

/// Keeps a copy for commands that run without a database, and for a database that is restored.
pub(super) fn write_copy(path: &Path, trust: &SignedTrustList) -> anyhow::Result<()> {
    if std::fs::read(path).is_ok_and(|copy| copy == trust.cose) {
        return Ok(());
    }
    files::write_public(path, &trust.cose)
}
