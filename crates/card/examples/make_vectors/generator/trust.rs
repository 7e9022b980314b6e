//! Stage 3: trust lists that are missing, wrong, rolled back or over.

use super::lists::{List, cose_key, key_entry, policy, trust_list, trust_list_of};
use super::raw::{Bytes, array, bytes, framed, int, long_uint, map, qr, text, uint};
use super::vector::{Expect, Held, Vector};
use super::world::{
    Card, DAY, NOW, card_key, paper_accepted, phone_p256, root, status_key, stranger, trusting, vector,
};

pub fn vectors() -> Vec<Vector> {
    let mut vectors: Vec<Vector> =
        bad_lists().into_iter().map(|(name, bytes)| bad(name, Some(bytes))).collect();
    let held = |trust_seq| Held { trust_seq: Some(trust_seq), ..Held::default() };
    let end = NOW + 29 * DAY;
    let paper = Card::paper().build();
    let at =
        |now: u64, vector: Vector| Vector { now, status_lists: vec![lasting_status_list(now)], ..vector };
    vectors.extend([
        bad("no trust list", None),
        forged_root(),
        Vector {
            held: held(8),
            ..bad(
                "an unreadable list while a newer one is held",
                Some(trust_list().with(4, vec![0xf6]).build()),
            )
        },
        Vector { roots: vec![], ..bad("no pinned root", Some(trust_list().build())) },
        Vector {
            roots: vec![hex::encode(stranger().public_key())],
            ..bad("another root pinned", Some(trust_list().build()))
        },
        Vector { held: held(8), ..refused("a list older than the one held", "trust-list-rollback") },
        Vector { held: held(6), ..paper_accepted("a list newer than the one held", &paper) },
        at(end, refused("the second in which the list ends", "trust-list-expired")),
        at(end - 1, paper_accepted("the last second of the list", &paper)),
        at(end, {
            let strangers = Card::paper().signed_by(&stranger()).build();
            vector(
                "an ended list and a stranger's key",
                qr(&strangers),
                Expect::refused("trust-list-expired"),
            )
        }),
        Vector {
            held: held(8),
            ..bad(
                "a stranger's list, older than the one held",
                Some(trust_list().secretly_signed_by(&stranger()).build()),
            )
        },
        trusting(
            &trust_list().with(6, uint(NOW + DAY)),
            paper_accepted("a trust list signed tomorrow", &paper),
        ),
        trusting(&of_64_kib(), paper_accepted("a trust list of just 64 KiB", &paper)),
    ]);
    vectors
}

fn of_64_kib() -> List {
    let issued_by = |length: usize| trust_list().with(1, text(&"x".repeat(length)));
    let list = issued_by(60_000 + (64 << 10) - issued_by(60_000).build().len());
    assert_eq!(list.build().len(), 64 << 10);
    list
}

fn refused(name: &str, code: &str) -> Vector {
    vector(name, qr(&Card::paper().build()), Expect::refused(code))
}

fn bad(name: &str, list: Option<Bytes>) -> Vector {
    Vector { trust_list: list.map(hex::encode), ..refused(name, "trust-list-bad") }
}

/// A neutral point among the pins would let anybody sign: (R, s) = (B, 1) fits any message.
fn forged_root() -> Vector {
    let neutral = [&[1], &[0; 31][..]].concat();
    let base = [&[0x58], &[0x66; 31][..]].concat();
    let list = trust_list();
    let forged = framed(&map(&list.header), &[], &map(&list.claims), &[base, neutral.clone()].concat());
    Vector { roots: vec![hex::encode(neutral)], ..bad("a root of small order pinned", Some(forged)) }
}

fn lasting_status_list(now: u64) -> String {
    let list = super::lists::status_list_at(now).with(4, uint(now + DAY));
    hex::encode(list.build())
}

fn bad_lists() -> Vec<(&'static str, Bytes)> {
    let good = trust_list().build();
    let mut altered = good.clone();
    altered[40] ^= 1;
    let of_keys = |keys: &[Bytes]| trust_list_of(keys, &policy(&[1], 0)).build();
    let es256_header = trust_list().with_header(vec![(uint(1), int(-7))]);
    let long_label = trust_list().with_header(vec![(vec![0x18, 1], int(-8))]);
    let with_kid = trust_list().with_header(vec![(uint(1), int(-8)), (uint(4), bytes(&[0; 4]))]);
    let entry = |kid: &[u8], key: Bytes, role: &str, alg: i64, exp: Bytes| {
        array(&[bytes(kid), key, text(role), int(alg), uint(NOW - DAY), exp])
    };
    let kid = card_key().kid().0;
    let key = cose_key(&card_key().public_key());
    let weak = cose_key(&[&[1], &[0; 31][..]].concat());
    let exp = uint(NOW + 90 * DAY);
    let weak_card_key = |point: &str| {
        let key = cose_key(&hex::decode(point).expect("hex"));
        of_keys(&[entry(&kid, key, "card", -8, exp.clone()), key_entry(&status_key())])
    };
    let mut unsorted = trust_list();
    unsorted.claims.swap(3, 4);
    vec![
        ("a trust list without its tag", good[1..].to_vec()),
        ("a trust list under a long tag", [&[0xd8, 18], &good[1..]].concat()),
        ("a trust list with a filled unprotected map", {
            trust_list().build_with_unprotected(&[(uint(4), bytes(&root().kid().0))])
        }),
        ("a trust list with a label twice", trust_list().with_twice(3).build()),
        ("a trust list not sorted", unsorted.build()),
        ("a trust list of more than 64 KiB", trust_list().with(1, text(&"x".repeat(64 << 10))).build()),
        ("a trust list that claims four billion keys", {
            trust_list().with(-65551, vec![0x9a, 0xff, 0xff, 0xff, 0xff]).build()
        }),
        ("a trust list that a status key signed", trust_list().secretly_signed_by(&status_key()).build()),
        ("an issuer's key of order eight", {
            weak_card_key("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
        }),
        ("an issuer's key with y not reduced", {
            weak_card_key("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")
        }),
        ("an issuer's key that is no point", {
            weak_card_key("0200000000000000000000000000000000000000000000000000000000000000")
        }),
        ("an empty trust list", vec![]),
        ("a trust list that is a card", Card::paper().build()),
        ("a trust list with an altered byte", altered),
        ("a trust list with a trailing byte", [&good[..], &[0]].concat()),
        ("a trust list that a card key signed", trust_list().secretly_signed_by(&card_key()).build()),
        ("a trust list that a stranger signed", trust_list().secretly_signed_by(&stranger()).build()),
        ("a trust list under ES256", es256_header.build()),
        ("a trust list with a kid", with_kid.build()),
        ("a trust list with a label in two bytes", long_label.build()),
        ("a trust list with a long number", trust_list().with(-65550, long_uint(7)).build()),
        ("a trust list without an end", trust_list().with(4, vec![0xf6]).build()),
        ("a root among the keys", of_keys(&[key_entry(&card_key()), key_entry(&root())])),
        ("a key of an unknown role", of_keys(&[entry(&kid, key.clone(), "till", -8, exp.clone())])),
        ("a key under ES256", of_keys(&[entry(&kid, key.clone(), "card", -7, exp.clone())])),
        ("a key without an end", of_keys(&[entry(&kid, key.clone(), "card", -8, vec![0xf6])])),
        ("a key with a short kid", of_keys(&[entry(&kid[..3], key, "card", -8, exp.clone())])),
        (
            "a key of small order",
            of_keys(&[entry(&kid, weak, "card", -8, exp.clone()), key_entry(&status_key())]),
        ),
        ("a status key of small order", {
            let weak = cose_key(&[&[1], &[0; 31][..]].concat());
            of_keys(&[key_entry(&card_key()), entry(&kid, weak, "status", -8, exp.clone())])
        }),
        ("a P-256 key among the issuer's", {
            of_keys(&[entry(&kid, phone_p256().public_key().to_cose_key(), "card", -8, exp)])
        }),
        ("a policy with a class that is none", trust_list().with(-65553, policy(&[1, 3], 0)).build()),
    ]
}
