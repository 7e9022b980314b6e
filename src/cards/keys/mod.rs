//! The keys of this instance: the pinned roots, its own card and status keys, and the trust list that names them. Secrets
//! come from files and never leave this module; only signatures do.
//!
//! Which key signs is a matter of time and of the trust list in force: of the keys of a role that the list names and that
//! were not revoked, the one that became valid last. A new key therefore takes over by itself, at the hour it was made
//! for, on every instance at once, when tills have long had the list that names it.

pub mod file;
pub mod roots;
pub mod seal;
pub mod store;
pub mod trust;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use profcards_card::{IssuerSigningKey, KeyRole, TrustedKey};
use sqlx::PgPool;

use super::lists;
use crate::clock::{Clock, from_unix_seconds, unix_seconds};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::files;
use crate::random::Random;

use file::HeldKey;
use seal::Passphrase;
pub use trust::{SignedTrustList, TrustRequest};

/// The trust list is signed anew when it is older, as long as the root is at hand.
const TRUST_LIST_RENEW_SECONDS: u64 = 24 * 3600;

/// Where an instance's issuer keys are, and what opens them.
#[derive(Clone)]
pub struct KeyFiles {
    /// The private keys.
    pub issuer: PathBuf,
    /// A copy of the trust list in force, for commands that run without a database.
    pub trust_list: PathBuf,
    /// Opens the private keys where they are sealed.
    pub passphrase: Option<Passphrase>,
    /// Whether unsealed keys are refused.
    pub must_be_sealed: bool,
}

impl KeyFiles {
    /// As the settings say.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        let passphrase = match (&config.key_passphrase_file, &config.key_passphrase) {
            (Some(path), _) => Some(Passphrase::new(files::read_private(path)?)),
            (None, Some(text)) => Some(Passphrase::new(text.clone())),
            (None, None) => None,
        };
        Ok(Self {
            issuer: config.issuer_keys.clone().unwrap_or_else(|| config.data.join("keys/issuer.json")),
            trust_list: config.data.join("keys/trust-list.cose"),
            passphrase,
            must_be_sealed: config.production,
        })
    }

    /// The keys in the file.
    pub fn read(&self) -> anyhow::Result<Vec<HeldKey>> {
        file::read(&self.issuer, self.passphrase.as_ref(), self.must_be_sealed)
    }

    /// Replaces the file.
    pub fn write(&self, keys: &[HeldKey], random: &Random) -> anyhow::Result<()> {
        ensure!(
            self.passphrase.is_some() || !self.must_be_sealed,
            "in production the keys are sealed: give a passphrase by PROFCARDS_KEY_PASSPHRASE_FILE"
        );
        file::write(&self.issuer, keys, self.passphrase.as_ref(), random)
    }

    /// Makes an instance's first keys.
    pub fn make(&self, now: u64, random: &Random) -> anyhow::Result<Vec<HeldKey>> {
        ensure!(!self.issuer.exists(), "{} exists already", self.issuer.display());
        let keys = [KeyRole::Card, KeyRole::Status].map(|role| HeldKey::generate(role, now, random)).to_vec();
        self.write(&keys, random)?;
        Ok(keys)
    }
}

/// A key with its secret ready for use.
struct ReadyKey {
    held: HeldKey,
    signing: Option<Arc<IssuerSigningKey>>,
}

/// What is in force at a moment; replaced as a whole.
struct InForce {
    keys: Arc<Vec<ReadyKey>>,
    read_at: Option<SystemTime>,
    revoked: Vec<Vec<u8>>,
    trust: Arc<SignedTrustList>,
}

/// All keys of an instance.
pub struct KeyRing {
    roots: Vec<[u8; 32]>,
    /// Only in development is a root at hand; elsewhere signed lists are brought to the server.
    root: Option<IssuerSigningKey>,
    issuer_name: String,
    files: KeyFiles,
    in_force: RwLock<Arc<InForce>>,
}

impl KeyRing {
    /// Loads the instance's keys. In development it makes them, and the first trust list, on the first start.
    pub async fn open(config: &Config, db: &PgPool, clock: &Clock, random: &Random) -> anyhow::Result<Self> {
        let now = unix_seconds(clock.now());
        let roots = roots::pinned(config)?;
        let root = roots::development(config, &roots)?;
        let files = KeyFiles::of(config)?;
        if !files.issuer.exists() {
            ensure!(root.is_some(), "the instance has no keys yet: make them by `profcards keys init`");
            files.make(now, random)?;
        }
        let trust = bring_trust_list(&files, &roots, db, now).await?;
        let trust = match (trust, &root) {
            (Some(trust), _) => trust,
            (None, Some(root)) => {
                let request = request(db, &config.union_name, &files.read()?, &[], 1, now).await?;
                settle(&roots, db, &request, root, now).await?
            }
            (None, None) => anyhow::bail!(
                "there is no trust list: `profcards keys export-public` says what the root must sign, `profcards keys trust-list --install FILE` brings it here"
            ),
        };
        let empty =
            InForce { keys: Arc::default(), read_at: None, revoked: Vec::new(), trust: Arc::new(trust) };
        let issuer_name = config.union_name.clone();
        let ring = Self { roots, root, issuer_name, files, in_force: RwLock::new(Arc::new(empty)) };
        ring.refresh(db, now).await?;
        ring.card_key(now)?;
        ring.status_key(now)?;
        Ok(ring)
    }

    /// Takes up what has changed: the key file, revocations, a newer trust list; where the root is at hand, signs a new list
    /// when something in it must change or it is a day old. Cheap when nothing has.
    pub async fn refresh(&self, db: &PgPool, now: u64) -> anyhow::Result<()> {
        let before = self.in_force();
        let read_at = Some(std::fs::metadata(&self.files.issuer)?.modified()?);
        let keys =
            if read_at == before.read_at { before.keys.clone() } else { Arc::new(self.read_keys().await?) };
        let revoked = store::revoked_keys(db).await?;
        let mut trust = before.trust.clone();
        if store::newest_seq(db).await? > trust.seq()
            && let Some(cose) = store::newest_trust_list(db).await?
        {
            trust = Arc::new(SignedTrustList::load(cose, &self.roots)?);
        }
        if let Some(root) = &self.root {
            let held: Vec<_> = keys.iter().map(|key| key.held.clone()).collect();
            let request = request(db, &self.issuer_name, &held, &revoked, trust.seq() + 1, now).await?;
            let claims = trust.list.claims();
            if now >= claims.iat + TRUST_LIST_RENEW_SECONDS || !request.is_met_by(claims) {
                trust = Arc::new(settle(&self.roots, db, &request, root, now).await?);
            }
        }
        write_copy(&self.files.trust_list, &trust)?;
        let after = InForce { keys, read_at, revoked, trust };
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
        Ok(())
    }

    async fn read_keys(&self) -> anyhow::Result<Vec<ReadyKey>> {
        let files = self.files.clone();
        // Stretching the passphrase takes a while.
        let keys = tokio::task::spawn_blocking(move || files.read()).await??;
        let ready = |held: HeldKey| ReadyKey { signing: held.signing_key().map(Arc::new), held };
        Ok(keys.into_iter().map(ready).collect())
    }

    fn in_force(&self) -> Arc<InForce> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn signing_key(&self, role: KeyRole, now: u64) -> Option<Arc<IssuerSigningKey>> {
        let in_force = self.in_force();
        let usable = |key: &&ReadyKey| {
            key.held.public.role == role
                && key.held.may_sign_at(now)
                && in_force.trust.names(&key.held.public)
                && !in_force.revoked.iter().any(|revoked| *revoked == key.held.public.public_key)
        };
        in_force.keys.iter().filter(usable).max_by_key(|key| key.held.public.nbf)?.signing.clone()
    }

    /// Signs cards at `now` (Unix seconds).
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the trust list names no card key that may sign.
    pub fn card_key(&self, now: u64) -> Result<Arc<IssuerSigningKey>> {
        self.signing_key(KeyRole::Card, now).ok_or_else(|| no_key(KeyRole::Card))
    }

    /// Signs status lists at `now` (Unix seconds).
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the trust list names no status key that may sign.
    pub fn status_key(&self, now: u64) -> Result<Arc<IssuerSigningKey>> {
        self.signing_key(KeyRole::Status, now).ok_or_else(|| no_key(KeyRole::Status))
    }

    /// The trust list in force.
    pub fn trust_list(&self) -> Arc<SignedTrustList> {
        self.in_force().trust.clone()
    }

    /// The pinned roots.
    pub fn roots(&self) -> &[[u8; 32]] {
        &self.roots
    }
}

fn no_key(role: KeyRole) -> Error {
    let role = role.as_str();
    Error::Unavailable(anyhow::anyhow!(
        "the trust list names no {role} key of this instance that may sign now"
    ))
}

/// What a root should sign: every key that was not revoked and may still be needed, and the status lists.
pub async fn request(
    db: &PgPool,
    issuer: &str,
    keys: &[HeldKey],
    revoked: &[Vec<u8>],
    seq: u64,
    now: u64,
) -> anyhow::Result<TrustRequest> {
    let wanted =
        |key: &&TrustedKey| key.exp > now && !revoked.iter().any(|revoked| *revoked == key.public_key);
    let keys = keys.iter().map(|key| &key.public).filter(wanted);
    Ok(TrustRequest::new(issuer, seq, keys, lists::declared(db).await?))
}

/// The newest of the list that all instances share and this one's copy, which a restored database may lack.
async fn bring_trust_list(
    files: &KeyFiles,
    roots: &[[u8; 32]],
    db: &PgPool,
    now: u64,
) -> anyhow::Result<Option<SignedTrustList>> {
    let shared = match store::newest_trust_list(db).await? {
        Some(cose) => Some(SignedTrustList::load(cose, roots)?),
        None => None,
    };
    if !files.trust_list.exists() {
        return Ok(shared);
    }
    let copy = SignedTrustList::read(&files.trust_list, roots)?;
    if shared.as_ref().is_some_and(|shared| shared.seq() >= copy.seq()) {
        return Ok(shared);
    }
    install(db, &copy, now).await?;
    Ok(Some(copy))
}

/// Puts a list in force for every instance.
///
/// # Errors
/// When a list of this number, or a later one, is in force already.
pub async fn install(db: &PgPool, list: &SignedTrustList, now: u64) -> anyhow::Result<()> {
    ensure!(
        store::keep_trust_list(db, list.seq(), &list.cose, from_unix_seconds(now)).await?,
        "another trust list with the number {} or a later one is in force: ask for the next number",
        list.seq()
    );
    Ok(())
}

/// Signs a list and puts it in force; where another instance was quicker, takes that one's.
async fn settle(
    roots: &[[u8; 32]],
    db: &PgPool,
    request: &TrustRequest,
    root: &IssuerSigningKey,
    now: u64,
) -> anyhow::Result<SignedTrustList> {
    let cose = request.sign(root, now)?;
    store::keep_trust_list(db, request.seq, &cose, from_unix_seconds(now)).await?;
    let newest = store::newest_trust_list(db).await?.context("the trust list just kept is gone")?;
    SignedTrustList::load(newest, roots)
}

fn write_copy(path: &Path, trust: &SignedTrustList) -> anyhow::Result<()> {
    if std::fs::read(path).is_ok_and(|copy| copy == trust.cose) {
        return Ok(());
    }
    files::write_public(path, &trust.cose)
}
