//! What an instance must do once after its database was loaded from a dump: whatever it gave out since must not be given to others,
//! and nobody goes on from a change that the dump does not know.

use chrono::{DateTime, Utc};

use super::App;
use crate::act::{audit, change_log};
use crate::base::error::Result;
use crate::cards;
use crate::cards::enrolment;
use crate::registry::members;

/// At most as many as the instance may have given out since the dump.
#[derive(Clone, Copy, Debug)]
pub struct GivenSince {
    /// Cards, each with a place on a status list.
    pub cards: u32,
    /// Membership numbers.
    pub members: u32,
}

/// What was found and done.
#[derive(Debug)]
pub struct Restored {
    /// When the dump's last change was noted; none where it holds none.
    pub last_changed_at: Option<DateTime<Utc>>,
    /// Phones that redeem only from `redeem_from` on.
    pub phones: u64,
    /// The time in which losses since the dump can be reported again.
    pub redeem_from: DateTime<Utc>,
}

/// All of it, or nothing. Done twice it leaves out twice as many and harms nobody.
pub async fn take_up(app: &App, since: GivenSince) -> Result<Restored> {
    let redeem_from = app.clock.now() + app.config.redemption_wait();
    let mut tx = app.db_jobs.begin().await?;
    let last_changed_at = change_log::last_changed_at(&mut tx).await?;
    change_log::forget_changes(&mut tx).await?;
    audit::chain::take_up(&mut tx, app.clock.now()).await?;
    members::store::skip_numbers(&mut tx, since.members.into()).await?;
    cards::places::void_next(app, &mut tx, since.cards as usize).await?;
    let phones = enrolment::moving::hold_redemption(&mut tx, redeem_from).await?;
    tx.commit().await?;
    Ok(Restored { last_changed_at, phones, redeem_from })
}
