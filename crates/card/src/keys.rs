//! Public keys, signing keys and their names. Never stores, reads or generates a key: secrets come in as bytes.

use std::fmt;

use ed25519_dalek::{Signer as _, VerifyingKey};
use minicbor::Decoder;
use p256::ecdsa::{self, signature::Verifier as _};
use sha2::{Digest as _, Sha256};

use crate::cbor::{FormatError, MapReader, Writer, Written, at_end, bytes_of, encoded, ensure, uint};
use crate::constants::{
    ALG_ED25519, ALG_EDDSA, ALG_ES256, CRV_ED25519, CRV_P256, KEY_CRV, KEY_KTY, KEY_X, KEY_Y, KID_BYTES,
    KTY_EC2, KTY_OKP, SIGNATURE_BYTES,
};
use crate::cose::Signature;

/// The public key cannot be used, or a signature is not its owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a `COSE_Key` in the strict form.
    #[error("not a key in the strict form")]
    Format,
    /// Not a point of the curve, or one of small order, for which anybody can sign.
    #[error("the key is no safe point of its curve")]
    Weak,
    /// The secret is no scalar of the curve.
    #[error("the secret is out of range")]
    Secret,
    /// The signature does not belong to this key and message.
    #[error("the signature is wrong")]
    Signature,
}

/// The first bytes of a key's SHA-256 thumbprint (RFC 9679).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid(pub [u8; KID_BYTES]);

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kid({self})")
    }
}

/// The role of an issuer's key: what it may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyRole {
    /// The trust list, and nothing else.
    Root,
    /// Cards.
    Card,
    /// Status lists.
    Status,
}

impl KeyRole {
    /// The word that names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Card => "card",
            Self::Status => "status",
        }
    }

    /// The role named by `word`.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Root, Self::Card, Self::Status].into_iter().find(|role| role.as_str() == word)
    }
}

/// The label under which an issuer's Ed25519 key signs; pinned per key, never taken from a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IssuerAlg {
    /// Label −8, the widely supported one.
    EdDsa,
    /// Label −19, its successor.
    Ed25519,
}

impl IssuerAlg {
    /// The COSE label.
    pub fn label(self) -> i64 {
        match self {
            Self::EdDsa => ALG_EDDSA,
            Self::Ed25519 => ALG_ED25519,
        }
    }

    /// The algorithm of a COSE label.
    pub fn from_label(label: i64) -> Option<Self> {
        [Self::EdDsa, Self::Ed25519].into_iter().find(|alg| alg.label() == label)
    }
}

/// An issuer's signing key with the one role and the one algorithm it has.
#[derive(Clone)]
pub struct IssuerSigningKey {
    role: KeyRole,
    alg: IssuerAlg,
    secret: ed25519_dalek::SigningKey,
}

impl IssuerSigningKey {
    /// The key whose 32-byte Ed25519 seed is `secret`.
    pub fn from_secret(secret: &[u8; 32], role: KeyRole, alg: IssuerAlg) -> Self {
        Self { role, alg, secret: ed25519_dalek::SigningKey::from_bytes(secret) }
    }

    /// The 32 bytes of the public key.
    pub fn public_key(&self) -> [u8; 32] {
        self.secret.verifying_key().to_bytes()
    }

    /// The key's short name.
    pub fn kid(&self) -> Kid {
        kid_of(&self.public_key())
    }

    /// The key's role: what it may sign.
    pub fn role(&self) -> KeyRole {
        self.role
    }

    /// The algorithm pinned to it.
    pub fn alg(&self) -> IssuerAlg {
        self.alg
    }

    /// The Ed25519 signature over exactly these bytes.
    pub fn sign(&self, message: &[u8]) -> Signature {
        self.secret.sign(message).to_bytes()
    }
}

impl fmt::Debug for IssuerSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuerSigningKey({} {})", self.role.as_str(), self.kid())
    }
}

/// The `kid` of an Ed25519 public key. Its `COSE_Key` holds just what RFC 9679 hashes.
pub fn kid_of(public_key: &[u8; 32]) -> Kid {
    let thumbprint = Sha256::digest(DeviceKey::Ed25519(*public_key).to_cose_key());
    let mut kid = [0; KID_BYTES];
    kid.copy_from_slice(&thumbprint[..KID_BYTES]);
    Kid(kid)
}

/// A public key as it stands on a card or in a trust list; use it only through [`Self::verify`], which checks the point.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceKey {
    /// The 32 bytes of an Ed25519 key.
    Ed25519([u8; 32]),
    /// The affine coordinates of a P-256 key, big-endian.
    P256 {
        /// Coordinate x.
        x: [u8; 32],
        /// Coordinate y.
        y: [u8; 32],
    },
}

impl DeviceKey {
    /// The `COSE_Key`, in its one form.
    pub fn to_cose_key(&self) -> Vec<u8> {
        encoded(|e| self.write(e))
    }

    /// Reads a `COSE_Key` from outside: the strict form, and a point that is safe to rely on.
    pub fn from_cose_key(bytes: &[u8]) -> Result<Self, KeyError> {
        let key = Self::parse(bytes).map_err(|_| KeyError::Format)?;
        key.check_point()?;
        Ok(key)
    }

    /// The COSE label of the algorithm that this kind of key signs with on a phone.
    pub fn alg_label(&self) -> i64 {
        match self {
            Self::Ed25519(_) => ALG_EDDSA,
            Self::P256 { .. } => ALG_ES256,
        }
    }

    /// Refuses what is no point of the curve, is not written in the shortest residue, or has a small order.
    pub fn check_point(&self) -> Result<(), KeyError> {
        match self {
            Self::Ed25519(x) => ed25519_key(x).map(drop),
            Self::P256 { x, y } => p256_key(x, y).map(drop),
        }
    }

    /// What [`Self::check_point`] sees at a glance: everything but whether an Ed25519 key is a point at all. For one that is
    /// none, nobody can sign; for one of small order, everybody.
    pub(crate) fn check_spelling(&self) -> Result<(), KeyError> {
        match self {
            Self::Ed25519(x) if is_spelt_safely(x) => Ok(()),
            Self::Ed25519(_) => Err(KeyError::Weak),
            Self::P256 { .. } => self.check_point(),
        }
    }

    /// Checks a signature: Ed25519 strictly, ES256 over SHA-256 as r‖s with s in the lower half.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let signature: &Signature = signature.try_into().map_err(|_| KeyError::Signature)?;
        match self {
            Self::Ed25519(x) => ed25519_key(x)?
                .verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature))
                .map_err(|_| KeyError::Signature),
            Self::P256 { x, y } => {
                let key = p256_key(x, y)?;
                let parsed = ecdsa::Signature::from_slice(signature).map_err(|_| KeyError::Signature)?;
                if has_high_s(signature) {
                    return Err(KeyError::Signature);
                }
                key.verify(message, &parsed).map_err(|_| KeyError::Signature)
            }
        }
    }

    pub(crate) fn write(&self, e: &mut Writer) -> Written {
        match self {
            Self::Ed25519(x) => e
                .map(3)?
                .i64(KEY_KTY)?
                .u64(KTY_OKP)?
                .i64(KEY_CRV)?
                .u64(CRV_ED25519)?
                .i64(KEY_X)?
                .bytes(x)?
                .ok(),
            Self::P256 { x, y } => {
                e.map(4)?.i64(KEY_KTY)?.u64(KTY_EC2)?.i64(KEY_CRV)?.u64(CRV_P256)?;
                e.i64(KEY_X)?.bytes(x)?.i64(KEY_Y)?.bytes(y)?.ok()
            }
        }
    }

    /// Reads the form alone; a weak point passes here and fails where the key is used.
    pub(crate) fn read(d: &mut Decoder) -> Result<Self, FormatError> {
        let mut map = MapReader::open(d)?;
        let kty = uint(map.required(KEY_KTY)?)?;
        let crv = uint(map.required(KEY_CRV)?)?;
        let x = bytes_of(map.required(KEY_X)?)?;
        let key = match (kty, crv) {
            (KTY_OKP, CRV_ED25519) => Self::Ed25519(x),
            (KTY_EC2, CRV_P256) => Self::P256 { x, y: bytes_of(map.required(KEY_Y)?)? },
            _ => return Err(FormatError),
        };
        map.close()?;
        Ok(key)
    }

    fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(bytes);
        let key = Self::read(&mut d)?;
        at_end(&d)?;
        ensure(key.to_cose_key() == bytes)?;
        Ok(key)
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, x) = match self {
            Self::Ed25519(x) => ("Ed25519", x),
            Self::P256 { x, .. } => ("P256", x),
        };
        write!(f, "DeviceKey::{name}({:02x}{:02x}…)", x[0], x[1])
    }
}

/// A phone's signing key, for sample cards and tests; a real phone never lets its key out.
#[derive(Clone)]
pub enum DeviceSigningKey {
    /// Ed25519.
    Ed25519(ed25519_dalek::SigningKey),
    /// ECDSA on P-256.
    P256(ecdsa::SigningKey),
}

impl DeviceSigningKey {
    /// The Ed25519 key with this seed.
    pub fn ed25519(secret: &[u8; 32]) -> Self {
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(secret))
    }

    /// The P-256 key with this scalar, which must lie between 1 and the group's order.
    pub fn p256(secret: &[u8; 32]) -> Result<Self, KeyError> {
        ecdsa::SigningKey::from_slice(secret).map(Self::P256).map_err(|_| KeyError::Secret)
    }

    /// The public half.
    pub fn public_key(&self) -> DeviceKey {
        match self {
            Self::Ed25519(secret) => DeviceKey::Ed25519(secret.verifying_key().to_bytes()),
            Self::P256(secret) => {
                let point = secret.verifying_key().to_encoded_point(false);
                let coordinate = |bytes: Option<&p256::FieldBytes>| bytes.copied().unwrap_or_default().into();
                DeviceKey::P256 { x: coordinate(point.x()), y: coordinate(point.y()) }
            }
        }
    }

    /// Signs; ES256 by RFC 6979 with s in the lower half.
    pub fn sign(&self, message: &[u8]) -> Signature {
        match self {
            Self::Ed25519(secret) => secret.sign(message).to_bytes(),
            Self::P256(secret) => {
                let signature: ecdsa::Signature = secret.sign(message);
                signature.normalize_s().unwrap_or(signature).to_bytes().into()
            }
        }
    }
}

impl fmt::Debug for DeviceSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceSigningKey({:?})", self.public_key())
    }
}

/// The Ed25519 key of these bytes, unless it is one that no honest owner has.
pub(crate) fn ed25519_key(bytes: &[u8; 32]) -> Result<VerifyingKey, KeyError> {
    if is_spelt_safely(bytes) {
        VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Weak)
    } else {
        Err(KeyError::Weak)
    }
}

/// Whether the bytes are the one spelling of a point that has no small order, if they are a point at all: decoding forgives
/// y ≥ p, which would give one point two spellings.
fn is_spelt_safely(bytes: &[u8; 32]) -> bool {
    let mut y = *bytes;
    y[31] &= 0x7f;
    is_reduced(bytes) && !SMALL_ORDER_Y.contains(&y)
}

/// Whether the y coordinate, little-endian under the sign bit, is below p = 2²⁵⁵ − 19.
fn is_reduced(bytes: &[u8; 32]) -> bool {
    bytes[31] & 0x7f != 0x7f || bytes[1..31].iter().any(|byte| *byte != 0xff) || bytes[0] < 0xed
}

/// The y coordinates of the eight points of small order, for which anybody can sign: each but the first two stands for two
/// points, ±x.
const SMALL_ORDER_Y: [[u8; 32]; 5] = [
    // 1, the neutral point, and −1, of order two.
    little_endian([1, 0, 0, 0]),
    little_endian([0xffff_ffff_ffff_ffec, u64::MAX, u64::MAX, u64::MAX >> 1]),
    // 0, of order four.
    [0; 32],
    // Of order eight.
    little_endian([
        0x4fd8_4d3d_706a_17c7,
        0x0f67_100d_760b_3cba,
        0xc6cc_392c_fa53_202a,
        0x7a03_ac92_77fd_c74e,
    ]),
    little_endian([
        0xb027_b2c2_8f95_e826,
        0xf098_eff2_89f4_c345,
        0x3933_c6d3_05ac_dfd5,
        0x05fc_536d_8802_38b1,
    ]),
];

const fn little_endian(words: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = words[at / 8].to_le_bytes()[at % 8];
        at += 1;
    }
    bytes
}

fn p256_key(x: &[u8; 32], y: &[u8; 32]) -> Result<ecdsa::VerifyingKey, KeyError> {
    let point = p256::EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
    ecdsa::VerifyingKey::from_encoded_point(&point).map_err(|_| KeyError::Weak)
}

/// Whether an ES256 signature's s lies above half of the group's order: its twin is the one that is accepted.
pub(crate) fn has_high_s(signature: &Signature) -> bool {
    signature[SIGNATURE_BYTES / 2..] > P256_HALF_ORDER[..]
}

const P256_HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde,
    0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprint_is_over_the_key_alone() {
        // The key pair of RFC 8032's first Ed25519 test.
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let key = IssuerSigningKey::from_secret(&seed.try_into().unwrap(), KeyRole::Card, IssuerAlg::EdDsa);
        let mut cose = hex::decode("a301012006215820").unwrap();
        cose.extend(hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap());
        assert_eq!(DeviceKey::Ed25519(key.public_key()).to_cose_key(), cose);
        assert_eq!(key.kid().0, Sha256::digest(&cose)[..4]);
    }

    #[test]
    fn weak_and_unreduced_keys_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        for bytes in [identity, [0; 32]] {
            assert_eq!(DeviceKey::Ed25519(bytes).check_point(), Err(KeyError::Weak));
        }
        let p256 = DeviceKey::P256 { x: [1; 32], y: [1; 32] };
        assert_eq!(DeviceKey::from_cose_key(&p256.to_cose_key()), Err(KeyError::Weak));
    }

    #[test]
    fn every_point_of_small_order_is_known() {
        let mut points = 0;
        for y in SMALL_ORDER_Y {
            for sign in [0, 0x80] {
                let mut bytes = y;
                bytes[31] |= sign;
                let key = DeviceKey::Ed25519(bytes);
                assert_eq!(
                    (key.check_spelling(), key.check_point()),
                    (Err(KeyError::Weak), Err(KeyError::Weak))
                );
                let point = VerifyingKey::from_bytes(&bytes).unwrap();
                assert!(point.is_weak());
                // x = 0 has no other sign; the decoder spells ±1 with either bit.
                points += u32::from(sign == 0 || !SMALL_ORDER_Y[..2].contains(&y));
            }
        }
        assert_eq!(points, 8, "the torsion subgroup has eight points");
    }

    #[test]
    fn a_point_has_one_spelling() {
        // The nineteen ways to write y as p + something; of some the decoder makes a good point, which is why we must look.
        let unreduced = (0xed..=0xff).map(|low| {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (low, 0x7f);
            bytes
        });
        let forgiven = |bytes: &[u8; 32]| VerifyingKey::from_bytes(bytes).is_ok_and(|key| !key.is_weak());
        assert!(unreduced.clone().any(|bytes| forgiven(&bytes)));
        for bytes in unreduced {
            assert_eq!(DeviceKey::Ed25519(bytes).check_point(), Err(KeyError::Weak));
        }
    }

    #[test]
    fn keys_round_trip_and_sign() {
        for key in [DeviceSigningKey::ed25519(&[7; 32]), DeviceSigningKey::p256(&[7; 32]).unwrap()] {
            let public = key.public_key();
            assert_eq!(DeviceKey::from_cose_key(&public.to_cose_key()), Ok(public));
            let signature = key.sign(b"message");
            assert_eq!(public.verify(b"message", &signature), Ok(()));
            assert_eq!(public.verify(b"massage", &signature), Err(KeyError::Signature));
            assert_eq!(public.verify(b"message", &signature[1..]), Err(KeyError::Signature));
        }
    }

    #[test]
    fn only_the_lower_twin_of_an_es256_signature_counts() {
        let key = DeviceSigningKey::p256(&[7; 32]).unwrap();
        let signature = key.sign(b"message");
        assert!(!has_high_s(&signature));
        let parsed = ecdsa::Signature::from_slice(&signature).unwrap();
        let (r, s) = parsed.split_scalars();
        let twin: Signature = ecdsa::Signature::from_scalars(r, -*s).unwrap().to_bytes().into();
        assert!(has_high_s(&twin));
        assert_eq!(key.public_key().verify(b"message", &twin), Err(KeyError::Signature));
    }

    #[test]
    fn a_key_has_one_spelling() {
        let key = DeviceSigningKey::ed25519(&[7; 32]).public_key().to_cose_key();
        let mut trailing = key.clone();
        trailing.push(0);
        let mut long = key.clone();
        long.splice(2..3, [0x18, 0x01]);
        for bytes in [trailing, long] {
            assert_eq!(DeviceKey::from_cose_key(&bytes), Err(KeyError::Format));
        }
    }
}
