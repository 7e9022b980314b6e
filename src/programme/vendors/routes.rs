//! The vendors' API over HTTP: stable under `/api/v1`, by API key.

use axum::extract::{DefaultBodyLimit, State};
use chrono::{DateTime, Utc};
use profcards_card::{Allowed, Verdict, Wants, Warning};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Judgement, Vendor, VerifyRequest, judge};
use crate::access::limits;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::Json;
use crate::cards::Issuer;
use crate::programme::ledger::routes::RedemptionChallenge;
use crate::programme::partners::ShownCard;
use crate::programme::partners::challenge::{self, Asker};
use crate::registry::members::CardClass;

/// The longest body: a token has at most a few hundred characters.
const MAX_BODY_BYTES: usize = 4 * 1024;
/// The longest name that a partner gives a purchase.
const MAX_OPERATION_CHARS: usize = 64;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new()
        .routes(routes!(ask_challenge))
        .routes(routes!(verify_card))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VendorOperation {
    /// The partner's own name of the purchase, its till in it: 1 to 64 characters.
    operation: String,
}

/// Ask for the digits by which a member agrees to pay at this till for this purchase. Earlier ones of the same operation end.
#[utoipa::path(post, operation_id = "vendor_challenge", path = "/api/v1/challenge", tag = "vendors",
    security(("partner_key" = [])), request_body = VendorOperation, responses(
    (status = 200, body = RedemptionChallenge), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 413, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
async fn ask_challenge(
    State(issuer): State<Issuer>,
    vendor: Vendor,
    Json(asked): Json<VendorOperation>,
) -> Result<Json<RedemptionChallenge>> {
    limits::check_rate(&issuer, limits::VENDOR_PER_KEY, &vendor.key_id.to_string()).await?;
    if !(1..=MAX_OPERATION_CHARS).contains(&asked.operation.chars().count()) {
        return Err(Error::MalformedRequest("operation: 1 to 64 characters".into()));
    }
    let now = issuer.clock.now();
    issuer.keys.check_clock()?;
    let challenge = challenge::issue(&issuer, Asker::Vendor(vendor.key_id), &asked.operation, now).await?;
    Ok(Json(RedemptionChallenge::new(challenge, now)))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ShownToVendor {
    /// The text of the QR code, as scanned.
    token: String,
    /// The purpose for which the card is shown.
    #[serde(default)]
    wants: VendorWants,
    /// For a redemption: the digits that the vendor's till showed to the member.
    challenge: Option<String>,
    /// For a redemption: the operation that these digits were asked for.
    operation: Option<String>,
    /// For a redemption: the sum, where that is known already.
    amount_kopecks: Option<u64>,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum VendorWants {
    /// A discount or cashback.
    #[default]
    Accrual,
    /// The payment from the balance.
    Redemption,
}

/// A use that an accepted card allows.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Allowance {
    /// The price for members.
    Discount,
    /// The accrual of cashback.
    Accrual,
    /// The payment from the balance.
    Redemption,
}

impl Allowance {
    fn all_of(allowed: Allowed) -> Vec<Self> {
        let each = [
            (allowed.discount, Self::Discount),
            (allowed.accrual, Self::Accrual),
            (allowed.redemption, Self::Redemption),
        ];
        each.into_iter().filter_map(|(is_allowed, allowance)| is_allowed.then_some(allowance)).collect()
    }
}

/// The warning that comes with an accepted card's verdict.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum VerdictWarning {
    /// The status list is no longer fresh.
    StatusStale,
    /// The status list is so old that nothing may be paid from the balance.
    StatusTooOld,
}

impl From<Warning> for VerdictWarning {
    fn from(warning: Warning) -> Self {
        match warning {
            Warning::StatusStale => Self::StatusStale,
            Warning::StatusTooOld => Self::StatusTooOld,
        }
    }
}

/// The verdict. Of a refused card only the reason is told.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct VendorVerdict {
    accepted: bool,
    /// `accepted`, or the first reason to refuse; the codes of `docs/card-format.md`.
    code: String,
    warning: Option<VerdictWarning>,
    allowed: Vec<Allowance>,
    /// The most that the member lets this showing take from the balance, and no more than is there where a redemption was asked for; a
    /// proof that names no sum allows none.
    max_redemption_kopecks: Option<u64>,
    /// The moment from which this phone pays, where it was enrolled too lately; Unix seconds.
    redeems_from: Option<i64>,
    class: Option<CardClass>,
    shown: Option<ShownCard>,
    /// The identity of the showing: lowercase hexadecimal, 32 bytes. A paper card has none.
    proof_identity: Option<String>,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    checked_at: DateTime<Utc>,
}

impl VendorVerdict {
    fn new(Judgement { verdict, redeems_from }: &Judgement, checked_at: DateTime<Utc>) -> Self {
        let told = Some(verdict).filter(|verdict| verdict.accepted);
        Self {
            accepted: verdict.accepted,
            code: verdict.code.as_str().to_owned(),
            warning: told.and_then(|v| v.warning).map(Into::into),
            allowed: Allowance::all_of(verdict.allowed),
            max_redemption_kopecks: told
                .and_then(|v| v.proof.as_ref())
                .and_then(|proof| proof.max_redemption_kopecks),
            redeems_from: redeems_from.map(|from| from.timestamp()),
            class: told.and_then(Verdict::class).map(Into::into),
            shown: told.and_then(Verdict::shown).map(ShownCard::from),
            proof_identity: told.and_then(|v| v.proof.as_ref()).map(|proof| hex::encode(proof.identity.0)),
            checked_at,
        }
    }
}

/// Verify a card that was shown to a partner's own till or shop, as of now and by the issuer's own tables.
#[utoipa::path(post, path = "/api/v1/verify", tag = "vendors", security(("partner_key" = [])),
    request_body = ShownToVendor, responses(
    (status = 200, body = VendorVerdict, description = "The verdict, also of a refused card"),
    (status = 400, body = Problem), (status = 401, body = Problem), (status = 413, body = Problem),
    (status = 429, body = Problem), (status = 503, body = Problem)))]
async fn verify_card(
    State(issuer): State<Issuer>,
    vendor: Vendor,
    Json(asked): Json<ShownToVendor>,
) -> Result<Json<VendorVerdict>> {
    limits::check_rate(&issuer, limits::VENDOR_PER_KEY, &vendor.key_id.to_string()).await?;
    let wants = match asked.wants {
        VendorWants::Accrual => Wants::Accrual,
        VendorWants::Redemption => Wants::Redemption { amount_kopecks: asked.amount_kopecks },
    };
    let request = VerifyRequest {
        token: &asked.token,
        wants,
        challenge: asked.challenge.as_deref(),
        operation: asked.operation.as_deref(),
    };
    let now = issuer.clock.now();
    Ok(Json(VendorVerdict::new(&judge(&issuer, &vendor, &request, now).await?, now)))
}
