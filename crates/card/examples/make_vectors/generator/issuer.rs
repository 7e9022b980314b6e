//! Stages 4 and 5: which key, and whether it signed.

use profcards_card::{IssuerAlg, IssuerSigningKey, KeyRole};

use super::lists::{key_entry, key_entry_for, policy, status_list_at, trust_list_of};
use super::odd;
use super::raw::{Bytes, array, bytes, framed, int, signed_bytes, text, uint};
use super::vector::Vector;
use super::world::{
    Card, DAY, HOUR, NOW, Showing, card_key, card_key_19, issuer, paper_accepted, phone, refused, root,
    status_key, stranger, trusting,
};

pub fn vectors() -> Vec<Vector> {
    [unknown_keys(), key_times(), bad_signatures(), twins()].concat()
}

fn unknown_keys() -> Vec<Vector> {
    let kid = |key: &IssuerSigningKey| (uint(4), bytes(&key.kid().0));
    let labelled = |alg| Card::paper().with_header(vec![(uint(1), int(alg)), kid(&card_key())]).build();
    let as_status = vec![(uint(1), int(-8)), kid(&status_key())];
    let unknown = |name, token: &[u8]| refused(name, token, "unknown-key");
    vec![
        unknown("a stranger's key", &Card::paper().signed_by(&stranger()).build()),
        unknown("a status key signed the card", &Card::paper().signed_by(&status_key()).build()),
        unknown("a card key under the status key's kid", &Card::paper().with_header(as_status).build()),
        unknown("label -19 for a key pinned to -8", &labelled(-19)),
        unknown("label -7 for a key pinned to -8", &labelled(-7)),
        unknown("label 5, a shared secret's", &labelled(5)),
        unknown("label 0", &labelled(0)),
        unknown("label -9007199254740991, the lowest", &labelled(1 - (1 << 53))),
        unknown("a root signed the card", &Card::paper().signed_by(&root()).build()),
        unknown("label -8 for a key pinned to -19", &{
            let header = vec![(uint(1), int(-8)), kid(&card_key_19())];
            Card::paper().signed_by(&card_key_19()).with_header(header).build()
        }),
        unknown("a shown card of a stranger's", &{
            let card = Card::phone(&phone()).signed_by(&stranger()).build();
            Showing::of(&card, &phone()).build()
        }),
    ]
}

/// The card was issued an hour ago and lives for 59 days more; the key's life is moved around that.
fn key_times() -> Vec<Vector> {
    let paper = Card::paper().build();
    let with_key = |nbf, exp, vector: Vector| {
        let keys = [key_entry_for(&card_key(), nbf, exp), key_entry(&status_key())];
        trusting(&trust_list_of(&keys, &policy(&[1], 0)), vector)
    };
    let (iat, exp) = (NOW - HOUR, NOW + 59 * DAY);
    let unknown = |name| refused(name, &paper, "unknown-key");
    vec![
        with_key(iat + 1, exp, unknown("a card older than its key")),
        with_key(iat, exp - 1, unknown("a card that outlives its key")),
        with_key(iat, exp, paper_accepted("a card that lives just as long as its key", &paper)),
        trusting(&trust_list_of(&[], &policy(&[1], 0)), unknown("a trust list that names no key")),
    ]
}

fn bad_signatures() -> Vec<Vector> {
    let card = Card::paper();
    let (protected, payload) = (card.protected(), card.payload());
    let signature = card_key().sign(&signed_bytes(&protected, &payload));
    let other_name = array(&[text("Петрова М. П."), uint(77), uint(1)]);
    let renamed = card.clone().with(-65537, other_name).payload();
    let strangers = stranger().sign(&signed_bytes(&protected, &payload));
    let bad = |name, payload: &[u8], signature: &[u8]| {
        refused(name, &framed(&protected, &[], payload, signature), "bad-signature")
    };
    let over = signed_bytes(&protected, &payload);
    let mut flipped = signature;
    flipped[10] ^= 4;
    vec![
        bad("another name under the signature", &renamed, &signature),
        bad("a signature with an altered bit", &payload, &flipped),
        bad("a signature of zeros", &payload, &[0; 64]),
        bad("a stranger's signature under the issuer's kid", &payload, &strangers),
        bad("a signature over the claims alone", &payload, &card_key().sign(&payload)),
        bad("a signature with s above the group's order", &payload, &plus_order(signature)),
        bad("a status key's signature under the card key's kid", &payload, &{
            status_key().sign(&signed_bytes(&protected, &payload))
        }),
        bad("a signature whose R is neutral", &payload, &odd::neutral_r("card", &over)),
        bad("a signature whose R is of order eight", &payload, &odd::small_r("card", &over)),
        bad("a signature for those who multiply by eight", &payload, &odd::cofactored("card", &over)),
    ]
}

/// Ed25519's own malleability: s + L signs the same to a careless verifier.
fn plus_order(mut signature: [u8; 64]) -> Bytes {
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").expect("hex");
    let mut carry = 0_u16;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    signature.to_vec()
}

/// Two card keys with one kid, found by trying: cards of either are good, whatever their order in the list.
fn twins() -> Vec<Vector> {
    let [first, second] = TWINS.map(|n| issuer(&format!("twin {n}"), KeyRole::Card, IssuerAlg::EdDsa));
    assert_eq!(first.kid(), second.kid());
    let keys = [key_entry(&first), key_entry(&second), key_entry(&status_key())];
    let trust_list = trust_list_of(&keys, &policy(&[1], 0));
    let by = |name, key| trusting(&trust_list, paper_accepted(name, &Card::paper().signed_by(key).build()));
    let status_lists = vec![hex::encode(status_list_at(NOW - HOUR).build())];
    vec![
        by("the first of two keys with one kid", &first),
        Vector { status_lists, ..by("the second of two keys with one kid", &second) },
    ]
}

const TWINS: [u32; 2] = [69_386, 87_339];
