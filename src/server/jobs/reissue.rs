//! Bulk re-issues as jobs: those that an operator commands, and those that follow from a revoked key.

use chrono::TimeDelta;
use profcards_card::Kid;
use serde_json::{Value, json};

use super::{App, runner};
use crate::access::rights::Action;
use crate::act::audit::Entry;
use crate::act::jobs::{self, ClaimedJob, store};
use crate::act::{self, ActSpec};
use crate::base::clock::unix_seconds;
use crate::base::error::{Error, Result};
use crate::base::ids::JobId;
use crate::base::trusted_time;
use crate::cards::keys;
use crate::cards::reissue::{self, Guard, Progress, Selection, Which};

/// The number of members of a batch, small enough beside the server's other work.
const GENTLE_BATCH: u32 = 200;

/// The function of the kind `cards.reissue`: issues a selection's cards anew.
pub(super) async fn run(app: App, job: ClaimedJob) -> Result<Value> {
    let guard = reissue::guard(&app, Selection::of_job(&job)?).await?;
    run_guarded(&app, &job, GENTLE_BATCH, guard, |_| {}).await.map(result_of)
}

fn result_of(done: Progress) -> Value {
    json!({ "members": done.members, "cards": done.cards, "skipped": done.skipped })
}

async fn run_guarded(
    app: &App,
    job: &ClaimedJob,
    batch_members: u32,
    guard: Guard,
    on_progress: impl FnMut(&Progress),
) -> Result<Progress> {
    let done = reissue::run(app, job, batch_members, guard, on_progress).await?;
    // That a key is done with is said once, and by a time at which its cards have ended.
    if let Selection { which: Which::SignedBy(kid), class: None } = Selection::of_job(job)?
        && trusted_time::now(app).await.is_ok()
    {
        keys::store::note_reissued(&app.db_jobs, &kid.0, app.clock.now()).await?;
    }
    Ok(done)
}

/// Issues a selection's cards anew in this process, or goes on where an earlier command or a server has stopped.
///
/// # Errors
/// `reissue-running` when another process is at the same selection; `reissue-by-same-key` when the key whose cards are to be
/// replaced is the one that would sign the new ones.
pub async fn run_by_command(
    app: &App,
    login: Option<&str>,
    selection: Selection,
    batch_members: u32,
    on_progress: impl FnMut(&Progress),
) -> Result<Progress> {
    let guard = reissue::guard(app, selection).await?;
    // That there is no key at all matters once there is a card to sign.
    if let Err(refused @ Error::Conflict(_)) = reissue::check_key(app, selection) {
        return Err(refused);
    }
    let (new, lease) = (&selection.job(JobId(app.random.uuid())), app.random.uuid());
    let spec = ActSpec::by_operator(app, login, Action::ReissueCards);
    let job = act::perform(app, spec, |mut act| async move {
        let job = act.enqueue_claimed(new, lease).await?;
        act.record(Entry::of_subject(jobs::subject(job.id)).because(selection.to_string()));
        act.commit(job)
    });
    let job = job.await?;
    match runner::run_under_lease(app, &job, run_guarded(app, &job, batch_members, guard, on_progress)).await
    {
        Ok(done) => {
            store::finish(&app.db_jobs, &job, &result_of(done)).await?;
            Ok(done)
        }
        Err(error) => {
            // A server that runs goes on with it; if the database is away, when the lease is over.
            let _ = store::fail(&app.db_jobs, &job, &runner::cause_of(&error)).await;
            Err(error)
        }
    }
}

/// Enqueues the re-issue of all cards that a revoked key signed, and once more an hour after it was set aside. Every
/// instance checks for it; one of them does the job.
pub async fn enqueue_lost_keys(app: &App) -> anyhow::Result<()> {
    // Until then another instance may not have heard of the revocation, and may have signed with the key.
    let heard_by_all = TimeDelta::seconds(2 * super::watches::LOOK_AT_KEYS_EVERY.as_secs().cast_signed());
    for kid in keys::store::keys_to_replace(&app.db_jobs, heard_by_all, app.clock.now()).await? {
        let selection = Selection { which: Which::SignedBy(Kid(kid.as_slice().try_into()?)), class: None };
        if store::is_in_hand(&app.db_jobs, reissue::KIND, &selection.to_string()).await? {
            continue;
        }
        // Before there is a key to sign with, and a time that is believed, an attempt would come to nothing.
        trusted_time::now(app).await?;
        app.keys.card_key(unix_seconds(app.clock.now()))?;
        let new = &selection.job(JobId(app.random.uuid()));
        act::perform(app, ActSpec::by_server(app, Action::ReissueCards), |mut act| async move {
            let id = act.enqueue(new).await?;
            act.record(Entry::of_subject(jobs::subject(id)).because(selection.to_string()));
            act.commit(())
        })
        .await?;
    }
    Ok(())
}
