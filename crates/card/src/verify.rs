//! The offline verification: twelve stages in a fixed order, and a verdict that says more than yes or no.
//!
//! Everything it knows stands in its [`Context`]; it has no clock, no store and no network.

use crate::claims::{CardClaims, CardClass};
use crate::code::{VerdictCode, Warning};
use crate::constants::CARD_IAT_LEEWAY_SECONDS;
use crate::keys::KeyRole;
use crate::number::MembershipNumber;
use crate::shown::Shown;
use crate::status::{Status, StatusLists};
use crate::token::{ProofIdentity, SignedCard, SignedProof, Token, from_text, identity_of};
use crate::trust::{Policy, TrustList, signature_fits};

/// The purpose for which a card is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// A discount or an accrual.
    Accrual,
    /// A payment from the balance.
    Redemption {
        /// The sum, where it is known already; an unknown amount counts as one that needs the challenge.
        amount_kopecks: Option<u64>,
    },
}

/// The source of a card's status.
#[derive(Debug, Clone, Copy)]
pub enum StatusSource<'a> {
    /// The lists that this verifier holds.
    Lists(&'a StatusLists),
    /// The issuer's own tables, which the caller asks: stage 11 passes without a warning.
    IssuerTables,
}

/// The context of a verification: all that it depends on besides the text.
pub struct Context<'a> {
    /// The verifier's time, Unix seconds.
    pub now: u64,
    /// The trust list, or why it could not be loaded.
    pub trust: Result<&'a TrustList, VerdictCode>,
    /// The source of the card's status.
    pub status: StatusSource<'a>,
    /// The digits that this till shows for this purchase and has not used yet.
    pub challenge: Option<&'a str>,
    /// The purpose for which a card is shown.
    pub wants: Wants,
    /// Whether this verifier has accepted the proof before.
    pub seen: &'a dyn Fn(&ProofIdentity) -> bool,
}

/// The uses that a verdict allows; none where the card was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowed {
    /// A discount.
    pub discount: bool,
    /// Whether it may accrue.
    pub accrual: bool,
    /// Whether it may pay from the balance.
    pub redemption: bool,
}

impl Allowed {
    /// The words of what is allowed.
    pub fn words(self) -> Vec<&'static str> {
        [(self.discount, "discount"), (self.accrual, "accrual"), (self.redemption, "redemption")]
            .into_iter()
            .filter_map(|(allowed, word)| allowed.then_some(word))
            .collect()
    }
}

/// The content of a proof whose phone's signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The identity by which a purchase is tied to this showing.
    pub identity: ProofIdentity,
    /// The moment of showing by the phone's clock.
    pub iat: u64,
    /// `iat` minus the verifier's time: below zero the code is old, above it one of the clocks is off.
    pub skew_seconds: i64,
    /// The till's digits.
    pub challenge: Option<String>,
    /// The most that the member lets this purchase take from the balance.
    pub max_redemption_kopecks: Option<u64>,
}

/// The verdict of a verification. The card's claims are there as soon as the issuer's signature was good, also when a
/// later stage refused the card: a till may then say whose card has expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether every stage passed.
    pub accepted: bool,
    /// The code: [`VerdictCode::Accepted`], or the first refusal.
    pub code: VerdictCode,
    /// The warning, although the card was accepted.
    pub warning: Option<Warning>,
    /// The uses that are allowed.
    pub allowed: Allowed,
    /// The card's claims, its issuer's signature being good.
    pub card: Option<CardClaims>,
    /// The proof, its phone's signature being good.
    pub proof: Option<Proof>,
    /// The moment at which the consulted status list was made.
    pub status_iat: Option<u64>,
}

impl Verdict {
    /// The number of the membership whose card it is.
    pub fn number(&self) -> Option<MembershipNumber> {
        self.card.as_ref().map(|card| card.number)
    }

    /// The part of the card that the cashier is shown.
    pub fn shown(&self) -> Option<&Shown> {
        self.card.as_ref().map(|card| &card.shown)
    }

    /// The class of the card.
    pub fn class(&self) -> Option<CardClass> {
        self.card.as_ref().map(CardClaims::class)
    }
}

/// Verifies a token's text.
pub fn verify(text: &str, context: &Context) -> Verdict {
    let mut verdict = Verdict {
        accepted: false,
        code: VerdictCode::Accepted,
        warning: None,
        allowed: Allowed::default(),
        card: None,
        proof: None,
        status_iat: None,
    };
    match run_stages(text, context, &mut verdict) {
        Ok(warning) => {
            verdict.accepted = true;
            verdict.warning = warning;
            verdict.allowed = allowed(&verdict, context);
        }
        Err(code) => verdict.code = code,
    }
    verdict
}

/// Stages 1 to 12; their order decides which code a token with several faults gets.
fn run_stages(text: &str, context: &Context, verdict: &mut Verdict) -> Result<Option<Warning>, VerdictCode> {
    let bytes = from_text(text).ok_or(VerdictCode::NotACard)?;
    let Token { card, proof } = Token::parse(&bytes).map_err(|_| VerdictCode::Malformed)?;
    let trust = context.trust?;
    refuse(trust.claims().exp <= context.now, VerdictCode::TrustListExpired)?;
    check_issuer(&card, trust)?;
    let claims = verdict.card.insert(card.claims);
    refuse(claims.iat > context.now.saturating_add(CARD_IAT_LEEWAY_SECONDS), VerdictCode::NotYetValid)?;
    refuse(claims.exp <= context.now, VerdictCode::Expired)?;
    refuse(claims.class() == CardClass::Phone && proof.is_none(), VerdictCode::ProofMissing)?;
    if let Some(proof) = proof {
        verdict.proof = Some(check_device(proof, claims, context.now)?);
    }
    let proof = verdict.proof.as_ref();
    if let Some(proof) = proof {
        check_freshness(proof, trust.policy())?;
    }
    check_challenge(claims.class(), proof, trust.policy(), context)?;
    let warning = check_status(claims, trust.policy(), context, &mut verdict.status_iat)?;
    refuse(proof.is_some_and(|proof| (context.seen)(&proof.identity)), VerdictCode::Replayed)?;
    Ok(warning)
}

fn refuse(refused: bool, code: VerdictCode) -> Result<(), VerdictCode> {
    if refused { Err(code) } else { Ok(()) }
}

/// Stages 4 and 5. Several keys may share a kid; one that signed is enough.
fn check_issuer(card: &SignedCard, trust: &TrustList) -> Result<(), VerdictCode> {
    let claims = &card.claims;
    let mut keys =
        trust.candidates(card.kid, KeyRole::Card, card.alg_label, claims.iat, claims.exp).peekable();
    refuse(keys.peek().is_none(), VerdictCode::UnknownKey)?;
    let signed = card.message.signed_bytes();
    refuse(!keys.any(|key| signature_fits(key, &signed, &card.message.signature)), VerdictCode::BadSignature)
}

/// Stage 8. The key's kind decides the algorithm; the message's label must agree.
fn check_device(proof: SignedProof, card: &CardClaims, now: u64) -> Result<Proof, VerdictCode> {
    let key = card.cnf.ok_or(VerdictCode::ProofBad)?;
    refuse(proof.alg_label != key.alg_label(), VerdictCode::ProofBad)?;
    let signed = proof.message.signed_bytes();
    key.verify(&signed, &proof.message.signature).map_err(|_| VerdictCode::ProofBad)?;
    let claims = proof.claims;
    Ok(Proof {
        identity: identity_of(&signed),
        iat: claims.iat,
        // Both are small enough to be exact: the one by the format, the other by being a clock's.
        skew_seconds: claims.iat.cast_signed().saturating_sub_unsigned(now),
        challenge: claims.challenge,
        max_redemption_kopecks: claims.max_redemption_kopecks,
    })
}

/// Stage 9: the age of the proof.
fn check_freshness(proof: &Proof, policy: &Policy) -> Result<(), VerdictCode> {
    let off_by_too_much = proof.skew_seconds.unsigned_abs() > policy.proof_window_seconds;
    refuse(off_by_too_much && proof.skew_seconds < 0, VerdictCode::ProofStale)?;
    refuse(off_by_too_much, VerdictCode::ProofFuture)
}

/// Stage 10. A class that may not redeem is not asked for anything: its verdict just does not allow it.
fn check_challenge(
    class: CardClass,
    proof: Option<&Proof>,
    policy: &Policy,
    context: &Context,
) -> Result<(), VerdictCode> {
    let Wants::Redemption { amount_kopecks } = context.wants else { return Ok(()) };
    let below = amount_kopecks.is_some_and(|amount| amount <= policy.challenge_above_kopecks);
    if below || !policy.redeeming_classes.contains(&class) {
        return Ok(());
    }
    let answer = proof.and_then(|proof| proof.challenge.as_deref()).ok_or(VerdictCode::ChallengeMissing)?;
    refuse(context.challenge != Some(answer), VerdictCode::ChallengeWrong)
}

/// Stage 11: the status of the card.
fn check_status(
    card: &CardClaims,
    policy: &Policy,
    context: &Context,
    status_iat: &mut Option<u64>,
) -> Result<Option<Warning>, VerdictCode> {
    let StatusSource::Lists(lists) = context.status else { return Ok(None) };
    let list = lists.find(&card.status.uri)?;
    *status_iat = Some(list.claims().iat);
    match list.get(card.status.idx) {
        Some(Status::Valid) => {}
        Some(Status::Invalid) => return Err(VerdictCode::Revoked),
        Some(Status::Suspended) => return Err(VerdictCode::Suspended),
        Some(Status::Reserved) | None => return Err(VerdictCode::StatusUnknown),
    }
    let age_seconds = list.age_seconds(context.now);
    Ok(if age_seconds > policy.stale_seconds {
        Some(Warning::StatusTooOld)
    } else if age_seconds > policy.fresh_seconds {
        Some(Warning::StatusStale)
    } else {
        None
    })
}

fn allowed(verdict: &Verdict, context: &Context) -> Allowed {
    let may_redeem =
        |class| context.trust.is_ok_and(|trust| trust.policy().redeeming_classes.contains(&class));
    Allowed {
        discount: true,
        accrual: true,
        redemption: verdict.class().is_some_and(may_redeem) && verdict.warning != Some(Warning::StatusTooOld),
    }
}
