//! The nightly step: cashback whose return window has closed becomes available. Runs in batches, each a transaction of
//! its own, and may be run again at any time by any instance.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::app::AppState;
use crate::auth::member_audience;
use crate::error::Result;

/// Purchases in one transaction.
const BATCH: i64 = 1_000;

/// Makes everything available that is due by `today`; answers how many purchases that were.
pub async fn confirm_due(app: &AppState, today: NaiveDate) -> Result<u64> {
    let mut total = 0;
    loop {
        let now = app.clock.now();
        let mut tx = app.db.begin().await?;
        let members = confirm_batch(&mut tx, today, app.random.uuid(), now).await?;
        tx.commit().await?;
        let Some((confirmed, members)) = members else { return Ok(total) };
        total += confirmed;
        for membership_id in members {
            super::refresh_balance(app, membership_id).await;
            crate::live::wake(app, &member_audience(membership_id)).await;
        }
    }
}

/// One batch; `None` when nothing is due. Balances are locked in the order of their ids before anything is read that
/// relies on them, so that two instances and the tills cannot deadlock.
async fn confirm_batch(
    conn: &mut PgConnection,
    today: NaiveDate,
    batch_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<(u64, Vec<Uuid>)>> {
    let members: Vec<Uuid> = sqlx::query_scalar!(
        r#"select distinct membership_id from (
               select membership_id from purchase where state = 'pending' and confirm_on <= $1 order by confirm_on, id limit $2
           ) due"#,
        today,
        BATCH
    )
    .fetch_all(&mut *conn)
    .await?;
    if members.is_empty() {
        return Ok(None);
    }
    sqlx::query!(
        "select from balance where membership_id = any($1) order by membership_id for update",
        &members
    )
    .execute(&mut *conn)
    .await?;
    let confirmed = sqlx::query_scalar!(
        r#"with confirmed as (
             update purchase set state = 'available'
             where membership_id = any($1) and state = 'pending' and confirm_on <= $2
             returning id, seq, membership_id, terminal_id, accrual_kopecks
         ), posted as (
             insert into journal (booked_at, event_at, kind, principal, idem, membership_id, partner_id, outlet_id,
                                  terminal_id, amount_kopecks, accrual_kopecks, commission_kopecks, rule_version, reverses)
             select $3, $3, 'confirm', 'programme', $4, j.membership_id, j.partner_id, j.outlet_id, j.terminal_id,
                    j.amount_kopecks, j.accrual_kopecks, 0, j.rule_version, j.seq
             from confirmed c join journal j on j.seq = c.seq
         ), moved as (
             update balance b
             set pending_kopecks = b.pending_kopecks - s.kopecks, available_kopecks = b.available_kopecks + s.kopecks,
                 version = b.version + 1
             from (select membership_id, sum(accrual_kopecks)::bigint as kopecks from confirmed group by membership_id) s
             where b.membership_id = s.membership_id
         ), told as (
             insert into change (audience, entity, entity_id, changed_at)
             select 'member:' || membership_id, 'purchase', id::text, $3 from confirmed
             union all select 'till:' || terminal_id, 'purchase', id::text, $3 from confirmed
             union all select distinct 'member:' || membership_id, 'balance', 'me', $3 from confirmed
         )
         select count(*) as "confirmed!" from confirmed"#,
        &members,
        today,
        now,
        batch_id
    )
    .fetch_one(conn)
    .await?;
    Ok(Some((confirmed.unsigned_abs(), members)))
}
