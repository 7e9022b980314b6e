//! `docs/card-format.md` prints bytes, and they are the ones that the vectors hold and the crate makes.

use sha2::{Digest as _, Sha256};

use profcards_card::{DeviceKey, TrustList, from_text, kid_of};

use crate::Vector;
use crate::mutants::signed_bytes;
use crate::vectors::vectors;

pub const DOCUMENT: &str = include_str!("../../../../docs/card-format.md");

const PAPER: &str = "paper, issuer -8";
const PHONE: &str = "phone, Ed25519, issuer -8";

fn named(name: &str) -> Vector {
    assert!(DOCUMENT.contains(&format!("`{name}`")), "the document names the vector {name}");
    vectors().into_iter().find(|vector| vector.name == name).expect("a vector of this name")
}

fn token(vector: &Vector) -> Vec<u8> {
    from_text(&vector.token).expect("a text of ours")
}

/// The bytes that are printed in the fenced block below the line that begins with `title`: of each line what stands before `;`.
fn printed(title: &str) -> Vec<u8> {
    let (_, below) = DOCUMENT.split_once(&format!("\n{title}")).expect("the title");
    let block = below.split("\n```").nth(1).expect("a block below the title");
    let lines = block.lines().skip(1).map(|line| line.split(';').next().unwrap_or_default());
    let digits: String = lines.flat_map(str::chars).filter(|character| !character.is_whitespace()).collect();
    hex::decode(digits).expect("hexadecimal digits")
}

#[test]
fn the_printed_token_is_the_vectors() {
    let paper = named(PAPER);
    assert!(DOCUMENT.contains(&paper.token), "the text as the camera reads it");
    assert_eq!(hex::encode(printed("**The token.**")), hex::encode(token(&paper)));
}

#[test]
fn the_printed_key_signed_what_is_printed() {
    let paper = named(PAPER);
    let roots: Vec<[u8; 32]> =
        paper.roots.iter().map(|root| hex::decode(root).unwrap().try_into().unwrap()).collect();
    let trust =
        TrustList::load(&hex::decode(paper.trust_list.as_ref().unwrap()).unwrap(), &roots, None).unwrap();
    let cose_key = printed("**The key.**");
    let key = DeviceKey::from_cose_key(&cose_key).unwrap();
    let listed = &trust.claims().keys[0];
    assert_eq!(key, DeviceKey::Ed25519(listed.public_key));
    let thumbprint = Sha256::digest(&cose_key);
    assert!(DOCUMENT.contains(&hex::encode(thumbprint)), "the thumbprint is {}", hex::encode(thumbprint));
    assert_eq!((&listed.kid.0[..], kid_of(&listed.public_key)), (&thumbprint[..4], listed.kid));

    let token = token(&paper);
    let signed = printed("**What is signed.**");
    assert_eq!(hex::encode(&signed), hex::encode(signed_bytes(&token)));
    assert_eq!(key.verify(&signed, &token[token.len() - 64..]), Ok(()));
}

#[test]
fn the_printed_identity_is_the_hash_of_what_the_phone_signed() {
    let phone = named(PHONE);
    let identity = hex::encode(Sha256::digest(signed_bytes(&token(&phone))));
    assert_eq!(phone.expect.proof_id.as_ref(), Some(&identity));
    let signed = printed("**A showing.**");
    assert_eq!(hex::encode(&signed), hex::encode(signed_bytes(&token(&phone))));
    assert!(DOCUMENT.contains(&identity), "the identity is {identity}");
}
