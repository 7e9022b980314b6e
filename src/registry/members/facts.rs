//! The rules for what a form says of a person. A new member's form and a change of data are checked by the same ones, and the
//! days that they hold lie between the oldest that can be true and [`Clock::latest_today`](crate::base::clock::Clock::latest_today).

use std::collections::BTreeMap;

use chrono::{Datelike as _, Months, NaiveDate};

use super::names;
use crate::base::code::FieldCode;
use crate::base::texts;

/// Nobody joins younger (ст. 2 10-ФЗ: from fourteen).
const MIN_AGE: Months = Months::new(14 * 12);
/// The oldest birth year that a form accepts; older is a slip.
const MIN_BIRTH_YEAR: i32 = 1900;
/// The longest position.
const MAX_POSITION_CHARS: usize = 200;
/// The day of the law that consents are given by (152-ФЗ).
const OLDEST_CONSENT: NaiveDate = NaiveDate::from_ymd_opt(2006, 7, 27).expect("a day");

/// Fields that cannot be accepted, each with its reason.
pub type Faults = BTreeMap<&'static str, FieldCode>;

/// The fields of a form, to be tidied in place.
pub struct Facts<'a> {
    pub last_name: &'a mut String,
    pub first_name: &'a mut String,
    pub middle_name: &'a mut Option<String>,
    pub sex: &'a str,
    pub birth_date: NaiveDate,
    pub phone: &'a mut Option<String>,
    pub email: &'a mut Option<String>,
    pub category: i16,
    pub position: &'a mut Option<String>,
}

/// Whether somebody of this birth date could not join on this day yet.
pub fn is_too_young(birth_date: NaiveDate, on: NaiveDate) -> bool {
    on.checked_sub_months(MIN_AGE).is_none_or(|youngest| birth_date > youngest)
}

/// Why a consent to processing cannot have been signed on this day by somebody of this birth date.
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

impl Facts<'_> {
    /// Tidies what was typed and names what cannot be, where it is at latest this day.
    pub fn tidy_and_check(mut self, latest: NaiveDate) -> Faults {
        let mut faults = Faults::new();
        self.check_names(&mut faults);
        if !matches!(self.sex, "f" | "m") {
            faults.insert("sex", FieldCode::Required);
        }
        if self.birth_date.year() < MIN_BIRTH_YEAR || self.birth_date > latest {
            faults.insert("birthDate", FieldCode::DateInvalid);
        } else if is_too_young(self.birth_date, latest) {
            faults.insert("birthDate", FieldCode::TooYoung);
        }
        self.check_contacts(&mut faults);
        if !(1..=3).contains(&self.category) {
            faults.insert("category", FieldCode::Required);
        }
        *self.position = texts::tidy_optional(self.position.take());
        if self.position.as_deref().is_some_and(|text| text.chars().count() > MAX_POSITION_CHARS) {
            faults.insert("position", FieldCode::TooLong);
        }
        faults
    }

    fn check_names(&mut self, faults: &mut Faults) {
        read_into(Some(&mut *self.last_name), names::name, "lastName", faults);
        read_into(Some(&mut *self.first_name), names::name, "firstName", faults);
        match names::middle_name(self.middle_name.as_deref().unwrap_or_default()) {
            Ok(kept) => *self.middle_name = kept,
            Err(code) => {
                faults.insert("middleName", code);
            }
        }
    }

    fn check_contacts(&mut self, faults: &mut Faults) {
        *self.phone = texts::tidy_optional(self.phone.take());
        *self.email = texts::tidy_optional(self.email.take());
        read_into(self.phone.as_mut(), names::phone, "phone", faults);
        read_into(self.email.as_mut(), names::email, "email", faults);
    }
}

/// What was typed becomes what is kept, or is at fault.
fn read_into(
    typed: Option<&mut String>,
    read: fn(&str) -> Result<String, FieldCode>,
    field: &'static str,
    faults: &mut Faults,
) {
    let Some(typed) = typed else { return };
    match read(typed) {
        Ok(kept) => *typed = kept,
        Err(code) => {
            faults.insert(field, code);
        }
    }
}
