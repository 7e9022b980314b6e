//! What a till asks before it records a purchase. The purchase itself is a mutation and comes in by `sync`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::redemption::{self, Intent};
use super::{Stop, lookup};
use crate::access::{Till, limits};
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::Json;
use crate::base::ids::LookupId;
use crate::base::money::Kopecks;
use crate::cards::Issuer;
use crate::programme::partners::ShownCard;
use crate::programme::partners::challenge::Challenge;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new()
        .routes(routes!(ask_challenge))
        .routes(routes!(redemption_limit))
        .routes(routes!(look_up))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RedemptionIntent {
    /// The till's number of the purchase.
    op_no: i64,
    /// The amount of the purchase.
    amount_kopecks: i64,
}

/// Digits for the member to type.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedemptionChallenge {
    /// The digits: four, or six where many redeem at once.
    pub digits: String,
    /// Seconds from now for which they pay, once.
    pub valid_seconds: i64,
}

impl RedemptionChallenge {
    /// The challenge as it is told at this moment.
    pub fn new(challenge: Challenge, now: DateTime<Utc>) -> Self {
        Self { digits: challenge.digits, valid_seconds: (challenge.expires_at - now).num_seconds() }
    }
}

/// Draw the digits by which a member agrees to pay a part of this purchase from the balance. Earlier ones of the same purchase end.
#[utoipa::path(post, path = "/api/till/redemption-challenge", tag = "till", security(("pc_till" = [])),
    request_body = RedemptionIntent, responses(
    (status = 200, body = RedemptionChallenge), (status = 401, body = Problem),
    (status = 422, body = Problem, description = "The code is that of the refused redemption"),
    (status = 429, body = Problem)))]
async fn ask_challenge(
    State(issuer): State<Issuer>,
    till: Till,
    Json(form): Json<RedemptionIntent>,
) -> Result<Json<RedemptionChallenge>> {
    limits::check_rate(&issuer, limits::CHALLENGES_PER_TILL, &till.terminal_id.to_string()).await?;
    let now = issuer.clock.now();
    let intent =
        Intent { terminal_id: till.terminal_id, op_no: form.op_no, amount_kopecks: form.amount_kopecks };
    let challenge =
        redemption::draw_challenge(&issuer, &intent, now).await.map_err(|stop| error_of(stop, now))?;
    Ok(Json(RedemptionChallenge::new(challenge, now)))
}

/// The error that answers a till's question when it is stopped.
fn error_of(stop: Stop, now: DateTime<Utc>) -> Error {
    let refusal = match stop {
        Stop::Refused(refusal) => refusal,
        Stop::Failed(error) => return error,
    };
    match refusal.detail.and_then(|detail| detail.redeems_from) {
        Some(from) => {
            let wait_seconds = from.saturating_sub(now.timestamp());
            Error::RedemptionTooSoon { retry_after_seconds: u32::try_from(wait_seconds).unwrap_or(u32::MAX) }
        }
        None => Error::Refused(refusal.code),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RedemptionLimitRequest {
    /// The text of a QR code that was made with the digits of this operation.
    token: String,
    /// The till's number of the purchase.
    op_no: i64,
    /// The amount of the purchase.
    amount_kopecks: i64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RedemptionLimit {
    /// The least of what the rule, the member and the balance allow.
    max_kopecks: Kopecks,
}

/// The most that this purchase may be paid from the balance now. The code is not used up.
#[utoipa::path(post, path = "/api/till/redemption-limit", tag = "till", security(("pc_till" = [])),
    request_body = RedemptionLimitRequest, responses(
    (status = 200, body = RedemptionLimit), (status = 401, body = Problem),
    (status = 422, body = Problem, description = "The code is that of the verdict or of the refused redemption"),
    (status = 429, body = Problem)))]
async fn redemption_limit(
    State(issuer): State<Issuer>,
    till: Till,
    Json(form): Json<RedemptionLimitRequest>,
) -> Result<Json<RedemptionLimit>> {
    limits::check_rate(&issuer, limits::REDEMPTION_PER_TILL, &till.terminal_id.to_string()).await?;
    let now = issuer.clock.now();
    let intent =
        Intent { terminal_id: till.terminal_id, op_no: form.op_no, amount_kopecks: form.amount_kopecks };
    let mut conn = issuer.db_tills.acquire().await?;
    let most = redemption::max_redeemable(&issuer, &mut conn, &intent, &form.token, now).await;
    let max_kopecks = most.map_err(|stop| error_of(stop, now))?;
    Ok(Json(RedemptionLimit { max_kopecks }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TypedNumber {
    /// The membership number, twelve digits.
    number: String,
}

/// A card that was found by its number.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FoundCard {
    /// The lookup's id, which stands in the purchase in place of a token; good for one purchase.
    lookup_id: LookupId,
    shown: ShownCard,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    expires_at: DateTime<Utc>,
}

/// Find a card by its typed number, where no code can be scanned. It brings cashback and never pays.
#[utoipa::path(post, path = "/api/till/lookup", tag = "till", security(("pc_till" = [])),
    request_body = TypedNumber, responses(
    (status = 200, body = FoundCard), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 429, body = Problem)))]
async fn look_up(
    State(issuer): State<Issuer>,
    till: Till,
    Json(form): Json<TypedNumber>,
) -> Result<Json<FoundCard>> {
    let found = lookup::look_up(&issuer, till.terminal_id, &form.number).await?;
    Ok(Json(FoundCard { lookup_id: found.id, shown: (&found.shown).into(), expires_at: found.expires_at }))
}
