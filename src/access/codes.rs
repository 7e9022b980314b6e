//! Codes that a person types: ten characters of Crockford's base 32, 50 bits, shown as `XXXXX-XXXXX`. I, L and O are
//! read as 1, 1 and 0, Cyrillic letters as the Latin ones that they look like; case, spaces, dashes and what cannot be seen
//! do not matter. Only a keyed hash of a code is ever stored.

use crate::base::secret::InstanceSecret;
use crate::base::texts;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 10;

/// A code as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessCode([u8; LENGTH]);

impl AccessCode {
    /// The first 50 bits of `bytes` (at least seven) as a code.
    ///
    /// # Panics
    /// If fewer than seven bytes are given.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut bits = bytes[..7].iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) >> 6;
        let mut code = [0; LENGTH];
        for slot in code.iter_mut().rev() {
            *slot = ALPHABET[(bits & 31) as usize];
            bits >>= 5;
        }
        Self(code)
    }

    /// Reads what a person typed or pasted.
    pub fn parse(typed: &str) -> Option<Self> {
        let upper = texts::tidy(typed).to_uppercase();
        let latin = texts::replace_letters(&upper, texts::CYRILLIC, texts::LATIN);
        let mut code = [0; LENGTH];
        let mut slots = code.iter_mut();
        for character in latin.chars().filter(|c| !matches!(c, ' ' | '-')) {
            let known = match character {
                'I' | 'L' => b'1',
                'O' => b'0',
                other => u8::try_from(other).ok()?,
            };
            *slots.next()? = *ALPHABET.iter().find(|one| **one == known)?;
        }
        slots.next().is_none().then_some(Self(code))
    }

    /// The hash under which the code is stored, for one purpose.
    pub fn stored_hash(&self, secret: &InstanceSecret, purpose: &str) -> [u8; 32] {
        secret.mac(purpose, &[&self.0])
    }
}

impl std::fmt::Display for AccessCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = std::str::from_utf8(&self.0).map_err(|_| std::fmt::Error)?;
        write!(f, "{}-{}", &text[..5], &text[5..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_code_is_read_with_its_usual_slips() {
        let code = AccessCode::from_bytes(&[0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde]);
        let shown = code.to_string();
        assert_eq!(shown.len(), 11);
        assert_eq!(AccessCode::parse(&shown), Some(code.clone()));
        assert_eq!(AccessCode::parse(&format!(" {} ", shown.to_lowercase().replace('-', " "))), Some(code));
        assert_eq!(AccessCode::parse("OOOOO-IIILL"), AccessCode::parse("00000-11111"));
    }

    #[test]
    fn a_code_is_one_however_a_keyboard_or_a_clipboard_has_it() {
        let code = AccessCode::parse("ABCEH-KMPTX");
        assert!(code.is_some());
        for typed in [
            "АВСЕН-КМРТХ",
            "авсен кмртх",
            "ABСЕH–КMPТX",
            "ABCEH—KMPTX",
            "ABCEH\u{2011}KMPTX",
            "\u{200b}ABCEH\u{ad}-KM\u{2060}PTX\u{feff}",
            "\u{202a}ABCEH-KMPTX\u{202c}\r\n",
            "ABCEH\u{a0}-\u{a0}KMPTX",
        ] {
            assert_eq!(AccessCode::parse(typed), code, "{typed:?}");
        }
        assert_eq!(AccessCode::parse("ООооО-УУУУУ"), AccessCode::parse("00000-YYYYY"));
    }

    #[test]
    fn what_is_not_a_code_is_refused() {
        for typed in
            ["", "00000-0000", "00000-00000-0", "00000-0000U", "кодик-кодик", "ЁЁЁЁЁ-00000", "00000_00000"]
        {
            assert_eq!(AccessCode::parse(typed), None, "{typed}");
        }
    }
}
