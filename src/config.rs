//! What an instance is told from outside: command-line options and environment, nothing else. No secret has a default.

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::TimeDelta;
use clap::Args;

use crate::http::forwarded::{ProxyHeader, parse_hops};
use crate::texts;

/// It is printed on cards' sheets and stands in every trust list.
const MAX_UNION_NAME_CHARS: usize = 200;
/// A member must have heard that another phone took the card, and have found somebody to tell, before it can pay.
const WAIT_HOURS: u32 = 72;
/// A month: what is longer is a slip.
const MAX_WAIT_HOURS: i64 = 720;

/// The settings of one instance. They hold a passphrase and the database's password, so they cannot be printed.
#[derive(Clone, Args)]
pub struct Config {
    /// Where the HTTP server listens.
    #[arg(long, env = "PROFCARDS_ADDR", default_value = "127.0.0.1:8080", global = true)]
    pub addr: SocketAddr,
    /// The instance's own folder: keys, secrets, the private database.
    #[arg(long, env = "PROFCARDS_DATA", default_value = "var", global = true)]
    pub data: PathBuf,
    /// The built PWA.
    #[arg(long, env = "PROFCARDS_PWA", default_value = "pwa/dist", global = true)]
    pub pwa: PathBuf,
    /// Public trust material: `pins.json`, and `dev/` with the development root.
    #[arg(long, env = "PROFCARDS_KEYS", default_value = "keys", global = true)]
    pub keys: PathBuf,
    /// The private issuer keys; without it `keys/issuer.json` in the data folder.
    #[arg(long, env = "PROFCARDS_ISSUER_KEYS", global = true)]
    pub issuer_keys: Option<PathBuf>,
    /// A file, readable by its owner alone, with the passphrase that opens the issuer keys.
    #[arg(long, env = "PROFCARDS_KEY_PASSPHRASE_FILE", global = true)]
    pub key_passphrase_file: Option<PathBuf>,
    /// The passphrase itself, for where secrets come by the environment.
    #[arg(skip = std::env::var("PROFCARDS_KEY_PASSPHRASE").ok())]
    pub key_passphrase: Option<String>,
    /// PostgreSQL; without it and `REDIS_URL`, `up` starts private ones.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// Redis; the service works without it, slower.
    #[arg(long, env = "REDIS_URL", hide_env_values = true, global = true)]
    pub redis_url: Option<String>,
    /// Refuse everything that is only for development, and mark cookies Secure.
    #[arg(long, env = "PROFCARDS_PRODUCTION", global = true)]
    pub production: bool,
    /// How many reverse proxies are in front, each of which adds the address that it was called from; `true` is one.
    #[arg(
        long,
        env = "PROFCARDS_BEHIND_PROXY",
        default_value = "0",
        num_args = 0..=1,
        default_missing_value = "1",
        require_equals = true,
        value_parser = parse_hops,
        global = true
    )]
    pub behind_proxy: usize,
    /// The header in which they tell it; no other is read.
    #[arg(
        long,
        env = "PROFCARDS_PROXY_HEADER",
        value_enum,
        default_value = "x-forwarded-for",
        global = true
    )]
    pub proxy_header: ProxyHeader,
    /// Purchases that are booked on a till's word about their time, late or by a card that has ended since, are held for a person
    /// above this sum in 35 days: of one member, and twenty times it at one till.
    #[arg(
        long,
        env = "PROFCARDS_HELD_ABOVE_KOPECKS",
        default_value_t = 10_000_00,
        value_parser = clap::value_parser!(i64).range(0..),
        global = true
    )]
    pub held_above_kopecks: i64,
    /// Hours from a phone's enrolment by a sheet until it redeems, unless the phone before it agreed; without a value 72, and 0
    /// under `up`.
    #[arg(long, env = "PROFCARDS_REDEMPTION_WAIT_HOURS", value_parser = clap::value_parser!(u32).range(0..=MAX_WAIT_HOURS), global = true)]
    pub redemption_wait_hours: Option<u32>,
    /// The union's name, as cards and pages show it.
    #[arg(
        long,
        env = "PROFCARDS_UNION",
        default_value = "Общероссийский Профсоюз образования",
        value_parser = union_name,
        global = true
    )]
    pub union_name: String,
    /// The short name, for small places.
    #[arg(
        long,
        env = "PROFCARDS_UNION_SHORT",
        default_value = "Профсоюз образования",
        value_parser = union_name,
        global = true
    )]
    pub union_short_name: String,
}

impl Config {
    /// How long a phone that was enrolled by a sheet has to wait before it redeems.
    pub fn redemption_wait(&self) -> TimeDelta {
        TimeDelta::hours(self.redemption_wait_hours.unwrap_or(WAIT_HOURS).into())
    }
}

fn union_name(typed: &str) -> Result<String, String> {
    texts::named(typed, MAX_UNION_NAME_CHARS)
}
