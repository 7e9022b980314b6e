//! What a till asks before it records a purchase. The purchase itself is a mutation and comes in by `sync`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::lookup;
use super::redemption::{self, Question};
use crate::app::AppState;
use crate::auth::Till;
use crate::error::{Error, Problem, Result};
use crate::http::extract::Json;
use crate::http::limits;
use crate::money::Kopecks;
use crate::partners::ShownCard;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(redemption_limit)).routes(routes!(look_up))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RedemptionQuestion {
    /// The text of a QR code that was made with the digits of this operation.
    token: String,
    /// The till's number of the purchase.
    op_no: i64,
    /// What it costs.
    amount_kopecks: i64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RedemptionLimit {
    /// By the rule, by what the member allowed and by the balance, whichever is least.
    max_kopecks: Kopecks,
}

/// The most that this purchase may be paid from the balance now. The code is not used up.
#[utoipa::path(post, path = "/api/till/redemption-limit", tag = "till", security(("pc_till" = [])),
    request_body = RedemptionQuestion, responses(
    (status = 200, body = RedemptionLimit), (status = 401, body = Problem),
    (status = 422, body = Problem, description = "The code is that of the verdict or of the refused redemption"),
    (status = 429, body = Problem)))]
async fn redemption_limit(
    State(app): State<AppState>,
    till: Till,
    Json(form): Json<RedemptionQuestion>,
) -> Result<Json<RedemptionLimit>> {
    limits::pace(&app, limits::REDEMPTION_PER_TILL, &till.terminal_id.to_string()).await?;
    let question = Question { token: &form.token, op_no: form.op_no, amount_kopecks: form.amount_kopecks };
    let mut conn = app.db.acquire().await?;
    let most = redemption::most(&app, &mut conn, till.terminal_id, &question, app.clock.now()).await?;
    let max_kopecks = most.map_err(|refusal| Error::Refused(refusal.code))?;
    Ok(Json(RedemptionLimit { max_kopecks }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TypedNumber {
    /// Twelve digits.
    number: String,
}

/// A card that was found by its number.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FoundCard {
    /// Stands in the purchase in place of a token; good for one.
    lookup_id: Uuid,
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
    State(app): State<AppState>,
    till: Till,
    Json(form): Json<TypedNumber>,
) -> Result<Json<FoundCard>> {
    let found = lookup::look_up(&app, till.terminal_id, &form.number).await?;
    Ok(Json(FoundCard { lookup_id: found.id, shown: (&found.shown).into(), expires_at: found.expires_at }))
}
