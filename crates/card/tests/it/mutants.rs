//! No change to a token makes another token that is accepted, and a proof is itself however it is signed.

use std::sync::LazyLock;

use minicbor::{Decoder, Encoder};
use p256::ecdsa::Signature;
use p256::elliptic_curve::{PrimeField as _, ops::Reduce, point::AffineCoordinates as _};
use p256::{ProjectivePoint, Scalar, U256};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use profcards_card::{DeviceSigningKey, VerdictCode, to_text};

use crate::mutate::{KINDS, Original, Random, kind_name, mutant, mutant_of_kind};
use crate::union::{Till, phones, valid_tokens};

static TILL: LazyLock<Till> = LazyLock::new(Till::new);
static ORIGINALS: LazyLock<Vec<Original>> = LazyLock::new(|| {
    valid_tokens().iter().map(|token| Original::new(&to_text(token)).expect("a token")).collect()
});

fn is_accepted(text: &[u8]) -> bool {
    TILL.verify(&String::from_utf8_lossy(text)).accepted
}

#[test]
fn no_kind_of_mutant_is_accepted() {
    let mut random = Random::new(7);
    for kind in 0..KINDS {
        let mutants: Vec<Vec<u8>> = ORIGINALS
            .iter()
            .flat_map(|original| std::iter::repeat_n(original, 30))
            .filter_map(|original| mutant_of_kind(kind, original, &mut random))
            .collect();
        assert!(!mutants.is_empty(), "{}: applies to no token", kind_name(kind));
        assert!(!mutants.iter().any(|text| is_accepted(text)), "{}: was accepted", kind_name(kind));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_mutant_is_accepted(which in 0..3_usize, seed: u64) {
        let text = mutant(&ORIGINALS[which], &mut Random::new(seed));
        prop_assert!(!is_accepted(&text), "{}", String::from_utf8_lossy(&text));
    }
}

proptest! {
    /// The phone may sign the same words with any nonce: other tokens, all of them good, and one proof.
    #[test]
    fn a_proof_signed_again_is_the_same_proof(nonce in 1..u64::MAX) {
        let [_, phone] = phones();
        let token = valid_tokens().swap_remove(1);
        let first = TILL.verify(&to_text(&token)).proof.expect("a proof");
        let again = with_signature(&token, &sign_with(&phone, &signed_bytes(&token), nonce));
        prop_assert_ne!(&again, &token);
        let verdict = TILL.verify(&to_text(&again));
        prop_assert_eq!(verdict.code, VerdictCode::Accepted);
        prop_assert_eq!(verdict.proof.expect("a proof").identity, first.identity);
    }
}

/// The twin is refused; were it ever taken, it would still be the same proof, as would any other signature under it.
#[test]
fn the_identity_does_not_depend_on_the_signature() {
    for token in &valid_tokens()[..2] {
        let identity = TILL.verify(&to_text(token)).proof.expect("a proof").identity;
        let signature = &token[token.len() - 64..];
        let (r, s) = Signature::from_slice(signature).unwrap().split_scalars();
        let twin = Signature::from_scalars(r, -*s).unwrap();
        for other in [twin.to_bytes().to_vec(), vec![0; 64]] {
            let changed = with_signature(token, &other);
            assert!(!is_accepted(to_text(&changed).as_bytes()));
            assert_eq!(Sha256::digest(signed_bytes(&changed))[..], identity.0);
        }
    }
}

/// What a message's signature is over, made from its bytes as any implementer would.
pub fn signed_bytes(token: &[u8]) -> Vec<u8> {
    let mut d = Decoder::new(token);
    d.tag().and_then(|_| d.array()).unwrap();
    let protected = d.bytes().unwrap();
    d.map().unwrap();
    let payload = d.bytes().unwrap();
    let mut e = Encoder::new(Vec::new());
    e.array(4).unwrap().str("Signature1").unwrap().bytes(protected).unwrap();
    e.bytes(&[]).unwrap().bytes(payload).unwrap();
    e.into_writer()
}

/// The signature is what a token ends with.
fn with_signature(token: &[u8], signature: &[u8]) -> Vec<u8> {
    [&token[..token.len() - 64], signature].concat()
}

fn sign_with(phone: &DeviceSigningKey, message: &[u8], nonce: u64) -> Vec<u8> {
    let DeviceSigningKey::P256(key) = phone else { unreachable!("it is a P-256 phone") };
    let nonce = Scalar::from(nonce);
    let hash = <Scalar as Reduce<U256>>::reduce_bytes(&Sha256::digest(message));
    let r = <Scalar as Reduce<U256>>::reduce_bytes(&(ProjectivePoint::GENERATOR * nonce).to_affine().x());
    let s = nonce.invert().unwrap() * (hash + r * key.as_nonzero_scalar().as_ref());
    let signature = Signature::from_scalars(r.to_repr(), s.to_repr()).unwrap();
    signature.normalize_s().unwrap_or(signature).to_bytes().to_vec()
}
