//! A union made through the public API alone: keys, lists, cards and a till.

use profcards_card::{
    CardClaims, Category, Context, DeviceSigningKey, IssuerAlg, IssuerSigningKey, KeyRole, ListLocation,
    Policy, ProofClaims, Shown, StatusBits, StatusList, StatusListClaims, StatusLists, StatusRef,
    StatusSource, TrustList, TrustListClaims, TrustedKey, Verdict, VerdictCode, Wants, constants, issue_card,
    present, verify,
};

pub const NOW: u64 = 1_795_348_800;
pub const URI: &str = "urn:pc:s1";

pub fn key(role: KeyRole) -> IssuerSigningKey {
    let secret = [role as u8 + 1; 32];
    IssuerSigningKey::from_secret(&secret, role, IssuerAlg::EdDsa)
}

pub fn phones() -> [DeviceSigningKey; 2] {
    [DeviceSigningKey::ed25519(&[11; 32]), DeviceSigningKey::p256(&[12; 32]).unwrap()]
}

pub fn claims(device: Option<&DeviceSigningKey>) -> CardClaims {
    let life = if device.is_some() { constants::PHONE_CARD_SECONDS } else { constants::PAPER_CARD_SECONDS };
    CardClaims {
        number: "079927398713".parse().unwrap(),
        iat: NOW,
        exp: NOW + life,
        cnf: device.map(DeviceSigningKey::public_key),
        status: StatusRef { uri: URI.to_owned(), idx: 1_199_999 },
        shown: Shown::new("Иванова М. П.", 77, Category::Working).unwrap(),
    }
}

pub fn paper() -> Vec<u8> {
    issue_card(&claims(None), &key(KeyRole::Card)).unwrap()
}

pub fn shown(device: &DeviceSigningKey, proof: &ProofClaims) -> Vec<u8> {
    let card = issue_card(&claims(Some(device)), &key(KeyRole::Card)).unwrap();
    present(&card, proof, device).unwrap()
}

/// One token of each kind, all accepted by [`Till::verify`].
pub fn valid_tokens() -> Vec<Vec<u8>> {
    let proof =
        ProofClaims { iat: NOW, challenge: Some("4271".to_owned()), max_redemption_kopecks: Some(100_000) };
    phones().iter().map(|phone| shown(phone, &proof)).chain([paper()]).collect()
}

pub fn trust_list() -> Vec<u8> {
    let claims = TrustListClaims {
        iss: "Профсоюз".to_owned(),
        exp: NOW + constants::TRUST_LIST_SECONDS,
        iat: NOW,
        seq: 1,
        keys: [KeyRole::Card, KeyRole::Status].map(|role| TrustedKey::of(&key(role), NOW, 2 * NOW)).to_vec(),
        lists: vec![ListLocation { uri: URI.to_owned(), path: "/status/1".to_owned() }],
        policy: Policy::default(),
    };
    claims.sign(&key(KeyRole::Root)).unwrap()
}

pub fn status_list() -> Vec<u8> {
    status_list_of(StatusBits::new(1_200_000)).sign(&key(KeyRole::Status)).unwrap()
}

pub fn status_list_of(bits: StatusBits) -> StatusListClaims {
    StatusListClaims {
        uri: URI.to_owned(),
        exp: NOW + constants::STATUS_LIST_SECONDS,
        iat: NOW,
        ttl_seconds: constants::STATUS_LIST_TTL_SECONDS,
        bits,
    }
}

/// A till that holds the union's lists.
pub struct Till {
    pub trust: TrustList,
    lists: StatusLists,
}

impl Till {
    pub fn new() -> Self {
        let trust = load_trust(&trust_list()).unwrap();
        let mut lists = StatusLists::default();
        lists.add(StatusList::load(&status_list(), &trust, NOW, None).unwrap());
        Self { trust, lists }
    }

    pub fn verify(&self, text: &str) -> Verdict {
        let context = Context {
            now: NOW,
            trust: Ok(&self.trust),
            status: StatusSource::Lists(&self.lists),
            challenge: Some("4271"),
            wants: Wants::Redemption { amount_kopecks: None },
            seen: &|_| false,
        };
        verify(text, &context)
    }
}

pub fn load_trust(bytes: &[u8]) -> Result<TrustList, VerdictCode> {
    TrustList::load(bytes, &[key(KeyRole::Root).public_key()], None)
}
