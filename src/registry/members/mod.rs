//! People and their membership: what is entered once and everything else is made from. The rules for names, phones and
//! dates are here, without I/O.

pub mod consents;
pub(crate) mod facts;
pub mod names;
pub mod routes;
pub mod store;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use self::facts::{Facts, consent_fault, is_too_young};
use crate::base::code::FieldCode;
use crate::base::error::{Error, Result};

/// Members in one request.
const MAX_CHOSEN: usize = 200;

/// Refuses what is no choice of members for one act: nobody, too many, somebody twice.
pub fn check_chosen(ids: &[Uuid]) -> Result<()> {
    let code = match ids.len() {
        0 => FieldCode::Required,
        count if count > MAX_CHOSEN => FieldCode::TooMany,
        count if ids.iter().collect::<BTreeSet<_>>().len() < count => FieldCode::Repeated,
        _ => return Ok(()),
    };
    Err(Error::field("memberIds", code))
}

/// The stored answer of an act on one member.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberRef {
    /// The membership.
    pub member_id: Uuid,
}

/// What a chairperson enters about a new member.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMember {
    /// Фамилия.
    pub last_name: String,
    /// Имя.
    pub first_name: String,
    /// Отчество, if there is one.
    #[serde(default)]
    pub middle_name: Option<String>,
    /// `f` or `m`: declension of names needs it, and it is never guessed.
    pub sex: String,
    /// Day of birth; the member types it to activate the card.
    pub birth_date: NaiveDate,
    /// However it is typed; kept as `+7` and ten digits.
    #[serde(default)]
    pub phone: Option<String>,
    /// An address for letters.
    #[serde(default)]
    pub email: Option<String>,
    /// 1 working, 2 student, 3 non-working pensioner.
    pub category: i16,
    /// Должность, or the course of a student.
    #[serde(default)]
    pub position: Option<String>,
    /// The day of the decision to admit.
    pub joined_on: NaiveDate,
    /// The day on which the paper consent to processing was signed, if it was.
    #[serde(default)]
    pub processing_consent_on: Option<NaiveDate>,
    /// Somebody has looked: who is a member there with this name and birth date is another person.
    #[serde(default)]
    pub is_another_person: bool,
}

impl NewMember {
    /// Tidies what was typed and refuses what cannot be, field by field, where it is at latest this day.
    pub fn checked(mut self, latest: NaiveDate) -> Result<Self> {
        let mut faults = self.facts().tidy_and_check(latest);
        if self.joined_on > latest {
            faults.insert("joinedOn", FieldCode::InTheFuture);
        } else if self.joined_on < self.birth_date {
            faults.insert("joinedOn", FieldCode::BeforeBirth);
        } else if is_too_young(self.birth_date, self.joined_on) {
            faults.entry("birthDate").or_insert(FieldCode::TooYoungWhenJoined);
        }
        if let Some(day) = self.processing_consent_on
            && let Some(code) = consent_fault(day, self.birth_date, latest)
        {
            faults.insert("processingConsentOn", code);
        }
        if faults.is_empty() { Ok(self) } else { Err(Error::InvalidInput(faults)) }
    }

    fn facts(&mut self) -> Facts<'_> {
        Facts {
            last_name: &mut self.last_name,
            first_name: &mut self.first_name,
            middle_name: &mut self.middle_name,
            sex: &self.sex,
            birth_date: self.birth_date,
            phone: &mut self.phone,
            email: &mut self.email,
            category: self.category,
            position: &mut self.position,
        }
    }

    /// The name in the form in which it is searched and matched.
    pub fn search_name(&self) -> String {
        names::search_name(&self.last_name, &self.first_name, self.middle_name.as_deref())
    }
}

/// A member in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberSummary {
    /// The membership.
    pub id: Uuid,
    /// Фамилия.
    pub last_name: String,
    /// Имя.
    pub first_name: String,
    /// Отчество.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    /// Twelve digits.
    pub number: String,
    /// 1 working, 2 student, 3 non-working pensioner.
    pub category: i16,
    /// Должность.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// Where the member is registered.
    pub organisation_id: i64,
    /// Its short name.
    pub organisation_name: String,
    /// The best valid card: `phone`, `paper` or `none`.
    pub card: String,
    /// Whether a consent to processing is on record.
    pub processing_consent: bool,
    /// `active`, `suspended`, `left`, `expelled` or `ended`.
    pub status: String,
}

/// A page of a list of members.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberPage {
    /// In the order of their names.
    pub items: Vec<MemberSummary>,
    /// Asks for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// How many there are on all pages.
    pub total: i64,
}

/// One member, with what a chairperson needs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberDetail {
    /// What lists show too.
    #[serde(flatten)]
    pub summary: MemberSummary,
    /// `f` or `m`.
    pub sex: String,
    /// Day of birth.
    pub birth_date: NaiveDate,
    /// `+7` and ten digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// An address for letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The day of the decision to admit.
    pub joined_on: NaiveDate,
    /// The phone that holds the member's card.
    pub enrolled_phone: Option<EnrolledPhone>,
    /// The consents in force.
    pub consents: Vec<MemberConsent>,
    /// All cards, newest first.
    pub cards: Vec<MemberCard>,
    /// The newest activation code, if one was printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// A phone that is enrolled now.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrolledPhone {
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub enrolled_at: DateTime<Utc>,
}

/// A consent in force.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberConsent {
    /// `processing`, `profcards`, `mailings` or `photo`.
    pub kind: String,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub given_at: DateTime<Utc>,
    /// `paper` or `app`.
    pub channel: String,
}

/// A card that was issued to the member.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberCard {
    /// The card.
    pub id: Uuid,
    /// `phone` or `paper`.
    pub class: String,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub issued_at: DateTime<Utc>,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub expires_at: DateTime<Utc>,
    /// `valid`, `revoked`, `suspended`, `expired` or `superseded`.
    pub state: String,
}

/// What became of the newest activation code. The code itself is on the printed sheet only.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Activation {
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub expires_at: DateTime<Utc>,
    /// Whether a phone was enrolled with it.
    pub used: bool,
}
