//! A member's phone: it makes its key, is enrolled over HTTP, and shows living codes.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use profcards::cards::enrolment::{PROFCARDS_TEXT_VERSION, possession_message};
use profcards_card::{CardClaims, DeviceSigningKey, ProofClaims, SignedCard, issue_card, present, to_text};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::BIRTH_DATE;
use super::{Client, Reply, TestApp, next_id, settled};

/// A phone, enrolled.
pub struct Phone {
    pub key: DeviceSigningKey,
    pub client: Client,
    pub member: Uuid,
    /// The card's COSE bytes.
    pub card: Vec<u8>,
    shown: AtomicU32,
}

/// A new Ed25519 key; never the same twice in a run.
pub fn ed25519() -> DeviceSigningKey {
    DeviceSigningKey::ed25519(&secret())
}

/// A new P-256 key.
pub fn p256() -> DeviceSigningKey {
    DeviceSigningKey::p256(&secret()).unwrap()
}

fn secret() -> [u8; 32] {
    let mut secret = [0x11; 32];
    secret[16..].copy_from_slice(next_id().as_bytes());
    secret
}

/// What an activation check is asked.
pub fn check_body(code: &str) -> Value {
    json!({ "code": code, "birthDate": BIRTH_DATE })
}

/// An enrolment's body with the consent to ПрофКардс, signed by this key.
pub fn enrolment(key: &DeviceSigningKey, challenge: &str) -> Value {
    let bytes: [u8; 32] = BASE64_URL_SAFE_NO_PAD.decode(challenge).unwrap().try_into().unwrap();
    json!({
        "challenge": challenge,
        "publicKey": BASE64_URL_SAFE_NO_PAD.encode(key.public_key().to_cose_key()),
        "signature": BASE64_URL_SAFE_NO_PAD.encode(key.sign(&possession_message(&bytes))),
        "consents": [{ "kind": "profcards", "textVersion": PROFCARDS_TEXT_VERSION }],
    })
}

/// Types a code; answers the challenge to sign.
pub async fn challenge_for(client: &Client, code: &Value) -> String {
    let offer = client.post("/api/activation/check", &check_body(code.as_str().unwrap())).await.json(200);
    offer["challenge"].as_str().unwrap().to_owned()
}

/// The text of a code for a card (its COSE bytes), shown with this key.
pub fn shown(card: &[u8], at: u64, key: &DeviceSigningKey) -> String {
    to_text(&present(card, &ProofClaims { iat: at, ..ProofClaims::default() }, key).unwrap())
}

impl Phone {
    /// Prints a sheet for the member and activates an Ed25519 phone with it.
    pub async fn activate(app: &TestApp, member: Uuid) -> Self {
        Self::activate_with(app, member, ed25519()).await
    }

    /// The same with a key of one's choice.
    pub async fn activate_with(app: &TestApp, member: Uuid, key: DeviceSigningKey) -> Self {
        let sheet = app.sheet(&app.chair().await, member).await;
        Self::enrol(app, member, &sheet["code"], key).await
    }

    /// Enrols a phone with a code that was printed before.
    pub async fn enrol(app: &TestApp, member: Uuid, code: &Value, key: DeviceSigningKey) -> Self {
        let client = app.anonymous();
        let challenge = challenge_for(&client, code).await;
        let reply = client.post("/api/activation/enrol", &enrolment(&key, &challenge)).await;
        Self::enrolled(key, client, member, &reply)
    }

    /// The phone that an enrolment's answer made.
    pub fn enrolled(key: DeviceSigningKey, client: Client, member: Uuid, reply: &Reply) -> Self {
        let profile = reply.json(201);
        let card = hex::decode(profile["card"]["cardHex"].as_str().unwrap()).unwrap();
        Self { key, client, member, card, shown: AtomicU32::new(1) }
    }

    /// The text of a code shown at this moment; each one is another proof.
    pub fn token(&self, at: u64) -> String {
        let n = self.shown.fetch_add(1, Ordering::Relaxed);
        self.token_of(&ProofClaims { iat: at, challenge: Some(format!("{n:06}")), ..ProofClaims::default() })
    }

    /// The text of a code that lets the till with these digits take so much of the balance.
    pub fn redeeming(&self, at: u64, digits: &str, max_kopecks: u64) -> String {
        let (challenge, max) = (Some(digits.to_owned()), Some(max_kopecks));
        self.token_of(&ProofClaims { iat: at, challenge, max_redemption_kopecks: max })
    }

    /// The text of a code that says just this.
    pub fn token_of(&self, proof: &ProofClaims) -> String {
        to_text(&present(&self.card, proof, &self.key).unwrap())
    }

    /// A code of this member's card for another phone, signed by this instance's key, yet never recorded: a card that a
    /// thief of the key would make.
    pub fn forged(&self, app: &TestApp, at: u64) -> String {
        let thief = ed25519();
        let claims = SignedCard::parse(&self.card).unwrap().claims;
        let claims = CardClaims { cnf: Some(thief.public_key()), ..claims };
        let card = issue_card(&claims, &app.app.keys.card_key(app.now()).unwrap()).unwrap();
        shown(&card, at, &thief)
    }

    /// The server's id of this phone.
    pub async fn device_id(&self, app: &TestApp) -> Uuid {
        sqlx::query_scalar("select id from device where membership_id = $1 and cose_key = $2")
            .bind(self.member)
            .bind(self.key.public_key().to_cose_key())
            .fetch_one(&app.app.db)
            .await
            .unwrap()
    }

    pub async fn profile(&self) -> Value {
        self.client.get("/api/member/profile").await.json(200)
    }

    /// The card as hex that the member's own profile has.
    pub async fn card_hex(&self) -> String {
        self.profile().await["card"]["cardHex"].as_str().unwrap().to_owned()
    }

    /// (available, pending) in kopecks, as the member sees them.
    pub async fn balance(&self) -> (i64, i64) {
        let balance = self.profile().await["balance"].clone();
        let kopecks = |name: &str| balance[name].as_i64().unwrap();
        (kopecks("availableKopecks"), kopecks("pendingKopecks"))
    }

    /// Pulls once from a cursor, or everything.
    pub async fn pull_once(&self, cursor: &str) -> Value {
        let path = format!("/api/sync/pull?face=member&schema=1&cursor={cursor}");
        self.client.get(&path).await.json(200)
    }

    /// Pulls until nothing waits: the other tests' transactions count among the database server's oldest too.
    pub async fn pull(&self, cursor: &str) -> Value {
        settled(async || self.pull_once(cursor).await).await
    }

    /// Gives or withdraws the consent to ПрофКардс.
    pub async fn consent(&self, given: bool) -> Value {
        let body = json!({ "kind": "profcards", "given": given, "textVersion": PROFCARDS_TEXT_VERSION });
        self.client.post("/api/member/consents", &body).await.json(200)
    }
}
