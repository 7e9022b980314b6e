//! People and their membership: what is entered once and everything else is made from. The rules for names, phones and
//! dates are here, without I/O.

pub mod names;
pub mod routes;
pub mod store;

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{Error, Result};

/// Nobody joins younger (ст. 2 10-ФЗ: from fourteen).
const MIN_AGE_YEARS: i32 = 14;
/// The oldest birth year that a form accepts; older is a slip.
const MIN_BIRTH_YEAR: i32 = 1900;

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
}

impl NewMember {
    /// Tidies what was typed and refuses what cannot be, field by field.
    pub fn checked(mut self, today: NaiveDate) -> Result<Self> {
        let mut faults = BTreeMap::new();
        let mut fault = |field, code| {
            faults.entry(field).or_insert(code);
        };
        self.last_name = names::tidy(&self.last_name);
        self.first_name = names::tidy(&self.first_name);
        self.middle_name = self.middle_name.map(|name| names::tidy(&name)).filter(|name| !name.is_empty());
        for (field, name) in [
            ("lastName", Some(&self.last_name)),
            ("firstName", Some(&self.first_name)),
            ("middleName", self.middle_name.as_ref()),
        ] {
            match name {
                Some(name) if name.is_empty() => fault(field, "required"),
                Some(name) if !names::is_plausible(name) => fault(field, "name-invalid"),
                _ => {}
            }
        }
        if !matches!(self.sex.as_str(), "f" | "m") {
            fault("sex", "required");
        }
        let youngest = today.with_year(today.year() - MIN_AGE_YEARS).unwrap_or(today);
        if self.birth_date.year() < MIN_BIRTH_YEAR || self.birth_date > today {
            fault("birthDate", "date-invalid");
        } else if self.birth_date > youngest {
            fault("birthDate", "too-young");
        }
        self.phone = self.phone.filter(|typed| !typed.trim().is_empty());
        if let Some(typed) = &self.phone {
            match names::phone(typed) {
                Some(phone) => self.phone = Some(phone),
                None => fault("phone", "phone-invalid"),
            }
        }
        self.email = self.email.map(|email| email.trim().to_owned()).filter(|email| !email.is_empty());
        if self.email.as_deref().is_some_and(|email| !names::is_email(email)) {
            fault("email", "email-invalid");
        }
        if !(1..=3).contains(&self.category) {
            fault("category", "required");
        }
        self.position = self.position.map(|text| names::tidy(&text)).filter(|text| !text.is_empty());
        if self.position.as_deref().is_some_and(|text| text.chars().count() > 200) {
            fault("position", "too-long");
        }
        if self.joined_on > today {
            fault("joinedOn", "in-the-future");
        } else if self.joined_on < self.birth_date {
            fault("joinedOn", "before-birth");
        }
        if self.processing_consent_on.is_some_and(|day| day > today) {
            fault("processingConsentOn", "in-the-future");
        }
        if faults.is_empty() { Ok(self) } else { Err(Error::InvalidInput(faults)) }
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
    /// `active`, `suspended`, `left`, `expelled` or `ended`.
    pub status: String,
    /// The consents in force.
    pub consents: Vec<MemberConsent>,
    /// All cards, newest first.
    pub cards: Vec<MemberCard>,
    /// The newest activation code, if one was printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
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
