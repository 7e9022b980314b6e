//! The instance's own secret: it keys the hashes of typed codes, so that a copy of the database alone cannot be
//! searched for them (50 bits could be). It signs nothing that leaves the instance.

use std::path::Path;

use anyhow::Context as _;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::random::Random;

const FILE: &str = "secret.hex";

/// 32 bytes that never leave the data folder.
pub struct InstanceSecret([u8; 32]);

impl InstanceSecret {
    /// Reads the secret, or makes it on the first start.
    pub fn open(data: &Path, random: &Random) -> anyhow::Result<Self> {
        let path = data.join(FILE);
        if !path.exists() {
            crate::files::write_private(&path, hex::encode(random.bytes::<32>()).as_bytes())?;
        }
        let text = crate::files::read_private(&path)?;
        let mut secret = [0; 32];
        hex::decode_to_slice(text.trim(), &mut secret)
            .with_context(|| format!("{} is damaged", path.display()))?;
        Ok(Self(secret))
    }

    /// HMAC-SHA-256 over `parts` under a purpose, each part preceded by its length so that no two inputs collide.
    ///
    /// # Panics
    /// Never: HMAC takes a key of any length.
    pub fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}
