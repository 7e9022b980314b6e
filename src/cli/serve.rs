//! `up` and `serve`: the instance as a running server, until it is told to stop.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::{demo_codes, runtime};
use crate::base::clock::Clock;
use crate::base::config::Config;
use crate::base::random::Random;
use crate::base::{Base, faults, live};
use crate::server::App;
use crate::server::connections::serve as serve_connections;
use crate::server::embedded::Services;
use crate::server::restored::check_is_prepared;
use crate::server::{demo, health, jobs, router};

/// The time that requests in progress have after the word to stop: as long as an answer may take.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// The time within which a stopping instance gives its jobs back.
const GIVE_BACK_WITHIN: Duration = Duration::from_secs(2);
/// The time within which a balancer sees that this instance is not ready any more.
const SEEN_WITHIN: Duration = Duration::from_secs(4);

/// Starts what is missing, loads the demo union, serves.
pub fn up(mut config: Config) -> anyhow::Result<i32> {
    ensure!(!config.production, "`up` is for development; in production it is `serve`");
    // Whoever tries the product has just enrolled the phone that redeems.
    config.redemption_wait_hours.get_or_insert(0);
    let services = match (&config.database_url, &config.redis_url) {
        (Some(_), Some(_)) => None,
        _ => Some(Services::start(&config.data)?),
    };
    if let Some(services) = &services {
        config.database_url.get_or_insert_with(|| services.database_url.clone());
        config.redis_url.get_or_insert_with(|| services.redis_url.clone());
    }
    let outcome = runtime()?.block_on(async {
        let app = App::start(config, Clock::System, Random::System).await?;
        check_is_prepared(&app).await?;
        demo::load(&app).await?;
        let listener = bind(app.config.addr).await?;
        println!("\n  {}\n", base_url(listener.local_addr()?));
        print_demo_entries(&app, None).await?;
        serve_until_stopped(app, listener).await
    });
    if let Some(services) = services {
        services.stop();
    }
    outcome.map(|()| 0)
}

/// Serves with the services that the environment names.
pub fn serve(config: Config) -> anyhow::Result<i32> {
    runtime()?.block_on(async {
        let app = App::start(config, Clock::System, Random::System).await?;
        check_is_prepared(&app).await?;
        if app.config.production {
            check_for_production(&app).await?;
        }
        let listener = bind(app.config.addr).await?;
        println!("{}", base_url(listener.local_addr()?));
        serve_until_stopped(app, listener).await?;
        Ok(0)
    })
}

async fn check_for_production(app: &App) -> anyhow::Result<()> {
    ensure!(
        demo::sample_member(app).await?.is_none(),
        "this database holds the demo union, whose passwords anybody knows: give a production server another one"
    );
    let page = app.config.pwa.join("index.html");
    ensure!(
        page.exists(),
        "the app is not there: PROFCARDS_PWA must name its built folder, and {} is missing",
        page.display()
    );
    if app.config.behind_proxy == 0 {
        tracing::warn!(
            "PROFCARDS_BEHIND_PROXY is not set: behind a reverse proxy all clients would have its address, and share its limits"
        );
    }
    Ok(())
}

async fn bind(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| format!("cannot listen on {addr}; PROFCARDS_ADDR moves it"))
}

fn base_url(addr: SocketAddr) -> String {
    // Browsers grant cameras and service workers to localhost without TLS, and to no other plain address.
    if addr.ip().is_loopback() {
        format!("http://localhost:{}", addr.port())
    } else {
        format!("http://{addr}")
    }
}

/// Tells how to enter each face of the demo union.
pub async fn print_demo_entries(app: &App, login: Option<&str>) -> anyhow::Result<()> {
    let Some((member, pairing)) = demo_codes(app, login).await? else {
        println!("  (нет демонстрационного профсоюза, или все его члены уже с телефонами)");
        return Ok(());
    };
    println!("  Председатель  /chair     пароль у всех {}", demo::PASSWORD);
    for account in demo::ACCOUNTS {
        println!("                           {:9} {}", account.login, account.title);
    }
    println!(
        "  Член          /activate  {}   родился(ась) {}   {}",
        member.code,
        member.birth_date.format("%d.%m.%Y"),
        member.name
    );
    println!("  Кассир        /scan      код кассы {pairing}");
    println!("  Проверить     /scan      любой, без кода\n");
    println!("  Ctrl-C — остановить. Новые коды: bin/profcards demo\n");
    Ok(())
}

async fn serve_until_stopped(app: App, listener: TcpListener) -> anyhow::Result<()> {
    faults::arm(app.config.production);
    health::recorder();
    let (stop_jobs, serve_until_stopped) = watch::channel(false);
    let mut jobs = tokio::spawn(jobs::run(app.clone(), serve_until_stopped));
    tokio::spawn(live::relay(Base::clone(&app)));
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (told, mut until_told) = watch::channel(false);
    let serving = serve_connections(listener, router::router(app.clone()), app.bounds, async move {
        let _ = until_told.wait_for(|stop| *stop).await;
    });
    let stopping = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => wait_for_balancers(&app, &mut interrupt, &mut terminate).await,
        }
        app.is_stopping.store(true, Ordering::Relaxed);
        app.live.close();
        told.send_replace(true);
        // Told once more, it ends at once.
        tokio::select! {
            () = tokio::time::sleep(STOP_WITHIN) => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    tokio::select! {
        () = serving => {}
        () = stopping => {}
        // A server that no longer heeds revocations must not go on signing; whoever keeps it running starts it anew.
        ended = &mut jobs => return Err(ended.err().map_or_else(|| anyhow!("it ended"), Into::into).context("the server's own work has ended")),
    }
    // What is under way is given back, so that the others need not wait until its lease is over.
    stop_jobs.send_replace(true);
    let _ = tokio::time::timeout(GIVE_BACK_WITHIN, jobs).await;
    Ok(())
}

/// Waits, in production, until a balancer in front has seen that this instance is not ready any more: until then it
/// sends requests here.
async fn wait_for_balancers(app: &App, interrupt: &mut Signal, terminate: &mut Signal) {
    app.is_stopping.store(true, Ordering::Relaxed);
    if !app.config.production {
        return;
    }
    tokio::select! {
        () = tokio::time::sleep(SEEN_WITHIN) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
