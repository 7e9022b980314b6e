//! `keys`: making, rotating and revoking the keys of an instance, and the trust list that a root signs for it. The root's own
//! file may be on another machine: there, `trust-list --request` needs neither a database nor the instance.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use profcards_card::constants::{CARD_IAT_LEEWAY_SECONDS, TRUST_LIST_SECONDS};
use profcards_card::{IssuerSigningKey, KeyRole, TrustListClaims, TrustedKey, kid_of};
use serde::Serialize;
use sqlx::PgPool;

use super::beside_database;
use crate::cards::keys::file::HeldKey;
use crate::cards::keys::seal::Passphrase;
use crate::cards::keys::{
    KeyFiles, SignedTrustList, TrustRequest, force, is_revoked, roots, store, which_signs,
};
use crate::clock::{Clock, from_unix_seconds, unix_seconds};
use crate::config::Config;
use crate::files;
use crate::random::Random;

const DAY_SECONDS: u64 = 24 * 3600;
/// A till may check cards for the whole life of the trust list that it holds, so only when that has ended does every till
/// know a new key. The day more is for the way to the root and back.
const DEFAULT_NOTICE_DAYS: u64 = TRUST_LIST_SECONDS / DAY_SECONDS + 1;
const MAX_NOTICE_DAYS: u64 = 365;

#[derive(Subcommand)]
pub enum Keys {
    /// Make the instance's card and status keys; or with --root a root, in a file of its own.
    Init(Init),
    /// List the pinned roots and the instance's keys, and say which of them sign.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a new key that takes over later, when tills have long known it. Cards already issued stay good.
    Rotate(Rotate),
    /// Trust a key no more, at once: somebody else may have it. Cards that it signed are issued anew by the server.
    Revoke(Revoke),
    /// Sign a new trust list, or put a signed one in force.
    TrustList(TrustListArgs),
    /// Print what a root has to sign for this instance. Nothing in it is secret.
    ExportPublic {
        /// Write it there.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

#[derive(Args)]
pub struct Init {
    /// Make a root in this file, which must not be within the data folder.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Pin the new root in pins.json under this name; the development root gives way to it.
    #[arg(long, value_name = "NAME", requires = "root")]
    pin: Option<String>,
    /// The new root's passphrase, in a file that its owner alone can read; otherwise it is asked for.
    #[arg(long, value_name = "FILE", requires = "root")]
    root_passphrase_file: Option<PathBuf>,
}

#[derive(Args)]
pub struct Rotate {
    role: Role,
    /// When it takes over, in days from now.
    #[arg(long, value_name = "DAYS", default_value_t = DEFAULT_NOTICE_DAYS, value_parser = clap::value_parser!(u64).range(0..=MAX_NOTICE_DAYS))]
    in_days: u64,
    #[command(flatten)]
    root: Root,
}

#[derive(Args)]
pub struct Revoke {
    /// The key's short name, as `keys list` shows it.
    kid: String,
    #[command(flatten)]
    root: Root,
}

#[derive(Args)]
pub struct TrustListArgs {
    /// Put this signed list in force.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["request", "out", "root_file"])]
    install: Option<PathBuf>,
    /// Install it although a new key takes over before every till can know it.
    #[arg(long, requires = "install")]
    early: bool,
    /// Sign this request instead of asking the instance; needs no database.
    #[arg(long, value_name = "FILE", requires = "out")]
    request: Option<PathBuf>,
    /// Write the signed list there instead of putting it in force.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    root: Root,
}

/// Which root signs; without one, the development root where it is pinned.
#[derive(Args)]
pub struct Root {
    /// The root's file.
    #[arg(id = "root_file", long = "root", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Its passphrase, in a file that its owner alone can read; otherwise it is asked for.
    #[arg(long, value_name = "FILE", requires = "root_file")]
    root_passphrase_file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Role {
    Card,
    Status,
}

impl From<Role> for KeyRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Card => Self::Card,
            Role::Status => Self::Status,
        }
    }
}

impl Root {
    /// The root, if there is one here.
    fn open(&self, config: &Config) -> anyhow::Result<Option<IssuerSigningKey>> {
        let pinned = roots::pinned(config)?;
        let Some(path) = &self.file else { return roots::development(config, &pinned) };
        let root =
            roots::open(path, &passphrase(self.root_passphrase_file.as_deref(), "The root's passphrase: ")?)?;
        ensure!(
            pinned.contains(&root.public_key()),
            "pins.json does not pin this root: no verifier would believe it"
        );
        Ok(Some(root))
    }
}

/// Runs one of the commands.
pub fn run(config: Config, command: Keys) -> anyhow::Result<i32> {
    match command {
        Keys::Init(args) => init(&config, args),
        Keys::TrustList(TrustListArgs { request: Some(request), out: Some(out), root, .. }) => {
            sign_request(&config, &request, &out, &root)
        }
        Keys::List { json } => beside_database(config, async move |instance| list(&instance, json).await),
        Keys::Rotate(args) => beside_database(config, async move |instance| rotate(&instance, &args).await),
        Keys::Revoke(args) => beside_database(config, async move |instance| revoke(&instance, &args).await),
        Keys::TrustList(args) => {
            beside_database(config, async move |instance| trust_list(&instance, &args).await)
        }
        Keys::ExportPublic { out } => {
            beside_database(config, async move |instance| export_public(&instance, out.as_deref()).await)
        }
    }
}

/// What a command on keys needs of the instance: its settings and its database, but no trust list yet.
pub struct Instance {
    /// Its settings.
    pub config: Config,
    /// Its database, migrated.
    pub db: PgPool,
}

impl Instance {
    async fn request(&self, held: &[HeldKey], now: u64) -> anyhow::Result<TrustRequest> {
        let revoked = store::revoked_keys(&self.db).await?;
        let seq = store::newest_seq(&self.db).await? + 1;
        force::request(&self.db, &self.config.union_name, held, &revoked, seq, now).await
    }

    /// The list in force; one that no pinned root has signed is none, and is there to be replaced.
    async fn trust_list(&self) -> anyhow::Result<Option<SignedTrustList>> {
        let Some(cose) = store::newest_trust_list(&self.db).await? else { return Ok(None) };
        let loaded = SignedTrustList::load(cose, &roots::pinned(&self.config)?);
        Ok(loaded.inspect_err(|error| eprintln!("The newest trust list cannot be used: {error:#}")).ok())
    }

    /// Signs a list that says how things are now; without a root, says what to do instead.
    async fn renew_trust_list(
        &self,
        held: &[HeldKey],
        root: Option<&IssuerSigningKey>,
        now: u64,
    ) -> anyhow::Result<()> {
        let Some(root) = root else {
            eprintln!("No root is here. What the root must sign: profcards keys export-public");
            eprintln!("Then, with what it signed: profcards keys trust-list --install FILE");
            return Ok(());
        };
        let cose = self.request(held, now).await?.sign(root, now)?;
        let signed = SignedTrustList::load(cose, &roots::pinned(&self.config)?)?;
        self.put_in_force(&signed, now).await
    }

    async fn put_in_force(&self, signed: &SignedTrustList, now: u64) -> anyhow::Result<()> {
        force::install(&self.db, signed, now).await?;
        let claims = signed.list.claims();
        eprintln!(
            "Trust list {}, signed {}, is in force until {}",
            claims.seq,
            moment(claims.iat),
            day(claims.exp)
        );
        Ok(())
    }
}

fn now() -> u64 {
    unix_seconds(Clock::System.now())
}

fn day(seconds: u64) -> String {
    from_unix_seconds(seconds).format("%Y-%m-%d").to_string()
}

fn moment(seconds: u64) -> String {
    from_unix_seconds(seconds).format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A passphrase from a file, or typed.
fn passphrase(file: Option<&Path>, prompt: &str) -> anyhow::Result<Passphrase> {
    match file {
        Some(path) => Ok(Passphrase::new(files::read_private(path)?)),
        None if std::io::stdin().is_terminal() => Ok(Passphrase::new(rpassword::prompt_password(prompt)?)),
        None => bail!("a passphrase is needed: give --root-passphrase-file"),
    }
}

fn init(config: &Config, args: Init) -> anyhow::Result<i32> {
    let now = now();
    let Some(path) = args.root else {
        let files = KeyFiles::of(config)?;
        if let Some(passphrase) = &files.passphrase {
            passphrase.clone().checked()?;
        }
        for key in files.make(now, &Random::System)? {
            println!(
                "{} {} {}",
                key.public.kid,
                key.public.role.as_str(),
                hex::encode(key.public.public_key)
            );
        }
        eprintln!("Next: profcards keys export-public, and the root signs it");
        return Ok(0);
    };
    let folder = std::path::absolute(&path)?;
    ensure!(
        !folder.starts_with(std::path::absolute(&config.data)?),
        "a root is kept apart from the server: choose a place outside {}",
        config.data.display()
    );
    let chosen =
        passphrase(args.root_passphrase_file.as_deref(), "A passphrase for the new root: ")?.checked()?;
    let public_key = roots::make(&path, &chosen, now, &Random::System)?;
    println!("{}", hex::encode(public_key));
    if let Some(name) = args.pin {
        roots::pin(config, public_key, &name)?;
        eprintln!(
            "Pinned. Verifiers learn it with the next version of the app that they load from this server"
        );
    }
    Ok(0)
}

/// A key as anyone may know it.
#[derive(Serialize)]
struct Listed {
    /// Hex of the first four bytes of the key's COSE thumbprint (RFC 9679).
    kid: String,
    /// `root`, `card` or `status`.
    role: &'static str,
    /// The COSE algorithm's name.
    alg: &'static str,
    /// Hex of the 32 bytes.
    public_key: String,
    /// `pinned`, `signs`, `waits`, `trusted`, `unlisted` (by the trust list in force), `ended` or `revoked`.
    state: &'static str,
    /// Unix seconds; absent for a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    /// Unix seconds; absent for a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    /// Living cards that a card key has signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    living_cards: Option<i64>,
}

async fn list(instance: &Instance, json: bool) -> anyhow::Result<i32> {
    let now = now();
    let trust = instance.trust_list().await?;
    let revoked = store::revoked_keys(&instance.db).await?;
    let held = read_if_there(&instance.config)?;
    let mut listed: Vec<_> = roots::pinned(&instance.config)?.iter().map(listed_root).collect();
    for key in &held {
        let public = &key.public;
        listed.push(Listed {
            kid: public.kid.to_string(),
            role: public.role.as_str(),
            alg: algorithm(public),
            public_key: hex::encode(public.public_key),
            state: state_of(key, &held, trust.as_ref(), &revoked, now),
            nbf: Some(public.nbf),
            exp: Some(public.exp),
            living_cards: living_cards(instance, public, now).await?,
        });
    }
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&listed)?)?;
        return Ok(0);
    }
    for key in listed {
        let life = key.nbf.zip(key.exp).map(|(nbf, exp)| format!(" {} – {}", day(nbf), day(exp)));
        let cards = key.living_cards.map(|count| format!("  living cards: {count}"));
        let (life, cards) = (life.unwrap_or_default(), cards.unwrap_or_default());
        writeln!(
            out,
            "{} {:6} {:7} {} {:8}{life}{cards}",
            key.kid, key.role, key.alg, key.public_key, key.state
        )?;
    }
    if let Some(trust) = trust {
        let claims = trust.list.claims();
        writeln!(out, "trust list {}, signed {}, ends {}", claims.seq, moment(claims.iat), day(claims.exp))?;
    }
    Ok(0)
}

async fn living_cards(instance: &Instance, key: &TrustedKey, now: u64) -> anyhow::Result<Option<i64>> {
    if key.role != KeyRole::Card {
        return Ok(None);
    }
    Ok(Some(store::living_cards(&instance.db, &key.kid.0, from_unix_seconds(now)).await?))
}

fn read_if_there(config: &Config) -> anyhow::Result<Vec<HeldKey>> {
    let files = KeyFiles::of(config)?;
    if files.issuer.exists() { files.read() } else { Ok(Vec::new()) }
}

fn listed_root(root: &[u8; 32]) -> Listed {
    Listed {
        kid: kid_of(root).to_string(),
        role: "root",
        alg: "EdDSA",
        public_key: hex::encode(root),
        state: "pinned",
        nbf: None,
        exp: None,
        living_cards: None,
    }
}

fn algorithm(key: &TrustedKey) -> &'static str {
    match key.alg {
        profcards_card::IssuerAlg::EdDsa => "EdDSA",
        profcards_card::IssuerAlg::Ed25519 => "Ed25519",
    }
}

fn state_of(
    key: &HeldKey,
    all: &[HeldKey],
    trust: Option<&SignedTrustList>,
    revoked: &[Vec<u8>],
    now: u64,
) -> &'static str {
    if is_revoked(key, revoked) {
        return "revoked";
    }
    if key.public.exp <= now {
        return "ended";
    }
    let Some(trust) = trust.filter(|trust| trust.names(&key.public)) else { return "unlisted" };
    match which_signs(all, key.public.role, trust, revoked, now) {
        Some(other) if other.public == key.public => "signs",
        _ if key.public.nbf > now => "waits",
        _ => "trusted",
    }
}

async fn rotate(instance: &Instance, args: &Rotate) -> anyhow::Result<i32> {
    let (now, files) = (now(), KeyFiles::of(&instance.config)?);
    let root = args.root.open(&instance.config)?;
    let _alone = files.lock()?;
    let mut held = files.read()?;
    held.retain(|key| key.is_needed_at(now));
    let key = HeldKey::generate(args.role.into(), now + args.in_days * DAY_SECONDS, &Random::System);
    println!("{} {} signs from {}", key.public.kid, key.public.role.as_str(), day(key.public.nbf));
    held.push(key);
    files.write(&held, &Random::System)?;
    instance.renew_trust_list(&held, root.as_ref(), now).await?;
    Ok(0)
}

async fn revoke(instance: &Instance, args: &Revoke) -> anyhow::Result<i32> {
    let (now, files) = (now(), KeyFiles::of(&instance.config)?);
    let root = args.root.open(&instance.config)?;
    let _alone = files.lock()?;
    let mut held = files.read()?;
    let kid = args.kid.to_ascii_lowercase();
    let key =
        held.iter_mut().find(|key| key.public.kid.to_string() == kid).context("no key has this name")?;
    let public = key.public.clone();
    // Its secret goes: nothing of ours may sign with it by mistake.
    key.secret = None;
    if !held.iter().any(|other| other.public.role == public.role && other.may_sign_at(now)) {
        let next = HeldKey::generate(public.role, now, &Random::System);
        println!("{} {} takes its place", next.public.kid, next.public.role.as_str());
        held.push(next);
    }
    store::revoke(&instance.db, &public, from_unix_seconds(now)).await?;
    files.write(&held, &Random::System)?;
    println!("{} {} is revoked", public.kid, public.role.as_str());
    instance.renew_trust_list(&held, root.as_ref(), now).await?;
    if public.role == KeyRole::Card {
        let cards = store::living_cards(&instance.db, &public.kid.0, from_unix_seconds(now)).await?;
        eprintln!(
            "Cards to be issued anew: {cards}. A running server does it by itself; keys list tells how many are left"
        );
    }
    Ok(0)
}

async fn trust_list(instance: &Instance, args: &TrustListArgs) -> anyhow::Result<i32> {
    let now = now();
    if let Some(path) = &args.install {
        return install(instance, path, args.early, now).await;
    }
    let root = args.root.open(&instance.config)?;
    let held = KeyFiles::of(&instance.config)?.read()?;
    let Some(out) = &args.out else {
        instance.renew_trust_list(&held, root.as_ref(), now).await?;
        return Ok(0);
    };
    let root = root.context("no root is here: give --root")?;
    files::write_public(out, &instance.request(&held, now).await?.sign(&root, now)?)?;
    Ok(0)
}

/// Puts a signed list in force, unless it would do harm that no later list can undo.
async fn install(instance: &Instance, path: &Path, early: bool, now: u64) -> anyhow::Result<i32> {
    let signed = SignedTrustList::read(path, &roots::pinned(&instance.config)?)?;
    let claims = signed.list.claims();
    check_dates(claims, now)?;
    // No key may be revoked between this look and the end.
    let _alone = KeyFiles::of(&instance.config)?.lock()?;
    let held = read_if_there(&instance.config)?;
    let revoked = store::revoked_keys(&instance.db).await?;
    let destroyed = |key: &TrustedKey| {
        held.iter().any(|held| held.secret.is_none() && held.public.public_key == key.public_key)
    };
    if let Some(key) =
        claims.keys.iter().find(|key| destroyed(key) || revoked.iter().any(|gone| *gone == key.public_key))
    {
        bail!("this trust list names {}, which was revoked: have a new export-public signed", key.kid);
    }
    if !early && let Some(in_force) = instance.trust_list().await? {
        check_notice(claims, &in_force, &held, &revoked, now)?;
    }
    instance.put_in_force(&signed, now).await?;
    if !instance.request(&held, now).await?.is_met_by(claims) {
        let unnamed = held.iter().filter(|key| key.is_needed_at(now) && !is_revoked(key, &revoked));
        for key in unnamed.filter(|key| !signed.names(&key.public)) {
            eprintln!("It does not name {} {}", key.public.role.as_str(), key.public.kid);
        }
        eprintln!("It does not say what this server asks for now: have a new export-public signed");
    }
    Ok(0)
}

/// Verifiers take the newest moment that the issuer signed for the least that the time can be, and never go back.
fn check_dates(claims: &TrustListClaims, now: u64) -> anyhow::Result<()> {
    let ahead = claims.iat.saturating_sub(now);
    ensure!(
        ahead <= CARD_IAT_LEEWAY_SECONDS,
        "this trust list says that it was signed {}, and here it is {}: the clock where the root is kept is {} ahead of this \
         server's. Tills would take the later time for the present and call every card ended. Put right the clock that \
         is wrong, and sign again",
        moment(claims.iat),
        moment(now),
        span(ahead)
    );
    ensure!(now < claims.exp, "this trust list has ended: it was signed {}", moment(claims.iat));
    Ok(())
}

/// A till that holds the list in force may go on with it until it ends, and would refuse what a key signed that it does not
/// name. Where no other key can sign, cards that some tills refuse are better than none.
fn check_notice(
    claims: &TrustListClaims,
    in_force: &SignedTrustList,
    held: &[HeldKey],
    revoked: &[Vec<u8>],
    now: u64,
) -> anyhow::Result<()> {
    let known_to_all_from = in_force.list.claims().exp;
    for key in claims.keys.iter().filter(|key| !in_force.names(key) && key.nbf < known_to_all_from) {
        let signs = which_signs(held, key.role, in_force, revoked, now);
        ensure!(
            signs.is_none_or(|signs| key.nbf < signs.public.nbf),
            "this trust list lets {} {} take over on {}, and until {} tills may hold the list in force, which does not name \
             it: rotate with a longer --in-days, or install with --early where that is meant",
            key.role.as_str(),
            key.kid,
            day(key.nbf),
            day(known_to_all_from)
        );
    }
    Ok(())
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / DAY_SECONDS),
    }
}

async fn export_public(instance: &Instance, out: Option<&Path>) -> anyhow::Result<i32> {
    let held = KeyFiles::of(&instance.config)?.read()?;
    let text = serde_json::to_string_pretty(&instance.request(&held, now()).await?)?;
    match out {
        Some(path) => files::write_public(path, format!("{text}\n").as_bytes())?,
        None => println!("{text}"),
    }
    Ok(0)
}

/// Where the root is kept: shows what is to be signed, signs it.
fn sign_request(config: &Config, request: &Path, out: &Path, root: &Root) -> anyhow::Result<i32> {
    let text =
        std::fs::read_to_string(request).with_context(|| format!("cannot read {}", request.display()))?;
    let request: TrustRequest = serde_json::from_str(&text).context("this is no request of export-public")?;
    eprintln!("{}, trust list {}:", request.issuer, request.seq);
    for line in request.summary() {
        eprintln!("  {line}");
    }
    let root = root.open(config)?.context("no root is here: give --root")?;
    files::write_public(out, &request.sign(&root, now())?)?;
    eprintln!("Signed. On the server: profcards keys trust-list --install FILE");
    Ok(0)
}
