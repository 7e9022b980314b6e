//! CBOR and COSE written by hand, so that a vector may break any rule, and so that the valid ones do not rest on the
//! crate's own writer.

use base45::encode;
use sha2::{Digest as _, Sha256};

pub type Bytes = Vec<u8>;
pub type Pair = (Bytes, Bytes);

fn head(major: u8, value: u64) -> Bytes {
    let major = major << 5;
    let bytes = value.to_be_bytes();
    match value {
        0..24 => vec![major | bytes[7]],
        24..0x100 => vec![major | 0x18, bytes[7]],
        0x100..0x1_0000 => [&[major | 0x19], &bytes[6..]].concat(),
        0x1_0000..0x1_0000_0000 => [&[major | 0x1a], &bytes[4..]].concat(),
        _ => [&[major | 0x1b], &bytes[..]].concat(),
    }
}

pub fn uint(value: u64) -> Bytes {
    head(0, value)
}

/// An unsigned integer in eight bytes, however small it is.
pub fn long_uint(value: u64) -> Bytes {
    [&[0x1b], &value.to_be_bytes()[..]].concat()
}

pub fn int(value: i64) -> Bytes {
    if value < 0 { head(1, value.unsigned_abs() - 1) } else { head(0, value.unsigned_abs()) }
}

pub fn bytes(value: &[u8]) -> Bytes {
    [&head(2, value.len() as u64), value].concat()
}

pub fn text(value: &str) -> Bytes {
    [&head(3, value.len() as u64), value.as_bytes()].concat()
}

pub fn array(items: &[Bytes]) -> Bytes {
    [head(4, items.len() as u64), items.concat()].concat()
}

pub fn map(pairs: &[Pair]) -> Bytes {
    let entries = pairs.iter().flat_map(|(key, value)| [key.as_slice(), value.as_slice()].concat());
    head(5, pairs.len() as u64).into_iter().chain(entries).collect()
}

pub fn tag(number: u64, value: &[u8]) -> Bytes {
    [&head(6, number), value].concat()
}

/// `COSE_Sign1` over parts that may each be wrong in their own way.
pub fn framed(protected: &[u8], unprotected: &[Pair], payload: &[u8], signature: &[u8]) -> Bytes {
    tag(18, &array(&[bytes(protected), map(unprotected), bytes(payload), bytes(signature)]))
}

pub fn signed_bytes(protected: &[u8], payload: &[u8]) -> Bytes {
    array(&[text("Signature1"), bytes(protected), bytes(&[]), bytes(payload)])
}

pub fn signed(protected: &[u8], payload: &[u8], sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Bytes {
    framed(protected, &[], payload, &sign(&signed_bytes(protected, payload)))
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub fn qr(token: &[u8]) -> String {
    format!("PC1:{}", encode(token))
}
