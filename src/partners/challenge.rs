//! The digits that a till shows and a member types before paying from the balance. They are derived from the till's own
//! key and the number of the operation: they bind the member's proof to this till, and serve once, because an operation
//! number does. A till computes them without a network, all of them: so the ledger takes only numbers that are in turn.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use crate::secret::InstanceSecret;

/// What is authenticated begins with this, so that the key's other uses, should it ever have any, cannot be confused.
const DOMAIN: &[u8] = b"PC-CHALLENGE-1\0";
/// So many different challenges: four digits are typed without a slip.
const CHALLENGES: u32 = 10_000;

/// The key of one till's digits.
pub struct ChallengeKey([u8; 32]);

impl ChallengeKey {
    /// The key of a till; never stored, always the same.
    pub fn of(secret: &InstanceSecret, terminal_id: Uuid) -> Self {
        Self(secret.mac("till-challenge", &[terminal_id.as_bytes()]))
    }

    /// The key as the till is told it.
    pub fn to_text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The digits of an operation.
    ///
    /// # Panics
    /// Never: HMAC takes a key of any length.
    pub fn digits(&self, op_no: i64) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(DOMAIN);
        mac.update(&op_no.to_be_bytes());
        let [a, b, c, d, ..] = <[u8; 32]>::from(mac.finalize().into_bytes());
        format!("{:04}", u32::from_be_bytes([a, b, c, d]) % CHALLENGES)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Example {
        key_hex: String,
        op_no: i64,
        digits: String,
    }

    /// The till computes the same digits in the browser and is tested with the same file.
    #[test]
    fn the_digits_are_those_of_the_examples() {
        let examples: Vec<Example> =
            serde_json::from_str(include_str!("../../tests/it/data/challenge-digits.json")).unwrap();
        assert!(examples.len() >= 3);
        for example in examples {
            let mut key = [0; 32];
            hex::decode_to_slice(&example.key_hex, &mut key).unwrap();
            assert_eq!(ChallengeKey(key).digits(example.op_no), example.digits);
        }
    }
}
