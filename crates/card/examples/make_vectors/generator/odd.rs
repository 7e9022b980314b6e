//! Ed25519 signatures that their key's owner can make, and that only a careless verifier takes: the equation holds for some
//! readings of the standard and fails for others, so two verifiers could disagree about one token.

use curve25519_dalek::{EdwardsPoint, Scalar, constants::EIGHT_TORSION};
use ed25519_dalek::SigningKey;
use sha2::{Digest as _, Sha512};

use super::world::secret;

/// R is the neutral point; the equation holds to the letter.
pub fn neutral_r(name: &str, message: &[u8]) -> [u8; 64] {
    sign(name, message, Scalar::ZERO, EIGHT_TORSION[0])
}

/// R is of order eight; the equation holds once both sides are multiplied by eight.
pub fn small_r(name: &str, message: &[u8]) -> [u8; 64] {
    sign(name, message, Scalar::ZERO, EIGHT_TORSION[1])
}

/// An ordinary R with a point of order eight added; the equation holds once both sides are multiplied by eight.
pub fn cofactored(name: &str, message: &[u8]) -> [u8; 64] {
    sign(name, message, Scalar::from(0x00c0_ffee_u64), EIGHT_TORSION[1])
}

/// Signs with the key named so, over R = nonce · B + `added`.
fn sign(name: &str, message: &[u8], nonce: Scalar, added: EdwardsPoint) -> [u8; 64] {
    let key = SigningKey::from_bytes(&secret(name));
    let r = (EdwardsPoint::mul_base(&nonce) + added).compress().to_bytes();
    let hash =
        Sha512::new().chain_update(r).chain_update(key.verifying_key().as_bytes()).chain_update(message);
    let s = nonce + Scalar::from_bytes_mod_order_wide(&hash.finalize().into()) * key.to_scalar();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}
