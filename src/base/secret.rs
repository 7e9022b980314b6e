//! The instance's own secret: it keys the hashes of typed codes and API keys, so that a copy of the database alone cannot be
//! searched for them (50 bits could be). All servers of a database have the same one. It signs nothing that leaves the instance.

use std::path::Path;

use anyhow::{Context as _, ensure};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use sqlx::PgPool;

use crate::base::random::Random;

const FILE: &str = "secret.hex";

/// 32 bytes that never leave the data folder.
pub struct InstanceSecret([u8; 32]);

impl InstanceSecret {
    /// Reads the secret, or makes it on the first start.
    ///
    /// # Errors
    /// Also when the database was used with another secret: what was given out under that one would be refused here.
    pub async fn open(data: &Path, db: &PgPool, random: &Random) -> anyhow::Result<Self> {
        let path = data.join(FILE);
        let known = known_mac(db).await?;
        if !path.exists() {
            ensure!(
                known.is_none(),
                "{} is missing, and this database was used with one: copy it from another of its servers or from the backup",
                path.display()
            );
            crate::base::files::write_private(&path, hex::encode(random.bytes::<32>()).as_bytes())?;
        }
        let secret = Self::read(&path)?;
        let mac = secret.mac("instance", &[]);
        sqlx::query!("insert into instance_secret (check_mac) values ($1) on conflict do nothing", &mac[..])
            .execute(db)
            .await?;
        ensure!(
            known_mac(db).await?.is_some_and(|known| known == mac),
            "{} is not the one that this database was used with: copy that of its other servers or of the backup",
            path.display()
        );
        Ok(secret)
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = crate::base::files::read_private(path)?;
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

async fn known_mac(db: &PgPool) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!("select check_mac from instance_secret").fetch_optional(db).await
}
