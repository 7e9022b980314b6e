//! Stage 2: tokens that are signed as they should be, but not in the strict form.

use p256::ecdsa::Signature;

use super::raw::{self, Bytes, array, bytes, framed, int, long_uint, map, signed_bytes, tag, text, uint};
use super::vector::Vector;
use super::world::{Card, IDX_VALID, NOW, Showing, URI, card_key, phone, phone_p256, refused};

pub fn vectors() -> Vec<Vector> {
    [
        frames(),
        other_heads(),
        depths(),
        numbers_and_maps(),
        card_claims(),
        inner_maps(),
        confirmation_keys(),
        presentations(),
        frames_of_presentations(),
    ]
    .concat()
    .into_iter()
    .map(|(name, token)| refused(name, &token, "malformed"))
    .collect()
}

type Named = (&'static str, Bytes);

fn frames() -> Vec<Named> {
    let card = Card::paper();
    let (token, protected, payload) = (card.build(), card.protected(), card.payload());
    let signature = card_key().sign(&signed_bytes(&protected, &payload));
    let parts = [bytes(&protected), map(&[]), bytes(&payload), bytes(&signature)];
    let filled = framed(&protected, &[(uint(4), bytes(&card_key().kid().0))], &payload, &signature);
    let indefinite = [vec![0xd2, 0x9f], parts.concat(), vec![0xff]].concat();
    let long_length = [vec![0xd2, 0x98, 4], parts.concat()].concat();
    vec![
        ("one zero byte", vec![0]),
        ("an empty array", array(&[])),
        ("a trailing byte", [token.clone(), vec![0]].concat()),
        ("the last byte cut off", token[..token.len() - 1].to_vec()),
        ("no tag", array(&parts)),
        ("tag 98 instead of 18", tag(98, &array(&parts))),
        ("tag 61 around tag 18", tag(61, &token)),
        ("tag 18 twice", tag(18, &token)),
        ("a long tag", [vec![0xd8, 18], array(&parts)].concat()),
        ("a filled unprotected map", filled),
        ("an array of three", tag(18, &array(&parts[..3]))),
        ("an array of five", tag(18, &array(&[&parts[..], &[uint(0)]].concat()))),
        ("an array of indefinite length", indefinite),
        ("an array's length in two bytes", long_length),
        ("a signature of 63 bytes", framed(&protected, &[], &payload, &signature[1..])),
        ("a signature of 65 bytes", framed(&protected, &[], &payload, &[&signature[..], &[0]].concat())),
        ("no signature", framed(&protected, &[], &payload, &[])),
        ("no payload", tag(18, &array(&[parts[0].clone(), map(&[]), vec![0xf6], parts[3].clone()]))),
        (
            "the payload not wrapped in bytes",
            tag(18, &array(&[parts[0].clone(), map(&[]), payload, parts[3].clone()])),
        ),
        ("a byte string that claims four gigabytes", [vec![0xd2, 0x84, 0x5a], vec![0xff; 4]].concat()),
        ("arrays within arrays, a thousand deep", [vec![0xd2], vec![0x81; 1000]].concat()),
    ]
}

/// The same card, each head longer or looser than it needs to be; the signature stays good.
fn other_heads() -> Vec<Named> {
    let card = Card::paper();
    let (protected, payload) = (card.protected(), card.payload());
    let signature = card_key().sign(&signed_bytes(&protected, &payload));
    let parts = [bytes(&protected), map(&[]), bytes(&payload), bytes(&signature)];
    let tagged = |tag: &[u8]| [tag, &array(&parts)].concat();
    let with = |at: usize, part: Bytes| {
        let mut changed = parts.clone();
        changed[at] = part;
        tag(18, &array(&changed))
    };
    let in_pieces = |whole: &[u8]| [vec![0x5f], bytes(&whole[..5]), bytes(&whole[5..]), vec![0xff]].concat();
    let long = |head: &[u8], whole: &[u8]| [head, whole].concat();
    let short = |whole: &[u8]| u8::try_from(whole.len()).expect("a short string");
    vec![
        ("a tag in three bytes", tagged(&[0xd9, 0, 18])),
        ("a tag in five bytes", tagged(&[0xda, 0, 0, 0, 18])),
        ("a tag in nine bytes", tagged(&[0xdb, 0, 0, 0, 0, 0, 0, 0, 18])),
        ("the header in pieces", with(0, in_pieces(&protected))),
        ("the claims in pieces", with(2, in_pieces(&payload))),
        ("the signature in pieces", with(3, in_pieces(&signature))),
        ("a header's length in two bytes", with(0, long(&[0x58, short(&protected)], &protected))),
        ("the claims' length in three bytes", with(2, long(&[0x59, 0, short(&payload)], &payload))),
        ("the signature's length in three bytes", with(3, long(&[0x59, 0, 64], &signature))),
        ("an unprotected map of indefinite length", with(1, vec![0xbf, 0xff])),
        ("an unprotected map's length in two bytes", with(1, vec![0xb8, 0])),
        ("null for the unprotected map", with(1, vec![0xf6])),
        ("an array for the unprotected map", with(1, array(&[]))),
        ("a tagged signature", with(3, tag(64, &bytes(&signature)))),
    ]
}

/// Nesting that a reader without a limit follows until its stack ends.
fn depths() -> Vec<Named> {
    let card = Card::paper();
    let deep = |opening: &[u8]| [opening.repeat(1000 / opening.len()), vec![0]].concat();
    let in_claims = |opening: &[u8]| card.build_with(&card.protected(), &deep(opening));
    vec![
        ("tags within tags, a thousand deep", deep(&[0xd2])),
        ("arrays within the claims, a thousand deep", in_claims(&[0x81])),
        ("maps within the claims, five hundred deep", in_claims(&[0xa1, 0])),
        ("arrays without an end, a thousand deep", in_claims(&[0x9f])),
        ("arrays within the header, a thousand deep", card.build_with(&deep(&[0x81]), &card.payload())),
        ("arrays in place of the name, a thousand deep", card.clone().with(-65537, deep(&[0x81])).build()),
    ]
}

fn numbers_and_maps() -> Vec<Named> {
    let card = Card::paper();
    let protected = card.protected();
    let over = |claims: &[raw::Pair]| card.build_with(&protected, &map(claims));
    let mut unsorted = card.claims.clone();
    unsorted.swap(0, 1);
    let twice = [&card.claims[..1], &card.claims[..]].concat();
    let twice_last = [&card.claims[..], &card.claims[5..]].concat();
    let stranger = [&card.claims[..], &[(int(-65550), uint(1))]].concat();
    let mut long_label = card.claims.clone();
    long_label[1].0 = vec![0x18, 4];
    let payload = card.payload();
    let indefinite = [vec![0xbf], payload[1..].to_vec(), vec![0xff]].concat();
    let with_header = |header: &[raw::Pair]| card.build_with(&map(header), &payload);
    let [alg, kid] = [card.header[0].clone(), card.header[1].clone()];
    vec![
        ("labels not sorted", over(&unsorted)),
        ("the first label twice", over(&twice)),
        ("the last label twice", over(&twice_last)),
        ("an unknown label", over(&stranger)),
        ("a label missing", over(&card.claims[..5])),
        ("a label in two bytes", over(&long_label)),
        ("a map of indefinite length", card.build_with(&protected, &indefinite)),
        ("a byte after the claims", card.build_with(&protected, &[payload.clone(), vec![0]].concat())),
        ("claims that are an array", card.build_with(&protected, &array(&[]))),
        ("empty claims", card.build_with(&protected, &[])),
        ("a time in eight bytes", card.clone().with(4, long_uint(NOW)).build()),
        ("a time as a float", card.clone().with(4, vec![0xfa, 0x4e, 0xd6, 0, 0]).build()),
        ("a time before 1970", card.clone().with(6, int(-1)).build()),
        ("a time as text", card.clone().with(4, text("1795348800")).build()),
        ("a time beyond 2^53", card.clone().with(4, uint(1 << 53)).build()),
        ("a time under tag 1", card.clone().with(4, tag(1, &uint(NOW + 1000))).build()),
        ("a class that is true", card.clone().with(-65538, vec![0xf5]).build()),
        ("a label that is text", over(&[&card.claims[..5], &[(text("class"), uint(2))]].concat())),
        ("a header with alg twice", with_header(&[card.header[0].clone(), alg.clone(), kid.clone()])),
        ("a map that claims four billion labels", {
            card.build_with(&protected, &[vec![0xba, 0xff, 0xff, 0xff, 0xff], payload[1..].to_vec()].concat())
        }),
        ("no time at all", card.clone().with(4, vec![0xf6]).build()),
        ("a byte after the header", card.build_with(&[protected.clone(), vec![0]].concat(), &payload)),
        ("an empty header", with_header(&[])),
        ("a header without kid", with_header(std::slice::from_ref(&alg))),
        ("a header without alg", with_header(std::slice::from_ref(&kid))),
        ("a header not sorted", with_header(&[kid.clone(), alg.clone()])),
        ("a header with a stranger", with_header(&[alg.clone(), kid.clone(), (uint(5), bytes(&[0; 13]))])),
        ("a header with a label in two bytes", with_header(&[alg.clone(), (vec![0x18, 4], kid.1.clone())])),
        ("an alg named by text", with_header(&[(uint(1), text("EdDSA")), kid.clone()])),
        (
            "an alg of which not every language holds the number",
            with_header(&[(uint(1), int(-1 << 53)), kid]),
        ),
        ("a kid of three bytes", with_header(&[alg.clone(), (uint(4), bytes(&card_key().kid().0[..3]))])),
        ("a kid of eight bytes", with_header(&[alg, (uint(4), bytes(&[0; 8]))])),
    ]
}

fn card_claims() -> Vec<Named> {
    let with = |label, value| Card::paper().with(label, value).build();
    let shown = |name: Bytes, region, category| {
        Card::paper().with(-65537, array(&[name, uint(region), uint(category)])).build()
    };
    let name = || text("Иванова М. П.");
    let reference = map(&[(text("idx"), uint(IDX_VALID)), (text("uri"), text(URI))]);
    let swapped = map(&[(text("uri"), text(URI)), (text("idx"), uint(IDX_VALID))]);
    let in_list = |inner: &[u8]| map(&[(text("status_list"), inner.to_vec())]);
    vec![
        ("a wrong check digit", with(2, text("079927398710"))),
        ("a number of eleven digits", with(2, text("79927398713"))),
        ("a number with a space", with(2, text("07992739871 "))),
        ("a number in full-width digits", with(2, text("０７９９２７３９８７１３"))),
        ("a number that is an integer", with(2, uint(79_927_398_713))),
        ("an empty name", shown(text(""), 77, 1)),
        ("a name of seventeen characters", shown(text("Преображенска… А."), 77, 1)),
        ("a name that is no UTF-8", shown(vec![0x62, 0xc3, 0x28], 77, 1)),
        ("a name in pieces", shown([vec![0x7f], text("Иван"), text("ова"), vec![0xff]].concat(), 77, 1)),
        ("region 100", shown(name(), 100, 1)),
        ("category 0", shown(name(), 77, 0)),
        ("category 4", shown(name(), 77, 4)),
        ("two things shown", with(-65537, array(&[name(), uint(77)]))),
        ("four things shown", with(-65537, array(&[name(), uint(77), uint(1), uint(1)]))),
        ("class 3", with(-65538, uint(3))),
        ("class 0", with(-65538, uint(0))),
        ("class 1 without cnf", with(-65538, uint(1))),
        ("a status that is no map", with(65535, uint(1))),
        ("a status without its inner map", with(65535, reference.clone())),
        ("a status index beyond 2^53", Card::paper().with_idx(1 << 53).build()),
        ("a status reference not sorted", with(65535, in_list(&swapped))),
        ("a status reference without uri", with(65535, in_list(&map(&[(text("idx"), uint(1))])))),
        ("a status of two kinds", {
            let lists = [(text("status_list"), reference.clone()), (text("identifier_list"), reference)];
            with(65535, map(&lists))
        }),
    ]
}

/// One label too many, or one head too long, inside the maps and arrays that claims hold.
fn inner_maps() -> Vec<Named> {
    let with = |label, value| Card::paper().with(label, value).build();
    let [idx, uri] = [(text("idx"), uint(IDX_VALID)), (text("uri"), text(URI))];
    let in_list = |pairs: &[raw::Pair]| with(65535, map(&[(text("status_list"), map(pairs))]));
    let list = || (text("status_list"), map(&[idx.clone(), uri.clone()]));
    let long_name = [&[0x78, 22], "Иванова М. П.".as_bytes()].concat();
    let shown = array(&[text("Иванова М. П."), uint(77), uint(1)]);
    let key = phone().public_key().to_cose_key();
    let two_types = [vec![0xa4, 1, 1], key[1..].to_vec()].concat();
    let key_twice = map(&[(uint(1), key.clone()), (uint(1), key.clone())]);
    let phone_with = |cnf: Bytes| {
        let card = Card::phone(&phone()).with(8, cnf).build();
        Showing::of(&card, &phone()).build()
    };
    vec![
        ("idx twice", in_list(&[idx.clone(), idx.clone(), uri.clone()])),
        ("uri twice", in_list(&[idx.clone(), uri.clone(), uri.clone()])),
        ("a stranger beside idx and uri", in_list(&[idx.clone(), uri.clone(), (text("zzz"), uint(1))])),
        ("a status list twice", with(65535, map(&[list(), list()]))),
        ("a status index in nine bytes", in_list(&[(text("idx"), long_uint(IDX_VALID)), uri.clone()])),
        ("a status index that is text", in_list(&[(text("idx"), text("1000000")), uri.clone()])),
        ("a uri that is bytes", in_list(&[idx.clone(), (text("uri"), bytes(URI.as_bytes()))])),
        ("a name with a long head", with(-65537, array(&[long_name, uint(77), uint(1)]))),
        ("what is shown, of indefinite length", { with(-65537, [&[0x9f], &shown[1..], &[0xff]].concat()) }),
        ("a phone key with its type twice", phone_with(map(&[(uint(1), two_types)]))),
        ("two phone keys", phone_with(key_twice)),
        ("a phone key as a byte string", phone_with(map(&[(uint(1), bytes(&key))]))),
        ("a phone key without cnf's map", phone_with(key)),
    ]
}

fn confirmation_keys() -> Vec<Named> {
    let key = phone().public_key().to_cose_key();
    let x = key[8..].to_vec();
    let shown = |cose_key: Bytes| Showing::of(&Card::of_class(Some(cose_key), 1).build(), &phone()).build();
    let okp = |pairs: &[raw::Pair]| {
        let base = [(uint(1), uint(1)), (int(-1), uint(6)), (int(-2), bytes(&x))];
        shown(map(&[&base[..], pairs].concat()))
    };
    let p256_key = phone_p256().public_key().to_cose_key();
    let p256_x = p256_key[10..42].to_vec();
    let compressed =
        [(uint(1), uint(2)), (int(-1), uint(1)), (int(-2), bytes(&p256_x)), (int(-3), vec![0xf5])];
    vec![
        ("cnf with class 2", Card::of_class(Some(key.clone()), 2).build()),
        ("cnf with a kid beside the key", {
            Card::phone(&phone()).with(8, map(&[(uint(1), key), (uint(3), bytes(&[1]))])).build()
        }),
        ("cnf that names a key by kid alone", {
            Card::phone(&phone()).with(8, map(&[(uint(3), bytes(&[1; 4]))])).build()
        }),
        ("a phone key with its secret", okp(&[(int(-4), bytes(&[7; 32]))])),
        ("a phone key with an alg", {
            shown(map(&[(uint(1), uint(1)), (uint(3), int(-8)), (int(-1), uint(6)), (int(-2), bytes(&x))]))
        }),
        ("a phone key of 31 bytes", {
            shown(map(&[(uint(1), uint(1)), (int(-1), uint(6)), (int(-2), bytes(&x[1..]))]))
        }),
        (
            "a phone key on X25519",
            shown(map(&[(uint(1), uint(1)), (int(-1), uint(4)), (int(-2), bytes(&x))])),
        ),
        ("a phone key on P-384", shown(map(&[(uint(1), uint(2)), (int(-1), uint(2)), (int(-2), bytes(&x))]))),
        ("a P-256 key without y", shown(map(&compressed[..3]))),
        ("a P-256 key with y as a sign", shown(map(&compressed))),
    ]
}

fn presentations() -> Vec<Named> {
    let card = Card::phone(&phone()).build();
    let showing = || Showing::of(&card, &phone());
    let with_header = |at: usize, value: Bytes| {
        let mut changed = showing();
        changed.header[at].1 = value;
        changed.build()
    };
    let with_claim = |at: usize, value: Bytes| {
        let mut changed = showing().answering("4271");
        changed.claims[at].1 = value;
        changed.build()
    };
    let mut untyped = showing();
    untyped.header.pop();
    let mut with_kid = showing();
    with_kid.header.insert(1, (uint(4), bytes(&[0; 4])));
    let mut stranger = showing();
    stranger.claims.push((int(-65540), uint(1)));
    let mut unsorted = showing().answering("4271");
    unsorted.claims.swap(1, 2);
    let long_inside = {
        let card = Card::phone(&phone()).with(4, long_uint(NOW + 1000)).build();
        Showing::of(&card, &phone()).build()
    };
    vec![
        ("a proof around a paper card", Showing::of(&Card::paper().build(), &phone()).build()),
        ("a proof around a proof", Showing::of(&showing().build(), &phone()).build()),
        ("a proof around nothing", with_header(1, vec![0xf6])),
        ("the card as a byte string", with_header(1, bytes(&card))),
        ("the card without its tag", with_header(1, card[1..].to_vec())),
        ("the card under tag 61", with_header(1, tag(61, &card))),
        ("a card not in the strict form inside", long_inside),
        ("typ in eight bytes", with_header(2, long_uint(294))),
        ("a byte after the proof's header", with_header(2, [uint(294), vec![0]].concat())),
        ("typ 295", with_header(2, uint(295))),
        ("typ as text", with_header(2, text("application/kb+cwt"))),
        ("no typ", untyped.build()),
        ("a kid in the proof's header", with_kid.build()),
        ("another audience", with_claim(0, text("pd"))),
        ("a proof's time in eight bytes", with_claim(1, long_uint(NOW))),
        ("a challenge as text", with_claim(2, text("4271"))),
        ("a challenge of letters", with_claim(2, bytes(b"42a1"))),
        ("an empty challenge", with_claim(2, bytes(b""))),
        ("a challenge of seventeen digits", with_claim(2, bytes(b"12345678901234567"))),
        ("an unknown claim in the proof", stranger.build()),
        ("a proof's claims not sorted", unsorted.build()),
        ("ES256 with s in the upper half", high_s()),
        ("ES256 with s just above half the group's order", {
            with_s("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9")
        }),
        ("ES256 with s above the group's order", with_s(&"ff".repeat(32))),
    ]
}

/// What the frames of `frames` look like around a proof and inside one.
fn frames_of_presentations() -> Vec<Named> {
    let inner = Card::phone(&phone());
    let card = inner.build();
    let showing = || Showing::of(&card, &phone());
    let token = showing().build();
    let around = |card: &[u8]| Showing::of(card, &phone()).build();
    let kid = [(uint(4), bytes(&card_key().kid().0))];
    let card_signature = card_key().sign(&signed_bytes(&inner.protected(), &inner.payload()));
    let filled_card = framed(&inner.protected(), &kid, &inner.payload(), &card_signature);
    let header_twice = |at: usize| {
        let mut changed = showing();
        changed.header.insert(at, changed.header[at].clone());
        changed.build()
    };
    let claim_twice = |at: usize| {
        let mut changed = showing().answering("4271").spending_at_most(100);
        changed.claims.insert(at, changed.claims[at].clone());
        changed.build()
    };
    vec![
        ("a byte after a presentation", [&token[..], &[0]].concat()),
        ("a presentation cut by a byte", token[..token.len() - 1].to_vec()),
        ("a filled unprotected map around a proof", {
            let (header, claims) = (map(&showing().header), map(&showing().claims));
            framed(&header, &kid, &claims, &phone().sign(&showing().signed_bytes()))
        }),
        ("a filled unprotected map of the card inside", around(&filled_card)),
        ("a presentation without its tag", token[1..].to_vec()),
        ("a presentation under a long tag", [&[0xd8, 18], &token[1..]].concat()),
        ("a presentation under tag 61", tag(61, &token)),
        ("the card inside under a long tag", around(&[&[0xd8, 18], &card[1..]].concat())),
        ("the card inside of another tag", around(&tag(17, &card[1..]))),
        ("a byte after the card inside", around(&[&card[..], &[0]].concat())),
        ("a proof's alg twice", header_twice(0)),
        ("the card twice in a proof", header_twice(1)),
        ("a proof's audience twice", claim_twice(0)),
        ("a challenge twice", claim_twice(2)),
        ("a limit twice", claim_twice(3)),
        ("a limit beyond 2^53", showing().spending_at_most(1 << 53).build()),
        ("a proof's time beyond 2^53", Showing::at(1 << 53, &card, &phone()).build()),
        ("a proof's signature of 63 bytes", showing().build_with(&[1; 63])),
    ]
}

/// A P-256 phone's showing with another half of its signature.
fn with_s(hex: &str) -> Bytes {
    let showing = Showing::of(&Card::phone(&phone_p256()).build(), &phone_p256());
    let signature = phone_p256().sign(&showing.signed_bytes());
    showing.build_with(&[signature[..32].to_vec(), hex::decode(hex).expect("hex")].concat())
}

/// The valid ES256 signature's twin, which any stranger can compute.
fn high_s() -> Bytes {
    let showing = Showing::of(&Card::phone(&phone_p256()).build(), &phone_p256());
    let signature = Signature::from_slice(&phone_p256().sign(&showing.signed_bytes())).expect("just signed");
    let (r, s) = signature.split_scalars();
    let twin = Signature::from_scalars(r, -*s).expect("both are scalars");
    showing.build_with(&twin.to_bytes())
}
