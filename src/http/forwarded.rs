//! The client's address as reverse proxies tell it: `X-Forwarded-For`, or `Forwarded` (RFC 7239). Each proxy adds the address
//! that it was called from at the end, so only the last ones, as many as there are proxies, are theirs; what stands before
//! them anybody could have sent. Pure, no I/O.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};
use clap::ValueEnum;

/// In which header the proxies tell the address. Only this one is read: the other would be the client's own word.
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
    let name = match from {
        ProxyHeader::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
        ProxyHeader::Forwarded => header::FORWARDED,
    };
    let mut entries = Vec::new();
    // Several lines of one name are one list (RFC 9110, 5.3).
    for line in headers.get_all(name) {
        entries.extend(split_unquoted(line.to_str().ok()?, ','));
    }
    let entry = entries[entries.len().checked_sub(hops)?..].first()?;
    match from {
        ProxyHeader::XForwardedFor => parse_node(entry),
        ProxyHeader::Forwarded => parse_node(&for_of(entry)?),
    }
}

/// The value of `for` in one element of `Forwarded`.
fn for_of(element: &str) -> Option<String> {
    let value = split_unquoted(element, ';').into_iter().find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
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

/// Splits at a separator that stands outside quotes.
fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|letter: char| {
        let is_literal = std::mem::take(&mut escaped);
        match letter {
            '\\' if quoted && !is_literal => escaped = true,
            '"' if !is_literal => quoted = !quoted,
            _ => {}
        }
        letter == separator && !quoted
    })
    .map(str::trim)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(from: ProxyHeader, hops: usize, lines: &[&str]) -> Option<String> {
        let name = match from {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
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
            // The first one is the client's own word.
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
