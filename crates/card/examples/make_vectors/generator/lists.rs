//! The two signed lists, by hand and open to damage as the cards are.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use profcards_card::IssuerSigningKey;

use super::raw::{self, Bytes, Pair, array, bytes, int, map, text, uint};
use super::world::{
    DAY, HOUR, IDX_RESERVED, IDX_REVOKED, IDX_SUSPENDED, NOW, URI, card_key, card_key_19, root, status_key,
};

/// A signed list to be.
#[derive(Clone)]
pub struct List {
    pub header: Vec<Pair>,
    pub claims: Vec<Pair>,
    key: IssuerSigningKey,
}

impl List {
    /// The same with a claim's value replaced.
    pub fn with(mut self, label: i64, value: Bytes) -> Self {
        let label = int(label);
        let claim = self.claims.iter_mut().find(|(key, _)| *key == label).expect("the list has the claim");
        claim.1 = value;
        self
    }

    /// The same with another header, the key staying.
    pub fn with_header(self, header: Vec<Pair>) -> Self {
        Self { header, ..self }
    }

    /// Signed by another key, the header staying.
    pub fn secretly_signed_by(self, key: &IssuerSigningKey) -> Self {
        Self { key: key.clone(), ..self }
    }

    pub fn build(&self) -> Bytes {
        raw::signed(&map(&self.header), &map(&self.claims), |message| self.key.sign(message))
    }

    /// The same with one claim twice.
    pub fn with_twice(mut self, at: usize) -> Self {
        self.claims.insert(at, self.claims[at].clone());
        self
    }

    pub fn build_with_unprotected(&self, unprotected: &[Pair]) -> Bytes {
        let (protected, payload) = (map(&self.header), map(&self.claims));
        let signature = self.key.sign(&raw::signed_bytes(&protected, &payload));
        raw::framed(&protected, unprotected, &payload, &signature)
    }
}

/// The union's trust list, number 7, made yesterday.
pub fn trust_list() -> List {
    let keys = [key_entry(&card_key()), key_entry(&card_key_19()), key_entry(&status_key())];
    trust_list_of(&keys, &policy(&[1], 0))
}

pub fn trust_list_of(keys: &[Bytes], policy: &[u8]) -> List {
    let location = array(&[text(URI), text("/.well-known/profcards/status/1")]);
    List {
        header: vec![(uint(1), int(-8))],
        claims: vec![
            (uint(1), text("Профсоюз работников образования")),
            (uint(4), uint(NOW + 29 * DAY)),
            (uint(6), uint(NOW - DAY)),
            (int(-65550), uint(7)),
            (int(-65551), array(keys)),
            (int(-65552), array(&[location])),
            (int(-65553), policy.to_vec()),
        ],
        key: root(),
    }
}

/// An entry of the trust list, valid for two years around now.
pub fn key_entry(key: &IssuerSigningKey) -> Bytes {
    key_entry_for(key, NOW - 365 * DAY, NOW + 730 * DAY)
}

pub fn key_entry_for(key: &IssuerSigningKey, nbf: u64, exp: u64) -> Bytes {
    let entry = [text(key.role().as_str()), int(key.alg().label()), uint(nbf), uint(exp)];
    array(&[&[bytes(&key.kid().0), cose_key(&key.public_key())], &entry[..]].concat())
}

pub fn cose_key(public_key: &[u8]) -> Bytes {
    map(&[(uint(1), uint(1)), (int(-1), uint(6)), (int(-2), bytes(public_key))])
}

pub fn policy(redeeming_classes: &[u64], challenge_above_kopecks: u64) -> Bytes {
    policy_with([DAY, 7 * DAY, 60], redeeming_classes, challenge_above_kopecks)
}

/// With the seconds of freshness, of staleness and of the proof's window.
pub fn policy_with(seconds: [u64; 3], redeeming_classes: &[u64], challenge_above_kopecks: u64) -> Bytes {
    let classes: Vec<Bytes> = redeeming_classes.iter().map(|class| uint(*class)).collect();
    map(&[
        (uint(1), uint(seconds[0])),
        (uint(2), uint(seconds[1])),
        (uint(3), uint(seconds[2])),
        (uint(4), array(&classes)),
        (uint(5), uint(challenge_above_kopecks)),
    ])
}

/// The union's status list, an hour old, with one card of each status.
pub fn status_list() -> List {
    status_list_at(NOW - HOUR)
}

/// A list of this age that is not expired yet, however old.
pub fn status_list_at(iat: u64) -> List {
    List {
        header: status_header(&status_key()),
        claims: vec![
            (uint(2), text(URI)),
            (uint(4), uint(NOW + 7 * DAY)),
            (uint(6), uint(iat)),
            (uint(65533), lst(&zlib(&statuses()), 2)),
            (uint(65534), uint(HOUR)),
        ],
        key: status_key(),
    }
}

pub fn status_header(key: &IssuerSigningKey) -> Vec<Pair> {
    let typ = text("application/statuslist+cwt");
    vec![(uint(1), int(key.alg().label())), (uint(4), bytes(&key.kid().0)), (uint(16), typ)]
}

pub fn lst(compressed: &[u8], bits: u64) -> Bytes {
    map(&[(text("lst"), bytes(compressed)), (text("bits"), uint(bits))])
}

pub fn statuses() -> Vec<u8> {
    let mut packed = vec![0; 300_000];
    for (idx, status) in [(IDX_REVOKED, 1), (IDX_SUSPENDED, 2), (IDX_RESERVED, 3_u8)] {
        packed[usize::try_from(idx / 4).expect("the list is short")] |= status << (idx % 4 * 2);
    }
    packed
}

pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a vector takes every byte")
}
