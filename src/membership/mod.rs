//! What becomes of a member after the entry: the data change, the membership rests or ends, the member moves to another
//! organisation, the phone is lost. Each change is one transaction under the membership's lock; the cards, the phone and the
//! notice to the member follow within it.

pub mod routes;
pub mod store;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::member_audience;
use crate::act::change_log::{Entity, ME};
use crate::act::notices::{By, Kind};
use crate::act::{change_log, notices};
use crate::base::code::{Code, FieldCode};
use crate::base::error::{Error, Result};
use crate::cards::{self, Issuer, enrolment};
use crate::registry::members::facts::{Facts, is_too_young};
use crate::registry::members::{names, store as members};
use crate::registry::organisations;
/// A member's data as a chairperson puts them right.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberEdit {
    /// Фамилия.
    pub last_name: String,
    /// Имя.
    pub first_name: String,
    /// Отчество, if there is one.
    #[serde(default)]
    pub middle_name: Option<String>,
    /// `f` or `m`.
    pub sex: String,
    /// Day of birth.
    pub birth_date: NaiveDate,
    /// However it is typed; kept as `+7` and ten digits.
    #[serde(default)]
    pub phone: Option<String>,
    /// An address for letters.
    #[serde(default)]
    pub email: Option<String>,
    /// 1 working, 2 student, 3 non-working pensioner; from today on, if it is another one.
    pub category: i16,
    /// Должность, or the course of a student; from today on, if it is another one.
    #[serde(default)]
    pub position: Option<String>,
}

impl MemberEdit {
    /// Tidies what was typed and refuses what cannot be, field by field, as for a new member.
    pub fn checked(mut self, latest: NaiveDate) -> Result<Self> {
        let facts = Facts {
            last_name: &mut self.last_name,
            first_name: &mut self.first_name,
            middle_name: &mut self.middle_name,
            sex: &self.sex,
            birth_date: self.birth_date,
            phone: &mut self.phone,
            email: &mut self.email,
            category: self.category,
            position: &mut self.position,
        };
        let faults = facts.tidy_and_check(latest);
        if faults.is_empty() { Ok(self) } else { Err(Error::InvalidInput(faults)) }
    }

    /// The name in the form in which it is searched and matched.
    pub fn search_name(&self) -> String {
        names::search_name(&self.last_name, &self.first_name, self.middle_name.as_deref())
    }
}

/// What a membership can become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NewStatus {
    /// It goes on after a suspension.
    Active,
    /// It rests; so do the cards.
    Suspended,
    /// Вышел: final.
    Left,
    /// Исключён: final.
    Expelled,
}

impl NewStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Left => "left",
            Self::Expelled => "expelled",
        }
    }

    /// Whether a membership of this status can take this step.
    fn can_follow(self, status: &str) -> bool {
        match self {
            Self::Active => status == "suspended",
            Self::Suspended => status == "active",
            Self::Left | Self::Expelled => matches!(status, "active" | "suspended"),
        }
    }
}

/// One change of a member.
#[derive(Clone, Debug)]
pub enum Change {
    /// The data are put right.
    Edit(MemberEdit),
    /// The membership takes a step.
    Status(NewStatus),
    /// The member is registered elsewhere.
    Transfer {
        /// Where; the caller's rights over it are checked.
        organisation_id: i64,
    },
    /// The phone was reported lost.
    PhoneLost,
    /// Every card is revoked and the phone ends.
    CardsRevoked {
        /// `lost`, `left` or `error`.
        reason: String,
    },
}

impl Change {
    /// The change's name in the log.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Edit(_) => "data",
            Self::Status(to) => to.as_str(),
            Self::Transfer { .. } => "transfer",
            Self::PhoneLost => "phone-lost",
            Self::CardsRevoked { .. } => "cards-revoked",
        }
    }
}

impl Change {
    /// Why, where the change says it.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::CardsRevoked { reason } => Some(reason),
            Self::Status(to) => Some(to.as_str()),
            Self::Edit(_) | Self::Transfer { .. } | Self::PhoneLost => None,
        }
    }
}

/// Whose data change, by whom, and when.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The membership.
    pub membership_id: Uuid,
    /// The account of those who keep the register.
    pub account_id: Uuid,
    /// Now.
    pub now: DateTime<Utc>,
    /// Its day.
    pub today: NaiveDate,
}

/// Makes a change, with all that follows from it; answers which fields of the data it changed. The caller holds the membership's lock; the phone's page is woken by whoever
/// commits.
pub async fn apply(
    issuer: &Issuer,
    conn: &mut PgConnection,
    change: &Change,
    about: &About,
) -> Result<Vec<String>> {
    let mut fields = Vec::new();
    match change {
        Change::Edit(edit) => fields = edit_member(issuer, &mut *conn, edit, about).await?,
        Change::Status(to) => take_step(issuer, &mut *conn, *to, about).await?,
        Change::Transfer { organisation_id } => transfer(issuer, &mut *conn, *organisation_id, about).await?,
        Change::PhoneLost => {
            if !enrolment::loss::lose_phone(issuer, &mut *conn, about.membership_id, By::Chair, about.now)
                .await?
            {
                return Err(Error::Conflict(Code::NoPhone));
            }
        }
        Change::CardsRevoked { reason } => revoke_cards(issuer, &mut *conn, reason, about).await?,
    }
    tracing::info!(account = %about.account_id, membership = %about.membership_id, change = change.as_str(), "a member is changed");
    let audience = member_audience(about.membership_id);
    change_log::record_change(conn, &audience, Entity::Profile, ME, about.now).await?;
    Ok(fields)
}

async fn revoke_cards(issuer: &Issuer, conn: &mut PgConnection, reason: &str, about: &About) -> Result<()> {
    let had_phone = enrolment::store::active_phone(&mut *conn, about.membership_id).await?.is_some();
    enrolment::revoke_all(&mut *conn, about.membership_id, reason, about.now).await?;
    if had_phone {
        let kind = if reason == "lost" { Kind::PhoneLost } else { Kind::CardsRevoked };
        tell(issuer, conn, &kind, about).await?;
    }
    Ok(())
}

async fn edit_member(
    issuer: &Issuer,
    conn: &mut PgConnection,
    edit: &MemberEdit,
    about: &About,
) -> Result<Vec<String>> {
    let known = store::known(&mut *conn, about.membership_id).await?;
    // What has long been on record does not keep other data from being put right.
    if edit.birth_date != known.birth_date && is_too_young(edit.birth_date, known.joined_on) {
        return Err(Error::field("birthDate", FieldCode::TooYoungWhenJoined));
    }
    let search_name = edit.search_name();
    let becomes_another = (&known.search_name, known.birth_date) != (&search_name, edit.birth_date);
    if becomes_another {
        let (organisation_id, own) = (known.organisation_id, Some(about.membership_id));
        members::refuse_same_person(&mut *conn, organisation_id, &search_name, edit.birth_date, own).await?;
    }
    let fields = store::changed_fields(&mut *conn, known.person_id, edit).await?;
    store::update_person(&mut *conn, known.person_id, edit, &search_name, about).await?;
    if edit.birth_date != known.birth_date {
        tracing::info!(account = %about.account_id, membership = %about.membership_id, "a birth date is changed, which printed sheets ask for");
        tell(issuer, &mut *conn, &Kind::BirthDateChanged, about).await?;
    }
    store::set_engagement(&mut *conn, issuer.random.uuid(), known.person_id, edit, about.today).await?;
    reissue(issuer, conn, about).await?;
    Ok(fields)
}

/// What the cards say may have changed.
async fn reissue(issuer: &Issuer, conn: &mut PgConnection, about: &About) -> Result<()> {
    if cards::change::reissue_changed(issuer, &mut *conn, about.membership_id, about.now).await? {
        tell(issuer, conn, &Kind::CardChanged, about).await?;
    }
    Ok(())
}

async fn tell(issuer: &Issuer, conn: &mut PgConnection, kind: &Kind, about: &About) -> Result<()> {
    notices::tell(issuer, conn, about.membership_id, kind, By::Chair, about.now).await
}

async fn take_step(issuer: &Issuer, conn: &mut PgConnection, to: NewStatus, about: &About) -> Result<()> {
    let known = store::known(&mut *conn, about.membership_id).await?;
    if !to.can_follow(&known.status) {
        return Err(Error::Conflict(Code::StatusConflict));
    }
    store::set_status(&mut *conn, to.as_str(), about).await?;
    match to {
        NewStatus::Active => {
            cards::store::unmark_suspended(&mut *conn, about.membership_id).await?;
            tell(issuer, &mut *conn, &Kind::MembershipResumed, about).await?;
            // The data may have changed while the cards rested.
            reissue(issuer, conn, about).await
        }
        NewStatus::Suspended => {
            cards::store::mark_suspended(&mut *conn, about.membership_id, about.now).await?;
            tell(issuer, conn, &Kind::MembershipSuspended, about).await
        }
        NewStatus::Left | NewStatus::Expelled => {
            store::end_membership(&mut *conn, about).await?;
            enrolment::revoke_all(&mut *conn, about.membership_id, "left", about.now).await?;
            tell(issuer, conn, &Kind::MembershipEnded, about).await
        }
    }
}

async fn transfer(
    issuer: &Issuer,
    conn: &mut PgConnection,
    organisation_id: i64,
    about: &About,
) -> Result<()> {
    let known = store::known(&mut *conn, about.membership_id).await?;
    if !matches!(known.status.as_str(), "active" | "suspended") {
        return Err(Error::Conflict(Code::StatusConflict));
    }
    let target = organisations::store::place(&mut *conn, organisation_id, about.today).await?;
    if organisation_id == known.organisation_id {
        return Err(Error::field("organisationId", FieldCode::AlreadyThere));
    }
    let own = Some(about.membership_id);
    members::refuse_same_person(&mut *conn, organisation_id, &known.search_name, known.birth_date, own)
        .await?;
    store::set_registration(&mut *conn, issuer.random.uuid(), organisation_id, about).await?;
    tell(issuer, &mut *conn, &Kind::Transferred { organisation_name: target }, about).await?;
    reissue(issuer, conn, about).await
}
