//! Organisations of the union: a tree of any depth. What one may see of it is decided in `access::policy`.

pub mod routes;
pub mod store;

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::ids::OrganisationId;
use crate::base::words::word_enum;

word_enum! {
    /// The kind of an organisation.
    pub enum OrganisationKind in "organisation.kind" {
        /// The union itself.
        Central = "central",
        /// The organisation of a region.
        Regional = "regional",
        /// The organisation of a town or a district.
        Territorial = "territorial",
        /// A primary organisation (ППО), which keeps members.
        Primary = "primary",
        /// A bureau (профбюро) of a primary organisation, which keeps members.
        Bureau = "bureau",
        /// A group (профгруппа), which keeps members.
        Group = "group",
    }
}

/// An organisation as its people see it, with the figures of everything below it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Organisation {
    /// The organisation.
    pub id: OrganisationId,
    /// The full name.
    pub name: String,
    /// The short name, for lists and cards.
    pub short_name: String,
    /// The organisation's kind.
    pub kind: OrganisationKind,
    /// The organisation above, if the caller may see it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<OrganisationId>,
    /// The short name of the organisation above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_name: Option<String>,
    /// The figures of the whole subtree, today.
    pub counts: Counts,
    /// The organisations directly below.
    pub children: Vec<Child>,
}

/// The figures of a subtree, today.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// All members on the register, the suspended ones included.
    pub members: i64,
    /// Working members.
    pub working: i64,
    /// Students.
    pub students: i64,
    /// Non-working pensioners.
    pub pensioners: i64,
    /// Members with a valid card on a phone.
    pub with_phone_card: i64,
    /// Active members without a valid card on a phone.
    pub without_phone_card: i64,
    /// Members who joined since the first day of this month.
    pub joined_this_month: i64,
    /// Members without a consent to the processing of personal data on record.
    pub without_consent: i64,
    /// Members with a suspended membership.
    pub suspended: i64,
}

/// An organisation directly below another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Child {
    /// The organisation.
    pub id: OrganisationId,
    /// The organisation's short name.
    pub name: String,
    /// The organisation's kind.
    pub kind: OrganisationKind,
    /// Members in its subtree.
    pub members: i64,
    /// Members with a valid card on a phone.
    pub with_phone_card: i64,
    /// Members without a consent to the processing of personal data on record.
    pub without_consent: i64,
}
