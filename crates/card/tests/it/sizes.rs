//! How long the texts are: what the QR code's version, and so its readability across a counter, depends on.

use profcards_card::{ProofClaims, to_text};

use crate::union::{NOW, paper, phones, shown};

#[test]
fn ordinary_cards_fit_their_qr_codes() {
    let plain = ProofClaims { iat: NOW, ..ProofClaims::default() };
    let redeeming =
        ProofClaims { iat: NOW, challenge: Some("427100".to_owned()), max_redemption_kopecks: Some(100_000) };
    let [ed25519, p256] = phones();
    for (kind, token, limit) in [
        ("paper", paper(), 330),
        ("Ed25519", shown(&ed25519, &plain), 520),
        ("Ed25519, redeeming", shown(&ed25519, &redeeming), 520),
        ("P-256", shown(&p256, &plain), 580),
        ("P-256, redeeming", shown(&p256, &redeeming), 580),
    ] {
        let characters = to_text(&token).len();
        println!("{kind}: {} bytes, {characters} characters", token.len());
        assert!(characters <= limit, "{kind} has {characters} characters, more than {limit}");
    }
}
