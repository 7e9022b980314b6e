//! `card sample` and `card verify`: the format in the hands of whoever drives or checks an instance.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand, ValueEnum};
use profcards_card::{
    CardClass, Context, DeviceSigningKey, ProofClaims, StatusLists, StatusSource, TrustList, Verdict, Wants,
    Warning, present, to_text, verify,
};
use serde_json::json;

use super::with_instance;
use crate::base::clock::{Clock, unix_seconds};
use crate::base::config::Config;
use crate::base::files;
use crate::cards::{self, CardOrder, keys, lists};
use crate::server::{App, demo};

#[derive(Subcommand)]
pub enum Card {
    /// Print a fresh token of a demo member, its key made on the spot.
    Sample(Sample),
    /// Verify tokens as a till would; prints one JSON line for each.
    Verify(Verify),
}

#[derive(Args)]
pub struct Sample {
    #[arg(long)]
    class: Class,
    /// The phone's algorithm.
    #[arg(long, default_value = "eddsa")]
    alg: DeviceAlg,
}

#[derive(Clone, Copy, ValueEnum)]
enum Class {
    Phone,
    Paper,
}

#[derive(Clone, Copy, ValueEnum)]
enum DeviceAlg {
    #[value(name = "eddsa")]
    EdDsa,
    Es256,
}

#[derive(Args)]
pub struct Verify {
    /// The text of a QR code, or `-` to read one from each line of standard input.
    token: String,
    /// A trust list as downloaded; without it, the instance's own.
    #[arg(long)]
    trust: Option<PathBuf>,
    /// Status lists as downloaded; without any, the instance's own.
    #[arg(long)]
    status: Vec<PathBuf>,
    /// Verify as of this moment, Unix seconds.
    #[arg(long)]
    at: Option<u64>,
}

/// Issues a sample card and prints its token. It replaces nobody's phone.
pub async fn sample(app: &App, args: &Sample) -> anyhow::Result<i32> {
    let membership_id = demo::sample_member(app).await?.context("this instance holds no demo union")?;
    let now = app.clock.now();
    let device = match (args.class, args.alg) {
        (Class::Paper, _) => None,
        (Class::Phone, DeviceAlg::EdDsa) => Some(DeviceSigningKey::ed25519(&app.random.bytes())),
        (Class::Phone, DeviceAlg::Es256) => Some(DeviceSigningKey::p256(&app.random.bytes())?),
    };
    let key = device.as_ref().map(DeviceSigningKey::public_key);
    let mut conn = app.db_jobs.acquire().await?;
    let order = CardOrder { membership_id, key: key.as_ref(), device_id: None, sample: true };
    let card = cards::issue(app, &mut conn, &order, now).await?;
    let token = match &device {
        Some(device) => {
            present(&card.cose, &ProofClaims { iat: unix_seconds(now), ..ProofClaims::default() }, device)?
        }
        None => card.cose,
    };
    println!("{}", to_text(&token));
    Ok(0)
}

/// Verifies one token, or each line of standard input.
pub fn verify_tokens(config: &Config, args: &Verify) -> anyhow::Result<i32> {
    let now = args.at.unwrap_or_else(|| unix_seconds(Clock::System.now()));
    let roots = keys::roots::pinned(config)?;
    let trust_bytes = match &args.trust {
        Some(path) => std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => own_trust_list(config)?,
    };
    let trust = TrustList::load(&trust_bytes, &roots, None);
    let status_tokens = match args.status.as_slice() {
        [] => own_status_lists(config)?,
        paths => paths
            .iter()
            .map(|path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display())))
            .collect::<anyhow::Result<_>>()?,
    };
    let held = match &trust {
        Ok(trust) => StatusLists::load(status_tokens.iter().map(Vec::as_slice), trust, now, None),
        Err(_) => StatusLists::default(),
    };
    let context = Context {
        now,
        trust: trust.as_ref().map_err(|code| *code),
        status: StatusSource::Lists(&held),
        challenge: None,
        wants: Wants::Accrual,
        seen: &|_| false,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut judge = |text: &str| {
        let verdict = verify(files::without_line_end(files::without_byte_order_mark(text)), &context);
        writeln!(out, "{}", verdict_json(&verdict))
    };
    if args.token != "-" {
        judge(&args.token)?;
        return Ok(0);
    }
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        judge(&String::from_utf8_lossy(&line))?;
        line.clear();
    }
    Ok(0)
}

fn own_trust_list(config: &Config) -> anyhow::Result<Vec<u8>> {
    let path = keys::KeyFiles::of(config)?.trust_list;
    ensure!(path.exists(), "this instance has no trust list yet: start it once, or give --trust");
    Ok(std::fs::read(&path)?)
}

/// The lists as this instance would publish them now.
fn own_status_lists(config: &Config) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut tokens = Vec::new();
    with_instance(config.clone(), async |app| {
        for n in lists::numbers(app.keys.trust_list().list.claims()) {
            tokens.push(lists::published(&app, n).await?.cose.to_vec());
        }
        Ok(0)
    })?;
    Ok(tokens)
}

fn verdict_json(verdict: &Verdict) -> serde_json::Value {
    json!({
        "accepted": verdict.accepted,
        "code": verdict.code.as_str(),
        "warning": verdict.warning.map(Warning::as_str),
        "allowed": verdict.allowed.words(),
        "class": verdict.class().map(CardClass::as_str),
        "number": verdict.number().map(|number| number.to_string()),
        "name": verdict.shown().map(profcards_card::Shown::name),
        "region": verdict.shown().map(profcards_card::Shown::region),
        "category": verdict.shown().map(|shown| shown.category().value()),
        "expires_at": verdict.card.as_ref().map(|card| card.exp),
        "status_list": verdict.card.as_ref().map(|card| json!({ "uri": card.status.uri, "idx": card.status.idx })),
        "proof_identity": verdict.proof.as_ref().map(|proof| hex::encode(proof.identity.0)),
        "proof_skew_seconds": verdict.proof.as_ref().map(|proof| proof.skew_seconds),
        "status_iat": verdict.status_iat,
    })
}
