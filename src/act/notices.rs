//! What a member is told of the card, the phone and the membership: written in the transaction of the event itself by whoever
//! causes it, and read at leisure (`informing`). A notice says what happened and who did it; the words are the app's.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::change_log::{Entity, record_change};
use crate::access::member_audience;
use crate::base::Base;
use crate::base::error::Result;
use crate::base::ids::MembershipId;
use crate::base::words::word_enum;

/// The most notices that a member keeps: the newest ones.
pub const MAX_NOTICES: i64 = 100;

word_enum! {
    /// The kind of a notice: what happened.
    pub enum NoticeKind in "notice.kind" {
        /// A phone was enrolled where there had never been one.
        PhoneEnrolled = "phone-enrolled",
        /// Another phone was enrolled; the one before it has ended, now or earlier.
        PhoneReplaced = "phone-replaced",
        /// A sheet was printed by which another phone can take the card from this one.
        SheetPrinted = "sheet-printed",
        /// The phone was reported lost.
        PhoneLost = "phone-lost",
        /// The phone was signed out.
        SignedOut = "signed-out",
        /// The card says something new, so another one was issued.
        CardChanged = "card-changed",
        /// Every card was revoked, and the phone has ended with it.
        CardsRevoked = "cards-revoked",
        /// The birth date on record is another one, by which the printed sheet opens from now on.
        BirthDateChanged = "birth-date-changed",
        /// The membership is suspended.
        MembershipSuspended = "membership-suspended",
        /// The suspended membership is in force again.
        MembershipResumed = "membership-resumed",
        /// The membership is over.
        MembershipEnded = "membership-ended",
        /// The member is registered in another organisation, which the notice names.
        Transferred = "transferred",
    }
}

word_enum! {
    /// Who caused the event.
    pub enum Initiator in "notice.given_by" {
        /// The member.
        Member = "member",
        /// Someone who keeps the register.
        Chair = "chair",
        /// The instance itself. Nothing of this release tells a member what nobody did, but the column and the app have the word.
        System = "system",
    }
}

/// Tells a member what happened. Commits with the event; the member's page is woken by whoever commits.
pub async fn notify_member(
    base: &Base,
    conn: &mut PgConnection,
    membership_id: MembershipId,
    kind: NoticeKind,
    by: Initiator,
    now: DateTime<Utc>,
) -> Result<()> {
    write(base, conn, membership_id, (kind, &json!({})), by, now).await
}

/// Records the notice of a transfer, which names the member's new organisation.
pub async fn notify_of_transfer(
    base: &Base,
    conn: &mut PgConnection,
    membership_id: MembershipId,
    organisation_name: &str,
    by: Initiator,
    now: DateTime<Utc>,
) -> Result<()> {
    let params = json!({ "organisationName": organisation_name });
    write(base, conn, membership_id, (NoticeKind::Transferred, &params), by, now).await
}

async fn write(
    base: &Base,
    conn: &mut PgConnection,
    membership_id: MembershipId,
    (kind, params): (NoticeKind, &Value),
    by: Initiator,
    now: DateTime<Utc>,
) -> Result<()> {
    let (id, audience) = (base.random.uuid(), member_audience(membership_id));
    sqlx::query!(
        "insert into notice (id, membership_id, kind, given_at, given_by, params) values ($1, $2, $3, $4, $5, $6)",
        id,
        membership_id.0,
        kind as NoticeKind,
        now,
        by as Initiator,
        params
    )
    .execute(&mut *conn)
    .await?;
    record_change(&mut *conn, &audience, Entity::Notice, &id.to_string(), now).await?;
    drop_surplus(conn, membership_id, &audience, now).await
}

/// Removes what is more than a member keeps, and tells the phone that it is gone.
async fn drop_surplus(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    audience: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "with gone as (
             delete from notice where id in (
                 select id from notice where membership_id = $1 order by given_at desc, id offset $2)
             returning id
         )
         insert into change (audience, entity, entity_id, deleted, changed_at)
         select $3, 'notice', id::text, true, $4 from gone",
        membership_id.0,
        MAX_NOTICES,
        audience,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
