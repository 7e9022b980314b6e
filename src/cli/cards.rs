//! `cards reissue`: many cards issued anew, with progress, to be taken up again after whatever stopped it.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use profcards_card::{CardClass, Kid};

use crate::base::code::Code;
use crate::base::error::Error;
use crate::cards::reissue::{BATCH_MEMBERS, Progress, Selection, Which};
use crate::server::App;
use crate::server::jobs::reissue;

#[derive(Subcommand)]
pub enum Cards {
    /// Issue living cards anew, each with a new index. Stopped or killed, the same command goes on where it was.
    Reissue(Reissue),
}

#[derive(Args)]
pub struct Reissue {
    #[command(flatten)]
    which: Chosen,
    /// Only cards of this class.
    #[arg(long, default_value = "both")]
    class: Class,
    /// Members of one transaction.
    #[arg(long, default_value_t = BATCH_MEMBERS, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Chosen {
    /// Every living card.
    #[arg(long)]
    all: bool,
    /// Phone cards that are a month old, and paper cards that end within two months.
    #[arg(long)]
    due: bool,
    /// The cards that the key with this short name signed; phones are told at once.
    #[arg(long, value_parser = parse_kid)]
    kid: Option<Kid>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Class {
    Phone,
    Paper,
    Both,
}

fn parse_kid(text: &str) -> Result<Kid, String> {
    let mut kid = Kid([0; 4]);
    hex::decode_to_slice(text, &mut kid.0)
        .map_err(|_| "eight hexadecimal digits, as `keys list` shows them".to_owned())?;
    Ok(kid)
}

impl Reissue {
    fn selection(&self) -> Selection {
        let which = match self.which.kid {
            Some(kid) => Which::SignedBy(kid),
            None if self.which.due => Which::Due,
            None => Which::All,
        };
        let class = match self.class {
            Class::Phone => Some(CardClass::Phone),
            Class::Paper => Some(CardClass::Paper),
            Class::Both => None,
        };
        Selection { which, class }
    }
}

/// Re-issues and prints what came of it; the exit code is 1 if a card could not be made.
pub async fn reissue(app: &App, login: Option<&str>, args: &Reissue) -> anyhow::Result<i32> {
    let mut meter = Meter::start();
    let on_progress = |progress: &Progress| meter.show(progress);
    let outcome = reissue::run_by_command(app, login, args.selection(), args.batch, on_progress).await;
    meter.end();
    let done = match outcome {
        Err(Error::Conflict(Code::ReissueRunning)) => {
            anyhow::bail!("another process is re-issuing these cards")
        }
        Err(Error::Conflict(Code::ReissueBySameKey)) => anyhow::bail!(
            "this key still signs, and would sign the new cards as well: revoke it first, or let a new one take over"
        ),
        outcome => outcome.context("stopped; the same command goes on where it was")?,
    };
    println!("{} cards of {} members", done.cards, done.members);
    if args.which.kid.is_some() && done.members == 0 {
        eprintln!("no living card was signed by this key: `keys list` shows the keys and their cards");
    }
    if done.skipped > 0 {
        eprintln!("{} cards could not be issued; the log says which and why", done.skipped);
    }
    Ok(i32::from(done.skipped > 0))
}

/// One line of progress on standard error: rewritten on a terminal, else a new one every few seconds.
struct Meter {
    started: Instant,
    shown: Instant,
    rewrites: bool,
}

impl Meter {
    fn start() -> Self {
        let now = Instant::now();
        Self { started: now, shown: now, rewrites: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, progress: &Progress) {
        let every = Duration::from_millis(if self.rewrites { 200 } else { 5_000 });
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let line = line(progress, self.started.elapsed());
        let (start, end) = if self.rewrites { ("\r\x1b[K", "") } else { ("", "\n") };
        let _ = write!(std::io::stderr(), "{start}{line}{end}");
    }

    fn end(&self) {
        if self.rewrites {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// The line of progress: count, share, rate and the time left at this rate.
fn line(progress: &Progress, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let new_cards = u32::try_from(progress.cards - progress.cards_before).unwrap_or(u32::MAX);
    let share_done = progress.share - progress.share_before;
    let left = Duration::try_from_secs_f64(seconds * (1.0 - progress.share) / share_done.max(1e-9))
        .map_or_else(
            |_| "unknown".to_owned(),
            |left| format!("{} min {:02} s", left.as_secs() / 60, left.as_secs() % 60),
        );
    format!(
        "{} cards, {:.1} %, {:.0} a second, {left} left",
        progress.cards,
        progress.share * 100.0,
        f64::from(new_cards) / seconds
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_count_share_rate_and_time_left() {
        let progress = Progress {
            members: 900,
            cards: 1_000,
            skipped: 0,
            share: 0.5,
            cards_before: 200,
            share_before: 0.1,
        };
        let told = line(&progress, Duration::from_secs(80));
        assert_eq!(told, "1000 cards, 50.0 %, 10 a second, 1 min 40 s left");
    }
}
