//! Tokens as bytes and as text: issuing a card, presenting it, reading either in the strict form.
//!
//! Reading here proves nothing about who signed; that is the verifier's work.

use minicbor::Decoder;
use sha2::{Digest as _, Sha256};

use crate::base45;
use crate::cbor::{FormatError, MapReader, at_end, bytes_of, ensure, int, uint};
use crate::claims::{CardClaims, ProofClaims, is_challenge};
use crate::constants::{
    ALG_ES256, CARD_IAT_STEP_SECONDS, HEADER_ALG, HEADER_KCWT, HEADER_KID, HEADER_TYP, MAX_TEXT_CHARS,
    MAX_UINT, TEXT_PREFIX, TYP_PRESENTATION,
};
use crate::cose::{Sign1, header, sign1};
use crate::keys::{DeviceKey, DeviceSigningKey, IssuerSigningKey, KeyRole, Kid, has_high_s};

/// The issuer will not sign this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The key is for something else.
    #[error("the key has another role")]
    WrongRole,
    /// A card's `iat` tells the minute, which would tell one member from another.
    #[error("the time of issue is not a full hour")]
    NotFullHour,
    /// The end is not after the beginning, or a number is beyond what every reader holds exactly.
    #[error("a time or a number is out of range")]
    Range,
    /// The challenge is not made of digits, or of too many.
    #[error("a challenge is made of 1 to 16 digits")]
    Challenge,
    /// The phone's key is unsafe, or is not the card's.
    #[error("the key does not fit the card")]
    Key,
    /// These bytes are no card that could be presented.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Rounds a moment down to the hour, as a card's `iat` must be.
pub fn full_hour(seconds: u64) -> u64 {
    seconds - seconds % CARD_IAT_STEP_SECONDS
}

/// Signs a card.
pub fn issue_card(claims: &CardClaims, key: &IssuerSigningKey) -> Result<Vec<u8>, IssueError> {
    if key.role() != KeyRole::Card {
        return Err(IssueError::WrongRole);
    }
    if full_hour(claims.iat) != claims.iat {
        return Err(IssueError::NotFullHour);
    }
    if claims.exp <= claims.iat || claims.exp > MAX_UINT || claims.status.idx > MAX_UINT {
        return Err(IssueError::Range);
    }
    // Whether it is a point at all was asked when the key was taken in; finding out again costs a third of a signature.
    if claims.cnf.is_some_and(|key| key.check_spelling().is_err()) {
        return Err(IssueError::Key);
    }
    let protected = card_header(key.alg().label(), key.kid());
    Ok(sign1(&protected, &claims.encode(), |message| key.sign(message)))
}

/// Wraps a phone card in a proof of this moment.
pub fn present(card: &[u8], proof: &ProofClaims, key: &DeviceSigningKey) -> Result<Vec<u8>, IssueError> {
    if SignedCard::parse(card)?.claims.cnf != Some(key.public_key()) {
        return Err(IssueError::Key);
    }
    if proof.challenge.as_deref().is_some_and(|digits| !is_challenge(digits)) {
        return Err(IssueError::Challenge);
    }
    if proof.iat.max(proof.max_redemption_kopecks.unwrap_or_default()) > MAX_UINT {
        return Err(IssueError::Range);
    }
    let protected = presentation_header(key.public_key().alg_label(), card);
    Ok(sign1(&protected, &proof.encode(), |message| key.sign(message)))
}

/// The token's text: what stands in the QR code.
pub fn to_text(token: &[u8]) -> String {
    base45::encode_onto(TEXT_PREFIX.to_owned(), token)
}

/// The token's bytes, or `None` where the text is not exactly what [`to_text`] writes.
pub fn from_text(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_TEXT_CHARS {
        return None;
    }
    base45::decode(text.strip_prefix(TEXT_PREFIX)?).filter(|token| !token.is_empty())
}

/// A card as read: its claims and what its signature is over.
#[derive(Debug, Clone)]
pub struct SignedCard<'a> {
    /// The algorithm label that the message names; to be compared, never to be obeyed.
    pub alg_label: i64,
    /// The key that is said to have signed.
    pub kid: Kid,
    /// The card's claims, unproven.
    pub claims: CardClaims,
    pub(crate) message: Sign1<'a>,
}

impl<'a> SignedCard<'a> {
    /// Reads a card, and only a card, in the strict form.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let message = Sign1::parse(bytes)?;
        let mut d = Decoder::new(message.protected);
        let mut map = MapReader::open(&mut d)?;
        let alg_label = int(map.required(HEADER_ALG)?)?;
        let kid = Kid(bytes_of(map.required(HEADER_KID)?)?);
        map.close()?;
        at_end(&d)?;
        ensure(card_header(alg_label, kid) == message.protected)?;
        Ok(Self { alg_label, kid, claims: CardClaims::decode(message.payload)?, message })
    }
}

/// A proof as read.
#[derive(Debug, Clone)]
pub struct SignedProof<'a> {
    /// The algorithm label that the message names; to be compared, never to be obeyed.
    pub alg_label: i64,
    /// The proof's claims, unproven.
    pub claims: ProofClaims,
    pub(crate) message: Sign1<'a>,
}

/// The identity of a proof: the hash of what its phone signed. Neither the token's text nor the signature will do,
/// since a stranger can write both of them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProofIdentity(pub [u8; 32]);

/// A token as read: a card, and around it a proof where there is one.
#[derive(Debug, Clone)]
pub struct Token<'a> {
    /// The card.
    pub card: SignedCard<'a>,
    /// The proof around it.
    pub proof: Option<SignedProof<'a>>,
}

impl<'a> Token<'a> {
    /// Reads a token in the strict form.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let message = Sign1::parse(bytes)?;
        let mut d = Decoder::new(message.protected);
        let mut map = MapReader::open(&mut d)?;
        let alg_label = int(map.required(HEADER_ALG)?)?;
        let Some(d) = map.optional(HEADER_KCWT)? else {
            return Ok(Self { card: SignedCard::parse(bytes)?, proof: None });
        };
        let start = d.position();
        Sign1::read(d)?;
        let card_bytes = &message.protected[start..d.position()];
        ensure(uint(map.required(HEADER_TYP)?)? == TYP_PRESENTATION)?;
        map.close()?;
        ensure(presentation_header(alg_label, card_bytes) == message.protected)?;
        let card = SignedCard::parse(card_bytes)?;
        let key = card.claims.cnf.ok_or(FormatError)?;
        let is_es256 = alg_label == ALG_ES256 && matches!(key, DeviceKey::P256 { .. });
        ensure(!(is_es256 && has_high_s(&message.signature)))?;
        let claims = ProofClaims::decode(message.payload)?;
        Ok(Self { card, proof: Some(SignedProof { alg_label, claims, message }) })
    }
}

fn card_header(alg_label: i64, kid: Kid) -> Vec<u8> {
    header(2, |e| e.i64(HEADER_ALG)?.i64(alg_label)?.i64(HEADER_KID)?.bytes(&kid.0)?.ok())
}

fn presentation_header(alg_label: i64, card: &[u8]) -> Vec<u8> {
    header(3, |e| {
        e.i64(HEADER_ALG)?.i64(alg_label)?.i64(HEADER_KCWT)?;
        // The card is already CBOR and stands there as it is, not as a byte string.
        e.writer_mut().extend_from_slice(card);
        e.i64(HEADER_TYP)?.u64(TYP_PRESENTATION)?.ok()
    })
}

/// The identity of a proof, by the bytes that its phone signed.
pub(crate) fn identity_of(signed_bytes: &[u8]) -> ProofIdentity {
    ProofIdentity(Sha256::digest(signed_bytes).into())
}
