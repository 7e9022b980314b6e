//! What an instance is told from outside: command-line options and environment, nothing else. No secret has a default.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use clap::Args;
use redis::{ConnectionAddr, IntoConnectionInfo as _};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::base::forwarded::{ProxyHeader, parse_hops};
use crate::base::texts;

/// The longest name of a union, which is printed on sheets and stands in every trust list.
const MAX_UNION_NAME_CHARS: usize = 200;
/// The wait of a new phone before it pays, unless set otherwise: its member must have heard that another phone took the
/// card, and have found somebody to tell.
const WAIT_HOURS: u32 = 72;
/// The longest wait that may be set, a month: a longer one is a slip.
const MAX_WAIT_HOURS: i64 = 720;

const ADD_SSLMODE: &str = "add sslmode=verify-full to DATABASE_URL, and sslrootcert=FILE where its certificate is of an authority of your own";
const BEGIN_WITH_REDISS: &str =
    "begin REDIS_URL with rediss://, and name by SSL_CERT_FILE an authority of your own";

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
    /// PostgreSQL; without it and `REDIS_URL`, `up` starts private ones. Another host than this needs `sslmode=verify-full` in
    /// production.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// Redis; the service works without it, slower. Another host than this needs `rediss://` in production.
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
    /// The wait of a phone that was enrolled by a sheet, before it redeems.
    pub fn redemption_wait(&self) -> TimeDelta {
        TimeDelta::hours(self.redemption_wait_hours.unwrap_or(WAIT_HOURS).into())
    }

    /// The options for connecting to PostgreSQL.
    ///
    /// # Errors
    /// In production, when it or Redis would be talked to in plain text over a network.
    pub fn database(&self) -> anyhow::Result<PgConnectOptions> {
        let url = self.database_url.as_deref().context(
            "no database: set DATABASE_URL, or run `up`, which starts a private one (a command beside a running `up` finds it by itself)",
        )?;
        let to: PgConnectOptions = url.parse().context("DATABASE_URL cannot be read")?;
        let host = to.get_host();
        let stays_here = to.get_socket().is_some() || is_this_machine(host);
        self.needs_tls(stays_here || matches!(to.get_ssl_mode(), PgSslMode::VerifyFull), host, ADD_SSLMODE)?;
        if let Some(url) = &self.redis_url {
            let (is_safe, host) = redis_is_safe(url)?;
            self.needs_tls(is_safe, &host, BEGIN_WITH_REDISS)?;
        }
        Ok(to)
    }

    fn needs_tls(&self, is_safe: bool, host: &str, mend: &str) -> anyhow::Result<()> {
        ensure!(
            is_safe || !self.production,
            "what is sent to {host} could be read and changed on the way: {mend}"
        );
        if !is_safe {
            tracing::warn!(
                host,
                "what is sent there can be read and changed on the way; production refuses it"
            );
        }
        Ok(())
    }
}

/// Whether Redis is on this machine or behind a certificate that is checked, and where it is.
fn redis_is_safe(url: &str) -> anyhow::Result<(bool, String)> {
    let info = url.into_connection_info().context("REDIS_URL cannot be read")?;
    Ok(match info.addr() {
        ConnectionAddr::Tcp(host, _) => (is_this_machine(host), host.clone()),
        ConnectionAddr::TcpTls { host, insecure, .. } => (!insecure || is_this_machine(host), host.clone()),
        ConnectionAddr::Unix(path) => (true, path.display().to_string()),
        _ => (false, "an address of an unknown kind".to_owned()),
    })
}

/// A socket's path, a loopback address, or the name that always stands for one.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.starts_with('/')
        || host == "localhost"
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

fn union_name(typed: &str) -> Result<String, String> {
    texts::parse_name(typed, MAX_UNION_NAME_CHARS)
}

#[cfg(test)]
mod tests {
    use super::{is_this_machine, redis_is_safe};

    #[test]
    fn only_this_machine_needs_no_tls() {
        for host in
            ["/run/postgresql", "localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"]
        {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["db", "10.0.0.1", "localhost.example.org", "127.0.0.1.nip.io", "0.0.0.0", "::", ""] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn redis_elsewhere_needs_a_certificate_that_is_checked() {
        for url in ["redis://127.0.0.1:6379/1", "redis+unix:///run/redis.sock", "rediss://cache:6380"] {
            assert!(redis_is_safe(url).unwrap().0, "{url}");
        }
        for url in ["redis://cache:6379", "rediss://cache:6380/#insecure", "redis://10.0.0.7"] {
            assert!(!redis_is_safe(url).unwrap().0, "{url}");
        }
    }
}
