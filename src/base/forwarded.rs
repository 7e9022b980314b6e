//! The client's address as reverse proxies tell it: `X-Forwarded-For`, or `Forwarded` (RFC 7239). Each proxy adds the address
//! that it was called from at the end, so only the last ones, as many as there are proxies, are theirs; what stands before
//! them anybody could have sent. Pure, no I/O.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};
use clap::ValueEnum;

/// The header in which the proxies tell the address. Only this one is read: the other would be the client's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// Reads the number of proxies in front; `true` and `false`, as it was once said, are one and none.
pub fn parse_hops(text: &str) -> Result<usize, String> {
    match text {
        "true" => Ok(1),
        "false" | "" => Ok(0),
        digits => {
            let hops = digits.parse().ok().filter(|hops| *hops <= MAX_HOPS);
            hops.ok_or_else(|| format!("it is the number of proxies in front of the server, 0 to {MAX_HOPS}"))
        }
    }
}

const MAX_HOPS: usize = 10;

/// The address that the outermost of `hops` proxies was called from; none where the headers do not tell it.
pub fn client_address(headers: &HeaderMap, from: ProxyHeader, hops: usize) -> Option<IpAddr> {
    let (name, quoting) = match from {
        ProxyHeader::XForwardedFor => (HeaderName::from_static("x-forwarded-for"), Quoting::None),
        ProxyHeader::Forwarded => (header::FORWARDED, Quoting::Strings),
    };
    // Several lines of one name are one list (RFC 9110, 5.3).
    let lines = headers.get_all(name).iter().rev();
    let mut entries = lines.flat_map(|line| split_from_end(line.as_bytes(), b',', quoting));
    let entry = entries.nth(hops.checked_sub(1)?)?;
    match from {
        ProxyHeader::XForwardedFor => parse_node(std::str::from_utf8(entry).ok()?),
        ProxyHeader::Forwarded => parse_node(&for_of(entry)?),
    }
}

/// The value of `for` in one element of `Forwarded`.
fn for_of(element: &[u8]) -> Option<String> {
    let value = split_from_end(element, b';', Quoting::Strings).into_iter().find_map(|pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
    })?;
    Some(match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace('\\', ""),
        None => value.to_owned(),
    })
}

/// An address with or without a port; one of version 6 may stand in brackets. `unknown` and invented names are none.
fn parse_node(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|node| node.ip()))
}

/// Whether a separator may stand within quotes, and then divides nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    None,
    Strings,
}

/// The parts between separators, the last one first. Read from the end, because only what our proxies have added there is well
/// formed: a quote that a client opened before it must not swallow it.
fn split_from_end(text: &[u8], separator: u8, quoting: Quoting) -> Vec<&[u8]> {
    let (mut parts, mut end, mut is_quoted) = (Vec::new(), text.len(), false);
    for (at, byte) in text.iter().enumerate().rev() {
        if *byte == b'"' && quoting == Quoting::Strings && !(is_quoted && is_escaped(text, at)) {
            is_quoted = !is_quoted;
        } else if *byte == separator && !is_quoted {
            parts.push(&text[at + 1..end]);
            end = at;
        }
    }
    // What a quote was opened in and not closed tells nothing.
    parts.push(if is_quoted { &[] } else { &text[..end] });
    parts
}

/// Whether the character there is taken literally: an odd number of backslashes stands before it.
fn is_escaped(text: &[u8], at: usize) -> bool {
    text[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn told(from: ProxyHeader, hops: usize, lines: &[&str]) -> Option<String> {
        let name = match from {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        client_address(&headers, from, hops).map(|address| address.to_string())
    }

    #[test]
    fn the_address_is_what_the_outermost_of_our_proxies_has_seen() {
        let cases: &[(usize, &[&str], Option<&str>)] = &[
            (1, &["203.0.113.9"], Some("203.0.113.9")),
            (1, &["198.51.100.1, 203.0.113.9"], Some("203.0.113.9")),
            (1, &["198.51.100.1", "203.0.113.9"], Some("203.0.113.9")),
            (2, &["198.51.100.1", "203.0.113.9, 10.0.0.2"], Some("203.0.113.9")),
            (2, &["198.51.100.1,203.0.113.9", "10.0.0.2"], Some("203.0.113.9")),
            (1, &["203.0.113.9:51234"], Some("203.0.113.9")),
            (1, &["2001:db8::1"], Some("2001:db8::1")),
            (1, &["[2001:db8::1]"], Some("2001:db8::1")),
            (1, &["[2001:db8::1]:443"], Some("2001:db8::1")),
            (1, &["\"[2001:db8::1]:443\""], Some("2001:db8::1")),
            // What stands before is the client's own word, whatever it is: quotes mean nothing here, and neither do other letters.
            (2, &["1.2.3.4, \", 203.0.113.9, 10.0.0.2"], Some("203.0.113.9")),
            (1, &["1.2.3.4, \", 203.0.113.9"], Some("203.0.113.9")),
            (1, &["\"1.2.3.4, 203.0.113.9"], Some("203.0.113.9")),
            (1, &["1.2.3.4, \"\\", "203.0.113.9"], Some("203.0.113.9")),
            (1, &["é, 203.0.113.9"], Some("203.0.113.9")),
            (1, &["é", "203.0.113.9"], Some("203.0.113.9")),
            (2, &["203.0.113.9"], None),
            (1, &["203.0.113.9, "], None),
            (1, &["203.0.113.9, unknown"], None),
            (1, &[], None),
        ];
        for (hops, lines, address) in cases {
            assert_eq!(
                told(ProxyHeader::XForwardedFor, *hops, lines).as_deref(),
                *address,
                "{hops} {lines:?}"
            );
        }
    }

    #[test]
    fn the_standard_header_is_read_with_its_quotes_and_parameters() {
        let cases: &[(usize, &[&str], Option<&str>)] = &[
            (1, &["for=192.0.2.60;proto=http;by=203.0.113.43"], Some("192.0.2.60")),
            (1, &["For=\"[2001:db8:cafe::17]:4711\""], Some("2001:db8:cafe::17")),
            (1, &["for=192.0.2.43, for=198.51.100.17"], Some("198.51.100.17")),
            (
                2,
                &["for=192.0.2.43", "proto=https ; FOR=198.51.100.17:99, for=10.0.0.1"],
                Some("198.51.100.17"),
            ),
            (1, &["for=192.0.2.1;host=\"a,b;for=9.9.9.9\""], Some("192.0.2.1")),
            (1, &["host=\"a\\\", for=9.9.9.9\";for=192.0.2.1"], Some("192.0.2.1")),
            // The client's own word, with a quote in it that is never closed, or is closed by a proxy's.
            (1, &["for=1.2.3.4;x=\", for=203.0.113.9"], Some("203.0.113.9")),
            (1, &["for=1.2.3.4;x=\"\\, for=203.0.113.9"], Some("203.0.113.9")),
            (1, &["for=1.2.3.4;x=\", for=\"[2001:db8::9]\";host=\"a\\\"b\""], Some("2001:db8::9")),
            (2, &["for=1.2.3.4;x=\", for=203.0.113.9, for=\"10.0.0.2:80\""], Some("203.0.113.9")),
            (2, &["for=1.2.3.4, \"", "for=203.0.113.9;host=\"a\\\\\"", "for=10.0.0.2"], Some("203.0.113.9")),
            (1, &["é=\", for=203.0.113.9"], Some("203.0.113.9")),
            (1, &["for=1.2.3.4;x=\""], None),
            (2, &["for=1.2.3.4", "x=\", for=203.0.113.9"], None),
            (1, &["for=unknown"], None),
            (1, &["for=\"_gazonk\""], None),
            (1, &["proto=https"], None),
        ];
        for (hops, lines, address) in cases {
            assert_eq!(told(ProxyHeader::Forwarded, *hops, lines).as_deref(), *address, "{hops} {lines:?}");
        }
    }

    #[test]
    fn the_number_of_proxies_is_small() {
        assert_eq!(
            ["true", "false", "0", "3"].map(|text| parse_hops(text).ok()),
            [Some(1), Some(0), Some(0), Some(3)]
        );
        assert!(["-1", "11", "yes", "1.5"].iter().all(|text| parse_hops(text).is_err()));
    }
}
