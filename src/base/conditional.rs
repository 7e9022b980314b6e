//! Conditional requests (RFC 9110, 13): whether the reader holds already what it asks for.

use axum::http::{HeaderMap, header};

/// Whether `If-None-Match` names this entity tag: in a list, on several lines, marked weak, or by `*`. The comparison is the weak
/// one, as the standard wants it for this header.
pub fn client_holds(request: &HeaderMap, etag: &str) -> bool {
    let wanted = opaque(etag);
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .any(|line| line.trim() == "*" || tags(line).any(|held| held == wanted))
}

/// The tag without the mark of a weak one.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The quoted parts of a list of tags. A comma may stand within quotes, so the quotes divide it.
fn tags(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let start = rest.find('"')?;
        let end = start + 1 + rest[start + 1..].find('"')?;
        let tag = &rest[start..=end];
        rest = &rest[end + 1..];
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_every_form_that_the_standard_allows() {
        let held = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_NONE_MATCH, line.parse().unwrap());
            }
            client_holds(&headers, "\"a1\"")
        };
        for lines in [
            &["\"a1\""][..],
            &["W/\"a1\""],
            &["\"b\", \"a1\""],
            &["\"b\" ,W/\"a1\",\"c\""],
            &["\"b\"", "\"a1\""],
            &["\"x,y\", \"a1\""],
            &["*"],
            &[" * "],
        ] {
            assert!(held(lines), "{lines:?}");
        }
        for lines in [&[][..], &["\"a\""], &["a1"], &["\"a1"], &["\"x, *\""], &["\"A1\""]] {
            assert!(!held(lines), "{lines:?}");
        }
    }
}
