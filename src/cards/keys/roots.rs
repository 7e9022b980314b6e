//! The roots of trust: as pinned for verifiers, and as a file that is kept apart from the server. A root signs trust lists
//! and nothing else.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use profcards_card::{IssuerAlg, IssuerSigningKey, KeyRole};
use serde::{Deserialize, Serialize};

use super::file::{self, HeldKey};
use super::seal::Passphrase;
use crate::base::config::Config;
use crate::base::files;
use crate::base::random::Random;

/// The most pinned roots: one in use and one that replaces it.
const MAX_PINS: usize = 2;

/// The public key of the committed root, whose secret anybody knows: also where its file is not.
const DEVELOPMENT_ROOT: &str = "07fa975b2fa42e776f7ae5a5b76436e4132244e45abf55f525aecb8a07fbca53";

/// The content of `pins.json`.
#[derive(Serialize, Deserialize)]
struct Pins {
    roots: Vec<Pin>,
}

/// A pinned root.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pin {
    /// The root's name, for people.
    name: String,
    #[serde(with = "hex")]
    public_key: [u8; 32],
}

#[derive(Deserialize)]
struct DevelopmentRoot {
    #[serde(with = "hex")]
    secret: [u8; 32],
}

/// The roots that `pins.json` names: one, or two while one replaces the other.
pub fn pinned(config: &Config) -> anyhow::Result<Vec<[u8; 32]>> {
    let pins: Pins = read_json(&config.keys.join("pins.json"))?;
    ensure!(
        (1..=MAX_PINS).contains(&pins.roots.len()),
        "pins.json must pin one root, or two while one replaces the other"
    );
    Ok(pins.roots.iter().map(|pin| pin.public_key).collect())
}

/// Refuses to make another root while none more can be pinned.
pub fn check_pin_count(config: &Config) -> anyhow::Result<()> {
    pins_to_keep(config).map(drop)
}

/// Pins a new root beside those that are pinned; the development root gives way to it.
pub fn pin(config: &Config, public_key: [u8; 32], name: &str) -> anyhow::Result<()> {
    let path = config.keys.join("pins.json");
    let mut roots = pins_to_keep(config)?;
    roots.push(Pin { name: name.into(), public_key });
    let text = serde_json::to_string_pretty(&Pins { roots })?;
    files::write_public(&path, format!("{text}\n").as_bytes())
}

/// The pins that stay when another root is pinned.
fn pins_to_keep(config: &Config) -> anyhow::Result<Vec<Pin>> {
    let path = config.keys.join("pins.json");
    let mut roots = if path.exists() { read_json::<Pins>(&path)?.roots } else { Vec::new() };
    roots.retain(|pin| !is_development(&pin.public_key));
    ensure!(roots.len() < MAX_PINS, "pins.json pins two roots already; take the one that ended out of it");
    Ok(roots)
}

/// Makes a root in a file of its own, sealed; its public key is for `pins.json`.
pub fn make(
    path: &Path,
    passphrase: &Passphrase,
    now_seconds: u64,
    random: &Random,
) -> anyhow::Result<[u8; 32]> {
    ensure!(!path.exists(), "{} exists already, and a root is never overwritten", path.display());
    let root = HeldKey::generate(KeyRole::Root, now_seconds, random);
    file::write(path, std::slice::from_ref(&root), Some(passphrase), random)?;
    Ok(root.public.public_key)
}

/// Opens a root's file.
pub fn open(path: &Path, passphrase: &Passphrase) -> anyhow::Result<IssuerSigningKey> {
    let keys = file::read(path, Some(passphrase), true)?;
    let [root] = keys.as_slice() else { bail!("{} does not hold one root", path.display()) };
    let root = root.signing_key().context("the root has no secret")?;
    ensure!(root.role() == KeyRole::Root, "{} holds no root", path.display());
    Ok(root)
}

/// The committed root, if it is one of the pinned ones; a production server refuses to start then.
pub fn development(config: &Config, pinned: &[[u8; 32]]) -> anyhow::Result<Option<IssuerSigningKey>> {
    if !pinned.iter().any(is_development) {
        return Ok(None);
    }
    ensure!(
        !config.production,
        "pins.json names the development root, whose secret is public; a production server needs its own root"
    );
    let path = config.keys.join("dev/root-1.json");
    if !path.exists() {
        return Ok(None);
    }
    let root: DevelopmentRoot = read_json(&path)?;
    let key = IssuerSigningKey::from_secret(&root.secret, KeyRole::Root, IssuerAlg::EdDsa);
    ensure!(is_development(&key.public_key()), "{} is not the development root", path.display());
    Ok(Some(key))
}

fn is_development(public_key: &[u8; 32]) -> bool {
    hex::encode(public_key) == DEVELOPMENT_ROOT
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<T> {
    serde_json::from_str(&files::read_text(path)?)
        .with_context(|| format!("{} is not what it should be", path.display()))
}
