//! Notices in SQL.

use chrono::{DateTime, Months, Utc};
use sqlx::{PgConnection, PgPool};

use super::{NOTICE_MONTHS, Notice};
use crate::act::notices::{Initiator, MAX_NOTICES, NoticeKind};
use crate::base::error::Result;
use crate::base::ids::{MembershipId, NoticeId};
use crate::base::sweep::{BATCH, DueRows};

/// Counts the notices that were given long ago, for the bound of a round.
pub async fn due(db: &PgPool, now: DateTime<Utc>) -> Result<DueRows> {
    Ok(sqlx::query_as!(
        DueRows,
        r#"with due as (select count(*) as due from notice where given_at < $1)
           select due as "due!",
                  (select count(*) from (select from notice where given_at >= $1 limit (select due from due)) kept) as "left!"
           from due"#,
        now - Months::new(NOTICE_MONTHS)
    )
    .fetch_one(db)
    .await?)
}

/// Removes a batch of old notices, and tells the phones; answers how many.
pub async fn prune(db: &PgPool, now: DateTime<Utc>) -> Result<u64> {
    let gone = sqlx::query!(
        "with gone as (delete from notice where id in (select id from notice where given_at < $1 limit $3)
                       returning id, membership_id)
         insert into change (audience, entity, entity_id, deleted, changed_at)
         select 'member:' || membership_id, 'notice', id::text, true, $2 from gone",
        now - Months::new(NOTICE_MONTHS),
        now,
        BATCH
    )
    .execute(db)
    .await?;
    Ok(gone.rows_affected())
}

/// The notices of a member, newest first.
pub async fn ids_of(conn: &mut PgConnection, membership_id: MembershipId) -> Result<Vec<NoticeId>> {
    Ok(sqlx::query_scalar!(
        r#"select id as "id: NoticeId" from notice where membership_id = $1 order by given_at desc, id limit $2"#,
        membership_id.0,
        MAX_NOTICES
    )
    .fetch_all(conn)
    .await?)
}

/// A member's own notices among these, in no order.
pub async fn find(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    ids: &[NoticeId],
) -> Result<Vec<Notice>> {
    Ok(sqlx::query_as!(
        Notice,
        r#"select id, kind as "kind: NoticeKind", given_at as at, given_by as "by: Initiator", params, read_at from notice
           where membership_id = $1 and id = any($2)"#,
        membership_id.0,
        ids as &[NoticeId]
    )
    .fetch_all(conn)
    .await?)
}

/// Marks a member's own notices among these as read, and tells the phone; answers whether one of them was unread.
pub async fn mark_read(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    audience: &str,
    ids: &[NoticeId],
    now: DateTime<Utc>,
) -> Result<bool> {
    let told = sqlx::query!(
        "with read as (
             update notice set read_at = $3 where membership_id = $1 and id = any($2) and read_at is null returning id
         )
         insert into change (audience, entity, entity_id, changed_at)
         select $4, 'notice', id::text, $3 from read",
        membership_id.0,
        ids as &[NoticeId],
        now,
        audience
    )
    .execute(conn)
    .await?;
    Ok(told.rows_affected() > 0)
}
