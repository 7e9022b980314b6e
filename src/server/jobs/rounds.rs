//! A round of the hourly steps by a command, and the logging of each step.

use super::kinds::KINDS;
use super::{App, runner};
use crate::access::rights::Action;
use crate::act::audit::Entry;
use crate::act::{self, ActSpec};
use crate::base::clock::unix_seconds;
use crate::base::error::Result;
use crate::base::sweep::LiftedSteps;
use crate::base::trusted_time;

/// The time before the end of the trust list or of a signing key from which every round warns of it.
const WARN_BEFORE_SECONDS: u64 = 10 * 24 * 3600;

/// Runs one round at once, whenever the next would be: cashback that is due becomes available, rows that have expired
/// are removed. A step that fails is logged and does not stop the others. Answers which failed.
pub async fn housekeeping(app: &App) -> Vec<&'static str> {
    warn_of_ends(app);
    if !look_at_clock(app).await {
        return vec![CLOCK];
    }
    do_all(app, LiftedSteps::Nothing).await
}

/// Runs one round for an operator who has checked the clock and the amounts that these steps have to do.
///
/// # Errors
/// `unavailable` while this machine's clock and the database's disagree.
pub async fn housekeeping_anyway(
    app: &App,
    login: Option<&str>,
    lifted: LiftedSteps,
) -> Result<Vec<&'static str>> {
    trusted_time::confirm_now(app).await?;
    let steps = match lifted {
        LiftedSteps::Only(step) => step,
        LiftedSteps::Nothing | LiftedSteps::Everything => "all",
    };
    act::perform(app, ActSpec::by_operator(app, login, Action::LiftBound), |mut act| async move {
        act.record(Entry::of_subject(format!("housekeeping:{steps}")));
        act.commit(())
    })
    .await?;
    Ok(do_all(app, lifted).await)
}

async fn do_all(app: &App, lifted: LiftedSteps) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.is_hourly()) {
        let done = runner::do_now(app, kind, lifted).await.unwrap_or_else(|error| {
            report(kind.name, Some(&runner::cause_of(&error)));
            false
        });
        failed.extend((!done).then_some(kind.name));
    }
    failed
}

pub(super) fn warn_of_ends(app: &App) {
    let now = unix_seconds(app.clock.now());
    for (what, ends_at) in app.keys.end_times(now) {
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

/// The name of the check of the clock, which each instance does for itself.
const CLOCK: &str = "clock";

/// Whether this instance's time is trusted. It has to be checked every hour: after a longer gap it would not be trusted
/// any more.
pub(super) async fn look_at_clock(app: &App) -> bool {
    let doubt = trusted_time::now(app).await.err().map(|error| runner::cause_of(&error));
    report(CLOCK, doubt.as_deref());
    super::watches::set_step_failed(CLOCK, doubt.is_some());
    doubt.is_none()
}

/// Logs a step that has failed.
pub(super) fn report(step: &str, trouble: Option<&str>) {
    if let Some(error) = trouble {
        tracing::error!(step, error, "housekeeping failed; it is tried again in an hour");
    }
}
