//! What a partner's own server may ask: whether a card that was shown to it is good. Such a server has an API key instead of
//! a till's pairing. It learns what stands on the card, and only of a card that is accepted.

pub mod routes;
pub mod store;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use profcards_card::{Context, StatusSource, Verdict, VerdictCode, Wants, verify};
use sqlx::PgConnection;

use crate::base::clock::unix_seconds;
use crate::base::error::{Error, Result};
use crate::base::ids::PartnerKeyId;
use crate::base::secret::InstanceSecret;
use crate::base::trusted_time;
use crate::cards::store::KnownCard;
use crate::cards::{CardStatus, Issuer, enrolment};
use crate::programme::ledger;
use crate::programme::ledger::redemption;
use crate::programme::partners::challenge::{self, Asker, Challenge};
use crate::registry::members;

/// The beginning of every key, so that one which was published by mistake is recognised.
const PREFIX: &str = "pcv_";
/// The longest name of a key; names tell a partner's keys apart.
pub const MAX_NAME_CHARS: usize = 100;

/// A key as its owner holds it; the database has only a keyed hash.
pub struct ApiKey(String);

impl ApiKey {
    /// Draws 256 random bits.
    pub fn new(issuer: &Issuer) -> Self {
        Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(issuer.random.bytes::<32>())))
    }

    /// The key's hash, which is all that the database keeps of it.
    pub fn stored_hash(&self, secret: &InstanceSecret) -> [u8; 32] {
        secret.mac("partner-key", &[self.0.as_bytes()])
    }
}

impl std::fmt::Display for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A partner's server, known by its key.
#[derive(Clone, Debug)]
pub struct Vendor {
    /// The key; limits are counted by it.
    pub key_id: PartnerKeyId,
}

impl FromRequestParts<Issuer> for Vendor {
    type Rejection = Error;

    /// A key that never was and one that was revoked take the same way to the same answer.
    async fn from_request_parts(parts: &mut Parts, issuer: &Issuer) -> Result<Self> {
        let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = authorization
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| ApiKey(key.to_owned()))
            .ok_or(Error::Unauthenticated)?;
        let key_id = store::living_key(&issuer.db_tills, &key.stored_hash(&issuer.secret)).await?;
        Ok(Self { key_id: key_id.ok_or(Error::Unauthenticated)? })
    }
}

/// A vendor's request to verify a card.
pub struct VerifyRequest<'a> {
    /// The text of the QR code.
    pub token: &'a str,
    /// The purpose for which the card is shown.
    pub wants: Wants,
    /// The digits that the vendor's till showed.
    pub challenge: Option<&'a str>,
    /// The operation for which they were drawn.
    pub operation: Option<&'a str>,
}

/// The judgement that a vendor is told.
pub struct Judgement {
    /// The verdict, by our own tables too.
    pub verdict: Verdict,
    /// The moment from which the phone redeems, where that is still to come.
    pub redeems_from: Option<DateTime<Utc>>,
}

impl Judgement {
    /// The showing by which a redemption that was asked for is allowed, and its sum.
    fn allowed_redemption(&self, wants: Wants) -> Option<([u8; 32], i64)> {
        let Wants::Redemption { amount_kopecks } = wants else { return None };
        let proof = self.verdict.proof.as_ref().filter(|_| self.verdict.allowed.redemption)?;
        let most_kopecks = amount_kopecks.or(proof.max_redemption_kopecks)?;
        Some((proof.identity.0, i64::try_from(most_kopecks).ok()?))
    }
}

impl From<Verdict> for Judgement {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, redeems_from: None }
    }
}

/// Verifies a card as of now: by its format, then by our own tables, then by what was shown before. A card that this
/// instance did not issue, that was revoked or suspended, or whose holder has left gets one answer.
pub async fn judge(
    issuer: &Issuer,
    vendor: &Vendor,
    request: &VerifyRequest<'_>,
    now: DateTime<Utc>,
) -> Result<Judgement> {
    let mut tx = issuer.db_tills.begin().await?;
    let asker = Asker::Vendor(vendor.key_id);
    let operation = request.operation.unwrap_or_default();
    let drawn = challenge_shown(&mut tx, asker, request, now).await?;
    let verdict = by_format(issuer, request, drawn.as_ref(), now);
    if !verdict.accepted {
        return match verdict.code {
            // Our own list, not the card, is at fault.
            VerdictCode::TrustListBad | VerdictCode::TrustListRollback | VerdictCode::TrustListExpired => {
                Err(Error::Unavailable(anyhow::anyhow!(
                    "cards cannot be verified: {}",
                    verdict.code.as_str()
                )))
            }
            VerdictCode::ChallengeWrong => {
                challenge::count_wrong_answer(&mut tx, asker, operation, now).await?;
                tx.commit().await?;
                Ok(verdict.into())
            }
            _ => Ok(verdict.into()),
        };
    }
    if drawn.as_ref().is_some_and(|drawn| !redemption::is_answered_by(drawn, verdict.proof.as_ref())) {
        return Ok(refused(verdict, VerdictCode::ProofStale));
    }
    let card = ledger::customer::issued_here(&mut tx, request.token).await?;
    let card = card.filter(|card| card.status == CardStatus::Valid);
    let Some(card) = card else { return Ok(refused(verdict, VerdictCode::Revoked)) };
    if !enrolment::store::is_active(&mut tx, card.membership_id).await? {
        return Ok(refused(verdict, VerdictCode::Revoked));
    }
    if let Some(proof) = &verdict.proof
        && !ledger::guards::spend_proof_at_vendor(&mut tx, &proof.identity.0, vendor.key_id, now).await?
    {
        return Ok(refused(verdict, VerdictCode::Replayed));
    }
    let mut judgement = allow(issuer, &mut tx, verdict, &card, request.wants, now).await?;
    if let Some(drawn) = drawn
        && let Some((identity, most_kopecks)) = judgement.allowed_redemption(request.wants)
    {
        if challenge::use_up(&mut tx, asker, operation, &drawn.digits, now).await? {
            let told = (vendor.key_id, operation);
            store::record_redemption(&mut tx, &identity, told, card.membership_id, most_kopecks, now).await?;
        } else {
            // Another question about the same operation was a moment quicker.
            judgement = refused(judgement.verdict, VerdictCode::ChallengeWrong);
        }
    }
    tx.commit().await?;
    Ok(judgement)
}

/// The digits that this vendor was given for this operation, if they still pay and are the ones that it showed.
async fn challenge_shown(
    conn: &mut PgConnection,
    asker: Asker,
    request: &VerifyRequest<'_>,
    now: DateTime<Utc>,
) -> Result<Option<Challenge>> {
    let (Wants::Redemption { .. }, Some(shown), Some(operation)) =
        (request.wants, request.challenge, request.operation)
    else {
        return Ok(None);
    };
    let drawn = challenge::newest(conn, asker, operation, now).await?;
    Ok(drawn.filter(|drawn| drawn.is_live(now) && drawn.digits == shown))
}

/// Limits what an accepted card allows: cashback and payment while its holder takes part in the programme; of the
/// balance only what is there and the member agreed to, and by a phone that has held the card long enough.
async fn allow(
    issuer: &Issuer,
    conn: &mut PgConnection,
    mut verdict: Verdict,
    card: &KnownCard,
    wants: Wants,
    now: DateTime<Utc>,
) -> Result<Judgement> {
    if !members::consents::store::took_part_then_and_now(&mut *conn, card.membership_id, now, now).await? {
        (verdict.allowed.accrual, verdict.allowed.redemption) = (false, false);
    }
    if !verdict.allowed.redemption {
        return Ok(verdict.into());
    }
    if let (Wants::Redemption { amount_kopecks }, Some(proof)) = (wants, &mut verdict.proof) {
        let balance = ledger::store::balance(&mut *conn, card.membership_id).await?.balance;
        let free = u64::try_from(balance.free_kopecks().0).unwrap_or(0);
        // A proof that names no sum allows none.
        let most = proof.max_redemption_kopecks.map(|by_member| by_member.min(free));
        proof.max_redemption_kopecks = most;
        verdict.allowed.redemption =
            most.is_some_and(|most| (1..=most).contains(&amount_kopecks.unwrap_or(most)));
    }
    let redeems_from = enrolment::moving::redeems_from(&mut *conn, card.id).await?;
    let has_waited = match redeems_from {
        Some(from) => trusted_time::has_come(conn, issuer, from).await?,
        None => false,
    };
    verdict.allowed.redemption &= has_waited;
    Ok(Judgement { verdict, redeems_from: redeems_from.filter(|from| *from > now) })
}

fn by_format(
    issuer: &Issuer,
    request: &VerifyRequest<'_>,
    drawn: Option<&Challenge>,
    now: DateTime<Utc>,
) -> Verdict {
    let trust = issuer.keys.trust_list();
    let context = Context {
        now: unix_seconds(now),
        trust: Ok(&trust.list),
        status: StatusSource::IssuerTables,
        challenge: drawn.map(|drawn| drawn.digits.as_str()),
        wants: request.wants,
        seen: &|_| false,
    };
    verify(request.token, &context)
}

fn refused(verdict: Verdict, code: VerdictCode) -> Judgement {
    Verdict { accepted: false, code, allowed: profcards_card::Allowed::default(), ..verdict }.into()
}
