//! The stable words of a verdict: they are stored, sent and translated, so none of them ever changes its meaning.

use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code's stable word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// The code of a verdict: accepted, or the first stage's reason to refuse.
    VerdictCode {
        /// Every stage passed.
        Accepted = "accepted",
        /// The text is not one of our tokens at all.
        NotACard = "not-a-card",
        /// A token, but not in the strict form.
        Malformed = "malformed",
        /// There is no trust list, or it is not signed by a pinned root.
        TrustListBad = "trust-list-bad",
        /// The trust list is older than the one that this verifier already had.
        TrustListRollback = "trust-list-rollback",
        /// The trust list's time is over.
        TrustListExpired = "trust-list-expired",
        /// No card key of the trust list could have signed this card.
        UnknownKey = "unknown-key",
        /// The issuer did not sign this card.
        BadSignature = "bad-signature",
        /// The card is from the future: the verifier's clock is behind.
        NotYetValid = "not-yet-valid",
        /// The card's time is over.
        Expired = "expired",
        /// A phone card without its proof.
        ProofMissing = "proof-missing",
        /// The proof was not signed by the card's phone.
        ProofBad = "proof-bad",
        /// The code was shown too long ago.
        ProofStale = "proof-stale",
        /// The code is from the future: one of the clocks is off.
        ProofFuture = "proof-future",
        /// A redemption without the till's challenge.
        ChallengeMissing = "challenge-missing",
        /// Not the challenge of this till.
        ChallengeWrong = "challenge-wrong",
        /// A status list was given, but it cannot be relied on.
        StatusBad = "status-bad",
        /// No list says anything about this card.
        StatusUnknown = "status-unknown",
        /// The card was revoked.
        Revoked = "revoked",
        /// The card is suspended.
        Suspended = "suspended",
        /// This verifier has accepted this proof already.
        Replayed = "replayed",
    }
}

words! {
    /// The warning of an accepted card's verdict.
    Warning {
        /// The status list is no longer fresh.
        StatusStale = "status-stale",
        /// The status list is so old that nothing may be redeemed.
        StatusTooOld = "status-too-old",
    }
}
