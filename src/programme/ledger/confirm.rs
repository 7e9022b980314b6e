//! The nightly step: cashback whose return window has closed becomes available, after it has paid what the member owes. Runs
//! in batches, each a transaction of its own, and may be run again at any time by any instance. A member whose books cannot
//! take it is set aside, named, and tried again with the next round; the others do not wait for it.

use anyhow::anyhow;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::access::member_audience;
use crate::base::Base;
use crate::base::error::{Error, Result};
use crate::base::ids::MembershipId;
use crate::base::sweep::{Bound, DueRows};

/// The members who are left out of the rest of a round.
#[derive(Default)]
struct SkippedMembers {
    members: Vec<MembershipId>,
    /// The number of them whose books are wrong.
    with_wrong_books: u32,
}

/// Purchases by which the members of one transaction are chosen.
const BATCH: i64 = 1_000;

/// The result of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmed {
    /// The number of purchases whose cashback was made available.
    pub purchases: u64,
    /// The number of members who were left out because their books do not add up.
    pub set_aside: u32,
}

/// Makes everything available that is due by `today`, unless that is more than a round may do.
pub async fn confirm_due(base: &Base, today: NaiveDate, bound: Bound) -> Result<Confirmed> {
    bound.check(due(&base.db_jobs, today).await?)?;
    let (mut total, mut skipped) = (0, SkippedMembers::default());
    loop {
        let members = next_members(&base.db_jobs, today, &skipped.members).await?;
        if members.is_empty() {
            break;
        }
        match confirm(base, &members, today).await {
            Ok(confirmed) => total += confirmed,
            Err(error) if is_database_trouble(&error) => return Err(error),
            Err(_) => total += confirm_one_by_one(base, &members, today, &mut skipped).await?,
        }
    }
    Ok(Confirmed { purchases: total, set_aside: skipped.with_wrong_books })
}

/// Whether the trouble is the database's, and not one balance's: a lock that somebody forgot is of that balance alone.
fn is_database_trouble(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_)) && !error.is_locked()
}

/// Confirms what of a batch can be confirmed. What is wrong with the books sets a member aside, and so does a balance that somebody
/// else keeps locked, until the next round; a database that does not answer ends the round.
async fn confirm_one_by_one(
    base: &Base,
    members: &[MembershipId],
    today: NaiveDate,
    skipped: &mut SkippedMembers,
) -> Result<u64> {
    let mut total = 0;
    for membership_id in members {
        match confirm(base, std::slice::from_ref(membership_id), today).await {
            Ok(confirmed) => total += confirmed,
            Err(error) if is_database_trouble(&error) => return Err(error),
            Err(error) if error.is_locked() => {
                tracing::warn!(%membership_id, "this member's balance is locked; the next round tries again");
                skipped.members.push(*membership_id);
            }
            Err(error) => {
                tracing::error!(
                    %membership_id,
                    error = format!("{error:#}"),
                    "this member's cashback cannot be confirmed: `profcards ledger audit` tells more"
                );
                skipped.members.push(*membership_id);
                skipped.with_wrong_books = skipped.with_wrong_books.saturating_add(1);
            }
        }
    }
    Ok(total)
}

/// Confirms the cashback of these members in one transaction, then refreshes their balances and wakes their pages.
async fn confirm(base: &Base, members: &[MembershipId], today: NaiveDate) -> Result<u64> {
    let mut tx = base.db_jobs.begin().await?;
    let confirmed = confirm_members(&mut tx, members, today, base.random.uuid(), base.clock.now()).await?;
    tx.commit().await?;
    for membership_id in members {
        super::refresh_balance(base, *membership_id).await;
        crate::base::live::wake(base, &member_audience(*membership_id)).await;
    }
    Ok(confirmed)
}

/// Counts the purchases that are due, and those that go on waiting.
async fn due(db: &PgPool, today: NaiveDate) -> Result<DueRows> {
    Ok(sqlx::query_as!(
        DueRows,
        r#"with due as (select count(*) as due from purchase where state = 'pending' and confirm_on <= $1)
           select due as "due!",
                  (select count(*) from (select from purchase where state = 'pending' and confirm_on > $1
                                         limit (select due from due)) kept) as "left!"
           from due"#,
        today
    )
    .fetch_one(db)
    .await?)
}

/// The members who have waited longest, without those who were set aside.
async fn next_members(
    db: &PgPool,
    today: NaiveDate,
    set_aside: &[MembershipId],
) -> Result<Vec<MembershipId>> {
    Ok(sqlx::query_scalar!(
        r#"select distinct membership_id as "id: MembershipId" from (
               select membership_id from purchase
               where state = 'pending' and confirm_on <= $1 and membership_id <> all($3)
               order by confirm_on, id limit $2
           ) due"#,
        today,
        BATCH,
        set_aside as &[MembershipId]
    )
    .fetch_all(db)
    .await?)
}

/// Confirms all that is due to these members. Their balances are locked in the order of their ids before anything is read
/// that relies on them, so that two instances and the tills cannot deadlock.
async fn confirm_members(
    conn: &mut PgConnection,
    members: &[MembershipId],
    today: NaiveDate,
    batch_id: Uuid,
    now: DateTime<Utc>,
) -> Result<u64> {
    sqlx::query!(
        "select from balance where membership_id = any($1) order by membership_id for update",
        members as &[MembershipId]
    )
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query!(
        r#"with due as (
             select u.id, u.membership_id,
                    -- Debt is paid by the oldest first, each as far as it goes.
                    least(u.accrual_kopecks,
                          greatest(0, coalesce(b.debt_kopecks, 0) + u.accrual_kopecks
                                      - sum(u.accrual_kopecks) over (partition by u.membership_id order by u.confirm_on, u.seq))
                    )::bigint as debt_kopecks
             from purchase u left join balance b on b.membership_id = u.membership_id
             where u.membership_id = any($1) and u.state = 'pending' and u.confirm_on <= $2
         ), confirmed as (
             update purchase u set state = 'available' from due
             where u.id = due.id and u.state = 'pending'
             returning u.id, u.seq, u.membership_id, u.terminal_id, u.accrual_kopecks, due.debt_kopecks
         ), posted as (
             insert into journal (booked_at, event_at, kind, principal, idem, membership_id, partner_id, outlet_id,
                                  terminal_id, amount_kopecks, accrual_kopecks, commission_kopecks, debt_kopecks, rule_version,
                                  reverses)
             select $3, $3, 'confirm', 'programme', $4, j.membership_id, j.partner_id, j.outlet_id, j.terminal_id,
                    j.amount_kopecks, j.accrual_kopecks, 0, c.debt_kopecks, j.rule_version, j.seq
             from confirmed c join journal j on j.seq = c.seq
             returning true
         ), moved as (
             update balance b
             set pending_kopecks = b.pending_kopecks - s.accrual, available_kopecks = b.available_kopecks + s.accrual - s.debt,
                 debt_kopecks = b.debt_kopecks - s.debt, version = b.version + 1
             from (select membership_id, sum(accrual_kopecks)::bigint as accrual, sum(debt_kopecks)::bigint as debt
                   from confirmed group by membership_id) s
             where b.membership_id = s.membership_id
             returning true
         ), told as (
             insert into change (audience, entity, entity_id, changed_at)
             select 'member:' || membership_id, 'purchase', id::text, $3 from confirmed
             union all select 'till:' || terminal_id, 'purchase', id::text, $3 from confirmed
             union all select distinct 'member:' || membership_id, 'balance', 'me', $3 from confirmed
         )
         select (select count(*) from confirmed) as "confirmed!", (select count(*) from posted) as "posted!",
                (select count(distinct membership_id) from confirmed) as "members!", (select count(*) from moved) as "moved!""#,
        members as &[MembershipId],
        today,
        now,
        batch_id
    )
    .fetch_one(conn)
    .await?;
    if done.posted != done.confirmed || done.moved != done.members {
        return Err(Error::Internal(anyhow!(
            "a purchase that is due has no posting, or its member no balance"
        )));
    }
    Ok(done.confirmed.unsigned_abs())
}
