//! Passwords: argon2id with the parameters that OWASP recommends, hashed away from the request threads.

use std::sync::{Arc, LazyLock};

use anyhow::anyhow;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use crate::base::error::{Error, Result};
use crate::base::random::Random;

/// The hash that is verified where there is no account, so that an unknown login takes as long as a wrong password.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ib2R5$0kZ2k3VvI6UvP1f4m8oX1o0s5q3m9b6dT9m3l0Zb1nM";

/// Hashing takes 19 MiB each, so only so many run at once; the rest wait.
static HASHING: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(4)));

/// The longest password; longer ones are refused before hashing.
pub const MAX_PASSWORD_BYTES: usize = 256;

/// The bytes that stand for a password: composed, because keyboards differ in how they send «й» (RFC 8265).
fn composed(password: &str) -> String {
    password.nfc().collect()
}

/// Hashes a password with a fresh salt into a PHC string.
pub fn hash(password: &str, random: &Random) -> anyhow::Result<String> {
    let hash = Argon2::default()
        .hash_password_with_salt(composed(password).as_bytes(), &random.bytes::<16>())
        .map_err(|error| anyhow!("hashing failed: {error}"))?;
    Ok(hash.to_string())
}

/// Whether `password` belongs to `stored`; `None` stands for an account that does not exist.
pub async fn verify(password: String, stored: Option<String>) -> Result<bool> {
    let known = stored.is_some();
    let turn = HASHING.clone().acquire_owned().await.map_err(|error| Error::Internal(error.into()))?;
    let matches = tokio::task::spawn_blocking(move || {
        // It goes on when whoever asked has hung up, and so takes its place until it is done.
        let _turn = turn;
        let stored = stored.as_deref().unwrap_or(NOBODY);
        let hash = PasswordHash::new(stored).map_err(|error| anyhow!("a stored hash is damaged: {error}"))?;
        Ok::<_, anyhow::Error>(
            Argon2::default().verify_password(composed(&password).as_bytes(), &hash).is_ok(),
        )
    })
    .await
    .map_err(|error| Error::Internal(error.into()))??;
    Ok(known && matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_in_hash_is_readable() {
        assert!(PasswordHash::new(NOBODY).is_ok());
    }

    #[tokio::test]
    async fn a_password_opens_its_own_hash_only() {
        let stored = hash("тихая гавань", &Random::seeded(1)).unwrap();
        assert!(verify("тихая гавань".into(), Some(stored.clone())).await.unwrap());
        assert!(!verify("тихая гавань ".into(), Some(stored)).await.unwrap());
        assert!(!verify("nobody".into(), None).await.unwrap());
        let decomposed = hash("мои\u{306} пароль", &Random::seeded(1)).unwrap();
        assert!(verify("мой пароль".into(), Some(decomposed)).await.unwrap());
    }
}
