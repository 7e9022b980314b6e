//! What an instance does by itself: small, repeatable steps on a timer. Any number of instances may run them at once.

use std::time::Duration;

use chrono::TimeDelta;
use profcards_card::Kid;

use crate::app::AppState;
use crate::cards::keys;
use crate::cards::reissue::{self, Scope, Which};
use crate::clock::unix_seconds;
use crate::error::Error;
use crate::{auth, cards, db, enrolment, ledger, notices, sync, vendors};

const EVERY: Duration = Duration::from_hours(1);

/// How soon an instance takes up keys and trust lists that another one, or a command, has changed.
const LOOK_AT_KEYS_EVERY: Duration = Duration::from_secs(5);
/// Members of a batch beside a server's other work.
const GENTLE_BATCH: u32 = 200;

/// Runs all of it, for as long as the instance runs.
pub async fn run(app: AppState) {
    tokio::join!(keep_house(&app), keep_keys(&app), keep_cards(&app));
}

async fn keep_keys(app: &AppState) {
    let mut timer = tokio::time::interval(LOOK_AT_KEYS_EVERY);
    loop {
        timer.tick().await;
        if let Err(error) = app.keys.refresh(&app.db, unix_seconds(app.clock.now())).await {
            tracing::error!(
                error = format!("{error:#}"),
                "the keys in force could not be looked at; tried again soon"
            );
        }
    }
}

async fn keep_cards(app: &AppState) {
    let mut timer = tokio::time::interval(LOOK_AT_KEYS_EVERY);
    loop {
        timer.tick().await;
        if let Err(error) = replace_lost_cards(app).await {
            tracing::error!(
                error = format!("{error:#}"),
                "cards of a revoked key were not all issued anew; tried again soon"
            );
        }
    }
}

/// Issues anew the cards of keys that were revoked. One instance does it, the others see that it is being done; what a
/// stopped server has left is taken up again.
pub async fn replace_lost_cards(app: &AppState) -> anyhow::Result<()> {
    let now = app.clock.now();
    // Until then another instance may not have heard of the revocation, and may have signed with the key.
    let heard_by_all = now - TimeDelta::seconds(2 * LOOK_AT_KEYS_EVERY.as_secs().cast_signed());
    for kid in keys::store::keys_to_replace(&app.db, heard_by_all).await? {
        app.keys.card_key(unix_seconds(now))?;
        let scope = Scope { which: Which::SignedBy(Kid(kid.as_slice().try_into()?)), class: None };
        let done = reissue::run(app, scope, GENTLE_BATCH, |progress| {
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
                keys::store::note_reissued(&app.db, &kid, app.clock.now()).await?;
            }
            Err(Error::Conflict("reissue-running")) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Housekeeping now and then once an hour.
async fn keep_house(app: &AppState) {
    let mut timer = tokio::time::interval(EVERY);
    loop {
        timer.tick().await;
        housekeeping(app).await;
    }
}

/// One round: cashback that is due becomes available, the trust list is kept fresh, what is over is removed. A step that
/// fails is reported and tried again with the next round; it never keeps the others from being done.
pub async fn housekeeping(app: &AppState) {
    let (now, today) = (app.clock.now(), app.clock.today());
    report("trust list", app.keys.refresh(&app.db, unix_seconds(now)).await);
    report("status lists", cards::lists::note_ended(&app.db, now).await);
    report("journal months", db::ensure_journal_partitions(&app.db, today).await);
    report("confirm", ledger::confirm::confirm_due(app, today).await.map(drop));
    report("sessions", auth::store::prune_sessions(&app.db, now).await);
    report("challenges", enrolment::store::prune_challenges(&app.db, now).await);
    report("notices", notices::store::prune(&app.db, now).await);
    report("lookups", ledger::lookup::prune(&app.db, now).await);
    report("showings", vendors::store::prune_proofs(&app.db, now).await);
    report("changes", sync::store::prune_changes(&app.db, now).await);
}

fn report(step: &str, outcome: Result<(), impl std::fmt::Display>) {
    if let Err(error) = outcome {
        tracing::error!(
            step,
            error = format!("{error:#}"),
            "housekeeping failed; it is tried again in an hour"
        );
    }
}
