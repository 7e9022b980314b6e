//! How names, phones and e-mail addresses are read: what is accepted is kept in one form, and what is wrong is refused, never
//! made to fit. The app's form has the same rules (`core/texts.ts`); `tests/it/data/typed.json` is the table of both.

use unicode_normalization::UnicodeNormalization as _;

use crate::base::code::FieldCode;
use crate::base::texts::{self, CYRILLIC, LATIN, replace_letters};

/// The longest part of a name.
const MAX_NAME_CHARS: usize = 100;
const MAX_EMAIL_CHARS: usize = 254;

/// A part of a name, as it is kept.
///
/// # Errors
/// The code of the reason why it cannot be one.
pub fn name(typed: &str) -> Result<String, FieldCode> {
    let tidy = with_palochka(&without_stress(&texts::tidy(typed)));
    let joined = tidy.split('-').map(str::trim).collect::<Vec<_>>().join("-");
    if joined.is_empty() {
        return Err(FieldCode::Required);
    }
    if joined.chars().count() > MAX_NAME_CHARS {
        return Err(FieldCode::TooLong);
    }
    if !is_plausible(&joined) {
        return Err(FieldCode::NameInvalid);
    }
    in_one_script(joined).ok_or(FieldCode::NameMixed)
}

/// What people write into the field where there is none, in search form.
const NO_MIDDLE_NAME: [&str; 6] = ["", "нет", "нет отчества", "без отчества", "отсутствует", "не имеет"];

/// A middle name as it is kept; none also where that was said in words, or by a dash.
///
/// # Errors
/// The code of the reason why it cannot be one.
pub fn middle_name(typed: &str) -> Result<Option<String>, FieldCode> {
    if NO_MIDDLE_NAME.contains(&search_form(typed).trim_end_matches('.')) {
        return Ok(None);
    }
    name(typed).map(Some)
}

/// Letters of the two scripts in which names are written here, and between them hyphens, spaces, apostrophes, dots.
fn is_plausible(name: &str) -> bool {
    name.chars().next().is_some_and(is_letter)
        && name.chars().all(|c| is_letter(c) || matches!(c, '-' | ' ' | '\'' | '.' | '(' | ')'))
}

fn is_letter(c: char) -> bool {
    is_cyrillic(c) || is_latin(c)
}

fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{481}' | '\u{48a}'..='\u{52f}')
}

fn is_latin(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// Marks of stress, as encyclopaedias print them, are no part of a name; neither where Unicode has a letter with the mark in it.
fn without_stress(text: &str) -> String {
    let bare: String = text.chars().filter(|c| !matches!(c, '\u{300}' | '\u{301}')).collect();
    replace_letters(&bare, "ЀѐЍѝ", "ЕеИи").nfc().collect()
}

/// The palochka of Caucasian names, which no keyboard of theirs has, where something that looks like it was typed: between a consonant
/// and a vowel, or before a vowel that begins a word. Nothing else is plausible there; elsewhere it is left alone.
fn with_palochka(name: &str) -> String {
    const PALOCHKA: char = '\u{4c0}';
    let letters: Vec<char> = name.chars().collect();
    let is_one_of = |n: Option<usize>, set: &str| {
        n.and_then(|n| letters.get(n)).is_some_and(|letter| set.contains(*letter))
    };
    let is_small =
        |n: Option<usize>| n.and_then(|n| letters.get(n)).is_some_and(|letter| letter.is_lowercase());
    let mended = letters.iter().enumerate().map(|(n, letter)| {
        let (before, after) = (n.checked_sub(1), Some(n + 1));
        let stands_within = is_one_of(before, "гкптхцчшГКПТХЦЧШ") && is_one_of(after, "аеёиоуыэюяАЕЁИОУЫЭЮЯ");
        let begins = (before.is_none() || is_one_of(before, " -")) && is_one_of(after, "аиуэАИУЭ");
        match letter {
            '\u{4cf}' => PALOCHKA,
            'I' | 'l' | '1' if stands_within || begins => PALOCHKA,
            // Among capitals it may be the Ukrainian letter.
            '\u{406}' if stands_within && (is_small(before) || is_small(after)) => PALOCHKA,
            other => *other,
        }
    });
    mended.collect()
}

/// A name in which letters of another script slipped in, mended; none where they look like nothing else.
fn in_one_script(name: String) -> Option<String> {
    if !(name.chars().any(is_cyrillic) && name.chars().any(is_latin)) {
        return Some(name);
    }
    let cyrillic = replace_letters(&name, LATIN, CYRILLIC);
    if !cyrillic.chars().any(is_latin) {
        return Some(cyrillic);
    }
    let latin = replace_letters(&name, CYRILLIC, LATIN);
    (!latin.chars().any(is_cyrillic)).then_some(latin)
}

/// The form in which names are searched and matched, of the register's side and of what is typed alike: without regard to
/// case, ё/е, hyphens, stress, nor to letters that look the same in both scripts.
pub fn search_form(text: &str) -> String {
    // Small letters are told apart in print, yet a capital of either script was one key's slip: К and K.
    const SMALL_LATIN: &str = "abcehkmoptxyë";
    const SMALL_CYRILLIC: &str = "авсенкмортхуе";
    let small = with_palochka(&without_stress(&texts::tidy(text))).to_lowercase();
    let folded = replace_letters(&small, SMALL_LATIN, SMALL_CYRILLIC).replace('ё', "е").replace('-', " ");
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A person's full name in search form.
pub fn search_name(last: &str, first: &str, middle: Option<&str>) -> String {
    search_form(&format!("{last} {first} {}", middle.unwrap_or_default()))
}

/// A phone number of Russia or Kazakhstan as `+7` and ten digits.
///
/// # Errors
/// The code of the reason: it is another country's, or not a whole number of ours.
pub fn phone(typed: &str) -> Result<String, FieldCode> {
    let text = texts::tidy(typed);
    let is_allowed = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '+' | '.');
    let (country, rest) = match text.strip_prefix('+') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.as_str()),
    };
    if !text.chars().all(is_allowed) || rest.contains('+') {
        return Err(FieldCode::PhoneInvalid);
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    if country && !digits.is_empty() && !digits.starts_with('7') {
        return Err(FieldCode::PhoneForeign);
    }
    // In «8 912 …» the 8 stands alone; in «(812) 345-…» it begins the code of a city.
    let first_group = rest
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let has_prefix = digits.starts_with(['7', '8']) && (country || first_group == 1 || digits.len() == 11);
    let national = if has_prefix { &digits[1..] } else { digits.as_str() };
    let is_whole = national.len() == 10 && is_national(national);
    if is_whole && (has_prefix || can_stand_alone(national, first_group)) {
        Ok(format!("+7{national}"))
    } else {
        Err(FieldCode::PhoneInvalid)
    }
}

/// Russia's codes begin with 3, 4, 8 or 9, Kazakhstan's with 6 or 7. No code is 88… or 89…: there a country's 8 has slipped in.
fn is_national(digits: &str) -> bool {
    digits.starts_with(['3', '4', '6', '7', '8', '9'])
        && !digits.starts_with("88")
        && !digits.starts_with("89")
}

/// Whether ten digits without a country can be nothing else than a whole number. A 7, and in ten bare digits an 8 before the
/// beginning of another code, may be the country's, and then a digit is missing.
fn can_stand_alone(digits: &str, first_group: usize) -> bool {
    let is_bare = first_group == digits.len();
    match digits.as_bytes() {
        [b'3' | b'4' | b'9', ..] => true,
        [b'8', second, ..] => !is_bare || !matches!(second, b'3' | b'4' | b'8' | b'9'),
        _ => false,
    }
}

/// An e-mail address, as it is kept. Only a letter can tell whether it works.
///
/// # Errors
/// The code of the reason why it cannot be one.
pub fn email(typed: &str) -> Result<String, FieldCode> {
    let text = texts::tidy(typed);
    let is_one = text.chars().count() <= MAX_EMAIL_CHARS
        && text.split_once('@').is_some_and(|(mailbox, host)| is_mailbox(mailbox) && is_host(host));
    if is_one { Ok(text) } else { Err(FieldCode::EmailInvalid) }
}

/// What providers let people have. The standard allows more, `?` and `&` among it, with which a link to write a letter would
/// carry headers.
fn is_mailbox(mailbox: &str) -> bool {
    (1..=64).contains(&mailbox.len())
        && mailbox.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '\''))
        && mailbox.split('.').all(|part| !part.is_empty())
}

/// A domain of at least two labels, in Latin or Cyrillic letters, not in both.
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.chars().count())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || is_cyrillic(c))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = host.rsplit('.').next().unwrap_or_default();
    host.contains('.')
        && host.split('.').all(is_label)
        && top.chars().count() >= 2
        && !top.chars().all(|c| c.is_ascii_digit())
        && !(host.chars().any(is_cyrillic) && host.chars().any(is_latin))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        typed: String,
        kept: Option<String>,
        fault: Option<String>,
    }

    fn table() -> Value {
        serde_json::from_str(include_str!("../../../tests/it/data/typed.json")).unwrap()
    }

    fn word(code: FieldCode) -> String {
        serde_json::from_value(serde_json::to_value(code).unwrap()).unwrap()
    }

    fn holds(section: &str, read: impl Fn(&str) -> Result<String, FieldCode>) {
        let cases: Vec<Case> = serde_json::from_value(table()[section].clone()).unwrap();
        assert!(!cases.is_empty());
        for Case { typed, kept, fault } in cases {
            let expected = kept.ok_or_else(|| fault.unwrap());
            assert_eq!(read(&typed).map_err(word), expected, "{typed:?}");
            // What was kept is a form of its own: an edit that touches nothing changes nothing.
            if let Ok(kept) = expected {
                assert_eq!(read(&kept), Ok(kept.clone()), "{typed:?}");
            }
        }
    }

    #[test]
    fn phones_names_and_addresses_are_read_as_the_table_says() {
        holds("phones", phone);
        holds("names", name);
        holds("middleNames", |typed| middle_name(typed).map(Option::unwrap_or_default));
        holds("emails", email);
    }

    #[test]
    fn what_is_searched_and_what_is_stored_take_the_same_form() {
        let groups: Vec<Vec<String>> = serde_json::from_value(table()["searches"].clone()).unwrap();
        assert!(!groups.is_empty());
        let forms: Vec<String> = groups.iter().map(|group| search_form(&group[0])).collect();
        for (group, form) in groups.iter().zip(&forms) {
            for typed in group {
                assert_eq!(&search_form(typed), form, "{typed:?}");
            }
            assert_eq!(&search_form(form), form);
        }
        let distinct: std::collections::BTreeSet<_> = forms.iter().collect();
        assert_eq!(distinct.len(), forms.len(), "different people are not one");
    }
}
