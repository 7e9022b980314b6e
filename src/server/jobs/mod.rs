//! What an instance does by itself. Work for the union is a row of `job`: the table of [`kinds`] says what there is, the [`runner`] does
//! it, on whichever instance claims it. A watch of this very instance, which every one must keep for itself, is a loop ([`watches`]).

pub mod kinds;
pub mod reissue;
mod rounds;
pub mod runner;
pub mod watches;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

pub use self::rounds::{housekeeping, housekeeping_anyway};
use super::App;
use kinds::KINDS;
use runner::JobKind;

/// Runs the jobs and the watches until it is told to stop; jobs that are unfinished then are left to other instances.
/// It ends earlier only by a panic, and the server with it.
pub async fn run(app: App, stop: watch::Receiver<bool>) {
    let (hourly, others): (Vec<JobKind>, Vec<JobKind>) = KINDS.iter().partition(|kind| kind.is_hourly());
    // What takes hours keeps neither the hourly steps waiting nor, of two, the more urgent one.
    let working = async {
        tokio::join!(
            runner::work(&app, &hourly, stop.clone()),
            runner::work(&app, &others, stop.clone()),
            runner::work(&app, &others, stop.clone())
        );
    };
    tokio::select! {
        () = working => {}
        () = watches::run(&app) => {}
    }
}

/// A timer that does not make up for ticks missed during a long step or while the machine slept.
fn timer(every: Duration) -> Interval {
    let mut timer = tokio::time::interval(every);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}

/// Logs a step that is repeated every few seconds only when it begins to fail, fails differently, or works again.
fn log_change(last: &mut Option<String>, step: &str, outcome: anyhow::Result<()>) {
    let trouble = outcome.err().map(|error| format!("{error:#}"));
    if has_changed(last, trouble.as_deref()) {
        if let Some(error) = trouble {
            tracing::error!(step, error, "a step fails; it is tried again every few seconds");
        } else {
            tracing::info!(step, "the step is done again");
        }
    }
}

fn has_changed(last: &mut Option<String>, trouble: Option<&str>) -> bool {
    let has_changed = last.as_deref() != trouble;
    *last = trouble.map(str::to_owned);
    has_changed
}

#[cfg(test)]
mod tests {
    use super::has_changed;

    #[test]
    fn a_lasting_failure_is_logged_once_and_its_end_too() {
        let troubles = [None, Some("a"), Some("a"), Some("b"), Some("b"), None, None, Some("b")];
        let mut last = None;
        let news = troubles.map(|trouble| has_changed(&mut last, trouble));
        assert_eq!(news, [false, true, false, true, false, true, false, true]);
    }
}
