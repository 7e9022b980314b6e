//! How long the texts are: what the QR code's version, and so its readability across a counter, depends on.

use qrcode::bits::Bits;
use qrcode::{EcLevel, QrCode, Version};

use profcards_card::{
    Category, DeviceSigningKey, KeyRole, ProofClaims, Shown, issue_card, present, short_name, to_text,
};

use crate::document::DOCUMENT;
use crate::union::{NOW, claims, key, paper, phones, shown};

/// A kind of token, what its text and its QR code at level L may grow to, and the token of an ordinary member.
fn kinds() -> Vec<(&'static str, usize, i16, Vec<u8>)> {
    let [ed25519, p256] = phones();
    let plain = ProofClaims { iat: NOW, ..ProofClaims::default() };
    vec![
        ("paper", 330, 12, paper()),
        ("phone, Ed25519", 520, 12, shown(&ed25519, &plain)),
        ("phone, Ed25519, redeeming", 520, 12, shown(&ed25519, &redeeming())),
        ("phone, P-256", 580, 13, shown(&p256, &plain)),
        ("phone, P-256, redeeming", 580, 13, shown(&p256, &redeeming())),
    ]
}

fn redeeming() -> ProofClaims {
    ProofClaims { iat: NOW, challenge: Some("4271".to_owned()), max_redemption_kopecks: Some(100_000) }
}

#[test]
fn ordinary_cards_fit_their_qr_codes() {
    for (kind, most_characters, largest_version, token) in kinds() {
        let text = to_text(&token);
        assert!(text.len() <= most_characters, "{kind} has {} characters", text.len());
        assert!(qr_version(&text, EcLevel::L) <= largest_version, "{kind} needs a larger QR code");
    }
}

#[test]
fn the_document_tells_the_sizes_that_are() {
    let ordinary = kinds().into_iter().map(|(kind, _, _, token)| (kind, token));
    let rows: Vec<String> = ordinary.chain(longest()).map(|(kind, token)| row(kind, &token)).collect();
    let table = rows.join("\n");
    assert!(DOCUMENT.contains(&table), "docs/card-format.md must say\n{table}");
}

/// The same with the shortened name that takes the most bytes.
fn longest() -> Vec<(&'static str, Vec<u8>)> {
    let name = short_name("Преображенская", "Анна", None);
    let issue = |device: Option<&DeviceSigningKey>| {
        let mut claims = claims(device);
        claims.shown = Shown::new(name.as_str(), 77, Category::Working).unwrap();
        issue_card(&claims, &key(KeyRole::Card)).unwrap()
    };
    let showing = |device| present(&issue(Some(device)), &redeeming(), device).unwrap();
    let [ed25519, p256] = phones();
    vec![
        ("paper, the longest name", issue(None)),
        ("phone, Ed25519, redeeming, the longest name", showing(&ed25519)),
        ("phone, P-256, redeeming, the longest name", showing(&p256)),
    ]
}

fn row(kind: &str, token: &[u8]) -> String {
    let text = to_text(token);
    let [l, m] = [EcLevel::L, EcLevel::M].map(|level| qr_version(&text, level));
    format!("| {kind} | {} | {} | {l} | {m} |", token.len(), text.len())
}

/// The smallest version that holds the text in alphanumeric mode, and is drawn.
fn qr_version(text: &str, level: EcLevel) -> i16 {
    let drawn = (1..=40).find_map(|version| {
        let mut bits = Bits::new(Version::Normal(version));
        bits.push_alphanumeric_data(text.as_bytes()).ok()?;
        bits.push_terminator(level).ok()?;
        QrCode::with_bits(bits, level).ok()
    });
    match drawn.expect("every token fits a QR code").version() {
        Version::Normal(version) => version,
        Version::Micro(_) => unreachable!("no micro code is asked for"),
    }
}
