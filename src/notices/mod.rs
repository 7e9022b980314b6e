//! What a member is told of the card, the phone and the membership: written in the transaction of the event itself, shown by
//! the app, and read at leisure. A notice says what happened and who did it; the words are the app's.

pub mod push;
pub mod store;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::app::App;
use crate::auth::member_audience;
use crate::error::Result;
use crate::sync;

/// A member keeps the newest so many.
pub const MAX_NOTICES: i64 = 100;
/// And none that is older than so many months.
pub const NOTICE_MONTHS: u32 = 13;

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

/// A notice as the app shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The notice.
    pub id: Uuid,
    /// As in [`Kind::as_str`].
    pub kind: String,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub at: DateTime<Utc>,
    /// `member`, `chair` or `system`.
    pub by: String,
    /// As the kind demands.
    pub params: Value,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds_option", skip_serializing_if = "Option::is_none")]
    pub read_at: Option<DateTime<Utc>>,
}

/// Tells a member what happened. Commits with the event; the member's page is woken by whoever commits.
pub async fn tell(
    app: &App,
    conn: &mut PgConnection,
    membership_id: Uuid,
    kind: &Kind,
    by: By,
    now: DateTime<Utc>,
) -> Result<()> {
    let (id, audience) = (app.random.uuid(), member_audience(membership_id));
    store::insert(&mut *conn, id, membership_id, kind.as_str(), by.as_str(), &kind.params(), now).await?;
    sync::store::record_change(&mut *conn, &audience, "notice", &id.to_string(), now).await?;
    store::drop_surplus(conn, membership_id, &audience, now).await
}
