//! What a card and a proof say, and the one way in which each is written down.

use minicbor::Decoder;

use crate::cbor::{FormatError, MapReader, Writer, Written, at_end, encoded, ensure, uint};
use crate::constants::{
    AUDIENCE, CLAIM_AUD, CLAIM_CLASS, CLAIM_CNF, CLAIM_CNONCE, CLAIM_EXP, CLAIM_IAT, CLAIM_MAX_REDEMPTION,
    CLAIM_SHOWN, CLAIM_STATUS, CLAIM_SUB, CNF_COSE_KEY, MAX_CHALLENGE_DIGITS, STATUS_IDX_KEY,
    STATUS_LIST_KEY, STATUS_URI_KEY,
};
use crate::keys::DeviceKey;
use crate::number::MembershipNumber;
use crate::shown::Shown;

/// The class of a card: where it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CardClass {
    /// A card on a phone that proves each showing with its key.
    Phone = 1,
    /// A card on paper: anybody's copy is as good.
    Paper = 2,
}

impl CardClass {
    /// The class written as `value`.
    pub fn from_value(value: u64) -> Option<Self> {
        match value {
            1 => Some(Self::Phone),
            2 => Some(Self::Paper),
            _ => None,
        }
    }

    /// The number that stands for it on the card.
    pub fn value(self) -> u8 {
        self as u8
    }

    /// The word that names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Paper => "paper",
        }
    }
}

/// A card's place on a status list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StatusRef {
    /// The list's name, such as `urn:pc:s1`.
    pub uri: String,
    /// The place on it.
    pub idx: u64,
}

/// The claims of a card. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardClaims {
    /// The number of the membership.
    pub number: MembershipNumber,
    /// The end of the card's validity.
    pub exp: u64,
    /// The moment of issue, on the full hour; also the start of its validity.
    pub iat: u64,
    /// The phone's key; a card without one is on paper.
    pub cnf: Option<DeviceKey>,
    /// The reference to its status.
    pub status: StatusRef,
    /// The part that the cashier sees.
    pub shown: Shown,
}

impl CardClaims {
    /// The class, which the presence of a phone's key decides.
    pub fn class(&self) -> CardClass {
        if self.cnf.is_some() { CardClass::Phone } else { CardClass::Paper }
    }

    /// The claims' bytes, in their one form.
    pub fn encode(&self) -> Vec<u8> {
        encoded(|e| self.write(e))
    }

    /// Reads claims in the strict form.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(bytes);
        let mut map = MapReader::open(&mut d)?;
        let number = map.required(CLAIM_SUB)?.str()?.parse().map_err(|_| FormatError)?;
        let exp = uint(map.required(CLAIM_EXP)?)?;
        let iat = uint(map.required(CLAIM_IAT)?)?;
        let cnf = map.optional(CLAIM_CNF)?.map(read_cnf).transpose()?;
        let status = read_status(map.required(CLAIM_STATUS)?)?;
        let shown = Shown::read(map.required(CLAIM_SHOWN)?)?;
        let class = CardClass::from_value(uint(map.required(CLAIM_CLASS)?)?);
        map.close()?;
        at_end(&d)?;
        let claims = Self { number, exp, iat, cnf, status, shown };
        ensure(class == Some(claims.class()) && claims.encode() == bytes)?;
        Ok(claims)
    }

    fn write(&self, e: &mut Writer) -> Written {
        e.map(6 + u64::from(self.cnf.is_some()))?;
        e.i64(CLAIM_SUB)?.str(self.number.as_str())?;
        e.i64(CLAIM_EXP)?.u64(self.exp)?.i64(CLAIM_IAT)?.u64(self.iat)?;
        if let Some(key) = &self.cnf {
            e.i64(CLAIM_CNF)?.map(1)?.i64(CNF_COSE_KEY)?;
            key.write(e)?;
        }
        e.i64(CLAIM_STATUS)?.map(1)?.str(STATUS_LIST_KEY)?.map(2)?;
        e.str(STATUS_IDX_KEY)?.u64(self.status.idx)?.str(STATUS_URI_KEY)?.str(&self.status.uri)?;
        e.i64(CLAIM_SHOWN)?;
        self.shown.write(e)?;
        e.i64(CLAIM_CLASS)?.u8(self.class().value())?.ok()
    }
}

fn read_cnf(d: &mut Decoder) -> Result<DeviceKey, FormatError> {
    let mut map = MapReader::open(d)?;
    let key = DeviceKey::read(map.required(CNF_COSE_KEY)?)?;
    map.close()?;
    Ok(key)
}

fn read_status(d: &mut Decoder) -> Result<StatusRef, FormatError> {
    let mut outer = MapReader::open(d)?;
    let mut map = MapReader::open(outer.required_text(STATUS_LIST_KEY)?)?;
    let idx = uint(map.required_text(STATUS_IDX_KEY)?)?;
    let uri = map.required_text(STATUS_URI_KEY)?.str()?.to_owned();
    map.close()?;
    outer.close()?;
    Ok(StatusRef { uri, idx })
}

/// The claims of a proof: what a phone says when it shows its card.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProofClaims {
    /// The moment of showing, Unix seconds.
    pub iat: u64,
    /// The till's digits.
    pub challenge: Option<String>,
    /// The most that the member lets this purchase take from the balance.
    pub max_redemption_kopecks: Option<u64>,
}

impl ProofClaims {
    /// The claims' bytes, in their one form.
    pub fn encode(&self) -> Vec<u8> {
        encoded(|e| self.write(e))
    }

    /// Reads claims in the strict form.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(bytes);
        let mut map = MapReader::open(&mut d)?;
        ensure(map.required(CLAIM_AUD)?.str()? == AUDIENCE)?;
        let iat = uint(map.required(CLAIM_IAT)?)?;
        let challenge = map.optional(CLAIM_CNONCE)?.map(read_challenge).transpose()?;
        let max_redemption_kopecks = map.optional(CLAIM_MAX_REDEMPTION)?.map(uint).transpose()?;
        map.close()?;
        at_end(&d)?;
        let claims = Self { iat, challenge, max_redemption_kopecks };
        ensure(claims.encode() == bytes)?;
        Ok(claims)
    }

    fn write(&self, e: &mut Writer) -> Written {
        e.map(2 + u64::from(self.challenge.is_some()) + u64::from(self.max_redemption_kopecks.is_some()))?;
        e.i64(CLAIM_AUD)?.str(AUDIENCE)?.i64(CLAIM_IAT)?.u64(self.iat)?;
        if let Some(digits) = &self.challenge {
            e.i64(CLAIM_CNONCE)?.bytes(digits.as_bytes())?;
        }
        if let Some(kopecks) = self.max_redemption_kopecks {
            e.i64(CLAIM_MAX_REDEMPTION)?.u64(kopecks)?;
        }
        Ok(())
    }
}

fn read_challenge(d: &mut Decoder) -> Result<String, FormatError> {
    let digits = std::str::from_utf8(d.bytes()?).map_err(|_| FormatError)?;
    ensure(is_challenge(digits))?;
    Ok(digits.to_owned())
}

pub(crate) fn is_challenge(digits: &str) -> bool {
    (1..=MAX_CHALLENGE_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}
