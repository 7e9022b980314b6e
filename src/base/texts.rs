//! What people type and paste, made one before it is stored, compared or searched: the same word has one spelling in bytes,
//! and nothing in a text is there without being seen. The app's `core/texts.ts` says the same; `tests/it/data/typed.json`
//! holds both to it.

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// The tidy form of a text: composed (NFC), without what cannot be seen, spaces trimmed and single, typographic hyphens
/// and apostrophes plain.
pub fn tidy(typed: &str) -> String {
    let seen = typed.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_unseen(*c));
    let plain: String = seen
        .nfc()
        .map(|c| match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => '-',
            '’' | '‘' | '‛' | 'ʼ' | 'ʻ' | '`' | '´' | '′' | '＇' => '\'',
            other => other,
        })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The tidy form of a field that may be left empty; none where it is.
pub fn tidy_optional(typed: Option<String>) -> Option<String> {
    typed.map(|text| tidy(&text)).filter(|text| !text.is_empty())
}

/// Characters that take no room, turn the direction of others, or are no characters: controls (NUL among them), soft hyphens,
/// zero-width characters, bidirectional marks, private use.
fn is_unseen(c: char) -> bool {
    matches!(
        c.general_category(),
        GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::PrivateUse
    ) || matches!(
        c,
        // Ignorable by default without being format characters: joiners, fillers, variation selectors.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2065}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Latin letters and the Cyrillic ones that look the same, in this order.
pub const LATIN: &str = "AaBCcEeËëHKkMOoPpTXxYy";
/// The Cyrillic letters that look like those of [`LATIN`], in the same order.
pub const CYRILLIC: &str = "АаВСсЕеЁёНКкМОоРрТХхУу";

/// The text with each letter of `from` replaced by the one at its place in `to`.
pub fn replace_letters(text: &str, from: &str, to: &str) -> String {
    let other = |c: char| from.chars().zip(to.chars()).find(|(a, _)| *a == c).map_or(c, |(_, b)| b);
    text.chars().map(other).collect()
}

/// A text from the command line that is stored or printed: tidy, and of a length.
///
/// # Errors
/// What is wrong with it, for whoever typed it.
pub fn parse_name(typed: &str, max_chars: usize) -> Result<String, String> {
    let text = tidy(typed);
    match text.chars().count() {
        0 => Err("a name has at least one character that can be seen".into()),
        count if count > max_chars => Err(format!("a name has at most {max_chars} characters")),
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Case {
        typed: String,
        kept: String,
    }

    #[test]
    fn a_text_is_kept_as_the_table_says_and_tidying_it_again_changes_nothing() {
        let table: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/it/data/typed.json")).unwrap();
        let cases: Vec<Case> = serde_json::from_value(table["texts"].clone()).unwrap();
        assert!(!cases.is_empty());
        for Case { typed, kept } in cases {
            assert_eq!(tidy(&typed), kept, "{typed:?}");
            assert_eq!(tidy(&kept), kept, "{typed:?}");
        }
    }

    #[test]
    fn a_name_on_the_command_line_is_visible_and_of_limited_length() {
        assert_eq!(parse_name(" Касса\u{202e}\u{0} 1 ", 10).unwrap(), "Касса 1");
        assert!(parse_name("\u{200b}", 10).is_err());
        assert!(parse_name("Касса номер 1", 10).is_err());
    }
}
