//! What becomes of a member after the entry: the data change, the membership rests or ends, the member moves to another
//! organisation, the phone is lost. Each change is one transaction under the membership's lock; the cards, the phone and the
//! notice to the member follow within it.

pub mod routes;
pub mod store;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::access::{EndReason, member_audience};
use crate::act::change_log::{Entity, ME};
use crate::act::notices::{Initiator, NoticeKind};
use crate::act::{change_log, notices};
use crate::base::code::{Code, FieldCode};
use crate::base::error::{Error, Result};
use crate::base::ids::{AccountId, MembershipId, OrganisationId};
use crate::base::words::word_enum;
use crate::cards::{self, Issuer, enrolment};
use crate::registry::members::person_form::{PersonFields, TypedPersonFields, is_too_young};
use crate::registry::members::{MembershipStatus, store as members};
use crate::registry::organisations;

/// A member's data, as a chairperson corrects them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberEdit {
    /// All fields of the person, whether they change or not.
    #[serde(flatten)]
    pub person: TypedPersonFields,
}

word_enum! {
    /// A status that a membership can be given.
    pub enum NewStatus {
        /// The membership goes on after a suspension.
        Active = "active",
        /// The membership rests, and so do the cards.
        Suspended = "suspended",
        /// The member has left (вышел): final.
        Left = "left",
        /// The member was expelled (исключён): final.
        Expelled = "expelled",
    }
}

impl NewStatus {
    /// Whether a membership of that status can be given this one.
    fn can_follow(self, status: MembershipStatus) -> bool {
        match self {
            Self::Active => status == MembershipStatus::Suspended,
            Self::Suspended => status == MembershipStatus::Active,
            Self::Left | Self::Expelled => status.is_registered(),
        }
    }
}

impl From<NewStatus> for MembershipStatus {
    fn from(status: NewStatus) -> Self {
        match status {
            NewStatus::Active => Self::Active,
            NewStatus::Suspended => Self::Suspended,
            NewStatus::Left => Self::Left,
            NewStatus::Expelled => Self::Expelled,
        }
    }
}

word_enum! {
    /// Why every card of a member is revoked.
    pub enum RevocationReason {
        /// The phone, the sheet or the card is lost.
        Lost = "lost",
        /// The member has left.
        Left = "left",
        /// The cards were issued by mistake.
        Error = "error",
    }
}

impl From<RevocationReason> for EndReason {
    fn from(reason: RevocationReason) -> Self {
        match reason {
            RevocationReason::Lost => Self::Lost,
            RevocationReason::Left => Self::Left,
            RevocationReason::Error => Self::Error,
        }
    }
}

/// One change of a member.
#[derive(Clone, Debug)]
pub enum Change {
    /// The data are corrected.
    Edit(PersonFields),
    /// The membership is given another status.
    Status(NewStatus),
    /// The member is registered elsewhere.
    Transfer {
        /// The organisation to which the member moves; the caller's rights over it are checked.
        organisation_id: OrganisationId,
    },
    /// The phone was reported lost.
    PhoneLost,
    /// Every card is revoked and the phone ends.
    CardsRevoked {
        /// The reason.
        reason: RevocationReason,
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
    /// The reason for the change, where it has one.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::CardsRevoked { reason } => Some(reason.as_str()),
            Self::Status(to) => Some(to.as_str()),
            Self::Edit(_) | Self::Transfer { .. } | Self::PhoneLost => None,
        }
    }
}

/// The circumstances of a change: the member, the account that makes it, and the time.
#[derive(Clone, Copy, Debug)]
pub struct ChangeContext {
    /// The membership.
    pub membership_id: MembershipId,
    /// The account of those who keep the register.
    pub account_id: AccountId,
    /// The present moment.
    pub now: DateTime<Utc>,
    /// The present day.
    pub today: NaiveDate,
}

/// Makes a change, with all that follows from it; answers which fields of the data it changed. The caller holds the membership's lock; the phone's page is woken by whoever
/// commits.
pub async fn apply_change(
    issuer: &Issuer,
    conn: &mut PgConnection,
    change: &Change,
    context: &ChangeContext,
) -> Result<Vec<String>> {
    let mut fields = Vec::new();
    match change {
        Change::Edit(edit) => fields = edit_member(issuer, &mut *conn, edit, context).await?,
        Change::Status(to) => change_status(issuer, &mut *conn, *to, context).await?,
        Change::Transfer { organisation_id } => {
            transfer(issuer, &mut *conn, *organisation_id, context).await?;
        }
        Change::PhoneLost => {
            if !enrolment::loss::end_lost_phone(
                issuer,
                &mut *conn,
                context.membership_id,
                Initiator::Chair,
                context.now,
            )
            .await?
            {
                return Err(Error::Conflict(Code::NoPhone));
            }
        }
        Change::CardsRevoked { reason } => revoke_cards(issuer, &mut *conn, *reason, context).await?,
    }
    tracing::info!(account = %context.account_id, membership = %context.membership_id, change = change.as_str(), "a member is changed");
    let audience = member_audience(context.membership_id);
    change_log::record_change(conn, &audience, Entity::Profile, ME, context.now).await?;
    Ok(fields)
}

async fn revoke_cards(
    issuer: &Issuer,
    conn: &mut PgConnection,
    reason: RevocationReason,
    context: &ChangeContext,
) -> Result<()> {
    let had_phone = enrolment::store::active_phone(&mut *conn, context.membership_id).await?.is_some();
    enrolment::revoke_all(&mut *conn, context.membership_id, reason.into(), context.now).await?;
    if had_phone {
        let kind =
            if reason == RevocationReason::Lost { NoticeKind::PhoneLost } else { NoticeKind::CardsRevoked };
        notify(issuer, conn, kind, context).await?;
    }
    Ok(())
}

async fn edit_member(
    issuer: &Issuer,
    conn: &mut PgConnection,
    edit: &PersonFields,
    context: &ChangeContext,
) -> Result<Vec<String>> {
    let current = store::current_member(&mut *conn, context.membership_id).await?;
    // What has long been on record does not keep other data from being put right.
    if edit.birth_date != current.birth_date && is_too_young(edit.birth_date, current.joined_on) {
        return Err(Error::field("birthDate", FieldCode::TooYoungWhenJoined));
    }
    let search_name = edit.search_name();
    let becomes_another = (&current.search_name, current.birth_date) != (&search_name, edit.birth_date);
    if becomes_another {
        let (organisation_id, own) = (current.organisation_id, Some(context.membership_id));
        members::refuse_same_person(&mut *conn, organisation_id, &search_name, edit.birth_date, own).await?;
    }
    let fields = store::changed_fields(&mut *conn, current.person_id, edit).await?;
    store::update_person(&mut *conn, current.person_id, edit, &search_name, context).await?;
    if edit.birth_date != current.birth_date {
        tracing::info!(account = %context.account_id, membership = %context.membership_id, "a birth date is changed, which printed sheets ask for");
        notify(issuer, &mut *conn, NoticeKind::BirthDateChanged, context).await?;
    }
    store::set_engagement(&mut *conn, issuer.random.uuid(), current.person_id, edit, context.today).await?;
    reissue(issuer, conn, context).await?;
    Ok(fields)
}

/// Issues the cards anew if what they say has changed, and tells the member.
async fn reissue(issuer: &Issuer, conn: &mut PgConnection, context: &ChangeContext) -> Result<()> {
    if cards::outdated::reissue_outdated(issuer, &mut *conn, context.membership_id, context.now).await? {
        notify(issuer, conn, NoticeKind::CardChanged, context).await?;
    }
    Ok(())
}

async fn notify(
    issuer: &Issuer,
    conn: &mut PgConnection,
    kind: NoticeKind,
    context: &ChangeContext,
) -> Result<()> {
    notices::notify_member(issuer, conn, context.membership_id, kind, Initiator::Chair, context.now).await
}

async fn change_status(
    issuer: &Issuer,
    conn: &mut PgConnection,
    to: NewStatus,
    context: &ChangeContext,
) -> Result<()> {
    let current = store::current_member(&mut *conn, context.membership_id).await?;
    if !to.can_follow(current.status) {
        return Err(Error::Conflict(Code::StatusConflict));
    }
    store::set_status(&mut *conn, to.into(), context).await?;
    match to {
        NewStatus::Active => {
            cards::store::unmark_suspended(&mut *conn, context.membership_id).await?;
            notify(issuer, &mut *conn, NoticeKind::MembershipResumed, context).await?;
            // The data may have changed while the cards rested.
            reissue(issuer, conn, context).await
        }
        NewStatus::Suspended => {
            cards::store::mark_suspended(&mut *conn, context.membership_id, context.now).await?;
            notify(issuer, conn, NoticeKind::MembershipSuspended, context).await
        }
        NewStatus::Left | NewStatus::Expelled => {
            store::end_membership(&mut *conn, context).await?;
            enrolment::revoke_all(&mut *conn, context.membership_id, EndReason::Left, context.now).await?;
            notify(issuer, conn, NoticeKind::MembershipEnded, context).await
        }
    }
}

async fn transfer(
    issuer: &Issuer,
    conn: &mut PgConnection,
    organisation_id: OrganisationId,
    context: &ChangeContext,
) -> Result<()> {
    let current = store::current_member(&mut *conn, context.membership_id).await?;
    if !current.status.is_registered() {
        return Err(Error::Conflict(Code::StatusConflict));
    }
    let target =
        organisations::store::check_keeps_members(&mut *conn, organisation_id, context.today).await?;
    if organisation_id == current.organisation_id {
        return Err(Error::field("organisationId", FieldCode::AlreadyThere));
    }
    let own = Some(context.membership_id);
    members::refuse_same_person(&mut *conn, organisation_id, &current.search_name, current.birth_date, own)
        .await?;
    store::set_registration(&mut *conn, issuer.random.uuid(), organisation_id, context).await?;
    let membership_id = context.membership_id;
    notices::notify_of_transfer(issuer, &mut *conn, membership_id, &target, Initiator::Chair, context.now)
        .await?;
    reissue(issuer, conn, context).await
}
