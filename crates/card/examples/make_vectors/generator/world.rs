//! The union of the vectors: its keys, its members' phones, its lists, and the ordinary card and presentation.

use profcards_card::{DeviceSigningKey, IssuerAlg, IssuerSigningKey, KeyRole};

use super::lists::{List, key_entry, status_list, trust_list, trust_list_of};
use super::raw::{self, Bytes, Pair, bytes, int, map, sha256, text, uint};
use super::vector::{Expect, Held, Vector};

/// 2026-11-22 12:00:00 UTC.
pub const NOW: u64 = 1_795_348_800;
pub const HOUR: u64 = 3600;
pub const DAY: u64 = 24 * HOUR;

/// The number on every card that is good.
pub const NUMBER: &str = "079927398713";
pub const URI: &str = "urn:pc:s1";
/// Places on the list of `lists.rs` with each status.
pub const IDX_VALID: u64 = 1_000_000;
pub const IDX_REVOKED: u64 = 1_000_001;
pub const IDX_SUSPENDED: u64 = 1_000_002;
pub const IDX_RESERVED: u64 = 1_000_003;

pub fn secret(name: &str) -> [u8; 32] {
    sha256(format!("profcards vectors: {name}").as_bytes())
}

pub fn issuer(name: &str, role: KeyRole, alg: IssuerAlg) -> IssuerSigningKey {
    IssuerSigningKey::from_secret(&secret(name), role, alg)
}

pub fn root() -> IssuerSigningKey {
    issuer("root", KeyRole::Root, IssuerAlg::EdDsa)
}

pub fn second_root() -> IssuerSigningKey {
    issuer("second root", KeyRole::Root, IssuerAlg::EdDsa)
}

pub fn card_key() -> IssuerSigningKey {
    issuer("card", KeyRole::Card, IssuerAlg::EdDsa)
}

/// The newer card key, pinned to label −19.
pub fn card_key_19() -> IssuerSigningKey {
    issuer("card 19", KeyRole::Card, IssuerAlg::Ed25519)
}

pub fn status_key() -> IssuerSigningKey {
    issuer("status", KeyRole::Status, IssuerAlg::EdDsa)
}

/// A key that no trust list names.
pub fn stranger() -> IssuerSigningKey {
    issuer("stranger", KeyRole::Card, IssuerAlg::EdDsa)
}

pub fn phone() -> DeviceSigningKey {
    DeviceSigningKey::ed25519(&secret("phone"))
}

pub fn phone_p256() -> DeviceSigningKey {
    DeviceSigningKey::p256(&secret("phone p256")).expect("a hash is nearly always a scalar")
}

/// A card to be, still open to every kind of damage.
#[derive(Clone)]
pub struct Card {
    pub header: Vec<Pair>,
    pub claims: Vec<Pair>,
    key: IssuerSigningKey,
}

impl Card {
    /// A phone card with this phone, issued an hour ago.
    pub fn phone(device: &DeviceSigningKey) -> Self {
        Self::of_class(Some(device.public_key().to_cose_key()), 1)
    }

    pub fn paper() -> Self {
        Self::of_class(None, 2)
    }

    pub fn of_class(cose_key: Option<Bytes>, class: u64) -> Self {
        let cnf = cose_key.map(|key| (uint(8), map(&[(uint(1), key)])));
        let shown = [text("Иванова М. П."), uint(77), uint(1)];
        let claims = [(uint(2), text(NUMBER)), (uint(4), uint(NOW + 59 * DAY)), (uint(6), uint(NOW - HOUR))]
            .into_iter()
            .chain(cnf)
            .chain([
                (uint(65535), status_ref(IDX_VALID, URI)),
                (int(-65537), raw::array(&shown)),
                (int(-65538), uint(class)),
            ])
            .collect();
        Self { header: vec![], claims, key: card_key() }.signed_by(&card_key())
    }

    /// Signed by another key, and saying so.
    pub fn signed_by(self, key: &IssuerSigningKey) -> Self {
        let header = vec![(uint(1), int(key.alg().label())), (uint(4), bytes(&key.kid().0))];
        Self { header, key: key.clone(), ..self }
    }

    /// The same with another header, the key staying.
    pub fn with_header(self, header: Vec<Pair>) -> Self {
        Self { header, ..self }
    }

    /// The same with a claim's value replaced.
    pub fn with(mut self, label: i64, value: Bytes) -> Self {
        let label = int(label);
        let claim = self.claims.iter_mut().find(|(key, _)| *key == label).expect("a card has the claim");
        claim.1 = value;
        self
    }

    pub fn with_idx(self, idx: u64) -> Self {
        self.with(65535, status_ref(idx, URI))
    }

    pub fn payload(&self) -> Bytes {
        map(&self.claims)
    }

    pub fn protected(&self) -> Bytes {
        map(&self.header)
    }

    pub fn build(&self) -> Bytes {
        self.build_with(&self.protected(), &self.payload())
    }

    pub fn build_with(&self, protected: &[u8], payload: &[u8]) -> Bytes {
        raw::signed(protected, payload, |message| self.key.sign(message))
    }
}

pub fn status_ref(idx: u64, uri: &str) -> Bytes {
    map(&[(text("status_list"), map(&[(text("idx"), uint(idx)), (text("uri"), text(uri))]))])
}

/// A presentation to be.
#[derive(Clone)]
pub struct Showing {
    pub header: Vec<Pair>,
    pub claims: Vec<Pair>,
    device: DeviceSigningKey,
}

impl Showing {
    /// The card shown by its phone three seconds ago.
    pub fn of(card: &[u8], device: &DeviceSigningKey) -> Self {
        Self::at(NOW - 3, card, device)
    }

    pub fn at(moment: u64, card: &[u8], device: &DeviceSigningKey) -> Self {
        let alg = device.public_key().alg_label();
        Self {
            header: vec![(uint(1), int(alg)), (uint(13), card.to_vec()), (uint(16), uint(294))],
            claims: vec![(uint(3), text("pc")), (uint(6), uint(moment))],
            device: device.clone(),
        }
    }

    pub fn answering(mut self, digits: &str) -> Self {
        self.claims.push((uint(39), bytes(digits.as_bytes())));
        self
    }

    pub fn spending_at_most(mut self, kopecks: u64) -> Self {
        self.claims.push((int(-65539), uint(kopecks)));
        self
    }

    pub fn signed_bytes(&self) -> Bytes {
        raw::signed_bytes(&map(&self.header), &map(&self.claims))
    }

    pub fn identity(&self) -> String {
        hex::encode(sha256(&self.signed_bytes()))
    }

    pub fn build(&self) -> Bytes {
        raw::signed(&map(&self.header), &map(&self.claims), |message| self.device.sign(message))
    }

    pub fn build_with(&self, signature: &[u8]) -> Bytes {
        raw::framed(&map(&self.header), &[], &map(&self.claims), signature)
    }
}

/// What an ordinary till knows: both pinned roots, the lists of `lists.rs`, nothing held.
pub fn vector(name: &str, token: String, expect: Expect) -> Vector {
    Vector {
        name: name.to_owned(),
        token,
        now: NOW,
        roots: vec![hex::encode(root().public_key()), hex::encode(second_root().public_key())],
        trust_list: Some(hex::encode(trust_list().build())),
        status_lists: vec![hex::encode(status_list().build())],
        held: Held::default(),
        challenge: None,
        wants: "accrual".to_owned(),
        amount_kopecks: None,
        expect,
    }
}

/// The same at a till whose union has another policy.
pub fn under(policy: &[u8], vector: Vector) -> Vector {
    trusting(&trust_list_of(&[key_entry(&card_key()), key_entry(&status_key())], policy), vector)
}

/// The same at a till that was given another trust list.
pub fn trusting(list: &List, vector: Vector) -> Vector {
    Vector { trust_list: Some(hex::encode(list.build())), ..vector }
}

/// A vector that is refused at an ordinary till.
pub fn refused(name: &str, token: &[u8], code: &str) -> Vector {
    vector(name, raw::qr(token), Expect::refused(code))
}

/// A paper card that is accepted.
pub fn paper_accepted(name: &str, card: &[u8]) -> Vector {
    vector(name, raw::qr(card), accepted("paper", None).without_redemption())
}

/// A showing that is accepted.
pub fn showing_accepted(name: &str, showing: &Showing) -> Vector {
    vector(name, raw::qr(&showing.build()), accepted("phone", Some(showing.identity())))
}

fn accepted(class: &str, proof_id: Option<String>) -> Expect {
    Expect {
        accepted: true,
        code: "accepted".to_owned(),
        warning: None,
        allowed: vec![],
        number: Some(NUMBER.to_owned()),
        class: Some(class.to_owned()),
        proof_id,
    }
    .with_redemption()
}
