//! `keys`: making, rotating and revoking the keys of an instance, and the trust list that a root signs for it. The root's own
//! file may be on another machine: there, `trust-list --request` needs neither a database nor the instance.

mod list;
mod trust_list;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use profcards_card::constants::TRUST_LIST_SECONDS;
use profcards_card::{IssuerSigningKey, KeyRole, TrustedKey};
use sqlx::{PgConnection, PgPool};

use super::with_database;
use crate::access::rights::Action;
use crate::act::audit::Entry;
use crate::act::record_without_instance;
use crate::base::clock::{Clock, from_unix_seconds, unix_seconds};
use crate::base::config::Config;
use crate::base::random::Random;
use crate::base::{files, texts};
use crate::cards::keys::file::HeldKey;
use crate::cards::keys::seal::Passphrase;
use crate::cards::keys::{KeyFiles, SignedTrustList, TrustRequest, roots, store, trust_in_force};

const DAY_SECONDS: u64 = 24 * 3600;
/// Days until a new key takes over, unless set otherwise. A till may check cards for the whole life of the trust list
/// that it holds, so only when that has ended does every till know a new key. The day more is for the way to the root
/// and back.
const DEFAULT_LEAD_DAYS: u64 = TRUST_LIST_SECONDS / DAY_SECONDS + 1;
const MAX_LEAD_DAYS: u64 = 365;
const MAX_PIN_NAME_CHARS: usize = 100;

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
    #[arg(long, value_name = "NAME", requires = "root", value_parser = |name: &str| texts::parse_name(name, MAX_PIN_NAME_CHARS))]
    pin: Option<String>,
    /// The new root's passphrase, in a file that its owner alone can read; otherwise it is asked for.
    #[arg(long, value_name = "FILE", requires = "root")]
    root_passphrase_file: Option<PathBuf>,
}

#[derive(Args)]
pub struct Rotate {
    role: Role,
    /// When it takes over, in days from now.
    #[arg(long, value_name = "DAYS", default_value_t = DEFAULT_LEAD_DAYS, value_parser = clap::value_parser!(u64).range(0..=MAX_LEAD_DAYS))]
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
pub fn run(config: Config, login: Option<String>, command: Keys) -> anyhow::Result<i32> {
    match command {
        Keys::Init(args) => init(&config, args),
        Keys::TrustList(TrustListArgs { request: Some(request), out: Some(out), root, .. }) => {
            trust_list::sign_request(&config, &request, &out, &root)
        }
        Keys::List { json } => {
            with_database(config, login, async move |instance| list::run(&instance, json).await)
        }
        Keys::Rotate(args) => {
            with_database(config, login, async move |instance| rotate(&instance, &args).await)
        }
        Keys::Revoke(args) => {
            with_database(config, login, async move |instance| revoke(&instance, &args).await)
        }
        Keys::TrustList(args) => {
            with_database(config, login, async move |instance| trust_list::run(&instance, &args).await)
        }
        Keys::ExportPublic { out } => with_database(config, login, async move |instance| {
            trust_list::export_public(&instance, out.as_deref()).await
        }),
    }
}

/// The part of an instance that a command on keys needs: its settings and its database, but no trust list yet.
pub struct Instance {
    /// Its settings.
    pub config: Config,
    /// Its database, migrated.
    pub db: PgPool,
    /// Who gives the command, where somebody is named.
    pub login: Option<String>,
}

impl Instance {
    async fn request(&self, held: &[HeldKey], now_seconds: u64) -> anyhow::Result<TrustRequest> {
        let revoked = store::revoked_keys(&self.db).await?;
        let seq = store::newest_seq(&self.db).await? + 1;
        trust_in_force::request(&self.db, &self.config.union_name, held, &revoked, seq, now_seconds).await
    }

    async fn record(
        &self,
        conn: &mut PgConnection,
        action: Action,
        subject: String,
        now_seconds: u64,
    ) -> anyhow::Result<()> {
        let (login, entry) = (self.login.as_deref(), Entry::of_subject(subject));
        Ok(record_without_instance(conn, login, action, &entry, from_unix_seconds(now_seconds)).await?)
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
        now_seconds: u64,
    ) -> anyhow::Result<()> {
        let Some(root) = root else {
            eprintln!("No root is here. What the root must sign: profcards keys export-public");
            eprintln!("Then, with what it signed: profcards keys trust-list --install FILE");
            return Ok(());
        };
        let cose = self.request(held, now_seconds).await?.sign(root, now_seconds)?;
        let signed = SignedTrustList::load(cose, &roots::pinned(&self.config)?)?;
        self.put_in_force(&signed, now_seconds).await
    }

    async fn put_in_force(&self, signed: &SignedTrustList, now_seconds: u64) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        trust_in_force::install(&mut tx, signed, now_seconds).await?;
        let claims = signed.list.claims();
        let subject = format!("trust-list:{}", claims.seq);
        self.record(&mut tx, Action::InstallTrustList, subject, now_seconds).await?;
        tx.commit().await?;
        eprintln!(
            "Trust list {}, signed {}, is in force until {}",
            claims.seq,
            moment(claims.iat),
            day(claims.exp)
        );
        Ok(())
    }
}

fn read_if_present(config: &Config) -> anyhow::Result<Vec<HeldKey>> {
    let files = KeyFiles::of(config)?;
    if files.issuer.exists() { files.read() } else { Ok(Vec::new()) }
}

fn now_seconds() -> u64 {
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

/// A passphrase for a new root; one that is typed is typed twice, for nobody could open it after a slip.
fn new_passphrase(file: Option<&Path>) -> anyhow::Result<Passphrase> {
    let chosen = passphrase(file, "A passphrase for the new root: ")?;
    if file.is_none() {
        ensure!(passphrase(None, "Once more: ")? == chosen, "the two differ: nothing was made");
    }
    Ok(chosen)
}

fn init(config: &Config, args: Init) -> anyhow::Result<i32> {
    let now_seconds = now_seconds();
    let Some(path) = args.root else {
        let files = KeyFiles::of(config)?;
        if let Some(passphrase) = &files.passphrase {
            passphrase.clone().checked()?;
        }
        for key in files.make(now_seconds, &Random::System)? {
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
    if args.pin.is_some() {
        roots::check_pin_count(config)?;
    }
    let chosen = new_passphrase(args.root_passphrase_file.as_deref())?.checked()?;
    let public_key = roots::make(&path, &chosen, now_seconds, &Random::System)?;
    println!("{}", hex::encode(public_key));
    if let Some(name) = args.pin {
        roots::pin(config, public_key, &name)?;
        eprintln!(
            "Pinned. Verifiers learn it with the next version of the app that they load from this server"
        );
    }
    Ok(0)
}

async fn rotate(instance: &Instance, args: &Rotate) -> anyhow::Result<i32> {
    let (now_seconds, files) = (now_seconds(), KeyFiles::of(&instance.config)?);
    let root = args.root.open(&instance.config)?;
    let _alone = files.lock()?;
    let mut held = files.read()?;
    held.retain(|key| key.is_needed_at(now_seconds));
    let key = HeldKey::generate(args.role.into(), now_seconds + args.in_days * DAY_SECONDS, &Random::System);
    println!("{} {} signs from {}", key.public.kid, key.public.role.as_str(), day(key.public.nbf));
    let revoked = store::revoked_keys(&instance.db).await?;
    if let Some(in_force) = instance.trust_list().await?
        && root.is_none()
        && trust_list::takes_over_too_soon(&key.public, &in_force, &held, &revoked, now_seconds)
    {
        eprintln!(
            "Until {} tills may hold the list in force, which does not name it: --install will ask for --early. To wait instead: \
             keys revoke {}, and rotate with a longer --in-days",
            day(in_force.list.claims().exp),
            key.public.kid
        );
    }
    // The key itself is in a file: it is written down before it is there, lest there be one that nobody has made.
    let mut conn = instance.db.acquire().await?;
    instance.record(&mut conn, Action::RotateKey, subject_of(&key.public), now_seconds).await?;
    drop(conn);
    held.push(key);
    files.write(&held, &Random::System)?;
    instance.renew_trust_list(&held, root.as_ref(), now_seconds).await?;
    Ok(0)
}

fn subject_of(key: &TrustedKey) -> String {
    format!("key:{}", key.kid)
}

async fn revoke(instance: &Instance, args: &Revoke) -> anyhow::Result<i32> {
    let (now_seconds, files) = (now_seconds(), KeyFiles::of(&instance.config)?);
    let root = args.root.open(&instance.config)?;
    let _alone = files.lock()?;
    let mut held = files.read()?;
    let kid = args.kid.to_ascii_lowercase();
    let key =
        held.iter_mut().find(|key| key.public.kid.to_string() == kid).context("no key has this name")?;
    let public = key.public.clone();
    // Its secret goes: nothing of ours may sign with it by mistake.
    key.secret = None;
    if !held.iter().any(|other| other.public.role == public.role && other.may_sign_at(now_seconds)) {
        let next = HeldKey::generate(public.role, now_seconds, &Random::System);
        println!("{} {} takes its place", next.public.kid, next.public.role.as_str());
        held.push(next);
    }
    let mut tx = instance.db.begin().await?;
    store::revoke(&mut *tx, &public, from_unix_seconds(now_seconds)).await?;
    instance.record(&mut tx, Action::RevokeKey, subject_of(&public), now_seconds).await?;
    tx.commit().await?;
    files.write(&held, &Random::System)?;
    println!("{} {} is revoked", public.kid, public.role.as_str());
    instance.renew_trust_list(&held, root.as_ref(), now_seconds).await?;
    if public.role == KeyRole::Card {
        let cards = store::living_cards(&instance.db, &public.kid.0, from_unix_seconds(now_seconds)).await?;
        eprintln!(
            "Cards to be issued anew: {cards}. A running server does it by itself; keys list tells how many are left"
        );
    }
    Ok(0)
}
