// Every number and fixed string of the card format (docs/card-format.md). Nothing here computes anything.
// The Rust twin is crates/card/src/constants.rs; the golden vectors keep the two in agreement.

export const TOKEN_PREFIX = 'PC1:';
export const TOKEN_MAX_CHARS = 2048;

export const COSE_SIGN1_TAG = 18;

// COSE header parameters (RFC 9052, RFC 9596, SD-CWT).
export const HEADER_ALG = 1;
export const HEADER_KID = 4;
export const HEADER_KCWT = 13;
export const HEADER_TYP = 16;

/** The CoAP content format of a key-binding token: the `typ` of a presentation. */
export const TYP_PRESENTATION = 294;
export const TYP_STATUS_LIST = 'application/statuslist+cwt';

// COSE algorithms.
export const ALG_EDDSA = -8;
export const ALG_ED25519 = -19;
export const ALG_ES256 = -7;

// COSE_Key labels and values.
export const KEY_KTY = 1;
export const KEY_CRV = -1;
export const KEY_X = -2;
export const KEY_Y = -3;
export const KTY_OKP = 1;
export const KTY_EC2 = 2;
export const CRV_P256 = 1;
export const CRV_ED25519 = 6;

// CWT claims (RFC 8392, Token Status List) and this format's private claims, which are below -65536.
export const CLAIM_ISS = 1;
export const CLAIM_SUB = 2;
export const CLAIM_AUD = 3;
export const CLAIM_EXP = 4;
export const CLAIM_IAT = 6;
export const CLAIM_CNF = 8;
export const CLAIM_CNONCE = 39;
export const CLAIM_STATUS_LIST = 65533;
export const CLAIM_TTL = 65534;
export const CLAIM_STATUS = 65535;
export const CLAIM_SHOWN = -65537;
export const CLAIM_CLASS = -65538;
export const CLAIM_MAX_REDEEM_KOPECKS = -65539;
export const CLAIM_TRUST_SEQ = -65550;
export const CLAIM_TRUST_KEYS = -65551;
export const CLAIM_TRUST_LISTS = -65552;
export const CLAIM_TRUST_POLICY = -65553;

export const CNF_COSE_KEY = 1;

export const AUDIENCE = 'pc';

export const CLASS_PHONE = 1;
export const CLASS_PAPER = 2;

/** How far ahead of this verifier's clock a card's `iat` may lie before the clock is called wrong. */
export const CARD_IAT_LEEWAY_SECONDS = 60;

export const STATUS_BITS = 2;
export const STATUS_VALID = 0;
export const STATUS_INVALID = 1;
export const STATUS_SUSPENDED = 2;

export const KID_BYTES = 4;
export const SIGNATURE_BYTES = 64;

export const NAME_MAX_CHARS = 16;
export const REGION_MAX = 99;
export const CHALLENGE_MAX_DIGITS = 16;

// Limits on what a verifier is willing to take in, so that no list can exhaust a till.
export const TRUST_LIST_MAX_BYTES = 64 * 1024;
export const STATUS_TOKEN_MAX_BYTES = 1024 * 1024;
export const STATUS_INFLATED_MAX_BYTES = 4 * 1024 * 1024;

export const POLICY_FRESH = 1;
export const POLICY_STALE = 2;
export const POLICY_PROOF_WINDOW = 3;
export const POLICY_REDEEMING_CLASSES = 4;
export const POLICY_CHALLENGE_ABOVE = 5;
