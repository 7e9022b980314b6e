//! What an instance does by itself: small, repeatable steps on a timer. Any number of instances may run them at once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use profcards_card::Kid;
use tokio::time::{Interval, MissedTickBehavior};

use super::{App, retention};
use crate::act::audit::chain;
use crate::act::held_back::{Holder, Watch};
use crate::base::clock::{moscow_day, unix_seconds};
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::sweep::Lifted;
use crate::base::{db, faults, trusted_time};
use crate::cards;
use crate::cards::keys;
use crate::cards::reissue::{self, Selection, Which};
use crate::programme::ledger;

const EVERY: Duration = Duration::from_hours(1);

/// How soon an instance takes up keys and trust lists that another one, or a command, has changed.
const LOOK_AT_KEYS_EVERY: Duration = Duration::from_secs(5);
/// A look takes milliseconds.
const LOOK_WITHIN: Duration = Duration::from_secs(30);
/// Re-issuing every card of a large union takes hours; what is cut off is taken up again.
const ROUND_WITHIN: Duration = Duration::from_hours(6);
/// How often it is looked whether changes still reach phones and tills.
const LOOK_AT_FEED_EVERY: Duration = Duration::from_secs(10);
/// How soon after its commit an act is linked to the chain.
const LINK_EVERY: Duration = Duration::from_secs(5);
/// From so long before the trust list or a signing key ends, every round of housekeeping says so.
const WARN_BEFORE_SECONDS: u64 = 10 * 24 * 3600;
/// Members of a batch beside a server's other work.
const GENTLE_BATCH: u32 = 200;

/// Runs all of it, for as long as the instance runs. It ends only by a panic, and the server with it.
pub async fn run(app: App) {
    tokio::join!(keep_house(&app), keep_keys(&app), keep_cards(&app), watch_feed(&app), keep_chain(&app));
}

/// A timer that after a long step or a sleeping machine goes on from there, and makes up for nothing.
fn timer(every: Duration) -> Interval {
    let mut timer = tokio::time::interval(every);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}

/// A step's own end, or an error after so long: a database host that has vanished answers nothing, no limit of its own then holds, and a
/// step that waits for it would be the last.
async fn within<T>(limit: Duration, step: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::time::timeout(limit, step)
        .await
        .unwrap_or_else(|_| Err(anyhow::anyhow!("no end within {limit:?}")))
}

async fn keep_keys(app: &App) {
    let (mut timer, mut last) = (timer(LOOK_AT_KEYS_EVERY), None);
    loop {
        timer.tick().await;
        tell_news(&mut last, "keys", within(LOOK_WITHIN, look_at_keys(app)).await);
    }
}

async fn look_at_keys(app: &App) -> anyhow::Result<()> {
    let now = unix_seconds(app.clock.now());
    app.keys.refresh(&app.db_jobs, now).await?;
    app.keys.keep_copy()?;
    Ok(app.keys.is_ready(now)?)
}

async fn keep_cards(app: &App) {
    let (mut timer, mut last) = (timer(LOOK_AT_KEYS_EVERY), None);
    loop {
        timer.tick().await;
        tell_news(&mut last, "cards of a revoked key", within(ROUND_WITHIN, replace_lost_cards(app)).await);
    }
}

/// Links what was done to the chain of the record.
async fn keep_chain(app: &App) {
    let (mut timer, mut last) = (timer(LINK_EVERY), None);
    loop {
        timer.tick().await;
        let linking = async { Ok(chain::link(&app.db_jobs, app.clock.now()).await.map(drop)?) };
        tell_news(&mut last, "the chain of the record", within(LOOK_WITHIN, linking).await);
    }
}

async fn watch_feed(app: &App) {
    let (mut timer, mut watch, mut last) = (timer(LOOK_AT_FEED_EVERY), Watch::default(), None);
    loop {
        timer.tick().await;
        let outcome = within(LOOK_WITHIN, watch.look(&app.db_jobs, app.clock.now())).await.map(|holder| {
            if let Some(Holder { who, seconds }) = holder {
                tracing::warn!(
                    who,
                    seconds,
                    "an open transaction keeps all changes from phones and tills: end it"
                );
            }
        });
        tell_news(&mut last, "watching the feed", outcome);
    }
}

/// Reports a step that is repeated every few seconds: when it begins to fail, fails differently, or is done again.
fn tell_news(last: &mut Option<String>, step: &str, outcome: anyhow::Result<()>) {
    let trouble = outcome.err().map(|error| format!("{error:#}"));
    if is_news(last, trouble.as_deref()) {
        if let Some(error) = trouble {
            tracing::error!(step, error, "a step fails; it is tried again every few seconds");
        } else {
            tracing::info!(step, "the step is done again");
        }
    }
}

fn is_news(last: &mut Option<String>, trouble: Option<&str>) -> bool {
    let is_news = last.as_deref() != trouble;
    *last = trouble.map(str::to_owned);
    is_news
}

/// Issues anew the cards of keys that were revoked. One instance does it, the others see that it is being done; what a
/// stopped server has left is taken up again.
pub async fn replace_lost_cards(app: &App) -> anyhow::Result<()> {
    // Until then another instance may not have heard of the revocation, and may have signed with the key.
    let heard_by_all = TimeDelta::seconds(2 * LOOK_AT_KEYS_EVERY.as_secs().cast_signed());
    let mut outcome = Ok(());
    for kid in keys::store::keys_to_replace(&app.db_jobs, heard_by_all, app.clock.now()).await? {
        // That a key is done with is said once, and by a time at which its cards have ended.
        trusted_time::now(app).await?;
        // One key whose cards cannot be issued must not keep the others' from it.
        outcome = outcome.and(replace_cards_of(app, &kid).await);
    }
    outcome
}

async fn replace_cards_of(app: &App, kid: &[u8]) -> anyhow::Result<()> {
    app.keys.card_key(unix_seconds(app.clock.now()))?;
    let selection = Selection { which: Which::SignedBy(Kid(kid.try_into()?)), class: None };
    let done = reissue::run(app, selection, GENTLE_BATCH, |progress| {
        tracing::info!(
            cards = progress.cards,
            share = progress.share,
            "issuing the cards of a revoked key anew"
        );
    });
    match done.await {
        Ok(progress) => {
            tracing::info!(
                cards = progress.cards,
                skipped = progress.skipped,
                "the cards of a revoked key are issued anew"
            );
            keys::store::note_reissued(&app.db_jobs, kid, app.clock.now()).await?;
            Ok(())
        }
        Err(Error::Conflict(Code::ReissueRunning)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Housekeeping now and then once an hour.
async fn keep_house(app: &App) {
    let mut timer = timer(EVERY);
    loop {
        timer.tick().await;
        faults::at("housekeeping");
        let round = async {
            housekeeping(app).await;
            Ok(())
        };
        report("round", within(ROUND_WITHIN, round).await);
    }
}

/// One round: cashback that is due becomes available, keys that end soon are named, what is over is removed. A step that
/// fails is reported and tried again with the next round; it never keeps the others from being done. Answers which failed.
pub async fn housekeeping(app: &App) -> Vec<&'static str> {
    let now = app.clock.now();
    warn_of_ends(app, unix_seconds(now));
    let months = db::ensure_journal_partitions(&app.db_jobs, moscow_day(now)).await;
    let believed = trusted_time::now(app).await;
    let mut failed = Vec::new();
    failed.extend(report("journal months", months));
    failed.extend(report("clock", believed.as_ref().map(drop)));
    if let Ok(now) = believed {
        failed.extend(settle(app, now, Lifted::Nothing).await);
    }
    failed
}

/// One round that somebody has asked for who has looked at the clock, and at what is due in these steps. Answers which failed.
///
/// # Errors
/// [`Error::Unavailable`] while this machine's clock and the database's disagree.
pub async fn housekeeping_anyway(app: &App, lifted: Lifted) -> Result<Vec<&'static str>> {
    trusted_time::believe(app).await?;
    Ok(settle(app, app.clock.now(), lifted).await)
}

/// What cannot be undone, by a time that is believed.
async fn settle(app: &App, now: DateTime<Utc>, lifted: Lifted) -> Vec<&'static str> {
    let bound = lifted.bound("confirm");
    let mut outcomes = vec![
        ("confirm", ledger::confirm::confirm_due(app, moscow_day(now), bound).await.map(drop)),
        ("status lists", cards::lists::note_ended(&app.db_jobs, now).await),
    ];
    outcomes.extend(retention::prune_all(app, now, lifted).await);
    outcomes.into_iter().filter_map(|(step, outcome)| report(step, outcome)).collect()
}

fn warn_of_ends(app: &App, now: u64) {
    for (what, ends_at) in app.keys.ends(now) {
        if ends_at < now + WARN_BEFORE_SECONDS {
            let days_left = ends_at.saturating_sub(now) / (24 * 3600);
            tracing::warn!(
                what,
                days_left,
                "the root is needed soon: nothing can be signed or verified after that"
            );
        }
    }
}

/// Tells what became of a step; answers its name if it failed.
fn report(step: &'static str, outcome: Result<(), impl std::fmt::Display>) -> Option<&'static str> {
    let failed = outcome.is_err();
    metrics::gauge!("profcards_housekeeping_failed", "step" => step).set(if failed { 1.0 } else { 0.0 });
    if let Err(error) = outcome {
        tracing::error!(
            step,
            error = format!("{error:#}"),
            "housekeeping failed; it is tried again in an hour"
        );
    }
    failed.then_some(step)
}

#[cfg(test)]
mod tests {
    use super::is_news;

    #[test]
    fn what_lasts_is_told_once_and_its_end_too() {
        let troubles = [None, Some("a"), Some("a"), Some("b"), Some("b"), None, None, Some("b")];
        let mut last = None;
        let news = troubles.map(|trouble| is_news(&mut last, trouble));
        assert_eq!(news, [false, true, false, true, false, true, false, true]);
    }
}
