//! The trust list: which keys may sign cards and status lists, where the lists are, and the verifier's policy.
//!
//! Signed by a root that verifiers have pinned. Never fetched here.

use ed25519_dalek::VerifyingKey;
use minicbor::Decoder;

use crate::cbor::{
    FormatError, MapReader, Writer, Written, array_length, array_of, at_end, bytes_of, encoded, ensure, uint,
};
use crate::claims::CardClass;
use crate::code::VerdictCode;
use crate::constants::{
    CLAIM_EXP, CLAIM_IAT, CLAIM_ISS, CLAIM_KEYS, CLAIM_LISTS, CLAIM_POLICY, CLAIM_SEQ,
    DEFAULT_CHALLENGE_ABOVE_KOPECKS, DEFAULT_FRESH_SECONDS, DEFAULT_PROOF_WINDOW_SECONDS,
    DEFAULT_STALE_SECONDS, HEADER_ALG, MAX_TRUST_LIST_BYTES, MAX_UINT, POLICY_CHALLENGE_ABOVE, POLICY_FRESH,
    POLICY_PROOF_WINDOW, POLICY_REDEEMING_CLASSES, POLICY_STALE,
};
use crate::cose::{Sign1, Signature, header, sign1};
use crate::keys::{DeviceKey, IssuerAlg, IssuerSigningKey, KeyRole, Kid, ed25519_key, kid_of};
use crate::token::IssueError;

/// A key that the trust list names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// The key's short name; two keys may share one.
    pub kid: Kid,
    /// The Ed25519 public key.
    pub public_key: [u8; 32],
    /// The role: [`KeyRole::Card`] or [`KeyRole::Status`].
    pub role: KeyRole,
    /// The algorithm pinned to it.
    pub alg: IssuerAlg,
    /// The start of its validity: nothing that it signed begins before.
    pub nbf: u64,
    /// The end of its validity: nothing that it signed ends after.
    pub exp: u64,
}

impl TrustedKey {
    /// The entry for an issuer's key with this validity.
    pub fn of(key: &IssuerSigningKey, nbf: u64, exp: u64) -> Self {
        let public_key = key.public_key();
        Self { kid: kid_of(&public_key), public_key, role: key.role(), alg: key.alg(), nbf, exp }
    }

    fn write(&self, e: &mut Writer) -> Written {
        e.array(6)?.bytes(&self.kid.0)?;
        DeviceKey::Ed25519(self.public_key).write(e)?;
        e.str(self.role.as_str())?.i64(self.alg.label())?.u64(self.nbf)?.u64(self.exp)?.ok()
    }

    fn read(d: &mut Decoder) -> Result<Self, FormatError> {
        array_of(d, 6)?;
        let kid = Kid(bytes_of(d)?);
        let DeviceKey::Ed25519(public_key) = DeviceKey::read(d)? else { return Err(FormatError) };
        let role = KeyRole::from_word(d.str()?).ok_or(FormatError)?;
        ensure(role != KeyRole::Root)?;
        let alg = IssuerAlg::from_label(d.i64()?).ok_or(FormatError)?;
        Ok(Self { kid, public_key, role, alg, nbf: uint(d)?, exp: uint(d)? })
    }
}

/// The location of a status list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListLocation {
    /// The list's name, which cards refer to.
    pub uri: String,
    /// The path on the issuer's server.
    pub path: String,
}

/// The issuer's policy for verifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The age up to which a status list is fresh.
    pub fresh_seconds: u64,
    /// The age of the status list beyond which nothing may be redeemed.
    pub stale_seconds: u64,
    /// The most by which a proof may be from the verifier's time.
    pub proof_window_seconds: u64,
    /// The classes that may redeem.
    pub redeeming_classes: Vec<CardClass>,
    /// A redemption above this needs the till's challenge.
    pub challenge_above_kopecks: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            fresh_seconds: DEFAULT_FRESH_SECONDS,
            stale_seconds: DEFAULT_STALE_SECONDS,
            proof_window_seconds: DEFAULT_PROOF_WINDOW_SECONDS,
            redeeming_classes: vec![CardClass::Phone],
            challenge_above_kopecks: DEFAULT_CHALLENGE_ABOVE_KOPECKS,
        }
    }
}

impl Policy {
    fn write(&self, e: &mut Writer) -> Written {
        e.map(5)?.i64(POLICY_FRESH)?.u64(self.fresh_seconds)?.i64(POLICY_STALE)?.u64(self.stale_seconds)?;
        e.i64(POLICY_PROOF_WINDOW)?.u64(self.proof_window_seconds)?;
        e.i64(POLICY_REDEEMING_CLASSES)?.array(self.redeeming_classes.len() as u64)?;
        for class in &self.redeeming_classes {
            e.u8(class.value())?;
        }
        e.i64(POLICY_CHALLENGE_ABOVE)?.u64(self.challenge_above_kopecks)?.ok()
    }

    fn read(d: &mut Decoder) -> Result<Self, FormatError> {
        let mut map = MapReader::open(d)?;
        let policy = Self {
            fresh_seconds: uint(map.required(POLICY_FRESH)?)?,
            stale_seconds: uint(map.required(POLICY_STALE)?)?,
            proof_window_seconds: uint(map.required(POLICY_PROOF_WINDOW)?)?,
            redeeming_classes: read_array(map.required(POLICY_REDEEMING_CLASSES)?, |d| {
                CardClass::from_value(uint(d)?).ok_or(FormatError)
            })?,
            challenge_above_kopecks: uint(map.required(POLICY_CHALLENGE_ABOVE)?)?,
        };
        map.close()?;
        Ok(policy)
    }
}

/// The claims of a trust list. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustListClaims {
    /// The issuer of the cards.
    pub iss: String,
    /// The end of the list's validity.
    pub exp: u64,
    /// The moment of signing.
    pub iat: u64,
    /// The list's number, which grows with every list; a lower one is a rollback.
    pub seq: u64,
    /// The keys in use, and earlier ones whose cards still live.
    pub keys: Vec<TrustedKey>,
    /// The status lists.
    pub lists: Vec<ListLocation>,
    /// The verifier's policy.
    pub policy: Policy,
}

impl TrustListClaims {
    /// Signs the list. It names no root: the roots are pinned, not listed.
    pub fn sign(&self, root: &IssuerSigningKey) -> Result<Vec<u8>, IssueError> {
        if root.role() != KeyRole::Root || self.keys.iter().any(|key| key.role == KeyRole::Root) {
            return Err(IssueError::WrongRole);
        }
        let ends = self.keys.iter().map(|key| key.exp).chain([self.exp, self.seq]);
        if self.iat >= self.exp || ends.max() > Some(MAX_UINT) {
            return Err(IssueError::Range);
        }
        Ok(sign1(&root_header(root.alg()), &self.encode(), |message| root.sign(message)))
    }

    /// The claims' bytes, in their one form.
    pub fn encode(&self) -> Vec<u8> {
        encoded(|e| {
            e.map(7)?.i64(CLAIM_ISS)?.str(&self.iss)?.i64(CLAIM_EXP)?.u64(self.exp)?;
            e.i64(CLAIM_IAT)?.u64(self.iat)?.i64(CLAIM_SEQ)?.u64(self.seq)?;
            e.i64(CLAIM_KEYS)?.array(self.keys.len() as u64)?;
            self.keys.iter().try_for_each(|key| key.write(e))?;
            e.i64(CLAIM_LISTS)?.array(self.lists.len() as u64)?;
            for list in &self.lists {
                e.array(2)?.str(&list.uri)?.str(&list.path)?;
            }
            e.i64(CLAIM_POLICY)?;
            self.policy.write(e)
        })
    }

    /// Reads claims in the strict form.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(bytes);
        let mut map = MapReader::open(&mut d)?;
        let claims = Self {
            iss: map.required(CLAIM_ISS)?.str()?.to_owned(),
            exp: uint(map.required(CLAIM_EXP)?)?,
            iat: uint(map.required(CLAIM_IAT)?)?,
            seq: uint(map.required(CLAIM_SEQ)?)?,
            keys: read_array(map.required(CLAIM_KEYS)?, TrustedKey::read)?,
            lists: read_array(map.required(CLAIM_LISTS)?, |d| {
                array_of(d, 2)?;
                Ok(ListLocation { uri: d.str()?.to_owned(), path: d.str()?.to_owned() })
            })?,
            policy: Policy::read(map.required(CLAIM_POLICY)?)?,
        };
        map.close()?;
        at_end(&d)?;
        ensure(claims.encode() == bytes)?;
        Ok(claims)
    }
}

/// A trust list whose root signature was checked. Its expiry is a matter of each verification.
#[derive(Debug, Clone)]
pub struct TrustList {
    claims: TrustListClaims,
    /// The keys of `claims.keys`, in the same order, ready for use.
    verifying: Vec<VerifyingKey>,
}

impl TrustList {
    /// Loads a list signed by any of the pinned `roots`, unless its seq is below `held_seq`.
    pub fn load(bytes: &[u8], roots: &[[u8; 32]], held_seq: Option<u64>) -> Result<Self, VerdictCode> {
        if bytes.len() > MAX_TRUST_LIST_BYTES {
            return Err(VerdictCode::TrustListBad);
        }
        let list = Self::load_signed(bytes, roots).map_err(|_| VerdictCode::TrustListBad)?;
        if held_seq.is_some_and(|held| list.claims.seq < held) {
            return Err(VerdictCode::TrustListRollback);
        }
        Ok(list)
    }

    /// The list's claims.
    pub fn claims(&self) -> &TrustListClaims {
        &self.claims
    }

    /// The verifier's policy.
    pub fn policy(&self) -> &Policy {
        &self.claims.policy
    }

    fn load_signed(bytes: &[u8], roots: &[[u8; 32]]) -> Result<Self, FormatError> {
        let message = Sign1::parse(bytes)?;
        let mut d = Decoder::new(message.protected);
        let mut map = MapReader::open(&mut d)?;
        let alg = IssuerAlg::from_label(map.required(HEADER_ALG)?.i64()?).ok_or(FormatError)?;
        map.close()?;
        ensure(root_header(alg) == message.protected)?;
        let signed = message.signed_bytes();
        let signed_by =
            |root| ed25519_key(root).is_ok_and(|key| signature_fits(&key, &signed, &message.signature));
        ensure(roots.iter().any(signed_by))?;
        let claims = TrustListClaims::decode(message.payload)?;
        let usable = |key: &TrustedKey| ed25519_key(&key.public_key).map_err(|_| FormatError);
        let verifying = claims.keys.iter().map(usable).collect::<Result<_, _>>()?;
        Ok(Self { claims, verifying })
    }

    /// The keys that may have signed something of this kid, role, algorithm and life.
    pub(crate) fn candidates(
        &self,
        kid: Kid,
        role: KeyRole,
        alg_label: i64,
        iat: u64,
        exp: u64,
    ) -> impl Iterator<Item = &VerifyingKey> {
        self.claims.keys.iter().zip(&self.verifying).filter_map(move |(key, verifying)| {
            let fits = key.kid == kid && key.role == role && key.alg.label() == alg_label;
            (fits && key.nbf <= iat && exp <= key.exp).then_some(verifying)
        })
    }
}

pub(crate) fn signature_fits(key: &VerifyingKey, signed_bytes: &[u8], signature: &Signature) -> bool {
    key.verify_strict(signed_bytes, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
}

fn root_header(alg: IssuerAlg) -> Vec<u8> {
    header(1, |e| e.i64(HEADER_ALG)?.i64(alg.label())?.ok())
}

fn read_array<'b, T>(
    d: &mut Decoder<'b>,
    mut read: impl FnMut(&mut Decoder<'b>) -> Result<T, FormatError>,
) -> Result<Vec<T>, FormatError> {
    let length = array_length(d)?;
    // An item is at least a byte, so a longer claim is a lie; the vector grows only by what is really there.
    ensure(length <= (d.input().len() - d.position()) as u64)?;
    (0..length).map(|_| read(d)).collect()
}
