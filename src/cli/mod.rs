//! The commands. Each is a thin way to a feature; what a command prints on standard output is its result, everything
//! else goes to standard error.

mod audit;
mod card;
mod cards;
mod jobs;
mod keys;
mod ledger;
mod partner_key;
mod restored;
mod serve;
mod till;

use anyhow::{Context as _, ensure};
use clap::{Parser, Subcommand};

use crate::access::codes::AccessCode;
use crate::base::clock::Clock;
use crate::base::config::Config;
use crate::base::random::Random;
use crate::base::sweep::{LiftedSteps, parse_lifted_steps};
use crate::base::{db, faults};
use crate::server::embedded::{self, Services};
use crate::server::jobs::{housekeeping, housekeeping_anyway};
use crate::server::{App, demo};

/// The digital platform of a trade union: cards, cashback, registry.
#[derive(Parser)]
#[command(name = "profcards", version)]
pub struct Cli {
    #[command(flatten)]
    config: Config,
    /// Who acts, where the record of acts should name somebody.
    #[arg(long = "as", global = true, value_name = "LOGIN", value_parser = parse_login)]
    login: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything for development: a private database and Redis, the demo union, the server.
    Up,
    /// Serve, with the database and Redis that the environment names.
    Serve,
    /// Bring the database's schema up to date.
    Migrate,
    /// The instance's keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// One card.
    #[command(subcommand)]
    Card(card::Card),
    /// Many cards at once.
    #[command(subcommand)]
    Cards(cards::Cards),
    /// Partners' tills.
    #[command(subcommand)]
    Till(till::Till),
    /// The API keys of partners' own servers.
    #[command(subcommand)]
    PartnerKey(partner_key::PartnerKey),
    /// The books.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Work that the servers do behind the acts.
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// The record of acts and of reading.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Once after loading a dump, before serving it: leave out what was given out since, let phones and tills start over, and say
    /// what must be done again.
    Restored(restored::Restored),
    /// Run one round of what the server does by itself every hour.
    Housekeeping {
        /// Somebody has looked: the time is right after a jump, and as much is due in this step as it seems; without a
        /// name, in all of them.
        #[arg(long, value_name = "STEP", num_args = 0..=1, default_missing_value = "all", value_parser = parse_lifted_steps)]
        anyway: Option<LiftedSteps>,
    },
    /// Fresh codes to enter the demo union with.
    Demo,
    /// Print the description of the API.
    Openapi,
    /// Run a command with a throw-away database and Redis in `DATABASE_URL` and `REDIS_URL`.
    WithServices {
        /// The command and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

/// The longest name that the record takes from a command line.
const MAX_LOGIN_CHARS: usize = 60;

/// Reads the name of whoever acts. It stands in the record's lines, so nothing that could look like another line is in it.
fn parse_login(typed: &str) -> Result<String, &'static str> {
    let is_login = (1..=MAX_LOGIN_CHARS).contains(&typed.chars().count())
        && typed.chars().all(|letter| letter.is_alphanumeric() || "._-@".contains(letter));
    if is_login { Ok(typed.to_owned()) } else { Err("a login has 1 to 60 letters, digits, or . _ - @") }
}

/// Runs the command line; answers the exit code.
pub fn run(cli: Cli) -> anyhow::Result<i32> {
    let (config, login) = (cli.config, cli.login);
    match cli.command {
        Command::WithServices { command } => embedded::with_services(&command),
        Command::Openapi => {
            print!("{}", crate::server::router::document());
            Ok(0)
        }
        Command::Up => serve::up(config),
        Command::Serve => serve::serve(config),
        Command::Card(card::Card::Verify(args)) => card::verify_tokens(&config, &args),
        Command::Migrate => with_database(config, login, async |_| Ok(0)),
        Command::Keys(command) => keys::run(config, login, command),
        Command::Card(card::Card::Sample(args)) => {
            with_instance(config, async move |app| card::sample(&app, &args).await)
        }
        Command::Cards(cards::Cards::Reissue(args)) => {
            faults::arm(config.production);
            with_instance(config, async move |app| cards::reissue(&app, login.as_deref(), &args).await)
        }
        Command::Till(command) => {
            with_instance(config, async move |app| till::run(&app, login.as_deref(), &command).await)
        }
        Command::Jobs(command) => {
            with_instance(config, async move |app| jobs::run(&app, login.as_deref(), &command).await)
        }
        Command::Audit(command) => with_instance(config, async move |app| audit::run(&app, &command).await),
        Command::PartnerKey(command) => {
            with_instance(config, async move |app| partner_key::run(&app, login.as_deref(), &command).await)
        }
        Command::Ledger(command) => with_instance(config, async move |app| ledger::run(&app, &command).await),
        Command::Restored(args) => {
            with_instance(config, async move |app| restored::run(&app, login.as_deref(), &args).await)
        }
        Command::Housekeeping { anyway } => with_instance(config, async move |app| {
            let failed = match anyway {
                Some(lifted) => housekeeping_anyway(&app, login.as_deref(), lifted).await?,
                None => housekeeping(&app).await,
            };
            ensure!(failed.is_empty(), "not done: {}; the log says why", failed.join(", "));
            Ok(0)
        }),
        Command::Demo => with_instance(config, async move |app| {
            serve::print_demo_entries(&app, login.as_deref()).await?;
            Ok(0)
        }),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")
}

/// Runs a command against the instance: beside a running `up`, or with its services started for as long as it takes.
fn with_instance(
    config: Config,
    command: impl AsyncFnOnce(App) -> anyhow::Result<i32>,
) -> anyhow::Result<i32> {
    with_instance_services(config, async |config| {
        command(App::start(config, Clock::System, Random::System).await?).await
    })
}

/// Runs a command that needs the database alone: the instance may have no keys or no trust list yet.
fn with_database(
    config: Config,
    login: Option<String>,
    command: impl AsyncFnOnce(keys::Instance) -> anyhow::Result<i32>,
) -> anyhow::Result<i32> {
    with_instance_services(config, async |config| {
        let db = db::open(&config, &Clock::System).await?.jobs;
        command(keys::Instance { config, db, login }).await
    })
}

fn with_instance_services(
    mut config: Config,
    command: impl AsyncFnOnce(Config) -> anyhow::Result<i32>,
) -> anyhow::Result<i32> {
    // An empty database of its own would take a revocation and say that all is well.
    ensure!(
        config.database_url.is_some() || !config.production,
        "in production there is no private database: set DATABASE_URL"
    );
    let services = match config.database_url {
        Some(_) => None,
        None => Some(Services::join_or_start(&config.data)?),
    };
    if let Some(services) = &services {
        config.database_url = Some(services.database_url.clone());
        config.redis_url.get_or_insert_with(|| services.redis_url.clone());
    }
    let outcome = runtime()?.block_on(command(config));
    if let Some(services) = services {
        services.stop();
    }
    outcome
}

/// Fresh codes of the demo union, if it is loaded.
async fn demo_codes(
    app: &App,
    login: Option<&str>,
) -> anyhow::Result<Option<(demo::MemberEntry, AccessCode)>> {
    let Some(entry) = demo::member_entry(app, login).await? else { return Ok(None) };
    Ok(Some((entry, till::pairing_code(app, login, None).await?)))
}

#[cfg(test)]
mod tests {
    use super::parse_login;

    #[test]
    fn who_acts_is_a_login_and_never_looks_like_another_line_of_the_record() {
        for login in ["anna", "Иванова.А", "o_p-1@union.example"] {
            assert_eq!(parse_login(login).as_deref(), Ok(login));
        }
        for login in ["", " ", "x\n2026-01-01 00:00:00 anna", "a b", &"x".repeat(61)] {
            assert!(parse_login(login).is_err(), "{login:?}");
        }
    }
}
