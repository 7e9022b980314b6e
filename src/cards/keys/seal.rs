//! How a private key lies on a disk: sealed with XChaCha20-Poly1305 under a key that Argon2id makes of a passphrase. What a
//! file holds besides the secret is bound to it, so that nobody can give a secret another role.

use anyhow::{Context as _, anyhow, ensure};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::base::random::Random;

/// The cost of stretching a passphrase: RFC 9106's second recommendation, 64 MiB and three passes.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// The most work that a file may ask for: one that asks for more was not written by us, and would only tie up the
/// machine.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 16;

const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;

/// The shortest passphrase with which a file is made.
pub const MIN_PASSPHRASE_CHARS: usize = 12;

/// The passphrase of sealed files; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a passphrase as typed or read, without the line's end.
    pub fn new(text: String) -> Self {
        let text = Zeroizing::new(text);
        Self(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned()))
    }

    /// Refuses a passphrase that is too short to protect a key.
    pub fn checked(self) -> anyhow::Result<Self> {
        ensure!(
            self.0.chars().count() >= MIN_PASSPHRASE_CHARS,
            "a passphrase has at least {MIN_PASSPHRASE_CHARS} characters"
        );
        Ok(self)
    }
}

/// The way in which a file's passphrase becomes its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seal {
    kdf: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    #[serde(with = "hex")]
    salt: [u8; SALT_BYTES],
}

/// Seals and opens the secrets of one file.
pub struct Sealer(XChaCha20Poly1305);

impl Seal {
    /// A seal with a fresh salt.
    pub fn new(random: &Random) -> Self {
        Self {
            kdf: "argon2id".into(),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: random.bytes(),
        }
    }

    /// Stretches the passphrase; takes a noticeable part of a second.
    pub fn sealer(&self, passphrase: &Passphrase) -> anyhow::Result<Sealer> {
        ensure!(self.kdf == "argon2id", "the key file is sealed in an unknown way: {}", self.kdf);
        ensure!(
            self.memory_kib <= MAX_MEMORY_KIB && self.passes <= MAX_PASSES && self.lanes == LANES,
            "the key file asks for an unreasonable amount of work"
        );
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32))
            .map_err(|error| anyhow!("the key file's seal is damaged: {error}"))?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.0.as_bytes(), &self.salt, &mut key[..])
            .map_err(|error| anyhow!("the passphrase could not be stretched: {error}"))?;
        Ok(Sealer(XChaCha20Poly1305::new(&Key::from(*key))))
    }
}

impl Sealer {
    /// Seals a secret together with what it belongs to: nonce and ciphertext.
    pub fn seal(&self, secret: &[u8; 32], belongs_to: &[u8], random: &Random) -> anyhow::Result<Vec<u8>> {
        let nonce = random.bytes::<NONCE_BYTES>();
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: belongs_to })
            .map_err(|_| anyhow!("the secret could not be sealed"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what [`Self::seal`] made.
    pub fn open(&self, boxed: &[u8], belongs_to: &[u8]) -> anyhow::Result<Zeroizing<[u8; 32]>> {
        let (nonce, sealed) =
            boxed.split_first_chunk::<NONCE_BYTES>().context("a sealed key is cut short")?;
        let secret = self
            .0
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: belongs_to })
            .map(Zeroizing::new)
            .map_err(|_| anyhow!("the passphrase is wrong, or the key file was changed"))?;
        Ok(Zeroizing::new(secret.as_slice().try_into().context("a sealed key has a wrong length")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(passphrase: &str, random: &Random) -> (Seal, Sealer) {
        let seal = Seal { memory_kib: 64, ..Seal::new(random) };
        let sealer = seal.sealer(&Passphrase::new(passphrase.into())).unwrap();
        (seal, sealer)
    }

    #[test]
    fn a_secret_opens_with_its_passphrase_for_what_it_belongs_to_alone() {
        let random = Random::seeded(1);
        let (seal, sealer) = sealer("тихая гавань у моря", &random);
        let boxed = sealer.seal(&[7; 32], b"card", &random).unwrap();
        assert_eq!(*sealer.open(&boxed, b"card").unwrap(), [7; 32]);
        assert!(sealer.open(&boxed, b"status").is_err());
        assert!(sealer.open(&boxed[..40], b"card").is_err());
        let other = seal.sealer(&Passphrase::new("тихая гавань у реки".into())).unwrap();
        assert!(other.open(&boxed, b"card").is_err());
    }

    #[test]
    fn a_sealed_secret_with_any_bit_changed_does_not_open() {
        let random = Random::seeded(1);
        let (_, sealer) = sealer("тихая гавань у моря", &random);
        let boxed = sealer.seal(&[7; 32], b"card", &random).unwrap();
        for bit in 0..boxed.len() * 8 {
            let mut changed = boxed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer.open(&changed, b"card").is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_line_end_is_no_part_of_a_passphrase_and_a_short_one_is_refused() {
        assert_eq!(*Passphrase::new("двенадцать букв\r\n".into()).0, "двенадцать букв");
        assert!(Passphrase::new("коротко".into()).checked().is_err());
    }
}
