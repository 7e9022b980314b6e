//! The rules for what a form says of a person. A new member's form and a change of data are checked by the same ones.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Months, NaiveDate};

use super::names;

/// Nobody joins younger (ст. 2 10-ФЗ: from fourteen).
const MIN_AGE: Months = Months::new(14 * 12);
/// The oldest birth year that a form accepts; older is a slip.
const MIN_BIRTH_YEAR: i32 = 1900;
/// The longest position.
const MAX_POSITION_CHARS: usize = 200;

/// Fields that cannot be accepted, each with its reason.
pub type Faults = BTreeMap<&'static str, &'static str>;

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

impl Facts<'_> {
    /// Tidies what was typed and names what cannot be.
    pub fn tidy_and_check(mut self, today: NaiveDate) -> Faults {
        let mut faults = Faults::new();
        self.check_names(&mut faults);
        if !matches!(self.sex, "f" | "m") {
            faults.insert("sex", "required");
        }
        if self.birth_date.year() < MIN_BIRTH_YEAR || self.birth_date > today {
            faults.insert("birthDate", "date-invalid");
        } else if is_too_young(self.birth_date, today) {
            faults.insert("birthDate", "too-young");
        }
        self.check_contacts(&mut faults);
        if !(1..=3).contains(&self.category) {
            faults.insert("category", "required");
        }
        *self.position = self.position.take().map(|text| names::tidy(&text)).filter(|text| !text.is_empty());
        if self.position.as_deref().is_some_and(|text| text.chars().count() > MAX_POSITION_CHARS) {
            faults.insert("position", "too-long");
        }
        faults
    }

    fn check_names(&mut self, faults: &mut Faults) {
        *self.last_name = names::tidy(self.last_name);
        *self.first_name = names::tidy(self.first_name);
        *self.middle_name =
            self.middle_name.take().map(|name| names::tidy(&name)).filter(|name| !name.is_empty());
        for (field, name) in [
            ("lastName", Some(&*self.last_name)),
            ("firstName", Some(&*self.first_name)),
            ("middleName", self.middle_name.as_ref()),
        ] {
            match name {
                Some(name) if name.is_empty() => faults.insert(field, "required"),
                Some(name) if !names::is_plausible(name) => faults.insert(field, "name-invalid"),
                _ => None,
            };
        }
    }

    fn check_contacts(&mut self, faults: &mut Faults) {
        *self.phone = self.phone.take().filter(|typed| !typed.trim().is_empty());
        if let Some(typed) = self.phone.as_mut() {
            match names::phone(typed) {
                Some(phone) => *typed = phone,
                None => {
                    faults.insert("phone", "phone-invalid");
                }
            }
        }
        *self.email =
            self.email.take().map(|email| email.trim().to_owned()).filter(|email| !email.is_empty());
        if self.email.as_deref().is_some_and(|email| !names::is_email(email)) {
            faults.insert("email", "email-invalid");
        }
    }
}
