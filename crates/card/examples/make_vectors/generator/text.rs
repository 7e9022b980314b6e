//! Stage 1: texts that are no token at all.

use super::raw::qr;
use super::vector::{Expect, Vector};
use super::world::{Card, NOW, Showing, URI, phone, status_ref, vector};

pub fn vectors() -> Vec<Vector> {
    let token = qr(&Card::paper().build());
    let body = &token["PC1:".len()..];
    let spaced = token_whose(|token| token.len() % 3 == 0 && token.contains(' '));
    // After four characters of prefix, a whole number of triples.
    let whole_triples = token_whose(|token| token.len() % 3 == 1);
    let long_uri = format!("{URI}:{}", "x".repeat(1400));
    let too_long = qr(&Card::paper().with(65535, status_ref(1, &long_uri)).build());
    assert!(too_long.len() > 2048);
    let texts = [
        ("nothing", String::new()),
        ("the prefix alone", "PC1:".to_owned()),
        ("a web address", "https://example.org/card/079927398713".to_owned()),
        ("a membership number", "079927398713".to_owned()),
        ("a vaccination certificate's prefix", format!("HC1:{body}")),
        ("a later version's prefix", format!("PC2:{body}")),
        ("a prefix in lower case", format!("pc1:{body}")),
        ("everything in lower case", token.to_lowercase()),
        ("without the prefix", body.to_owned()),
        ("a space before the prefix", format!(" {token}")),
        ("a space added at the end", format!("{whole_triples} ")),
        ("a line end added", format!("{token}\n")),
        ("a digit's space taken away", spaced.replacen(' ', "", 1)),
        ("a character outside the alphabet", token.replacen("PC1:R", "PC1:_", 1)),
        ("Cyrillic letters that look Latin", token.replacen("PC1:RR", "PC1:РR", 1)),
        ("a triple above 65535", format!("{whole_triples}:::")),
        ("a last pair above 255", with_overflowing_pair()),
        ("one character cut off", spaced[..spaced.len() - 1].to_owned()),
        ("longer than 2048 characters", too_long),
        ("longer than 2048 characters by one", just_too_long()),
        ("far longer than 2048 characters", format!("PC1:{}", "RRQ".repeat(20_000))),
    ];
    let refused = |(name, text)| vector(name, text, Expect::refused("not-a-card"));
    texts.into_iter().map(refused).collect()
}

/// Without the prefix it would be short enough.
fn just_too_long() -> String {
    let text = of_bytes(1363);
    assert_eq!(text.len(), 2049);
    text
}

/// The text of a paper card of this many bytes; it is of a list with a long name.
pub fn of_bytes(wanted: usize) -> String {
    let named = |length| Card::paper().with(65535, status_ref(1, &"u".repeat(length))).build();
    let around = named(1000).len() - 1000;
    let token = named(wanted - around);
    assert_eq!(token.len(), wanted);
    qr(&token)
}

/// A showing whose text has some property; every second gives another text, and the limit changes its length's parity.
fn token_whose(holds: impl Fn(&str) -> bool) -> String {
    let card = Card::phone(&phone()).build();
    (0..100)
        .map(|second| Showing::at(NOW - second, &card, &phone()))
        .flat_map(|showing| [qr(&showing.build()), qr(&showing.spending_at_most(24).build())])
        .find(|token| holds(token))
        .expect("one of many texts has the property")
}

/// The last byte written as a pair that a careless decoder cuts down to the same byte.
fn with_overflowing_pair() -> String {
    let token = token_whose(|token| token.len() % 3 == 0);
    let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let digit = |at: usize| alphabet.iter().position(|c| *c == token.as_bytes()[at]).expect("a Base45 digit");
    let value = digit(token.len() - 2) + 45 * digit(token.len() - 1) + 256;
    let pair = [alphabet[value % 45], alphabet[value / 45]].map(char::from);
    format!("{}{}{}", &token[..token.len() - 2], pair[0], pair[1])
}
