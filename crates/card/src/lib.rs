//! The signed membership card: its format, its issuing, and its verification without a network.
//!
//! Everything that is signed or parsed lives here. No I/O, no clock, no randomness and no server types: time, secrets and
//! lists come in as values, so a till vendor can use the crate as it is. `docs/card-format.md` is the norm that it follows.
//!
//! In reading order: [`constants`] · the values on a card (`number`, `shown`, `claims`) · `cbor` and `cose`, the strict
//! form · `keys` · `token`, a card and its presentation · `trust` and `status`, the two signed lists · `verify`.
//!
//! A union issues a card, its phone shows it, and a till that holds the union's two lists verifies it:
//!
//! ```
//! use profcards_card::*;
//!
//! // The issuer. Its secrets come from a generator of random numbers, of course.
//! let key = |seed, role| IssuerSigningKey::from_secret(&[seed; 32], role, IssuerAlg::EdDsa);
//! let (root, card_key, status_key) = (key(1, KeyRole::Root), key(2, KeyRole::Card), key(3, KeyRole::Status));
//! let phone = DeviceSigningKey::ed25519(&[4; 32]);
//! let iat = full_hour(1_795_348_800);
//! let claims = CardClaims {
//!     number: MembershipNumber::from_body("07992739871")?,
//!     iat,
//!     exp: iat + constants::PHONE_CARD_SECONDS,
//!     cnf: Some(phone.public_key()),
//!     status: StatusRef { uri: "urn:pc:s1".to_owned(), idx: 17 },
//!     shown: Shown::new(short_name("Иванова", "Мария", Some("Петровна")), 77, Category::Working)?,
//! };
//! let card = issue_card(&claims, &card_key)?;
//! let end = iat + 400 * 86_400;
//! let trust_list = TrustListClaims {
//!     iss: "A union".to_owned(),
//!     iat,
//!     exp: iat + constants::TRUST_LIST_SECONDS,
//!     seq: 1,
//!     keys: vec![TrustedKey::of(&card_key, iat, end), TrustedKey::of(&status_key, iat, end)],
//!     lists: vec![ListLocation { uri: "urn:pc:s1".to_owned(), path: "/status/1".to_owned() }],
//!     policy: Policy::default(),
//! }
//! .sign(&root)?;
//! let status_list = StatusListClaims {
//!     uri: "urn:pc:s1".to_owned(),
//!     iat,
//!     exp: iat + constants::STATUS_LIST_SECONDS,
//!     ttl_seconds: constants::STATUS_LIST_TTL_SECONDS,
//!     bits: StatusBits::new(1000),
//! }
//! .sign(&status_key)?;
//!
//! // The phone, at the moment of showing.
//! let proof = ProofClaims { iat: iat + 600, ..ProofClaims::default() };
//! let text = to_text(&present(&card, &proof, &phone)?);
//!
//! // The till, which has pinned the root and needs no network.
//! let now = iat + 603;
//! let trust = TrustList::load(&trust_list, &[root.public_key()], None).expect("a list under the pinned root");
//! let lists = StatusLists::load([&status_list[..]], &trust, now, None);
//! let context = Context {
//!     now,
//!     trust: Ok(&trust),
//!     status: StatusSource::Lists(&lists),
//!     challenge: None,
//!     wants: Wants::Accrual,
//!     seen: &|_| false,
//! };
//! let verdict = verify(&text, &context);
//! assert!(verdict.accepted && verdict.allowed.accrual);
//! assert_eq!(verdict.shown().map(Shown::name), Some("Иванова М. П."));
//!
//! // The same text two minutes later: somebody photographed the screen.
//! let verdict = verify(&text, &Context { now: now + 120, ..context });
//! assert_eq!(verdict.code, VerdictCode::ProofStale);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod base45;
mod cbor;
mod claims;
mod code;
pub mod constants;
mod cose;
mod keys;
mod number;
mod shown;
mod status;
mod token;
mod trust;
mod verify;

pub use cbor::FormatError;
pub use claims::{CardClaims, CardClass, ProofClaims, StatusRef};
pub use code::{VerdictCode, Warning};
pub use cose::Signature;
pub use keys::{DeviceKey, DeviceSigningKey, IssuerAlg, IssuerSigningKey, KeyError, KeyRole, Kid, kid_of};
pub use number::{MembershipNumber, NumberError};
pub use shown::{Category, Shown, ShownError, short_name};
pub use status::{Status, StatusBits, StatusList, StatusListClaims, StatusLists};
pub use token::{
    IssueError, ProofIdentity, SignedCard, SignedProof, Token, from_text, full_hour, issue_card, present,
    to_text,
};
pub use trust::{ListLocation, Policy, TrustList, TrustListClaims, TrustedKey};
pub use verify::{Allowed, Context, Proof, StatusSource, Verdict, Wants, verify};
