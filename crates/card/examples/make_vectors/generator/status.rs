//! Stage 11: what the status list says, how old it is, and whether it can be relied on.

use super::lists::{
    key_entry, key_entry_for, lst, policy, policy_with, status_header, status_list, status_list_at, statuses,
    trust_list, trust_list_of, zlib,
};
use super::raw::{Bytes, array, bytes, int, long_uint, map, qr, text, uint};
use super::text::of_bytes;
use super::vector::{Expect, Held, Vector};
use super::world::{
    Card, DAY, HOUR, IDX_RESERVED, IDX_REVOKED, IDX_SUSPENDED, IDX_VALID, NOW, Showing, card_key,
    paper_accepted, phone, refused, root, showing_accepted, status_key, status_ref, stranger, trusting,
    under, vector,
};

pub fn vectors() -> Vec<Vector> {
    let bad = bad_lists().into_iter().map(|(name, list)| {
        let paper = refused(name, &Card::paper().build(), "status-bad");
        Vector { status_lists: vec![hex::encode(list)], ..paper }
    });
    [marks(), ages(), which_list(), bad.collect(), vec![none_named()]].concat()
}

fn none_named() -> Vector {
    let vector = refused("a trust list that names no status list", &Card::paper().build(), "status-bad");
    trusting(&trust_list().with(-65552, array(&[])), vector)
}

fn marks() -> Vec<Vector> {
    let at = |idx| Card::paper().with_idx(idx).build();
    let revoked_phone = Card::phone(&phone()).with_idx(IDX_REVOKED).build();
    vec![
        refused("revoked", &at(IDX_REVOKED), "revoked"),
        refused("revoked and freshly shown", &Showing::of(&revoked_phone, &phone()).build(), "revoked"),
        refused("suspended", &at(IDX_SUSPENDED), "suspended"),
        refused("marked with the value that means nothing", &at(IDX_RESERVED), "status-unknown"),
        paper_accepted("the neighbour of a revoked card", &at(IDX_REVOKED - 1)),
        refused("an index just outside the list", &at(1_200_000), "status-unknown"),
        refused("an index at the end of numbers", &at((1 << 53) - 1), "status-unknown"),
    ]
}

fn ages() -> Vec<Vector> {
    let showing = Showing::of(&Card::phone(&phone()).build(), &phone());
    let revoked = Card::paper().with_idx(IDX_REVOKED).build();
    let aged = |age_seconds, vector: Vector| {
        let list = status_list_at(NOW - age_seconds).build();
        Vector { status_lists: vec![hex::encode(list)], ..vector }
    };
    let warned = |name, warning| {
        let vector = showing_accepted(name, &showing);
        Vector { expect: vector.expect.clone().warned(warning), ..vector }
    };
    let too_old = |name| {
        let vector = warned(name, "status-too-old");
        Vector { expect: vector.expect.clone().without_redemption(), ..vector }
    };
    let answering = showing.clone().answering("4271");
    let redeeming = Vector {
        token: qr(&answering.build()),
        challenge: Some("4271".to_owned()),
        wants: "redemption".to_owned(),
        amount_kopecks: Some(100),
        ..too_old("a list of eight days, for a redemption")
    };
    let redeeming = Vector {
        expect: Expect { proof_id: Some(answering.identity()), ..redeeming.expect.clone() },
        ..redeeming
    };
    let brisk = policy_with([10, 20, 60], &[1], 0);
    let backwards = policy_with([7 * DAY, DAY, 60], &[1], 0);
    vec![
        aged(DAY, showing_accepted("a list of just a day", &showing)),
        aged(DAY + 1, warned("a list of a day and a second", "status-stale")),
        aged(7 * DAY, warned("a list of just seven days", "status-stale")),
        aged(7 * DAY + 1, too_old("a list of seven days and a second")),
        aged(8 * DAY, redeeming),
        under(&brisk, aged(10, showing_accepted("a list of 10 seconds, fresh for 10", &showing))),
        under(&brisk, aged(11, warned("a list of 11 seconds, fresh for 10", "status-stale"))),
        under(&brisk, aged(21, too_old("a list of 21 seconds, of use for 20"))),
        under(&backwards, aged(2 * DAY, too_old("a list of two days, fresh for seven and of use for one"))),
        Vector {
            status_lists: vec![hex::encode(status_list_at(NOW + HOUR).build())],
            ..showing_accepted("a list that is made in an hour", &showing)
        },
        aged(8 * DAY, refused("revoked on an old list", &revoked, "revoked")),
    ]
}

fn which_list() -> Vec<Vector> {
    let paper = Card::paper().build();
    let elsewhere = Card::paper().with(65535, status_ref(IDX_VALID, "urn:pc:s2")).build();
    let good = hex::encode(status_list().build());
    let older =
        hex::encode(status_list_at(NOW - 3 * DAY).with(65533, lst(&zlib(&vec![0xff; 300_000]), 2)).build());
    let garbage = "00".to_owned();
    let with = |lists: &[&String], vector: Vector| Vector {
        status_lists: lists.iter().map(|list| (*list).clone()).collect(),
        ..vector
    };
    vec![
        with(&[], refused("no list", &paper, "status-unknown")),
        refused("a card of another list", &elsewhere, "status-unknown"),
        with(
            &[&good, &garbage],
            refused("a card of another list, and a list that is bad", &elsewhere, "status-bad"),
        ),
        with(&[&garbage, &good], paper_accepted("a bad list beside the card's good one", &paper)),
        with(&[&older, &good], paper_accepted("an older and a newer list of one name", &paper)),
        with(&[&good, &older], paper_accepted("a newer and an older list of one name", &paper)),
        Vector {
            status_lists: vec![],
            ..vector(
                "a stripped proof comes before a missing list",
                qr(&Card::phone(&phone()).build()),
                Expect::refused("proof-missing"),
            )
        },
        of_another_list("a card of another list, in the longest text that there can be", of_bytes(1362)),
        with(
            &[&hex::encode(with_stream(&with_window_of_512(&zlib(&statuses()))))],
            paper_accepted("a list that declares a window of 512 bytes", &paper),
        ),
        with(
            &[&hex::encode(with_stream(&zlib(&vec![0; 4 << 20])))],
            paper_accepted("a list that inflates to just 4 MiB", &paper),
        ),
        with(
            &[&hex::encode(with_stream(&zlib(&[])))],
            refused("a list of no place", &paper, "status-unknown"),
        ),
        held_newer(&paper),
        older_than_its_key(&paper),
        outlived_key(&paper),
    ]
}

fn of_another_list(name: &str, text: String) -> Vector {
    vector(name, text, Expect::refused("status-unknown"))
}

fn with_stream(stream: &[u8]) -> Bytes {
    status_list().with(65533, lst(stream, 2)).build()
}

/// The same stream under a header that promises no match from farther away, at the lowest level.
fn with_window_of_512(stream: &[u8]) -> Vec<u8> {
    [&[0x18, 0x19], &stream[2..]].concat()
}

fn older_than_its_key(paper: &[u8]) -> Vector {
    let young = key_entry_for(&status_key(), NOW - HOUR + 1, NOW + 90 * DAY);
    let trust = trust_list_of(&[key_entry(&card_key()), young], &policy(&[1], 0));
    let vector = refused("a list older than its key", paper, "status-bad");
    trusting(&trust, vector)
}

fn held_newer(paper: &[u8]) -> Vector {
    let held = Held { status_iat: Some(NOW - HOUR + 1), ..Held::default() };
    Vector { held, ..refused("a status list older than the one held", paper, "status-bad") }
}

fn outlived_key(paper: &[u8]) -> Vector {
    let short = key_entry_for(&status_key(), NOW - DAY, NOW + DAY);
    let trust = trust_list_of(&[key_entry(&card_key()), short], &policy(&[1], 0));
    let vector = refused("a list that outlives its key", paper, "status-bad");
    trusting(&trust, vector)
}

fn bad_lists() -> Vec<(&'static str, Bytes)> {
    let good = status_list().build();
    let mut altered = good.clone();
    altered[100] ^= 1;
    let with_lst = |compressed: &[u8], bits| status_list().with(65533, lst(compressed, bits)).build();
    let whole = zlib(&statuses());
    let by_card_key = status_list().with_header(status_header(&card_key()));
    let retyped = |typ: Bytes| {
        let mut header = status_header(&status_key());
        header[2].1 = typ;
        status_list().with_header(header).build()
    };
    let relabelled = |alg| {
        let mut header = status_header(&status_key());
        header[0].1 = int(alg);
        status_list().with_header(header).build()
    };
    let mut long_label = status_header(&status_key());
    long_label[1].0 = vec![0x18, 4];
    let long_label = status_list().with_header(long_label);
    let mut untimed = status_list();
    untimed.claims.pop();
    let mut wrong_sum = whole.clone();
    *wrong_sum.last_mut().expect("a stream has an end") ^= 1;
    let raw_deflate = &whole[2..whole.len() - 4];
    let compressed = || bytes(&whole);
    let lst_twice = [(text("lst"), compressed()), (text("lst"), compressed()), (text("bits"), uint(2))];
    let bits_first = [(text("bits"), uint(2)), (text("lst"), compressed())];
    let in_pieces = [vec![0x5f], bytes(&whole[..9]), bytes(&whole[9..]), vec![0xff]].concat();
    vec![
        ("a list with an altered byte", altered),
        ("a list without its tag", good[1..].to_vec()),
        ("a list under a long tag", [&[0xd8, 18], &good[1..]].concat()),
        ("a list with a filled unprotected map", {
            status_list().build_with_unprotected(&[(uint(4), bytes(&status_key().kid().0))])
        }),
        ("a list with a claim twice", status_list().with_twice(1).build()),
        ("a list with lst twice", status_list().with(65533, map(&lst_twice)).build()),
        ("a list with bits before lst", status_list().with(65533, map(&bits_first)).build()),
        ("a list whose lst comes in pieces", {
            let entries = [(text("lst"), in_pieces), (text("bits"), uint(2))];
            status_list().with(65533, map(&entries)).build()
        }),
        ("a list whose bits are a long number", {
            let entries = [(text("lst"), compressed()), (text("bits"), long_uint(2))];
            status_list().with(65533, map(&entries)).build()
        }),
        ("a list that a root signed", {
            status_list().with_header(status_header(&root())).secretly_signed_by(&root()).build()
        }),
        ("a list that a card key signed under the status key's kid", {
            status_list().secretly_signed_by(&card_key()).build()
        }),
        ("a list that inflates to 64 MiB", with_lst(&zlib(&vec![0; 64 << 20]), 2)),
        ("a list with a trailing byte", [&good[..], &[0]].concat()),
        ("a list that a stranger signed", status_list().secretly_signed_by(&stranger()).build()),
        ("a list that a card key signed", by_card_key.secretly_signed_by(&card_key()).build()),
        ("a list under label -19", relabelled(-19)),
        ("a list under ES256", relabelled(-7)),
        ("a list of another type", retyped(text("application/statuslist+jwt"))),
        ("a list with a label in two bytes", long_label.build()),
        ("a list whose type is a number", retyped(uint(294))),
        ("a list that the trust list does not name", status_list().with(2, text("urn:pc:s2")).build()),
        ("a list that ends this second", status_list().with(4, uint(NOW)).build()),
        ("a list without ttl", untimed.build()),
        ("a list of one bit each", with_lst(&zlib(&[0; 150_000]), 1)),
        ("a list that is not compressed", with_lst(&[0; 100], 2)),
        ("a list without zlib's frame", with_lst(raw_deflate, 2)),
        ("a list cut off", with_lst(&whole[..whole.len() - 1], 2)),
        ("a list with a wrong checksum", with_lst(&wrong_sum, 2)),
        ("a list with a byte after its stream", with_lst(&[&whole[..], &[0]].concat(), 2)),
        ("a list that inflates beyond 4 MiB", with_lst(&zlib(&vec![0; (4 << 20) + 1]), 2)),
        ("a list that is a card", Card::paper().build()),
        ("a list that is bytes alone", bytes(&statuses()[..8])),
    ]
}
