//! What a member is told of the card, the phone and the membership: written in the transaction of the event itself by whoever
//! causes it, and read at leisure (`informing`). A notice says what happened and who did it; the words are the app's.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::change_log::{Entity, record_change};
use crate::access::member_audience;
use crate::base::Base;
use crate::base::error::Result;

/// A member keeps the newest so many.
pub const MAX_NOTICES: i64 = 100;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A phone was enrolled where there had never been one.
    PhoneEnrolled,
    /// Another phone was enrolled; the one before it has ended, now or earlier.
    PhoneReplaced,
    /// A sheet was printed by which another phone can take the card from this one.
    SheetPrinted,
    /// The phone was reported lost.
    PhoneLost,
    /// The phone was signed out.
    SignedOut,
    /// The card says something new, so another one was issued.
    CardChanged,
    /// Every card was revoked, and the phone has ended with it.
    CardsRevoked,
    /// The birth date on record is another one, by which the printed sheet opens from now on.
    BirthDateChanged,
    /// The membership rests.
    MembershipSuspended,
    /// The membership goes on.
    MembershipResumed,
    /// The membership is over.
    MembershipEnded,
    /// Registered in another organisation.
    Transferred {
        /// Its short name.
        organisation_name: String,
    },
}

impl Kind {
    /// The kind's name in the database and in the app.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::PhoneEnrolled => "phone-enrolled",
            Self::PhoneReplaced => "phone-replaced",
            Self::SheetPrinted => "sheet-printed",
            Self::PhoneLost => "phone-lost",
            Self::SignedOut => "signed-out",
            Self::CardChanged => "card-changed",
            Self::CardsRevoked => "cards-revoked",
            Self::BirthDateChanged => "birth-date-changed",
            Self::MembershipSuspended => "membership-suspended",
            Self::MembershipResumed => "membership-resumed",
            Self::MembershipEnded => "membership-ended",
            Self::Transferred { .. } => "transferred",
        }
    }

    fn params(&self) -> Value {
        match self {
            Self::Transferred { organisation_name } => json!({ "organisationName": organisation_name }),
            _ => json!({}),
        }
    }
}

/// Whose act it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The member.
    Member,
    /// Someone who keeps the register.
    Chair,
}

impl By {
    /// Its name in the database, in the app and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Chair => "chair",
        }
    }
}

/// Tells a member what happened. Commits with the event; the member's page is woken by whoever commits.
pub async fn tell(
    base: &Base,
    conn: &mut PgConnection,
    membership_id: Uuid,
    kind: &Kind,
    by: By,
    now: DateTime<Utc>,
) -> Result<()> {
    let (id, audience) = (base.random.uuid(), member_audience(membership_id));
    insert(&mut *conn, id, membership_id, kind.as_str(), by.as_str(), &kind.params(), now).await?;
    record_change(&mut *conn, &audience, Entity::Notice, &id.to_string(), now).await?;
    drop_surplus(conn, membership_id, &audience, now).await
}

/// Records a notice.
async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    membership_id: Uuid,
    kind: &str,
    by: &str,
    params: &Value,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into notice (id, membership_id, kind, given_at, given_by, params) values ($1, $2, $3, $4, $5, $6)",
        id,
        membership_id,
        kind,
        now,
        by,
        params
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes what is more than a member keeps, and tells the phone that it is gone.
async fn drop_surplus(
    conn: &mut PgConnection,
    membership_id: Uuid,
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
        membership_id,
        MAX_NOTICES,
        audience,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
