//! Status lists: two bits per card, compressed, signed by a status key (IETF Token Status List, CWT form).
//!
//! Never fetched or stored here, and no index is ever chosen here.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use minicbor::Decoder;

use crate::cbor::{FormatError, MapReader, at_end, bytes_of, encoded, ensure, int, uint};
use crate::code::VerdictCode;
use crate::constants::{
    CLAIM_EXP, CLAIM_IAT, CLAIM_STATUS_LIST, CLAIM_SUB, CLAIM_TTL, HEADER_ALG, HEADER_KID, HEADER_TYP,
    LIST_BITS_KEY, LIST_LST_KEY, MAX_STATUS_INFLATED_BYTES, MAX_STATUS_TOKEN_BYTES, MAX_UINT, STATUS_BITS,
    TYP_STATUS_LIST,
};
use crate::cose::{Sign1, header, sign1};
use crate::keys::{IssuerSigningKey, KeyRole, Kid};
use crate::token::IssueError;
use crate::trust::{TrustList, signature_fits};

/// The status of a card on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The card is valid.
    Valid = 0,
    /// The card is revoked for good.
    Invalid = 1,
    /// The card is revoked for now.
    Suspended = 2,
    /// Reserved; no issuer sets it and no verifier accepts it.
    Reserved = 3,
}

const PER_BYTE: u64 = 8 / STATUS_BITS;

/// Packed statuses, two bits each, the least significant first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusBits(Vec<u8>);

impl StatusBits {
    /// Room for `cards` statuses, four to a byte, all valid; the last byte's spare places are valid too.
    pub fn new(cards: usize) -> Self {
        Self(vec![0; cards.div_ceil(4)])
    }

    /// Takes packed bytes as they are.
    pub fn from_packed(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The packed bytes.
    pub fn as_packed(&self) -> &[u8] {
        &self.0
    }

    /// The number of places.
    pub fn places(&self) -> u64 {
        self.0.len() as u64 * PER_BYTE
    }

    /// The status at `idx`, or nothing beyond the end.
    pub fn get(&self, idx: u64) -> Option<Status> {
        let byte = self.0.get(usize::try_from(idx / PER_BYTE).ok()?)?;
        Some(match byte >> shift(idx) & 0b11 {
            0 => Status::Valid,
            1 => Status::Invalid,
            2 => Status::Suspended,
            _ => Status::Reserved,
        })
    }

    /// Marks a card; says whether the place exists.
    pub fn set(&mut self, idx: u64, status: Status) -> bool {
        let place = usize::try_from(idx / PER_BYTE).ok().and_then(|byte| self.0.get_mut(byte));
        let Some(byte) = place else { return false };
        *byte = *byte & !(0b11 << shift(idx)) | (status as u8) << shift(idx);
        true
    }
}

fn shift(idx: u64) -> u64 {
    idx % PER_BYTE * STATUS_BITS
}

/// A status list to be published. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusListClaims {
    /// The list's name, such as `urn:pc:s1`.
    pub uri: String,
    /// The moment from which the list is no longer loaded.
    pub exp: u64,
    /// The moment of signing.
    pub iat: u64,
    /// Seconds after which a newer list is asked for.
    pub ttl_seconds: u64,
    /// The statuses.
    pub bits: StatusBits,
}

impl StatusListClaims {
    /// Compresses and signs the list.
    pub fn sign(&self, key: &IssuerSigningKey) -> Result<Vec<u8>, IssueError> {
        if key.role() != KeyRole::Status {
            return Err(IssueError::WrongRole);
        }
        let in_range = self.iat < self.exp && self.exp.max(self.ttl_seconds) <= MAX_UINT;
        if !in_range || self.bits.as_packed().len() > MAX_STATUS_INFLATED_BYTES {
            return Err(IssueError::Range);
        }
        let payload =
            encode_payload(&self.uri, self.exp, self.iat, &deflate(self.bits.as_packed()), self.ttl_seconds);
        Ok(sign1(&list_header(key.alg().label(), key.kid()), &payload, |message| key.sign(message)))
    }
}

/// A status list that was checked when it was loaded. It goes on being used as it ages, even past its `exp`; the policy
/// says what that costs. Whoever stores its bytes loads them again with the time at which they were loaded first.
#[derive(Debug, Clone)]
pub struct StatusList {
    claims: StatusListClaims,
}

impl StatusList {
    /// Loads a list: signed by a status key of the trust list, named there, not expired at `now`, and not made before `held_iat`.
    pub fn load(
        bytes: &[u8],
        trust: &TrustList,
        now: u64,
        held_iat: Option<u64>,
    ) -> Result<Self, VerdictCode> {
        let list = Self::load_signed(bytes, trust).map_err(|_| VerdictCode::StatusBad)?;
        let claims = &list.claims;
        let named = trust.claims().lists.iter().any(|known| known.uri == claims.uri);
        if !named || claims.exp <= now || held_iat.is_some_and(|held| claims.iat < held) {
            return Err(VerdictCode::StatusBad);
        }
        Ok(list)
    }

    /// The list's claims.
    pub fn claims(&self) -> &StatusListClaims {
        &self.claims
    }

    /// The status at `idx`, or nothing beyond the end.
    pub fn get(&self, idx: u64) -> Option<Status> {
        self.claims.bits.get(idx)
    }

    /// The list's age at `now`.
    pub fn age_seconds(&self, now: u64) -> u64 {
        now.saturating_sub(self.claims.iat)
    }

    fn load_signed(bytes: &[u8], trust: &TrustList) -> Result<Self, FormatError> {
        ensure(bytes.len() <= MAX_STATUS_TOKEN_BYTES)?;
        let message = Sign1::parse(bytes)?;
        let mut d = Decoder::new(message.protected);
        let mut map = MapReader::open(&mut d)?;
        let alg_label = int(map.required(HEADER_ALG)?)?;
        let kid = Kid(bytes_of(map.required(HEADER_KID)?)?);
        ensure(map.required(HEADER_TYP)?.str()? == TYP_STATUS_LIST)?;
        map.close()?;
        ensure(list_header(alg_label, kid) == message.protected)?;
        let payload = Payload::decode(message.payload)?;
        let signed = message.signed_bytes();
        let mut keys = trust.candidates(kid, KeyRole::Status, alg_label, payload.iat, payload.exp);
        ensure(keys.any(|key| signature_fits(key, &signed, &message.signature)))?;
        // Only now, since a stranger's list is not worth inflating.
        let bits = StatusBits::from_packed(inflate(payload.lst)?);
        let Payload { uri, exp, iat, ttl_seconds, .. } = payload;
        Ok(Self { claims: StatusListClaims { uri: uri.to_owned(), exp, iat, ttl_seconds, bits } })
    }
}

/// The lists that a verifier holds.
#[derive(Debug, Clone, Default)]
pub struct StatusLists {
    lists: Vec<StatusList>,
    some_failed: bool,
}

impl StatusLists {
    /// Loads each of `tokens`; one that fails is remembered, so that a card without a list is told apart from one whose
    /// list is bad.
    pub fn load<'t>(
        tokens: impl IntoIterator<Item = &'t [u8]>,
        trust: &TrustList,
        now: u64,
        held_iat: Option<u64>,
    ) -> Self {
        let mut lists = Self::default();
        for token in tokens {
            match StatusList::load(token, trust, now, held_iat) {
                Ok(list) => lists.add(list),
                Err(_) => lists.some_failed = true,
            }
        }
        lists
    }

    /// Adds a list; of two with one name the newer stays.
    pub fn add(&mut self, list: StatusList) {
        match self.lists.iter_mut().find(|held| held.claims.uri == list.claims.uri) {
            Some(held) if held.claims.iat <= list.claims.iat => *held = list,
            Some(_) => {}
            None => self.lists.push(list),
        }
    }

    /// The list of this name; without one, why there is none.
    pub fn find(&self, uri: &str) -> Result<&StatusList, VerdictCode> {
        let missing = if self.some_failed { VerdictCode::StatusBad } else { VerdictCode::StatusUnknown };
        self.lists.iter().find(|list| list.claims.uri == uri).ok_or(missing)
    }
}

struct Payload<'a> {
    uri: &'a str,
    exp: u64,
    iat: u64,
    lst: &'a [u8],
    ttl_seconds: u64,
}

impl<'a> Payload<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(bytes);
        let mut map = MapReader::open(&mut d)?;
        let uri = map.required(CLAIM_SUB)?.str()?;
        let exp = uint(map.required(CLAIM_EXP)?)?;
        let iat = uint(map.required(CLAIM_IAT)?)?;
        let mut entries = MapReader::open(map.required(CLAIM_STATUS_LIST)?)?;
        let lst = entries.required_text(LIST_LST_KEY)?.bytes()?;
        ensure(uint(entries.required_text(LIST_BITS_KEY)?)? == STATUS_BITS)?;
        entries.close()?;
        let ttl_seconds = uint(map.required(CLAIM_TTL)?)?;
        map.close()?;
        at_end(&d)?;
        ensure(encode_payload(uri, exp, iat, lst, ttl_seconds) == bytes)?;
        Ok(Self { uri, exp, iat, lst, ttl_seconds })
    }
}

fn encode_payload(uri: &str, exp: u64, iat: u64, lst: &[u8], ttl_seconds: u64) -> Vec<u8> {
    encoded(|e| {
        e.map(5)?.i64(CLAIM_SUB)?.str(uri)?.i64(CLAIM_EXP)?.u64(exp)?.i64(CLAIM_IAT)?.u64(iat)?;
        // "lst" before "bits": the shorter key is the smaller one.
        e.i64(CLAIM_STATUS_LIST)?
            .map(2)?
            .str(LIST_LST_KEY)?
            .bytes(lst)?
            .str(LIST_BITS_KEY)?
            .u64(STATUS_BITS)?;
        e.i64(CLAIM_TTL)?.u64(ttl_seconds)?.ok()
    })
}

fn list_header(alg_label: i64, kid: Kid) -> Vec<u8> {
    header(3, |e| {
        e.i64(HEADER_ALG)?
            .i64(alg_label)?
            .i64(HEADER_KID)?
            .bytes(&kid.0)?
            .i64(HEADER_TYP)?
            .str(TYP_STATUS_LIST)?
            .ok()
    })
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a vector takes every byte")
}

/// Inflates one whole zlib stream, and stops at the cap whatever the stream promises.
fn inflate(compressed: &[u8]) -> Result<Vec<u8>, FormatError> {
    let mut decoder = ZlibDecoder::new(compressed);
    let mut bytes = Vec::new();
    let cap = MAX_STATUS_INFLATED_BYTES as u64 + 1;
    decoder.by_ref().take(cap).read_to_end(&mut bytes).map_err(|_| FormatError)?;
    ensure(bytes.len() <= MAX_STATUS_INFLATED_BYTES && decoder.total_in() == compressed.len() as u64)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of the Token Status List draft, as `vectors/README.md` describes it.
    #[derive(serde::Deserialize)]
    struct DraftsList {
        name: String,
        bits: usize,
        lst: String,
        entries: u64,
        marked: Vec<(u64, u8)>,
    }

    /// Ours have two bits each; the draft's other widths show that the bytes are inflated and packed as it says.
    #[test]
    fn the_drafts_lists_say_what_they_should() {
        let lists: Vec<DraftsList> =
            serde_json::from_str(include_str!("../vectors/token-status-list.json")).unwrap();
        for DraftsList { name, bits, lst, entries, marked } in lists {
            let packed = inflate(&hex::decode(lst).unwrap()).unwrap();
            assert_eq!(packed.len() as u64 * 8 / bits as u64, entries, "{name}");
            let mask = u8::try_from((1_u16 << bits) - 1).unwrap();
            let all = packed.iter().flat_map(|byte| (0..8).step_by(bits).map(move |at| byte >> at & mask));
            let found: Vec<(u64, u8)> = (0..).zip(all).filter(|(_, status)| *status != 0).collect();
            assert_eq!(found, marked, "{name}");
            if bits as u64 == STATUS_BITS {
                let ours = StatusBits::from_packed(packed);
                assert!(
                    marked.iter().all(|(idx, status)| ours.get(*idx).unwrap() as u8 == *status),
                    "{name}"
                );
                assert_eq!((ours.places(), ours.get(entries)), (entries, None), "{name}");
            }
        }
    }

    #[test]
    fn setting_a_place_touches_no_other() {
        let mut bits = StatusBits::new(9);
        assert_eq!(bits.places(), 12);
        assert!(
            bits.set(5, Status::Suspended) && bits.set(4, Status::Invalid) && bits.set(5, Status::Invalid)
        );
        assert!(!bits.set(12, Status::Invalid));
        let marked: Vec<u64> = (0..12).filter(|idx| bits.get(*idx) != Some(Status::Valid)).collect();
        assert_eq!(marked, [4, 5]);
        assert_eq!(bits.get(u64::MAX), None);
    }

    #[test]
    fn inflating_stops_at_the_cap_and_wants_one_whole_stream() {
        let largest = vec![0; MAX_STATUS_INFLATED_BYTES];
        assert_eq!(inflate(&deflate(&largest)).unwrap().len(), MAX_STATUS_INFLATED_BYTES);
        let bomb = deflate(&vec![0; MAX_STATUS_INFLATED_BYTES + 1]);
        assert!(bomb.len() < 5000);
        assert_eq!(inflate(&bomb), Err(FormatError));
        let whole = deflate(&[1, 2, 3]);
        assert_eq!(inflate(&whole).unwrap(), [1, 2, 3]);
        assert_eq!(inflate(&whole[..whole.len() - 1]), Err(FormatError));
        assert_eq!(inflate(&[&whole[..], &[0]].concat()), Err(FormatError));
    }
}
