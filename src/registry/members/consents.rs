//! Consents on paper that come in after the entry: signed by those who are on the register already, recorded for many at once.

use axum::extract::State;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::facts::consent_fault;
use super::{check_chosen, store};
use crate::access::{Staff, member_audience, policy};
use crate::act::change_log;
use crate::act::idempotency::{self, Claim, Idempotent};
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{Json, Path};
use crate::base::{Base, live};

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Base> {
    OpenApiRouter::new().routes(routes!(record))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignedConsents {
    /// 1 to 200 members, each once.
    member_ids: Vec<Uuid>,
    /// The day on the papers.
    signed_on: NaiveDate,
}

#[derive(Serialize, ToSchema)]
struct RecordedConsents {
    /// How many of them had none on record before.
    recorded: u64,
}

/// Record that members of an organisation, or of one below it, signed the paper consent to processing. Who has given one
/// before keeps that. Needs an `Idempotency-Key`.
#[utoipa::path(post, operation_id = "record_consents", path = "/api/staff/organisations/{id}/consents", tag = "staff", security(("pc_staff" = [])),
    params(("id" = i64, Path,), ("idempotency-key" = Uuid, Header,)), request_body = SignedConsents, responses(
    (status = 200, body = RecordedConsents), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn record(
    State(base): State<Base>,
    staff: Staff,
    Path(id): Path<i64>,
    request: Idempotent<SignedConsents>,
) -> Result<Json<RecordedConsents>> {
    let scope = policy::organisation(&base, &staff, id).await?;
    let SignedConsents { member_ids, signed_on } = &request.body;
    check_chosen(member_ids)?;
    let (now, principal) = (base.clock.now(), staff.principal());
    let mut tx = base.db.begin().await?;
    let claim = idempotency::claim(&mut tx, &principal, request.key, request.payload_hash, now).await?;
    let recorded = match claim {
        Claim::Stored(answer) => {
            serde_json::from_value(answer["recorded"].clone()).map_err(anyhow::Error::from)?
        }
        Claim::New => {
            store::lock(&mut tx, member_ids).await?;
            let people = store::registered_people(&mut tx, &scope.path, member_ids).await?;
            if people.len() < member_ids.len() {
                return Err(Error::NotFound);
            }
            let latest = base.clock.latest_today();
            let fault = people.iter().find_map(|one| consent_fault(*signed_on, one.birth_date, latest));
            if let Some(code) = fault {
                return Err(Error::field("signedOn", code));
            }
            let given_at = store::signed_at(*signed_on, now);
            let recorded = store::give_paper_consents(&mut tx, &base.random, &people, given_at).await?;
            for member_id in member_ids {
                change_log::record_change(&mut tx, &member_audience(*member_id), "profile", "me", now)
                    .await?;
            }
            idempotency::store(&mut tx, &principal, request.key, &json!({ "recorded": recorded })).await?;
            recorded
        }
    };
    tx.commit().await?;
    for member_id in member_ids {
        live::wake(&base, &member_audience(*member_id)).await;
    }
    Ok(Json(RecordedConsents { recorded }))
}
