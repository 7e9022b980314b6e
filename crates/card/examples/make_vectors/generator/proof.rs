//! Stages 7 to 9: the phone's proof is there, is its phone's, and is fresh.

use profcards_card::{DeviceKey, DeviceSigningKey};

use super::lists::policy_with;
use super::odd;
use super::raw::{Bytes, int};
use super::vector::Vector;
use super::world::{Card, DAY, NOW, Showing, card_key, phone, phone_p256, refused, showing_accepted, under};

pub fn vectors() -> Vec<Vector> {
    let missing =
        |name, device: &DeviceSigningKey| refused(name, &Card::phone(device).build(), "proof-missing");
    let bad = |(name, token): (&str, Bytes)| refused(name, &token, "proof-bad");
    let mut vectors =
        vec![missing("the proof stripped", &phone()), missing("the proof stripped, P-256", &phone_p256())];
    vectors.extend(bad_signatures().into_iter().map(bad));
    vectors.extend(bad_keys().into_iter().map(bad));
    vectors.extend(times());
    vectors
}

fn bad_signatures() -> Vec<(&'static str, Bytes)> {
    let card = Card::phone(&phone()).build();
    let showing = Showing::of(&card, &phone());
    let signature = phone().sign(&showing.signed_bytes());
    let p256 = Showing::of(&Card::phone(&phone_p256()).build(), &phone_p256());
    let p256_signature = phone_p256().sign(&p256.signed_bytes());
    let mut altered = signature;
    altered[0] ^= 1;
    let (mut no_r, mut no_s) = (p256_signature, p256_signature);
    no_r[..32].fill(0);
    no_s[32..].fill(0);
    let labelled = |alg, base: &Showing| {
        let mut changed = base.clone();
        changed.header[0].1 = int(alg);
        changed.build()
    };
    let over = showing.signed_bytes();
    let other = DeviceSigningKey::ed25519(&[9; 32]);
    vec![
        ("the signature of a second ago", Showing::at(NOW, &card, &phone()).build_with(&signature)),
        ("a proof's signature with an altered bit", showing.build_with(&altered)),
        ("a proof's signature of zeros", showing.build_with(&[0; 64])),
        ("another phone's signature", Showing::of(&card, &other).build()),
        ("another phone's card in the proof", {
            let others_card = Card::phone(&other).build();
            Showing::of(&others_card, &phone()).build()
        }),
        ("a P-256 phone's proof around an Ed25519 card", Showing::of(&card, &phone_p256()).build()),
        ("an Ed25519 phone's proof around a P-256 card", {
            Showing::of(&Card::phone(&phone_p256()).build(), &phone()).build()
        }),
        ("label -7 for an Ed25519 key", labelled(-7, &showing)),
        ("label -19 for an Ed25519 phone", labelled(-19, &showing)),
        ("label -8 for a P-256 key", labelled(-8, &p256)),
        ("a proof whose R is neutral", showing.build_with(&odd::neutral_r("phone", &over))),
        ("a proof whose R is of order eight", showing.build_with(&odd::small_r("phone", &over))),
        ("a proof for those who multiply by eight", showing.build_with(&odd::cofactored("phone", &over))),
        ("the issuer's signature as the proof's", showing.build_with(&card_key().sign(&over))),
        ("the card's own signature as the proof's", showing.build_with(&card[card.len() - 64..])),
        (
            "ES256 with r above the group's order",
            p256.build_with(&[&[0xff; 32], &p256_signature[32..]].concat()),
        ),
        ("ES256 with s of half the group's order", {
            let half = point("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8");
            p256.build_with(&[&p256_signature[..32], &half].concat())
        }),
        ("ES256 with r zero", p256.build_with(&no_r)),
        ("ES256 with s zero", p256.build_with(&no_s)),
    ]
}

fn point(hex: &str) -> [u8; 32] {
    <[u8; 32]>::try_from(hex::decode(hex).expect("hex")).expect("32 bytes")
}

/// Keys on the card for which a careless verifier accepts what nobody signed.
fn bad_keys() -> Vec<(&'static str, Bytes)> {
    let shown = |key: DeviceKey, signature: &[u8]| {
        let card = Card::of_class(Some(key.to_cose_key()), 1).build();
        let signer = if matches!(key, DeviceKey::Ed25519(_)) { phone() } else { phone_p256() };
        Showing::of(&card, &signer).build_with(signature)
    };
    // For the neutral point as key, (R, s) = (B, 1) satisfies the equation over any message.
    let identity = point("0100000000000000000000000000000000000000000000000000000000000000");
    let base = point("5866666666666666666666666666666666666666666666666666666666666666");
    let one = identity;
    let forged = [base, one].concat();
    let nothing = [identity, [0; 32]].concat();
    let order_8 = point("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
    // y = p + 1, a second spelling of the neutral point, and y = p + 3, of a point that has no small order or none at all.
    let unreduced_identity = point("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    let unreduced = point("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    let off_curve = point("0200000000000000000000000000000000000000000000000000000000000000");
    vec![
        ("the neutral point as key, forged", shown(DeviceKey::Ed25519(identity), &forged)),
        ("the neutral point as key, R neutral too", shown(DeviceKey::Ed25519(identity), &nothing)),
        ("a key of order eight", shown(DeviceKey::Ed25519(order_8), &forged)),
        ("the neutral point spelt another way", shown(DeviceKey::Ed25519(unreduced_identity), &forged)),
        ("a key with y not reduced", shown(DeviceKey::Ed25519(unreduced), &forged)),
        ("an Ed25519 key that is no point", shown(DeviceKey::Ed25519(off_curve), &forged)),
        ("a P-256 key off the curve", shown(DeviceKey::P256 { x: [1; 32], y: [1; 32] }, &[1; 64])),
        ("a P-256 key of zeros", shown(DeviceKey::P256 { x: [0; 32], y: [0; 32] }, &[1; 64])),
    ]
}

fn times() -> Vec<Vector> {
    let card = Card::phone(&phone()).build();
    let at = |moment| Showing::at(moment, &card, &phone());
    let narrow = policy_with([DAY, 7 * DAY, 10], &[1], 0);
    vec![
        refused("shown 61 seconds ago", &at(NOW - 61).build(), "proof-stale"),
        showing_accepted("shown 60 seconds ago", &at(NOW - 60)),
        refused("a screenshot, two minutes later", &at(NOW - 120).build(), "proof-stale"),
        refused("shown in 1970", &at(0).build(), "proof-stale"),
        refused("shown 61 seconds from now", &at(NOW + 61).build(), "proof-future"),
        showing_accepted("shown 60 seconds from now", &at(NOW + 60)),
        under(&narrow, showing_accepted("shown 10 seconds ago, where 10 are let", &at(NOW - 10))),
        under(
            &narrow,
            refused("shown 11 seconds ago, where 10 are let", &at(NOW - 11).build(), "proof-stale"),
        ),
        under(
            &narrow,
            refused("shown in 11 seconds, where 10 are let", &at(NOW + 11).build(), "proof-future"),
        ),
        refused("shown at the end of numbers", &at((1 << 53) - 1).build(), "proof-future"),
    ]
}
