//! What an instance must do once after its database was loaded from a dump: whatever it gave out since must not be given to others,
//! and nobody goes on from a change that the dump does not know.

use anyhow::ensure;
use chrono::{DateTime, Utc};

use super::App;
use crate::access::rights::Action;
use crate::act::audit::Entry;
use crate::act::{self, Act, ActEnd, ActSpec, audit, change_log};
use crate::base::error::Result;
use crate::cards;
use crate::cards::enrolment;
use crate::registry::members;

/// The most that the instance may have given out since the dump.
#[derive(Clone, Copy, Debug)]
pub struct GivenSince {
    /// Cards, each with a place on a status list.
    pub cards: u32,
    /// Membership numbers.
    pub members: u32,
}

/// What was found and done with a restored database.
#[derive(Debug)]
pub struct Restored {
    /// The moment of the dump's last change; none where it holds none.
    pub last_changed_at: Option<DateTime<Utc>>,
    /// Phones that redeem only from `redeem_from` on.
    pub phones: u64,
    /// The time in which losses since the dump can be reported again.
    pub redeem_from: DateTime<Utc>,
}

/// Refuses to serve a database that was loaded from a dump and not prepared: it would give out numbers and places a
/// second time. The first server of a database notes which one it is.
///
/// # Errors
/// If this is another database than the one that was noted.
pub async fn check_is_prepared(app: &App) -> anyhow::Result<()> {
    sqlx::query!(
        "insert into instance_database (identity) select identity from database_identity on conflict do nothing"
    )
    .execute(&app.db_jobs)
    .await?;
    let is_same = sqlx::query_scalar!(
        r#"select noted.identity = here.identity as "is_same!" from instance_database noted cross join database_identity here"#
    );
    ensure!(
        is_same.fetch_one(&app.db_jobs).await?,
        "this database was loaded from a dump: run `profcards restored` first, or it gives out numbers and cards' places a second time"
    );
    Ok(())
}

/// Prepares a database that was loaded from a dump, wholly or not at all. Done twice it leaves out twice as many and
/// harms nobody.
pub async fn prepare_restored(app: &App, login: Option<&str>, since: GivenSince) -> Result<Restored> {
    act::perform(app, ActSpec::by_operator(app, login, Action::TakeUpDump), |act| {
        take_up_once(app, act, since)
    })
    .await
}

async fn take_up_once(app: &App, mut act: Act, since: GivenSince) -> Result<ActEnd<Restored>> {
    let now = act.now();
    let redeem_from = now + app.config.redemption_wait();
    let last_changed_at = change_log::last_changed_at(act.conn()).await?;
    change_log::forget_changes(act.conn()).await?;
    audit::chain::restart_after_restore(act.conn(), now).await?;
    members::store::skip_numbers(act.conn(), since.members.into()).await?;
    cards::places::void_next(app, act.conn(), since.cards as usize).await?;
    sqlx::query!(
        "insert into instance_database (identity) select identity from database_identity
         on conflict (is_only) do update set identity = excluded.identity"
    )
    .execute(act.conn())
    .await?;
    let phones = enrolment::moving::delay_redemption(act.conn(), redeem_from).await?;
    let left_out = format!("{} places and {} numbers are left out", since.cards, since.members);
    act.record(Entry::of_subject("database".to_owned()).because(left_out));
    act.commit(Restored { last_changed_at, phones, redeem_from })
}
