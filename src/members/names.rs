//! How names, phones and addresses are tidied and compared. Matching ignores case, ё/е, hyphens and extra spaces; what
//! is shown is what was entered.

/// Spaces trimmed and single, typographic hyphens and apostrophes made plain.
pub fn tidy(typed: &str) -> String {
    let plain: String = typed
        .chars()
        .map(|c| match c {
            '\u{2010}'..='\u{2015}' => '-',
            '’' | '‘' | 'ʼ' | '`' => '\'',
            other => other,
        })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a tidy text can be a part of a name: letters, and between them single hyphens, spaces, apostrophes, dots.
pub fn is_plausible(name: &str) -> bool {
    name.chars().count() <= 100
        && name.chars().next().is_some_and(char::is_alphabetic)
        && name.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | ' ' | '\'' | '.' | '(' | ')'))
}

/// The form in which names are searched and matched.
pub fn search_form(text: &str) -> String {
    let folded: String = text
        .to_lowercase()
        .chars()
        .map(|c| match c {
            'ё' => 'е',
            '-' => ' ',
            other => other,
        })
        .collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A person's full name in search form.
pub fn search_name(last: &str, first: &str, middle: Option<&str>) -> String {
    search_form(&format!("{last} {first} {}", middle.unwrap_or_default()))
}

/// A Russian phone number as `+7` and ten digits, however it was typed.
pub fn phone(typed: &str) -> Option<String> {
    if typed
        .chars()
        .any(|c| !c.is_ascii_digit() && !matches!(c, ' ' | '\u{a0}' | '-' | '(' | ')' | '+' | '.'))
    {
        return None;
    }
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let national = match (digits.len(), digits.chars().next()) {
        (11, Some('7' | '8')) => &digits[1..],
        (10, _) => &digits[..],
        _ => return None,
    };
    Some(format!("+7{national}"))
}

/// Whether a text has the shape of an e-mail address; only a letter can tell whether it works.
pub fn is_email(text: &str) -> bool {
    text.len() <= 254
        && text.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty()
                && host.contains('.')
                && !host.starts_with('.')
                && !host.ends_with('.')
                && !host.contains('@')
        })
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_the_same_however_it_is_typed() {
        for typed in ["8-971-443-3180", "+7 (971) 443 31 80", "9714433180", "7 971 443-31-80"] {
            assert_eq!(phone(typed).as_deref(), Some("+79714433180"), "{typed}");
        }
        for typed in ["", "443-31-80", "+1 971 443 31 80 5", "8 971 443 31 8O"] {
            assert_eq!(phone(typed), None, "{typed}");
        }
    }

    #[test]
    fn names_match_without_their_accidents() {
        assert_eq!(search_form(" Соловьёв-Седой  Пётр"), search_form("соловьев седой петр"));
        assert_eq!(tidy("  Мамин—Сибиряк "), "Мамин-Сибиряк");
        assert!(is_plausible("О'Генри") && is_plausible("Ибн-Сина (мл.)"));
        assert!(!is_plausible("4Б") && !is_plausible("<b>") && !is_plausible(""));
    }
}
