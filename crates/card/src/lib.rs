//! The signed membership card: its format, its issuing, and its verification without a network.
//!
//! Everything that is signed or parsed lives here. No I/O, no clock, no randomness and no server types: time, secrets and
//! lists come in as values, so a till vendor can use the crate as it is. `docs/card-format.md` is the norm that it follows.
//!
//! In reading order: [`constants`] · the values on a card (`number`, `shown`, `claims`) · `cbor` and `cose`, the strict
//! form · `keys` · `token`, a card and its presentation · `trust` and `status`, the two signed lists · `verify`.

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
pub use code::{Code, Warning};
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
