//! What a form says of a person, and the rules for it. A new member's form and a change of data hold the same part and are checked by the
//! same rules; the days in it lie between the oldest that can be true and [`Clock::latest_today`](crate::base::clock::Clock::latest_today).

use std::collections::BTreeMap;

use chrono::{Datelike as _, Months, NaiveDate};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Category, Sex, names};
use crate::base::code::FieldCode;
use crate::base::texts;
use crate::base::words::chosen;

/// The youngest age at which somebody joins (ст. 2 10-ФЗ: fourteen).
const MIN_AGE: Months = Months::new(14 * 12);
/// The oldest birth year that a form accepts; older is a slip.
const MIN_BIRTH_YEAR: i32 = 1900;
/// The longest position.
const MAX_POSITION_CHARS: usize = 200;
/// The day of the law that consents are given by (152-ФЗ).
const OLDEST_CONSENT: NaiveDate = NaiveDate::from_ymd_opt(2006, 7, 27).expect("a day");

/// Fields that cannot be accepted, each with its reason.
pub type Faults = BTreeMap<&'static str, FieldCode>;

/// The part of a form that is about a person, as it was typed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypedPersonFields {
    /// The surname (фамилия).
    pub last_name: String,
    /// The first name (имя).
    pub first_name: String,
    /// The middle name (отчество), if there is one.
    #[serde(default)]
    pub middle_name: Option<String>,
    /// The sex, which the declension of names needs; it is never guessed.
    #[serde(deserialize_with = "chosen")]
    #[schema(value_type = Sex)]
    pub sex: Option<Sex>,
    /// The day of birth, which the member types to activate the card.
    pub birth_date: NaiveDate,
    /// The phone number, however it is typed; kept as `+7` and ten digits.
    #[serde(default)]
    pub phone: Option<String>,
    /// The e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The category; where it replaces another one, it holds from today on.
    #[serde(deserialize_with = "chosen")]
    #[schema(value_type = Category)]
    pub category: Option<Category>,
    /// The position (должность), or the course of a student; where it replaces another one, it holds from today on.
    #[serde(default)]
    pub position: Option<String>,
}

/// The fields of a person that are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonFields {
    /// The surname (фамилия).
    pub last_name: String,
    /// The first name (имя).
    pub first_name: String,
    /// The middle name (отчество), if there is one.
    pub middle_name: Option<String>,
    /// The sex.
    pub sex: Sex,
    /// The day of birth.
    pub birth_date: NaiveDate,
    /// The phone number: `+7` and ten digits.
    pub phone: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The person's category.
    pub category: Category,
    /// The position (должность), or the course of a student.
    pub position: Option<String>,
}

impl PersonFields {
    /// The name in the form that searches and comparisons use.
    pub fn search_name(&self) -> String {
        names::search_name(&self.last_name, &self.first_name, self.middle_name.as_deref())
    }
}

impl TypedPersonFields {
    /// Tidies what was typed and checks it; `latest` is the latest day that it can be anywhere now.
    ///
    /// # Errors
    /// Names every field that cannot be accepted.
    pub fn checked(&self, latest: NaiveDate) -> Result<PersonFields, Faults> {
        let mut faults = Faults::new();
        let last_name = faults.note("lastName", names::name(&self.last_name));
        let first_name = faults.note("firstName", names::name(&self.first_name));
        let middle_name = names::middle_name(self.middle_name.as_deref().unwrap_or_default());
        let middle_name = faults.note("middleName", middle_name);
        let sex = faults.note("sex", self.sex.ok_or(FieldCode::Required));
        let birth_date = faults.note("birthDate", birth_date(self.birth_date, latest));
        let phone = faults.note("phone", read_optional(self.phone.as_deref(), names::phone));
        let email = faults.note("email", read_optional(self.email.as_deref(), names::email));
        let category = faults.note("category", self.category.ok_or(FieldCode::Required));
        let position = faults.note("position", read_optional(self.position.as_deref(), position));
        let person_fields = || {
            Some(PersonFields {
                last_name: last_name?,
                first_name: first_name?,
                middle_name: middle_name?,
                sex: sex?,
                birth_date: birth_date?,
                phone: phone?,
                email: email?,
                category: category?,
                position: position?,
            })
        };
        person_fields().ok_or(faults)
    }
}

/// Whether somebody of this birth date could not join on this day yet.
pub fn is_too_young(birth_date: NaiveDate, on: NaiveDate) -> bool {
    on.checked_sub_months(MIN_AGE).is_none_or(|youngest| birth_date > youngest)
}

/// The reason why a consent to processing cannot have been signed on this day by somebody of this birth date, if there
/// is one.
pub fn consent_fault(day: NaiveDate, birth_date: NaiveDate, latest: NaiveDate) -> Option<FieldCode> {
    if day > latest {
        Some(FieldCode::InTheFuture)
    } else if day < birth_date {
        Some(FieldCode::BeforeBirth)
    } else if day < OLDEST_CONSENT {
        Some(FieldCode::TooEarly)
    } else {
        None
    }
}

/// Notes a field's fault, so that the reading of the form can go on.
trait NoteFault {
    fn note<T>(&mut self, field: &'static str, read: Result<T, FieldCode>) -> Option<T>;
}

impl NoteFault for Faults {
    fn note<T>(&mut self, field: &'static str, read: Result<T, FieldCode>) -> Option<T> {
        read.map_err(|code| self.insert(field, code)).ok()
    }
}

/// Reads an optional field: one that was left empty is absent.
fn read_optional(
    typed: Option<&str>,
    read: fn(&str) -> Result<String, FieldCode>,
) -> Result<Option<String>, FieldCode> {
    texts::tidy_optional(typed.map(str::to_owned)).map(|typed| read(&typed)).transpose()
}

fn birth_date(day: NaiveDate, latest: NaiveDate) -> Result<NaiveDate, FieldCode> {
    if day.year() < MIN_BIRTH_YEAR || day > latest {
        Err(FieldCode::DateInvalid)
    } else if is_too_young(day, latest) {
        Err(FieldCode::TooYoung)
    } else {
        Ok(day)
    }
}

fn position(tidied: &str) -> Result<String, FieldCode> {
    if tidied.chars().count() > MAX_POSITION_CHARS { Err(FieldCode::TooLong) } else { Ok(tidied.to_owned()) }
}
