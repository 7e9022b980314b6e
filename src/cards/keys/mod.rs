//! The keys of this instance: the pinned roots, its own card and status keys, and the trust list that names them. Secrets
//! come from files and never leave this module; only signatures do.
//!
//! Which key signs is a matter of time and of the trust list in force: of the keys of a role that the list names and that
//! were not revoked, the one that became valid last. A new key therefore takes over by itself, at the hour it was made
//! for, on every instance at once, when tills have long had the list that names it.
//!
//! Nothing is signed while this machine's clock and the database's disagree: a till holds the newest moment that an issuer
//! has signed for the least that the time can be, and would call every card ended.

pub mod file;
pub mod roots;
pub mod seal;
pub mod store;
pub mod trust;
pub mod trust_in_force;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use profcards_card::{IssuerSigningKey, KeyRole};
use sqlx::PgPool;

use crate::base::clock::{self, Clock, from_unix_seconds, unix_seconds};
use crate::base::config::Config;
use crate::base::db::clock_seconds;
use crate::base::error::{Error, Result};
use crate::base::files;
use crate::base::random::Random;

use file::HeldKey;
use seal::Passphrase;
pub use trust::{SignedTrustList, TrustRequest};

/// The age at which the trust list is signed anew, as long as the root is at hand.
const TRUST_LIST_RENEW_SECONDS: u64 = 24 * 3600;

/// The files of an instance's issuer keys, and the passphrase that opens them.
#[derive(Clone)]
pub struct KeyFiles {
    /// The file of the private keys.
    pub issuer: PathBuf,
    /// A copy of the trust list in force, for commands that run without a database.
    pub trust_list: PathBuf,
    /// The passphrase of the private keys, where they are sealed.
    pub passphrase: Option<Passphrase>,
    /// Whether unsealed keys are refused.
    pub must_be_sealed: bool,
}

impl KeyFiles {
    /// The files that the settings name.
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

    /// Keeps every other command from changing the file until the answer is dropped: between reading and writing it,
    /// nobody may bring back a secret that was destroyed, or lose a key that was made.
    pub fn lock(&self) -> anyhow::Result<File> {
        let path = std::path::absolute(self.issuer.with_extension("lock"))?;
        let folder = path.parent().context("a file has a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let open = || fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let locked = open().and_then(|file| file.lock().map(|()| file));
        locked.with_context(|| format!("cannot lock {}", path.display()))
    }

    /// Makes an instance's first keys.
    pub fn make(&self, now_seconds: u64, random: &Random) -> anyhow::Result<Vec<HeldKey>> {
        let _alone = self.lock()?;
        ensure!(!self.issuer.exists(), "{} exists already", self.issuer.display());
        let keys = [KeyRole::Card, KeyRole::Status]
            .map(|role| HeldKey::generate(role, now_seconds, random))
            .to_vec();
        self.write(&keys, random)?;
        Ok(keys)
    }
}

/// A key with its secret ready for use.
struct ReadyKey {
    held: HeldKey,
    signing: Option<Arc<IssuerSigningKey>>,
}

/// The keys and the trust list that are in force at a moment.
#[derive(Clone)]
struct InForce {
    keys: Arc<Vec<ReadyKey>>,
    read_at: Option<SystemTime>,
    revoked: Arc<BTreeSet<[u8; 32]>>,
    trust: Arc<SignedTrustList>,
    /// This machine's clock minus the database's.
    clock_ahead_seconds: i64,
}

impl InForce {
    fn held(&self) -> impl Iterator<Item = &HeldKey> {
        self.keys.iter().map(|key| &key.held)
    }
}

/// Whether a key is trusted no more: it is among the revoked ones, or its secret was destroyed. The file remembers that
/// where a restored database does not.
pub fn is_revoked(key: &HeldKey, revoked: &BTreeSet<[u8; 32]>) -> bool {
    key.secret.is_none() || revoked.contains(&key.public.public_key)
}

/// Whether a key may sign for `role` as far as trust goes, whatever the hour.
fn may_sign_for_role(
    key: &HeldKey,
    role: KeyRole,
    trust: &SignedTrustList,
    revoked: &BTreeSet<[u8; 32]>,
) -> bool {
    key.public.role == role && trust.names(&key.public) && !is_revoked(key, revoked)
}

/// The key that signs for `role` at `now_seconds`: of those that the trust list names and that were not revoked, the
/// one that became valid last.
pub fn current_signing_key<'a>(
    keys: impl IntoIterator<Item = &'a HeldKey>,
    role: KeyRole,
    trust: &SignedTrustList,
    revoked: &BTreeSet<[u8; 32]>,
    now_seconds: u64,
) -> Option<&'a HeldKey> {
    let usable =
        |key: &&HeldKey| may_sign_for_role(key, role, trust, revoked) && key.may_sign_at(now_seconds);
    keys.into_iter().filter(usable).max_by_key(|key| key.public.nbf)
}

/// All keys of an instance.
pub struct KeyRing {
    roots: Vec<[u8; 32]>,
    /// The root, which is at hand only in development; elsewhere signed lists are brought to the server.
    root: Option<IssuerSigningKey>,
    issuer_name: String,
    files: KeyFiles,
    /// Whether the clock is compared with the database's; one that a test moves agrees with none.
    watches_clock: bool,
    refreshing: tokio::sync::Mutex<()>,
    in_force: RwLock<InForce>,
}

impl KeyRing {
    /// Loads the instance's keys. In development it makes them, and the first trust list, on the first start.
    pub async fn open(config: &Config, db: &PgPool, clock: &Clock, random: &Random) -> anyhow::Result<Self> {
        let now_seconds = unix_seconds(clock.now());
        let roots = roots::pinned(config)?;
        let root = roots::development(config, &roots)?;
        let files = KeyFiles::of(config)?;
        if !files.issuer.exists() {
            ensure!(root.is_some(), "the instance has no keys yet: make them by `profcards keys init`");
            files.make(now_seconds, random)?;
        }
        let trust = trust_in_force::newest(&files, &roots, db, now_seconds).await?;
        let trust = match (trust, &root) {
            (Some(trust), _) => trust,
            (None, Some(root)) => {
                let request = trust_in_force::request(
                    db,
                    &config.union_name,
                    &files.read()?,
                    &BTreeSet::new(),
                    1,
                    now_seconds,
                )
                .await?;
                trust_in_force::sign_and_install(&roots, db, &request, root, now_seconds).await?
            }
            (None, None) => anyhow::bail!(
                "there is no trust list: `profcards keys export-public` says what the root must sign, `profcards keys trust-list --install FILE` brings it here"
            ),
        };
        let empty = InForce {
            keys: Arc::default(),
            read_at: None,
            revoked: Arc::default(),
            trust: Arc::new(trust),
            clock_ahead_seconds: 0,
        };
        let ring = Self {
            roots,
            root,
            issuer_name: config.union_name.clone(),
            files,
            watches_clock: clock.is_machine_clock(),
            refreshing: tokio::sync::Mutex::default(),
            in_force: RwLock::new(empty),
        };
        ring.refresh(db, now_seconds).await?;
        if let Err(error) = ring.save_copy() {
            tracing::error!(
                error = format!("{error:#}"),
                "there is no copy of the trust list beside the keys"
            );
        }
        // Without a key that signs there is still much to serve, and commands to mend it with.
        if let Err(error) = ring.is_ready(now_seconds) {
            tracing::error!(%error, "no cards or no status lists can be signed");
        }
        Ok(ring)
    }

    /// Takes up what has changed: revocations, the key file, a newer trust list; where the root is at hand, signs a new list
    /// when something in it must change or it is a day old. Cheap when nothing has. What fails keeps nothing else from
    /// being taken up.
    pub async fn refresh(&self, db: &PgPool, now_seconds: u64) -> anyhow::Result<()> {
        let _one_at_a_time = self.refreshing.lock().await;
        // Before anything that can fail by itself: no more may be signed with what somebody else may have.
        let revoked = store::revoked_keys(db).await?;
        self.change(|in_force| in_force.revoked = Arc::new(revoked));
        if self.watches_clock {
            let ahead = now_seconds.cast_signed() - clock_seconds(db).await?;
            self.change(|in_force| in_force.clock_ahead_seconds = ahead);
        }
        let keys = self.load_changed_keys().await;
        let destroyed = self.record_destroyed_keys(db, now_seconds).await;
        let trust = self.load_newest_trust_list(db, now_seconds).await;
        keys.and(destroyed).and(trust)
    }

    async fn load_changed_keys(&self) -> anyhow::Result<()> {
        let path = &self.files.issuer;
        let changed_at = fs::metadata(path).and_then(|file| file.modified());
        let read_at = Some(changed_at.with_context(|| format!("cannot read {}", path.display()))?);
        if read_at == self.in_force().read_at {
            return Ok(());
        }
        let files = self.files.clone();
        // Stretching the passphrase takes a while.
        let held = tokio::task::spawn_blocking(move || files.read()).await??;
        let ready = |held: HeldKey| ReadyKey { signing: held.signing_key().map(Arc::new), held };
        let keys = Arc::new(held.into_iter().map(ready).collect());
        self.change(|in_force| (in_force.keys, in_force.read_at) = (keys, read_at));
        Ok(())
    }

    /// Records the keys whose secrets were destroyed as revoked, so that their cards are issued anew. A restored
    /// database has lost that; the file remembers it.
    async fn record_destroyed_keys(&self, db: &PgPool, now_seconds: u64) -> anyhow::Result<()> {
        let in_force = self.in_force();
        let is_forgotten =
            |key: &&HeldKey| key.secret.is_none() && !in_force.revoked.contains(&key.public.public_key);
        for key in in_force.held().filter(is_forgotten) {
            store::revoke(db, &key.public, from_unix_seconds(now_seconds)).await?;
        }
        Ok(())
    }

    async fn load_newest_trust_list(&self, db: &PgPool, now_seconds: u64) -> anyhow::Result<()> {
        let put = |list: SignedTrustList| self.change(|in_force| in_force.trust = Arc::new(list));
        if store::newest_seq(db).await? > self.trust_list().seq()
            && let Some(cose) = store::newest_trust_list(db).await?
        {
            put(SignedTrustList::load(cose, &self.roots)?);
        }
        let Some(root) = &self.root else { return Ok(()) };
        let in_force = self.in_force();
        clock::ensure_agreement(in_force.clock_ahead_seconds)?;
        let (claims, seq) = (in_force.trust.list.claims(), in_force.trust.seq() + 1);
        let request = trust_in_force::request(
            db,
            &self.issuer_name,
            in_force.held(),
            &in_force.revoked,
            seq,
            now_seconds,
        )
        .await?;
        if now_seconds >= claims.iat + TRUST_LIST_RENEW_SECONDS || !request.is_satisfied_by(claims) {
            put(trust_in_force::sign_and_install(&self.roots, db, &request, root, now_seconds).await?);
        }
        Ok(())
    }

    /// Keeps a copy of the trust list in force beside the keys.
    pub fn save_copy(&self) -> anyhow::Result<()> {
        trust_in_force::write_copy(&self.files.trust_list, &self.trust_list())
    }

    fn in_force(&self) -> InForce {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut InForce)) {
        change(&mut self.in_force.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn signing_key(&self, role: KeyRole, now_seconds: u64) -> Result<Arc<IssuerSigningKey>> {
        let in_force = self.in_force();
        clock::ensure_agreement(in_force.clock_ahead_seconds).map_err(Error::Unavailable)?;
        let signs =
            current_signing_key(in_force.held(), role, &in_force.trust, &in_force.revoked, now_seconds);
        let ready =
            in_force.keys.iter().find(|key| signs.is_some_and(|signs| signs.public == key.held.public));
        ready.and_then(|key| key.signing.clone()).ok_or_else(|| no_key(role))
    }

    /// Signs cards at `now_seconds` (Unix seconds).
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the trust list names no card key that may sign, or the clock is far off.
    pub fn card_key(&self, now_seconds: u64) -> Result<Arc<IssuerSigningKey>> {
        self.signing_key(KeyRole::Card, now_seconds)
    }

    /// Signs status lists at `now_seconds` (Unix seconds).
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the trust list names no status key that may sign, or the clock is far off.
    pub fn status_key(&self, now_seconds: u64) -> Result<Arc<IssuerSigningKey>> {
        self.signing_key(KeyRole::Status, now_seconds)
    }

    /// Whether this machine's clock and the database's agreed when they were last compared.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while they do not.
    pub fn check_clock(&self) -> Result<()> {
        clock::ensure_agreement(self.in_force().clock_ahead_seconds).map_err(Error::Unavailable)
    }

    /// Whether cards and status lists can be signed at `now_seconds`.
    ///
    /// # Errors
    /// Why not.
    pub fn is_ready(&self, now_seconds: u64) -> Result<()> {
        self.card_key(now_seconds).and(self.status_key(now_seconds)).map(drop)
    }

    /// Whether the trust list in force names a key of this role by this short name that was not revoked.
    pub fn is_trusted(&self, role: KeyRole, kid: &[u8]) -> bool {
        let in_force = self.in_force();
        let mut named = in_force.trust.list.claims().keys.iter();
        named.any(|key| key.role == role && key.kid.0 == kid && !in_force.revoked.contains(&key.public_key))
    }

    /// The moments (Unix seconds) at which the trust list in force ends, and until which it lets keys of each role
    /// sign; 0 where none may at `now_seconds`.
    pub fn end_times(&self, now_seconds: u64) -> [(&'static str, u64); 3] {
        let in_force = self.in_force();
        let (trust, revoked) = (&in_force.trust, &in_force.revoked);
        let signs_until = |role: KeyRole| {
            let keys = in_force.held().filter(|key| may_sign_for_role(key, role, trust, revoked));
            let until = keys.map(HeldKey::signs_until).max();
            let signs = current_signing_key(in_force.held(), role, trust, revoked, now_seconds);
            (role.as_str(), signs.and(until).unwrap_or(0))
        };
        let trust_list = ("trust-list", in_force.trust.list.claims().exp);
        [trust_list, signs_until(KeyRole::Card), signs_until(KeyRole::Status)]
    }

    /// The trust list in force.
    pub fn trust_list(&self) -> Arc<SignedTrustList> {
        self.in_force().trust
    }

    /// The pinned roots.
    pub fn roots(&self) -> &[[u8; 32]] {
        &self.roots
    }
}

fn no_key(role: KeyRole) -> Error {
    let role = role.as_str();
    Error::Unavailable(anyhow::anyhow!(
        "the trust list names no {role} key of this instance that may sign now: `profcards keys export-public` says what the root must sign"
    ))
}
