//! `restored`: once after a database was loaded from a dump, before anything serves it.

use clap::Args;

use crate::server::App;
use crate::server::restored::{GivenSince, prepare_restored};

/// The most cards that may be left out; a list has room for two million.
const MOST_CARDS: i64 = 1_000_000;
const MOST_MEMBERS: i64 = 10_000_000;

/// The advice on what must be done again: nothing in the database tells what it gave out after the dump.
const LOST: &str = "\
What was done after that is gone. By the servers' log and your own papers do it again:
  - phones reported lost, memberships suspended and ended, cards issued anew: in the registry
  - tills ended: `profcards till list`, `till end`
  - partners' keys ended: `profcards partner-key`
  - people entered and corrected, consents given and withdrawn: in the registry
Who got a phone card since then enrols once more: a sheet used since then serves again, with the birth date.
A sheet of before that was not to be used any more is ended by printing a new one.
Purchases that tills handed in since then are not in the books: partners have the receipts.";

#[derive(Args)]
pub struct Restored {
    /// At least as many cards as were issued since the dump; their places are published as revoked.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=MOST_CARDS))]
    cards: u32,
    /// At least as many members as were entered since the dump; their numbers are left out.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=MOST_MEMBERS))]
    members: u32,
}

/// Runs the command; answers the exit code.
pub async fn run(app: &App, login: Option<&str>, args: &Restored) -> anyhow::Result<i32> {
    let done = prepare_restored(app, login, GivenSince { cards: args.cards, members: args.members }).await?;
    match done.last_changed_at {
        Some(at) => println!("The newest change in this database is of {}.", at.format("%Y-%m-%d %H:%M UTC")),
        None => println!("This database holds no change."),
    }
    println!("{LOST}");
    println!(
        "{} places and {} numbers are left out; phones and tills start over; {} phones redeem from {} on.",
        args.cards,
        args.members,
        done.phones,
        done.redeem_from.format("%Y-%m-%d %H:%M UTC")
    );
    Ok(0)
}
