//! Organisations of the union: a tree of any depth. What one may see of it is decided in `access::policy`.

pub mod routes;
pub mod store;

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::ids::OrganisationId;
use crate::base::words::word_enum;

word_enum! {
    /// What an organisation is.
    pub enum OrganisationKind in "organisation.kind" {
        /// The union itself.
        Central = "central",
        /// Of a region.
        Regional = "regional",
        /// Of a town or a district.
        Territorial = "territorial",
        /// ППО: keeps members.
        Primary = "primary",
        /// Профбюро of a primary organisation: keeps members.
        Bureau = "bureau",
        /// Профгруппа: keeps members.
        Group = "group",
    }
}

/// An organisation as its people see it, with the figures of everything below it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Organisation {
    /// The organisation.
    pub id: OrganisationId,
    /// In full.
    pub name: String,
    /// For lists and cards.
    pub short_name: String,
    /// What it is.
    pub kind: OrganisationKind,
    /// The organisation above, if the caller may see it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<OrganisationId>,
    /// Its short name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_name: Option<String>,
    /// Figures of the whole subtree, today.
    pub counts: Counts,
    /// The organisations directly below.
    pub children: Vec<Child>,
}

/// Members of a subtree, today.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// All on the register, the suspended ones included.
    pub members: i64,
    /// Of them, working.
    pub working: i64,
    /// Of them, students.
    pub students: i64,
    /// Of them, non-working pensioners.
    pub pensioners: i64,
    /// Of them, with a valid card on a phone.
    pub with_phone_card: i64,
    /// Of them, active and without a valid card on a phone.
    pub without_phone_card: i64,
    /// Of them, joined since the first day of this month.
    pub joined_this_month: i64,
    /// Of them, without a consent to the processing of personal data on record.
    pub without_consent: i64,
    /// Of them, with a suspended membership.
    pub suspended: i64,
}

/// An organisation directly below another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Child {
    /// The organisation.
    pub id: OrganisationId,
    /// Its short name.
    pub name: String,
    /// What it is.
    pub kind: OrganisationKind,
    /// Members in its subtree.
    pub members: i64,
    /// Of them, with a valid card on a phone.
    pub with_phone_card: i64,
    /// Of them, without a consent to the processing of personal data on record.
    pub without_consent: i64,
}
