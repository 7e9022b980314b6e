//! Every number and word that the card format fixes: labels, tags, prefixes, sizes, lifetimes.
//!
//! Nothing else in the crate writes a label or a limit down; an implementer in another language copies this one file.

/// What every token's text begins with; the colon is part of it.
pub const TEXT_PREFIX: &str = "PC1:";
/// The longest token text, prefix included, in characters.
pub const MAX_TEXT_CHARS: usize = 2048;

/// CBOR tag of `COSE_Sign1`; the only tag that occurs.
pub const TAG_COSE_SIGN1: u64 = 18;
/// The context string that opens a `COSE_Sign1` signature's input.
pub const SIGNATURE_CONTEXT: &str = "Signature1";
/// Every signature is this long, Ed25519 and ES256 alike.
pub const SIGNATURE_BYTES: usize = 64;
/// The largest unsigned integer of the format: what a JavaScript number holds exactly.
pub const MAX_UINT: u64 = (1 << 53) - 1;

/// COSE header: algorithm.
pub const HEADER_ALG: i64 = 1;
/// COSE header: key identifier.
pub const HEADER_KID: i64 = 4;
/// COSE header: the card inside its presentation (`kcwt`).
pub const HEADER_KCWT: i64 = 13;
/// COSE header: type of the content.
pub const HEADER_TYP: i64 = 16;
/// The presentation's type: the content format of a key-binding token.
pub const TYP_PRESENTATION: u64 = 294;
/// The status list's type.
pub const TYP_STATUS_LIST: &str = "application/statuslist+cwt";

/// COSE algorithm `EdDSA`, by which this format always means Ed25519.
pub const ALG_EDDSA: i64 = -8;
/// COSE algorithm `Ed25519` (RFC 9864).
pub const ALG_ED25519: i64 = -19;
/// COSE algorithm `ES256`.
pub const ALG_ES256: i64 = -7;

/// `COSE_Key`: key type.
pub const KEY_KTY: i64 = 1;
/// `COSE_Key`: curve.
pub const KEY_CRV: i64 = -1;
/// `COSE_Key`: x coordinate, or the whole Ed25519 public key.
pub const KEY_X: i64 = -2;
/// `COSE_Key`: y coordinate.
pub const KEY_Y: i64 = -3;
/// Key type of Ed25519.
pub const KTY_OKP: u64 = 1;
/// Key type of P-256.
pub const KTY_EC2: u64 = 2;
/// Curve Ed25519.
pub const CRV_ED25519: u64 = 6;
/// Curve P-256.
pub const CRV_P256: u64 = 1;
/// A `kid` is this many bytes of the key's thumbprint.
pub const KID_BYTES: usize = 4;

/// CWT claim: issuer.
pub const CLAIM_ISS: i64 = 1;
/// CWT claim: subject.
pub const CLAIM_SUB: i64 = 2;
/// CWT claim: audience.
pub const CLAIM_AUD: i64 = 3;
/// CWT claim: expiry.
pub const CLAIM_EXP: i64 = 4;
/// CWT claim: issued at.
pub const CLAIM_IAT: i64 = 6;
/// CWT claim: confirmation key.
pub const CLAIM_CNF: i64 = 8;
/// Inside `cnf`: a `COSE_Key`.
pub const CNF_COSE_KEY: i64 = 1;
/// CWT claim: the verifier's challenge.
pub const CLAIM_CNONCE: i64 = 39;
/// CWT claim: status list.
pub const CLAIM_STATUS_LIST: i64 = 65533;
/// CWT claim: time to live.
pub const CLAIM_TTL: i64 = 65534;
/// CWT claim: status.
pub const CLAIM_STATUS: i64 = 65535;
/// Private claim: what the cashier is shown.
pub const CLAIM_SHOWN: i64 = -65537;
/// Private claim: card class.
pub const CLAIM_CLASS: i64 = -65538;
/// Private claim: the most that this purchase may take from the balance, in kopecks.
pub const CLAIM_MAX_REDEMPTION: i64 = -65539;
/// Private claim: sequence number of the trust list.
pub const CLAIM_SEQ: i64 = -65550;
/// Private claim: the trust list's keys.
pub const CLAIM_KEYS: i64 = -65551;
/// Private claim: where the status lists are.
pub const CLAIM_LISTS: i64 = -65552;
/// Private claim: the verifier's policy.
pub const CLAIM_POLICY: i64 = -65553;

/// The audience of every proof.
pub const AUDIENCE: &str = "pc";
/// Key of the reference inside the status claim.
pub const STATUS_LIST_KEY: &str = "status_list";
/// Key of the index inside the reference.
pub const STATUS_IDX_KEY: &str = "idx";
/// Key of the list's name inside the reference.
pub const STATUS_URI_KEY: &str = "uri";
/// Key of the bits per entry inside a status list.
pub const LIST_BITS_KEY: &str = "bits";
/// Key of the compressed entries inside a status list.
pub const LIST_LST_KEY: &str = "lst";

/// Policy entry: up to this age a status list is fresh, in seconds.
pub const POLICY_FRESH: i64 = 1;
/// Policy entry: beyond this age a status list permits no redemption, in seconds.
pub const POLICY_STALE: i64 = 2;
/// Policy entry: how far a proof may be from the verifier's time, in seconds.
pub const POLICY_PROOF_WINDOW: i64 = 3;
/// Policy entry: the classes that may redeem.
pub const POLICY_REDEEMING_CLASSES: i64 = 4;
/// Policy entry: a redemption above this many kopecks needs the till's challenge.
pub const POLICY_CHALLENGE_ABOVE: i64 = 5;

/// Digits of a membership number, the check digit included.
pub const NUMBER_DIGITS: usize = 12;
/// Characters of the short name at most.
pub const MAX_NAME_CHARS: usize = 16;
/// The highest region: two digits of the ОКАТО code.
pub const MAX_REGION: u8 = 99;
/// Digits of a challenge at most.
pub const MAX_CHALLENGE_DIGITS: usize = 16;

/// Bits of one status.
pub const STATUS_BITS: u64 = 2;
/// The largest status list token that is read, in bytes.
pub const MAX_STATUS_TOKEN_BYTES: usize = 1 << 20;
/// The largest inflated status list that is accepted, in bytes: 16.7 million cards.
pub const MAX_STATUS_INFLATED_BYTES: usize = 4 << 20;
/// The largest trust list that is read, in bytes.
pub const MAX_TRUST_LIST_BYTES: usize = 64 << 10;

const HOUR_SECONDS: u64 = 3600;
const DAY_SECONDS: u64 = 24 * HOUR_SECONDS;

/// A card's `iat` is a multiple of this, so that it does not tell one member from another.
pub const CARD_IAT_STEP_SECONDS: u64 = HOUR_SECONDS;
/// How far a card's `iat` may lie ahead of the verifier's clock.
pub const CARD_IAT_LEEWAY_SECONDS: u64 = 60;
/// Life of a phone card.
pub const PHONE_CARD_SECONDS: u64 = 60 * DAY_SECONDS;
/// A phone card is issued again after this.
pub const PHONE_CARD_RENEW_SECONDS: u64 = 30 * DAY_SECONDS;
/// Life of a paper card: thirteen months.
pub const PAPER_CARD_SECONDS: u64 = 395 * DAY_SECONDS;
/// Life of a trust list.
pub const TRUST_LIST_SECONDS: u64 = 30 * DAY_SECONDS;
/// Life of a status list.
pub const STATUS_LIST_SECONDS: u64 = 7 * DAY_SECONDS;
/// How long a status list need not be asked for again.
pub const STATUS_LIST_TTL_SECONDS: u64 = HOUR_SECONDS;

/// Default of [`POLICY_FRESH`].
pub const DEFAULT_FRESH_SECONDS: u64 = DAY_SECONDS;
/// Default of [`POLICY_STALE`].
pub const DEFAULT_STALE_SECONDS: u64 = 7 * DAY_SECONDS;
/// Default of [`POLICY_PROOF_WINDOW`].
pub const DEFAULT_PROOF_WINDOW_SECONDS: u64 = 60;
/// Default of [`POLICY_CHALLENGE_ABOVE`].
pub const DEFAULT_CHALLENGE_ABOVE_KOPECKS: u64 = 0;
