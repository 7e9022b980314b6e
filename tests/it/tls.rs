//! The way to PostgreSQL and Redis over a network: only to whom they claim to be, and in production no other way.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use profcards::server::embedded::PrivatePostgres;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::process::{Child, Command};

use super::support::process::{address_of, bare_program};
use super::support::production::{Production, chmod};
use super::support::scratch::Folder;
use super::support::{Client, keys_folder, until};

/// A port that is free now; what is started on it says so if it is taken meanwhile.
fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// An authority's certificate in a file, and one that it gave to `localhost`, with its key.
struct Certificates {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificates {
    fn make(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = server.signed_by(&key, &authority).unwrap();
        let write = |what: &str, text: String| {
            let path = folder.join(format!("{name}-{what}.pem"));
            fs::write(&path, text).unwrap();
            path
        };
        let made = Self {
            authority: write("authority", authority.pem()),
            certificate: write("certificate", certificate.pem()),
            key: write("key", key.serialize_pem()),
        };
        chmod(&made.key, 0o600);
        made
    }
}

/// A PostgreSQL that is reached over a network, with TLS or without.
fn start_postgres(folder: &Path, port: u16, certificates: &Certificates) -> PrivatePostgres {
    // Its first start makes the data folder, which tells as whom it runs: the key must be that user's.
    let owner = fs::metadata(PrivatePostgres::start(folder, &[]).unwrap().data.clone()).unwrap();
    chown(&certificates.key, Some(owner.uid()), Some(owner.gid())).unwrap();
    let options = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", certificates.certificate.display()),
        format!("ssl_key_file={}", certificates.key.display()),
    ];
    PrivatePostgres::start(folder, &options.each_ref().map(String::as_str)).unwrap()
}

async fn connect(url: &str) -> sqlx::Result<PgConnection> {
    url.parse::<PgConnectOptions>().unwrap().connect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_elsewhere_is_talked_to_only_behind_its_certificate() {
    let (folder, port) = (Folder::make(), free_port());
    let (ours, theirs) =
        (Certificates::make(folder.path(), "ours"), Certificates::make(folder.path(), "theirs"));
    let _postgres = start_postgres(&folder.path().join("postgres"), port, &ours);
    let url = |host: &str, authority: &Path| {
        let authority = authority.display();
        format!("postgres://profcards@{host}:{port}/profcards?sslmode=verify-full&sslrootcert={authority}")
    };
    let mut conn = connect(&url("localhost", &ours.authority)).await.unwrap();
    let is_sealed = sqlx::query_scalar("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
    assert!(is_sealed.fetch_one(&mut conn).await.unwrap_or(false));
    for (host, authority) in [("localhost", &theirs.authority), ("127.0.0.1", &ours.authority)] {
        let refused = connect(&url(host, authority)).await.expect_err(host).to_string();
        assert!(refused.contains("invalid peer certificate"), "{refused}");
    }
    let redis = start_redis(folder.path(), free_port(), &ours);
    for (authority, is_up) in [(&ours.authority, true), (&theirs.authority, false)] {
        let (_server, client) =
            serve(folder.path(), &url("localhost", &ours.authority), &redis.url, authority).await;
        let word = if is_up { "ok" } else { "down" };
        until("the server is ready", async || client.get("/readyz").await.status == 200).await;
        assert_eq!(client.get("/readyz").await.json(200), json!({ "database": "ok", "redis": word }));
    }
}

struct Redis {
    url: String,
    _server: Child,
}

/// A Redis that is reached over TLS alone.
fn start_redis(folder: &Path, port: u16, certificates: &Certificates) -> Redis {
    let mut command = Command::new("redis-server");
    command.kill_on_drop(true).stdout(std::process::Stdio::null()).current_dir(folder);
    command.args(["--port", "0", "--bind", "127.0.0.1", "--save", "", "--tls-auth-clients", "no"]);
    command.args(["--tls-port", &port.to_string()]);
    command.arg("--tls-cert-file").arg(&certificates.certificate);
    command.arg("--tls-key-file").arg(&certificates.key);
    command.arg("--tls-ca-cert-file").arg(&certificates.authority);
    Redis { url: format!("rediss://localhost:{port}"), _server: command.spawn().unwrap() }
}

/// The real program, which believes this authority of Redis.
async fn serve(folder: &Path, database: &str, redis: &str, authority: &Path) -> (Child, Client) {
    let mut command = bare_program();
    command.arg("serve").env("PROFCARDS_ADDR", "127.0.0.1:0").env("PROFCARDS_KEYS", keys_folder());
    let pwa = folder.join("pwa");
    fs::create_dir_all(&pwa).unwrap();
    fs::write(pwa.join("index.html"), "<!doctype html>").unwrap();
    command.env("PROFCARDS_DATA", folder.join("data")).env("PROFCARDS_PWA", pwa);
    command.env("DATABASE_URL", database).env("REDIS_URL", redis).env("SSL_CERT_FILE", authority);
    let mut child = command.spawn().unwrap();
    let base = address_of(&mut child).await;
    (child, Client::new(&base))
}

#[tokio::test]
async fn production_refuses_to_talk_in_plain_text_over_a_network() {
    let production = Production::new().await;
    for mode in ["", "?sslmode=require", "?sslmode=verify-ca", "?host=10.0.0.1"] {
        let mut command = production.command("migrate");
        let url = format!("postgres://profcards@db.example/profcards{mode}");
        let refused = production.run(production.of_server(&mut command).env("DATABASE_URL", url)).await;
        refused.refused("add sslmode=verify-full to DATABASE_URL");
    }
    let mut command = production.command("migrate");
    let refused =
        production.run(production.of_server(&mut command).env("REDIS_URL", "redis://cache.example")).await;
    refused.refused("begin REDIS_URL with rediss://");
}
