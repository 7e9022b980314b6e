//! The keys of this instance: roots as pinned, its own card and status keys, and the trust list that names them. Secrets
//! come from files and never leave this module; only signatures do.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, ensure};
use profcards_card::constants::{PAPER_CARD_SECONDS, TRUST_LIST_SECONDS};
use profcards_card::{
    IssuerAlg, IssuerSigningKey, KeyRole, Kid, Policy, TrustList, TrustListClaims, TrustedKey, full_hour,
    kid_of,
};
use serde::{Deserialize, Serialize};

use super::lists;
use crate::clock::{Clock, unix_seconds};
use crate::config::Config;
use crate::files;
use crate::random::Random;

/// A new issuer key signs for two years; what it signed may live on for as long as the longest card.
const KEY_SIGNS_SECONDS: u64 = 2 * 365 * 24 * 3600;
/// The trust list is signed anew when it is older, as long as the root is at hand.
const TRUST_LIST_RENEW_SECONDS: u64 = 24 * 3600;

/// What `pins.json` holds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pins {
    roots: Vec<Pin>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pin {
    #[serde(with = "hex")]
    public_key: [u8; 32],
}

#[derive(Deserialize)]
struct DevelopmentRoot {
    #[serde(with = "hex")]
    secret: [u8; 32],
}

/// An issuer key as it lies in the data folder. Times are Unix seconds.
#[derive(Serialize, Deserialize)]
struct StoredKey {
    role: String,
    /// The COSE algorithm label.
    alg: i64,
    #[serde(with = "hex")]
    secret: [u8; 32],
    nbf: u64,
    exp: u64,
}

impl StoredKey {
    fn generate(role: KeyRole, now: u64, random: &Random) -> Self {
        // A card's iat is rounded down to the hour, so the key must be valid from that hour on.
        let nbf = full_hour(now);
        let exp = nbf + KEY_SIGNS_SECONDS + PAPER_CARD_SECONDS;
        Self { role: role.as_str().into(), alg: IssuerAlg::EdDsa.label(), secret: random.bytes(), nbf, exp }
    }

    fn signing_key(&self) -> anyhow::Result<IssuerSigningKey> {
        let role = KeyRole::from_word(&self.role).context("unknown key role")?;
        let alg = IssuerAlg::from_label(self.alg).context("unknown key algorithm")?;
        Ok(IssuerSigningKey::from_secret(&self.secret, role, alg))
    }
}

/// A key as anyone may know it.
#[derive(Debug, Serialize)]
pub struct PublicKey {
    /// Hex of the first four bytes of the key's COSE thumbprint (RFC 9679).
    pub kid: String,
    /// `root`, `card` or `status`.
    pub role: &'static str,
    /// The COSE algorithm's name.
    pub alg: &'static str,
    /// Hex of the 32 bytes.
    pub public_key: String,
}

/// The trust list as published and as loaded.
pub struct SignedTrustList {
    /// The COSE bytes.
    pub cose: Vec<u8>,
    /// The same, checked.
    pub list: TrustList,
}

/// All keys of an instance.
pub struct KeyRing {
    roots: Vec<[u8; 32]>,
    /// Only in development is a root at hand; elsewhere signed lists are brought to the server.
    root: Option<IssuerSigningKey>,
    card: IssuerSigningKey,
    status: IssuerSigningKey,
    trusted: Vec<TrustedKey>,
    issuer_name: String,
    trust_list_path: PathBuf,
    trust_list: RwLock<Arc<SignedTrustList>>,
}

impl KeyRing {
    /// Loads the instance's keys; makes them, and the first trust list, on the first start.
    pub fn open(config: &Config, clock: &Clock, random: &Random) -> anyhow::Result<Self> {
        let now = unix_seconds(clock.now());
        let roots = pinned_roots(config)?;
        let root = development_root(config, &roots)?;
        let (mut card, mut status, mut trusted) = (None, None, Vec::new());
        for entry in &open_issuer_keys(config, now, random)? {
            let key = entry.signing_key()?;
            trusted.push(TrustedKey::of(&key, entry.nbf, entry.exp));
            match key.role() {
                KeyRole::Card => card = Some(key),
                KeyRole::Status => status = Some(key),
                KeyRole::Root => anyhow::bail!("a root's secret does not belong among the issuer keys"),
            }
        }
        let trust_list_path = trust_list_path(config);
        let held = load_trust_list(&trust_list_path, &roots)?;
        let signed = match (held, &root) {
            (Some(held), _) => held,
            (None, Some(root)) => {
                sign_trust_list(root, &roots, &config.union_name, &trusted, 1, now, &trust_list_path)?
            }
            (None, None) => anyhow::bail!(
                "no trust list at {}: sign one with the root and bring it here",
                trust_list_path.display()
            ),
        };
        ensure!(
            trusted.iter().all(|key| signed.list.claims().keys.contains(key)),
            "the trust list at {} does not name this instance's keys: sign a new one with the root",
            trust_list_path.display()
        );
        Ok(Self {
            roots,
            root,
            card: card.context("the instance has no card key")?,
            status: status.context("the instance has no status key")?,
            trusted,
            issuer_name: config.union_name.clone(),
            trust_list_path,
            trust_list: RwLock::new(Arc::new(signed)),
        })
    }

    /// Signs the trust list anew when it is a day old and the root is at hand.
    pub fn renew_trust_list(&self, now: u64) -> anyhow::Result<()> {
        let held = self.trust_list();
        let claims = held.list.claims();
        let Some(root) = self.root.as_ref().filter(|_| now >= claims.iat + TRUST_LIST_RENEW_SECONDS) else {
            return Ok(());
        };
        let seq = claims.seq + 1;
        let signed = sign_trust_list(
            root,
            &self.roots,
            &self.issuer_name,
            &self.trusted,
            seq,
            now,
            &self.trust_list_path,
        )?;
        *self.trust_list.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(signed);
        Ok(())
    }

    /// The trust list in force.
    pub fn trust_list(&self) -> Arc<SignedTrustList> {
        self.trust_list.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The pinned roots.
    pub fn roots(&self) -> &[[u8; 32]] {
        &self.roots
    }

    /// Signs cards.
    pub fn card_key(&self) -> &IssuerSigningKey {
        &self.card
    }

    /// Signs status lists.
    pub fn status_key(&self) -> &IssuerSigningKey {
        &self.status
    }

    /// Every key, as anyone may know it.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        let roots =
            self.roots.iter().map(|root| public_key(kid_of(root), KeyRole::Root, IssuerAlg::EdDsa, root));
        let issuers = self.trusted.iter().map(|key| public_key(key.kid, key.role, key.alg, &key.public_key));
        roots.chain(issuers).collect()
    }
}

/// The roots that `pins.json` names: one, or two while one replaces the other.
pub fn pinned_roots(config: &Config) -> anyhow::Result<Vec<[u8; 32]>> {
    let pins: Pins = read_json(&config.keys.join("pins.json"))?;
    ensure!(
        (1..=2).contains(&pins.roots.len()),
        "pins.json must pin one root, or two while one replaces the other"
    );
    Ok(pins.roots.iter().map(|pin| pin.public_key).collect())
}

/// Where the trust list in force lies.
pub fn trust_list_path(config: &Config) -> PathBuf {
    config.data.join("keys/trust-list.cose")
}

fn public_key(kid: Kid, role: KeyRole, alg: IssuerAlg, key: &[u8; 32]) -> PublicKey {
    let alg = match alg {
        IssuerAlg::EdDsa => "EdDSA",
        IssuerAlg::Ed25519 => "Ed25519",
    };
    PublicKey { kid: hex::encode(kid.0), role: role.as_str(), alg, public_key: hex::encode(key) }
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not what it should be", path.display()))
}

/// The committed root, if it is one of the pinned ones; a production server refuses to start then.
fn development_root(config: &Config, roots: &[[u8; 32]]) -> anyhow::Result<Option<IssuerSigningKey>> {
    let path = config.keys.join("dev/root-1.json");
    if !path.exists() {
        return Ok(None);
    }
    let root: DevelopmentRoot = read_json(&path)?;
    let key = IssuerSigningKey::from_secret(&root.secret, KeyRole::Root, IssuerAlg::EdDsa);
    if !roots.contains(&key.public_key()) {
        return Ok(None);
    }
    ensure!(
        !config.production,
        "pins.json names the development root, whose secret is public; a production server needs its own root"
    );
    Ok(Some(key))
}

fn open_issuer_keys(config: &Config, now: u64, random: &Random) -> anyhow::Result<Vec<StoredKey>> {
    let path = config.data.join("keys/issuer.json");
    if !path.exists() {
        let keys = [KeyRole::Card, KeyRole::Status].map(|role| StoredKey::generate(role, now, random));
        files::write_private(&path, serde_json::to_string_pretty(&keys)?.as_bytes())?;
    }
    serde_json::from_str(&files::read_private(&path)?)
        .with_context(|| format!("{} is damaged", path.display()))
}

fn load_trust_list(path: &Path, roots: &[[u8; 32]]) -> anyhow::Result<Option<SignedTrustList>> {
    if !path.exists() {
        return Ok(None);
    }
    let cose = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let list = TrustList::load(&cose, roots, None).map_err(|code| {
        anyhow::anyhow!("the trust list at {} is refused: {}", path.display(), code.as_str())
    })?;
    Ok(Some(SignedTrustList { cose, list }))
}

fn sign_trust_list(
    root: &IssuerSigningKey,
    roots: &[[u8; 32]],
    issuer_name: &str,
    trusted: &[TrustedKey],
    seq: u64,
    now: u64,
    path: &Path,
) -> anyhow::Result<SignedTrustList> {
    let claims = TrustListClaims {
        iss: issuer_name.to_owned(),
        exp: now + TRUST_LIST_SECONDS,
        iat: now,
        seq,
        keys: trusted.to_vec(),
        lists: (1..=lists::DECLARED_LISTS).map(lists::location).collect(),
        policy: Policy::default(),
    };
    let cose = claims.sign(root).context("the root does not sign this trust list")?;
    let list = TrustList::load(&cose, roots, None)
        .map_err(|code| anyhow::anyhow!("the trust list just signed is refused: {}", code.as_str()))?;
    files::write_public(path, &cose)?;
    Ok(SignedTrustList { cose, list })
}
