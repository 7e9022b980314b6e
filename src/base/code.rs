//! The stable words of all that is refused: what stands in a problem's `code`, in a refused mutation's, and beside a form's fields. They
//! are sent, stored and translated, so none of them ever changes its meaning. The words for people are the PWA's, which has some for
//! each of them or does not build.

use std::fmt;

use profcards_card::VerdictCode;
use serde::{Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)+) => {
        /// Why a request or a mutation is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
            /// The card is not accepted. These words are a norm of their own, `docs/card-format.md`, which other verifiers share, and
            /// are taken over as they are.
            Verdict(VerdictCode),
        }

        impl Code {
            /// Every code but the verdicts.
            const OWN: &[Self] = &[$(Self::$variant),+];

            /// The stable word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Verdict(code) => code.as_str(),
                }
            }
        }
    };
}

codes! {
    /// No valid session for this face.
    Unauthenticated = "unauthenticated",
    /// Login or password is wrong.
    CredentialsWrong = "credentials-wrong",
    /// The activation code, its birth date or its age is wrong.
    ActivationRefused = "activation-refused",
    /// The pairing code is wrong, used or too old.
    PairingRefused = "pairing-refused",
    /// Another site's page made the browser send the request.
    CrossSite = "cross-site",
    /// What was asked for does not exist, or the caller may not know that it does.
    NotFound = "not-found",
    /// Fields of a form cannot be accepted.
    InvalidInput = "invalid-input",
    /// The request could not be read at all.
    MalformedRequest = "malformed-request",
    /// The body is over the limit.
    TooLarge = "too-large",
    /// There were too many requests of this kind; the answer says how long to wait.
    TooManyAttempts = "too-many-attempts",
    /// The same idempotency key came with another request.
    IdempotencyConflict = "idempotency-conflict",
    /// The search goes through too much, or too many others are running.
    SearchTooSlow = "search-too-slow",
    /// A part that the request needs, such as the database, does not answer.
    Unavailable = "unavailable",
    /// The server has failed.
    Internal = "internal",

    /// The card is on another phone now.
    PhoneReplaced = "phone-replaced",
    /// This phone was reported lost.
    PhoneLost = "phone-lost",
    /// The member's cards were revoked, this phone's among them.
    CardsRevoked = "cards-revoked",
    /// The member has left, or was expelled.
    MembershipEnded = "membership-ended",

    /// The client speaks an older shape of mutations and entities than this server.
    SchemaTooOld = "schema-too-old",
    /// The client speaks a newer shape of mutations and entities than this server.
    SchemaUnknown = "schema-unknown",
    /// The cursor, of a sync or of a list, cannot be continued: the client fetches everything anew.
    SyncStartOver = "sync-start-over",

    /// There is a member of this name and birth date already.
    AlreadyAMember = "already-a-member",
    /// This step cannot follow the status that the membership has.
    StatusConflict = "status-conflict",
    /// No card is issued to whoever is suspended or has left.
    MembershipNotActive = "membership-not-active",
    /// There is no phone that could be lost.
    NoPhone = "no-phone",
    /// The card that is asked for was revoked.
    CardRevoked = "card-revoked",
    /// This account has printed all sheets of the day for members who have a phone.
    TooManySheets = "too-many-sheets",

    /// Another process is re-issuing these cards. Only commands are answered with it.
    ReissueRunning = "reissue-running",
    /// The key whose cards are to be replaced still signs. Only commands are answered with it.
    ReissueBySameKey = "reissue-by-same-key",
    /// The purchase does not wait for a decision. Only commands are answered with it.
    NotHeld = "not-held",

    /// The server does not know this mutation; a newer one may.
    UnknownMutation = "unknown-mutation",
    /// The mutation's arguments cannot be read; a newer server may.
    MalformedArgs = "malformed-args",
    /// The mutation was refused for a reason that only a newer release, which stored it, knows.
    Rejected = "rejected",
    /// The purchase costs nothing, or too much.
    AmountInvalid = "amount-invalid",
    /// The till cannot have reached this operation number by now.
    OpNumberInvalid = "op-number-invalid",
    /// The till has used this operation number for another operation.
    OpNumberReused = "op-number-reused",
    /// The operation happened at another outlet than the till's.
    OtherOutlet = "other-outlet",
    /// The operation happened longer ago than a till may be offline.
    TooOld = "too-old",
    /// The member did not take part in the programme then, or does not now.
    NotInProgramme = "not-in-programme",
    /// No card can be found by this number.
    CardUnknown = "card-unknown",
    /// The card is genuine, and none of this instance's.
    CardNotIssuedHere = "card-not-issued-here",
    /// The lookup has served another purchase.
    LookupUsed = "lookup-used",
    /// There is no such lookup of this till, or it is too old.
    LookupExpired = "lookup-expired",
    /// Nothing of this purchase may be paid from a balance.
    RedemptionNotAllowed = "redemption-not-allowed",
    /// More was to be paid from the balance than the rule or the member allows.
    RedemptionTooMuch = "redemption-too-much",
    /// The member's phone was enrolled too recently to pay.
    RedemptionTooSoon = "redemption-too-soon",
    /// The purchase reached the server when the member's code was old already.
    RedemptionOffline = "redemption-offline",
    /// The digits were not asked for, were used, or are too old; with new ones the payment can be repeated.
    ChallengeOver = "challenge-over",
    /// More was to be paid from the balance than is there.
    BalanceTooLow = "balance-too-low",
    /// This till has recorded no such purchase.
    UnknownPurchase = "unknown-purchase",
    /// The purchase was taken back already.
    AlreadyCancelled = "already-cancelled",
    /// The return window has closed.
    CancelTooLate = "cancel-too-late",
}

impl Code {
    /// Every code that can be answered: all but the verdict of an accepted card.
    fn all() -> impl Iterator<Item = Self> {
        let verdicts = VerdictCode::ALL.iter().filter(|code| **code != VerdictCode::Accepted);
        Self::OWN.iter().copied().chain(verdicts.map(|code| Self::Verdict(*code)))
    }

    /// The code that was stored as this word; none if no release up to this one has it.
    pub fn parse(word: &str) -> Option<Self> {
        Self::all().find(|code| code.as_str() == word)
    }
}

impl From<VerdictCode> for Code {
    fn from(code: VerdictCode) -> Self {
        Self::Verdict(code)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Why a request or a mutation is refused."))
            .enum_values(Some(Self::all().map(Self::as_str)))
            .into()
    }
}

impl ToSchema for Code {}

/// Why a field of a form cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FieldCode {
    /// The field is empty, or its value is none of the choices.
    Required,
    /// The text is too long.
    TooLong,
    /// The value is no name.
    NameInvalid,
    /// The name mixes scripts.
    NameMixed,
    /// The value is no complete phone number.
    PhoneInvalid,
    /// The number is another country's.
    PhoneForeign,
    /// The value is no e-mail address.
    EmailInvalid,
    /// The birth date is implausibly old or lies in the future.
    DateInvalid,
    /// The day has not come yet.
    InTheFuture,
    /// The day lies before the birth.
    BeforeBirth,
    /// The day lies before the law on personal data (152-ФЗ).
    TooEarly,
    /// Nobody of this birth date may be a member yet.
    TooYoung,
    /// The person could not join on that day yet.
    TooYoungWhenJoined,
    /// More were chosen than one request may name.
    TooMany,
    /// The same choice was made twice.
    Repeated,
    /// A member who was chosen is suspended or has left.
    NotActive,
    /// The organisation has no members of its own.
    KeepsNoMembers,
    /// The member is registered in that organisation already.
    AlreadyThere,
    /// No consent of this kind can be given in the app.
    UnknownConsent,
    /// The text that was agreed to is not the present one.
    TextOutdated,
    /// The value is not in base64url.
    EncodingInvalid,
    /// The value is no key that can hold a card.
    KeyInvalid,
    /// The signature is not the key's.
    SignatureInvalid,
    /// The face has no sync: only phones and tills do.
    NoSync,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_word_of_its_own_and_is_found_by_it() {
        let words: BTreeSet<_> = Code::all().map(Code::as_str).collect();
        assert_eq!(words.len(), Code::all().count());
        for code in Code::all() {
            assert_eq!(Code::parse(code.as_str()), Some(code));
            assert!(code.as_str().chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{code}");
        }
        assert_eq!(Code::parse("accepted"), None);
        assert_eq!(Code::parse("of-a-newer-release"), None);
    }
}
