//! The record of acts and of reading: who did or read what, about whom, when and why. Rows of acts are written by `act::perform` in the
//! transaction of the effect, and chained by hash behind the commits ([`chain`]). They name fields; what was in them stands in the
//! history tables. Nothing here is ever changed.

pub mod chain;
pub mod find;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::access::Staff;
use crate::access::rights::Action;
use crate::base::error::Result;
use crate::base::ids::{MembershipId, OrganisationId};
use crate::base::sweep::BATCH;

/// Days for which readings are kept.
pub const READ_DAYS: i64 = 3 * 366;
/// The time in which repeated reading is noted once.
const QUARTER: TimeDelta = TimeDelta::minutes(15);

/// An act's entry in the log, besides who did what and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    members: Vec<MembershipId>,
    organisation_id: Option<OrganisationId>,
    subject: Option<String>,
    reason: Option<String>,
    fields: Vec<String>,
}

impl Entry {
    /// An entry about one member.
    pub fn of_member(membership_id: MembershipId) -> Self {
        Self::of_members(&[membership_id])
    }

    /// An entry about several members.
    pub fn of_members(membership_ids: &[MembershipId]) -> Self {
        Self { members: membership_ids.to_vec(), ..Self::default() }
    }

    /// An entry about something else, such as `till:UUID`.
    pub fn of_subject(subject: String) -> Self {
        Self::default().about(subject)
    }

    /// Adds a subject that is not a member, such as `purchase:UUID`.
    #[must_use]
    pub fn about(mut self, subject: String) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Names the organisation in which it was done.
    #[must_use]
    pub fn within(mut self, organisation_id: OrganisationId) -> Self {
        self.organisation_id = Some(organisation_id);
        self
    }

    /// Gives the reason, in words or as a code.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Names the fields that were changed.
    #[must_use]
    pub fn changing(mut self, fields: Vec<String>) -> Self {
        self.fields = fields;
        self
    }
}

/// Writes a row of the log.
pub(super) async fn write(
    conn: &mut PgConnection,
    actor: &str,
    action: Action,
    entry: &Entry,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into audit_entry (at, actor, action, members, organisation_id, subject, reason, fields)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        now,
        actor,
        action.as_str(),
        &entry.members as &[MembershipId],
        entry.organisation_id as Option<OrganisationId>,
        entry.subject,
        entry.reason,
        &entry.fields
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that an account was shown a member's data; once in a quarter of an hour.
pub async fn note_read(
    db: &PgPool,
    staff: &Staff,
    membership_id: MembershipId,
    now: DateTime<Utc>,
) -> Result<()> {
    note_reads(db, &staff.principal(), &[membership_id], now).await
}

/// Notes that an account was given the answer to an act of before once more, with the data of the members whom it is
/// about.
pub(super) async fn note_repeat(
    conn: &mut PgConnection,
    reader: &str,
    entry: &Entry,
    now: DateTime<Utc>,
) -> Result<()> {
    note_reads(conn, reader, &entry.members, now).await
}

async fn note_reads(
    db: impl PgExecutor<'_>,
    reader: &str,
    membership_ids: &[MembershipId],
    now: DateTime<Utc>,
) -> Result<()> {
    let quarter = now.duration_trunc(QUARTER).map_err(anyhow::Error::from)?;
    sqlx::query!(
        "insert into audit_read (membership_id, reader, quarter)
         select member, $2, $3 from unnest($1::uuid[]) as member on conflict do nothing",
        membership_ids as &[MembershipId],
        reader,
        quarter
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that an account was shown a page of a list.
pub async fn note_page(
    db: &PgPool,
    staff: &Staff,
    organisation_id: OrganisationId,
    filter: &str,
    membership_ids: &[MembershipId],
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into audit_page (at, reader, organisation_id, filter, members) values ($1, $2, $3, left($4, 300), $5)",
        now,
        staff.principal(),
        organisation_id.0,
        filter,
        membership_ids as &[MembershipId]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes readings of long ago.
pub async fn prune(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    let before = now - TimeDelta::days(READ_DAYS);
    loop {
        let reads = sqlx::query!(
            "delete from audit_read where (membership_id, reader, quarter) in (
                 select membership_id, reader, quarter from audit_read where quarter < $1 limit $2)",
            before,
            BATCH
        )
        .execute(db)
        .await?;
        let pages = sqlx::query!(
            "delete from audit_page where id in (select id from audit_page where at < $1 limit $2)",
            before,
            BATCH
        )
        .execute(db)
        .await?;
        if reads.rows_affected().max(pages.rows_affected()) < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}
