//! What the cashier is shown of a member: short name, region, category. Never more than that.

use minicbor::Decoder;

use crate::cbor::{FormatError, Writer, Written, array_of, ensure, uint};
use crate::constants::{MAX_NAME_CHARS, MAX_REGION};

/// The category of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// A working member.
    Working = 1,
    /// A student.
    Student = 2,
    /// A pensioner who no longer works.
    Pensioner = 3,
}

impl Category {
    /// The category written as `value`.
    pub fn from_value(value: u64) -> Option<Self> {
        match value {
            1 => Some(Self::Working),
            2 => Some(Self::Student),
            3 => Some(Self::Pensioner),
            _ => None,
        }
    }

    /// The number that stands for it on the card.
    pub fn value(self) -> u8 {
        self as u8
    }
}

/// The part of a card that is for the cashier's eyes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    name: String,
    region: u8,
    category: Category,
}

/// The card cannot show this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShownError {
    /// The name is empty or longer than sixteen characters.
    #[error("the shown name must have 1 to {MAX_NAME_CHARS} characters")]
    Name,
    /// The region has more than two digits.
    #[error("the region must have at most two digits")]
    Region,
}

impl Shown {
    /// Checks the bounds; [`short_name`] makes a name that keeps them.
    pub fn new(name: impl Into<String>, region: u8, category: Category) -> Result<Self, ShownError> {
        let name = name.into();
        if !(1..=MAX_NAME_CHARS).contains(&name.chars().count()) {
            return Err(ShownError::Name);
        }
        if region > MAX_REGION {
            return Err(ShownError::Region);
        }
        Ok(Self { name, region, category })
    }

    /// The short name, such as «Иванова М. П.».
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first two digits of the region's ОКАТО code.
    pub fn region(&self) -> u8 {
        self.region
    }

    /// The member's category.
    pub fn category(&self) -> Category {
        self.category
    }

    pub(crate) fn write(&self, e: &mut Writer) -> Written {
        e.array(3)?.str(&self.name)?.u8(self.region)?.u8(self.category.value())?.ok()
    }

    pub(crate) fn read(d: &mut Decoder) -> Result<Self, FormatError> {
        array_of(d, 3)?;
        let name = d.str()?;
        let region = u8::try_from(uint(d)?).map_err(|_| FormatError)?;
        let category = Category::from_value(uint(d)?).ok_or(FormatError)?;
        // Counting bytes first keeps an absurd name from being copied at all.
        ensure(name.len() <= MAX_NAME_CHARS * 4)?;
        Self::new(name, region, category).map_err(|_| FormatError)
    }
}

/// «Иванова М. П.», in at most sixteen characters: a long surname costs first the middle initial, then its own end.
pub fn short_name(last: &str, first: &str, middle: Option<&str>) -> String {
    let (last, first, middle) = (last.trim(), initial(first), initial(middle.unwrap_or_default()));
    let fits = |name: &String| name.chars().count() <= MAX_NAME_CHARS;
    let whole = [format!("{last}{first}{middle}"), format!("{last}{first}")];
    if let Some(name) = whole.into_iter().find(fits) {
        return name;
    }
    let room = MAX_NAME_CHARS - first.chars().count() - 1;
    let cut: String = last.chars().take(room).collect();
    format!("{}…{first}", cut.trim_end_matches(['-', ' ']))
}

fn initial(name: &str) -> String {
    name.trim().chars().next().map(|letter| format!(" {}.", letter.to_uppercase())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names() {
        for (last, first, middle, expected) in [
            ("Иванова", "Мария", Some("Петровна"), "Иванова М. П."),
            ("Иванова", "Мария", None, "Иванова М."),
            ("Ли", "", None, "Ли"),
            (" Петров ", " иван ", Some(""), "Петров И."),
            ("Преображен", "Анна", Some("Ильинична"), "Преображен А. И."),
            ("Преображенск", "Анна", Some("Ильинична"), "Преображенск А."),
            ("Преображенская", "Анна", Some("Ильинична"), "Преображенск… А."),
            ("Римско-Корсакова", "Ия", None, "Римско-Корса… И."),
            ("Константиноп-Абв", "Ия", None, "Константиноп… И."),
        ] {
            let name = short_name(last, first, middle);
            assert_eq!(name, expected);
            assert!(Shown::new(name, 77, Category::Working).is_ok());
        }
    }

    #[test]
    fn bounds() {
        assert_eq!(Shown::new("", 1, Category::Student), Err(ShownError::Name));
        assert_eq!(Shown::new("я".repeat(17), 1, Category::Student), Err(ShownError::Name));
        assert_eq!(Shown::new("я", 100, Category::Student), Err(ShownError::Region));
    }
}
