//! What the format costs over the bare cryptography under it: `cargo bench -p profcards-card`.
//!
//! Two things are compared by timing them in turns, a short stretch of one and then of the other, many times over, and by
//! taking the median of the ratios of neighbours: whatever else the machine does then slows both. That is why no
//! benchmarking library is used here: they measure one thing at a time, minutes apart. Exits with 1 below a floor.

use std::collections::HashSet;
use std::hint::black_box;
use std::time::{Duration, Instant};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use p256::ecdsa::{self, signature::Verifier as _};
use profcards_card::{
    CardClaims, Category, Context, DeviceKey, DeviceSigningKey, IssuerAlg, IssuerSigningKey, KeyRole,
    ListLocation, Policy, ProofClaims, Shown, Status, StatusBits, StatusList, StatusListClaims, StatusLists,
    StatusRef, StatusSource, TrustList, TrustListClaims, TrustedKey, Wants, constants, issue_card, present,
    to_text, verify,
};

const NOW: u64 = 1_795_348_800;
const URI: &str = "urn:pc:s1";
const MEMBERS: usize = 1_213_517;
const ROUNDS: usize = 301;
const CALLS_A_ROUND: u32 = 40;

const LEAST_ISSUING: f64 = 0.8;
const LEAST_VERIFYING: f64 = 0.85;
const MOST_LIST_BUILDING: Duration = Duration::from_secs(1);

fn main() {
    let ed25519 = DeviceSigningKey::ed25519(&[11; 32]);
    let p256 = DeviceSigningKey::p256(&[12; 32]).expect("a scalar");
    println!("{:<44}{:>10}{:>10}{:>8}{:>8}", "", "bare, µs", "card, µs", "ratio", "floor");
    let mut all_met = true;
    for (name, device) in
        [("paper card", None), ("phone card, Ed25519", Some(&ed25519)), ("phone card, P-256", Some(&p256))]
    {
        let rates = issuing(&claims(device));
        all_met &= rates.report(&format!("issue a {name}, against signing"), LEAST_ISSUING);
    }
    let lists = Lists::new();
    let rates = lists.showing_ed25519(&ed25519);
    all_met &= rates.report("verify Ed25519, against two verify_strict", LEAST_VERIFYING);
    let rates = lists.showing_p256(&p256);
    all_met &= rates.report("verify P-256, against the bare two", LEAST_VERIFYING);
    println!("\n{:<44}{:>10}{:>10}{:>10}{:>10}", "", "built, ms", "most, ms", "bytes", "load, ms");
    for per_mille in [1, 10, 50] {
        all_met &= status_list(&lists.trust, per_mille);
    }
    std::process::exit(i32::from(!all_met));
}

/// Seconds for a call of either, and how many of ours fit into one of the bare.
struct Rates {
    bare: f64,
    ours: f64,
    ratio: f64,
}

impl Rates {
    fn compare(mut bare: impl FnMut(), mut ours: impl FnMut()) -> Self {
        let rounds: Vec<(f64, f64)> = (0..ROUNDS)
            .map(|round| {
                // Who goes first finds the caches as the other left them; so they take turns in that too.
                if round % 2 == 0 {
                    (seconds_a_call(&mut bare), seconds_a_call(&mut ours))
                } else {
                    let ours = seconds_a_call(&mut ours);
                    (seconds_a_call(&mut bare), ours)
                }
            })
            .collect();
        Self {
            bare: median(rounds.iter().map(|(bare, _)| *bare)),
            ours: median(rounds.iter().map(|(_, ours)| *ours)),
            ratio: median(rounds.iter().map(|(bare, ours)| bare / ours)),
        }
    }

    fn report(&self, name: &str, floor: f64) -> bool {
        let (bare, ours) = (self.bare * 1e6, self.ours * 1e6);
        let met = self.ratio >= floor;
        let verdict = if met { "" } else { "  BELOW" };
        println!("{name:<44}{bare:>10.1}{ours:>10.1}{:>8.3}{floor:>8.2}{verdict}", self.ratio);
        met
    }
}

fn seconds_a_call(call: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..CALLS_A_ROUND).for_each(|_| call());
    start.elapsed().as_secs_f64() / f64::from(CALLS_A_ROUND)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn secret(role: KeyRole) -> [u8; 32] {
    [role as u8 + 1; 32]
}

fn key(role: KeyRole) -> IssuerSigningKey {
    IssuerSigningKey::from_secret(&secret(role), role, IssuerAlg::EdDsa)
}

fn claims(device: Option<&DeviceSigningKey>) -> CardClaims {
    let life = if device.is_some() { constants::PHONE_CARD_SECONDS } else { constants::PAPER_CARD_SECONDS };
    CardClaims {
        number: "079927398713".parse().expect("a number"),
        iat: NOW,
        exp: NOW + life,
        cnf: device.map(DeviceSigningKey::public_key),
        status: StatusRef { uri: URI.to_owned(), idx: 1_199_999 },
        shown: Shown::new("Иванова М. П.", 77, Category::Working).expect("it fits"),
    }
}

/// The bare side signs the very bytes that the card's signature is over, ready-made.
fn issuing(claims: &CardClaims) -> Rates {
    let key = key(KeyRole::Card);
    let bare_key = SigningKey::from_bytes(&secret(KeyRole::Card));
    let signed = Signed::of(&issue_card(claims, &key).expect("issued"));
    assert_eq!(bare_key.sign(&signed.message).to_bytes(), signed.signature, "both must sign the same bytes");
    Rates::compare(
        || _ = black_box(bare_key.sign(black_box(&signed.message))),
        || _ = black_box(issue_card(black_box(claims), &key)),
    )
}

/// What a message's signature is over, and the signature.
struct Signed {
    message: Vec<u8>,
    signature: [u8; constants::SIGNATURE_BYTES],
}

impl Signed {
    fn of(sign1: &[u8]) -> Self {
        let mut d = minicbor::Decoder::new(sign1);
        d.tag().and_then(|_| d.array()).expect("a message");
        let protected = d.bytes().expect("a header");
        d.map().expect("an empty map");
        let payload = d.bytes().expect("claims");
        let signature = d.bytes().expect("a signature").try_into().expect("64 bytes");
        let mut e = minicbor::Encoder::new(Vec::new());
        e.array(4)
            .and_then(|e| e.str(constants::SIGNATURE_CONTEXT)?.bytes(protected)?.bytes(&[])?.bytes(payload))
            .expect("a vector takes every byte");
        Self { message: e.into_writer(), signature }
    }
}

/// What a till has loaded before anybody comes, and the issuer's key as the bare side has it: ready for use as well.
struct Lists {
    trust: TrustList,
    status: StatusLists,
    issuer: VerifyingKey,
}

impl Lists {
    fn new() -> Self {
        let [root, card, status] = [KeyRole::Root, KeyRole::Card, KeyRole::Status].map(key);
        let claims = TrustListClaims {
            iss: "Профсоюз".to_owned(),
            exp: NOW + constants::TRUST_LIST_SECONDS,
            iat: NOW,
            seq: 1,
            keys: [&card, &status].map(|key| TrustedKey::of(key, NOW, 2 * NOW)).to_vec(),
            lists: vec![ListLocation { uri: URI.to_owned(), path: "/status/1".to_owned() }],
            policy: Policy::default(),
        };
        let trust = TrustList::load(&claims.sign(&root).expect("signed"), &[root.public_key()], None)
            .expect("a good list");
        let mut lists = StatusLists::default();
        let token = list_claims(StatusBits::new(MEMBERS)).sign(&status).expect("signed");
        lists.add(StatusList::load(&token, &trust, NOW, None).expect("a good list"));
        let issuer = VerifyingKey::from_bytes(&card.public_key()).expect("a point");
        Self { trust, status: lists, issuer }
    }

    /// The phone's key comes with the card, as bytes, so the bare side too must make a point of it each time.
    fn showing_ed25519(&self, device: &DeviceSigningKey) -> Rates {
        let (text, card, proof) = showing(device);
        let DeviceKey::Ed25519(device) = device.public_key() else { unreachable!("an Ed25519 phone") };
        let strict = |key: &VerifyingKey, signed: &Signed| {
            key.verify_strict(black_box(&signed.message), &Signature::from_bytes(&signed.signature)).is_ok()
        };
        self.compare(&text, || {
            let device = VerifyingKey::from_bytes(black_box(&device)).expect("a point");
            strict(&self.issuer, &card) && strict(&device, &proof)
        })
    }

    fn showing_p256(&self, device: &DeviceSigningKey) -> Rates {
        let (text, card, proof) = showing(device);
        let DeviceKey::P256 { x, y } = device.public_key() else { unreachable!("a P-256 phone") };
        let point = p256::EncodedPoint::from_affine_coordinates(&x.into(), &y.into(), false);
        self.compare(&text, || {
            let issuer =
                self.issuer.verify_strict(black_box(&card.message), &Signature::from_bytes(&card.signature));
            let device = ecdsa::VerifyingKey::from_encoded_point(black_box(&point)).expect("a point");
            let signature = ecdsa::Signature::from_slice(&proof.signature).expect("two scalars");
            issuer.is_ok() && device.verify(black_box(&proof.message), &signature).is_ok()
        })
    }

    /// Both sides are to say yes; ours gets the text alone.
    fn compare(&self, text: &str, bare: impl Fn() -> bool) -> Rates {
        let context = Context {
            now: NOW,
            trust: Ok(&self.trust),
            status: StatusSource::Lists(&self.status),
            challenge: None,
            wants: Wants::Accrual,
            seen: &|_| false,
        };
        Rates::compare(
            || assert!(black_box(bare())),
            || assert!(black_box(verify(black_box(text), &context)).accepted),
        )
    }
}

/// A presentation's text, and what its two signatures are over.
fn showing(device: &DeviceSigningKey) -> (String, Signed, Signed) {
    let card = issue_card(&claims(Some(device)), &key(KeyRole::Card)).expect("issued");
    let proof = ProofClaims { iat: NOW, ..ProofClaims::default() };
    let token = present(&card, &proof, device).expect("presented");
    (to_text(&token), Signed::of(&card), Signed::of(&token))
}

fn list_claims(bits: StatusBits) -> StatusListClaims {
    StatusListClaims {
        uri: URI.to_owned(),
        exp: NOW + constants::STATUS_LIST_SECONDS,
        iat: NOW,
        ttl_seconds: constants::STATUS_LIST_TTL_SECONDS,
        bits,
    }
}

/// The whole way to a published list: marks, compression, signature; and a till's way back.
fn status_list(trust: &TrustList, per_mille: usize) -> bool {
    let key = key(KeyRole::Status);
    let mut revoked = HashSet::new();
    let mut places = random_places();
    while revoked.len() < MEMBERS * per_mille / 1000 {
        revoked.extend(places.next());
    }
    let start = Instant::now();
    let mut bits = StatusBits::new(MEMBERS);
    for idx in &revoked {
        assert!(bits.set(*idx, Status::Invalid));
    }
    let token = list_claims(bits).sign(&key).expect("signed");
    let building = start.elapsed();
    let start = Instant::now();
    let list = StatusList::load(black_box(&token), trust, NOW, None).expect("a good list");
    let loading = start.elapsed();
    assert!(revoked.iter().all(|idx| list.get(*idx) == Some(Status::Invalid)));
    let met = building <= MOST_LIST_BUILDING;
    println!(
        "{:<44}{:>10.1}{:>10.0}{:>10}{:>10.1}{}",
        format!("status list, {MEMBERS} cards, {per_mille} ‰ revoked"),
        building.as_secs_f64() * 1e3,
        MOST_LIST_BUILDING.as_secs_f64() * 1e3,
        token.len(),
        loading.as_secs_f64() * 1e3,
        if met { "" } else { "  ABOVE" },
    );
    met
}

/// Places drawn by `SplitMix64`: any numbers without a pattern will do, as long as they are the same each time.
fn random_places() -> impl Iterator<Item = u64> {
    let mut state = 0_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % MEMBERS as u64
    })
}
