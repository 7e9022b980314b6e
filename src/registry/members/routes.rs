//! Members over HTTP, for those who keep the register.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{MemberDetail, MemberPage, NewMember, consents, names, store};
use crate::access::{Staff, policy};
use crate::act::idempotency::{self, Claim, Idempotent};
use crate::base::Base;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{Json, Path, Query};
use crate::registry::organisations;

/// A page holds so many members unless asked for fewer.
const PAGE_LENGTH: u16 = 50;
/// A page holds at most so many.
const MAX_PAGE_LENGTH: u16 = 200;
/// A search has at most so many words.
const MAX_WORDS: usize = 6;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Base> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show)).merge(consents::router())
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Parts of the name, or of the number.
    query: Option<String>,
    /// `all`, `working`, `students`, `pensioners`, `no-phone-card`, `no-consent`, `suspended`, or `ended` for those who are
    /// no longer members.
    filter: Option<String>,
    /// From the page before.
    cursor: Option<Uuid>,
    /// The page's length, at most 200.
    limit: Option<u16>,
}

/// The members of an organisation and of all below it, by name.
#[utoipa::path(get, path = "/api/staff/organisations/{id}/members", tag = "staff", security(("pc_staff" = [])),
    params(("id" = i64, Path,), ListParams), responses(
    (status = 200, body = MemberPage), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn list(
    State(base): State<Base>,
    staff: Staff,
    Path(id): Path<i64>,
    Query(params): Query<ListParams>,
) -> Result<Json<MemberPage>> {
    let scope = policy::organisation(&base, &staff, id).await?;
    let filter = params.filter.as_deref().unwrap_or("all");
    let category = match filter {
        "working" => Some(1),
        "students" => Some(2),
        "pensioners" => Some(3),
        "all" | "no-phone-card" | "no-consent" | "suspended" | "ended" => None,
        _ => return Err(Error::MalformedRequest("unknown filter".into())),
    };
    let words = names::search_form(&params.query.unwrap_or_default());
    let query = store::ListQuery {
        path: &scope.path,
        statuses: match filter {
            // Without a card because of a suspension is not a gap to be filled.
            "no-phone-card" => &["active"],
            "suspended" => &["suspended"],
            "ended" => &["left", "expelled", "ended"],
            _ => &["active", "suspended"],
        },
        words: words.split(' ').filter(|word| !word.is_empty()).take(MAX_WORDS).map(str::to_owned).collect(),
        category,
        without_phone_card: filter == "no-phone-card",
        without_consent: filter == "no-consent",
        after: params.cursor,
        limit: i64::from(params.limit.unwrap_or(PAGE_LENGTH).clamp(1, MAX_PAGE_LENGTH)),
    };
    // The order of names would tell where a stranger's stands.
    if let Some(shown_last) = params.cursor {
        policy::membership(&base, &staff, shown_last).await?;
    }
    let page = store::list(&base.db_searches, &query, base.clock.now()).await.map_err(Error::of_search)?;
    Ok(Json(page))
}

/// Enter a new member. Needs an `Idempotency-Key`.
#[utoipa::path(post, path = "/api/staff/organisations/{id}/members", tag = "staff", security(("pc_staff" = [])),
    params(("id" = i64, Path,), ("idempotency-key" = Uuid, Header,)), request_body = NewMember, responses(
    (status = 201, body = MemberDetail), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn add(
    State(base): State<Base>,
    staff: Staff,
    Path(id): Path<i64>,
    request: Idempotent<NewMember>,
) -> Result<(StatusCode, Json<MemberDetail>)> {
    let scope = policy::organisation(&base, &staff, id).await?;
    let new = request.body.checked(base.clock.latest_today())?;
    let now = base.clock.now();
    let principal = staff.principal();
    let mut tx = base.db.begin().await?;
    let claim = idempotency::claim(&mut tx, &principal, request.key, request.payload_hash, now).await?;
    let membership_id = match claim {
        // The stored answer is a reference: personal data live in one place.
        Claim::Stored(answer) => {
            let id = serde_json::from_value(answer["memberId"].clone()).map_err(anyhow::Error::from)?;
            // Who has left one's reach since is not shown, whoever entered them.
            policy::membership_within(&mut tx, &base, &staff, id).await?;
            id
        }
        Claim::New => {
            let organisation_id = scope.organisation_id;
            organisations::store::place(&mut tx, organisation_id, base.clock.today()).await?;
            if !new.is_another_person {
                let search_name = new.search_name();
                store::refuse_same_person(&mut tx, organisation_id, &search_name, new.birth_date, None)
                    .await?;
            }
            let membership_id = store::insert(&mut tx, &base.random, organisation_id, &new, now).await?;
            idempotency::store(&mut tx, &principal, request.key, &json!({ "memberId": membership_id }))
                .await?;
            membership_id
        }
    };
    let detail = store::detail(&mut tx, membership_id, now).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(detail)))
}

/// One member, within one's rights.
#[utoipa::path(get, operation_id = "staff_member", path = "/api/staff/members/{id}", tag = "staff", security(("pc_staff" = [])),
    params(("id" = Uuid, Path,)), responses(
    (status = 200, body = MemberDetail), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn show(State(base): State<Base>, staff: Staff, Path(id): Path<Uuid>) -> Result<Json<MemberDetail>> {
    policy::membership(&base, &staff, id).await?;
    let mut conn = base.db.acquire().await?;
    Ok(Json(store::detail(&mut conn, id, base.clock.now()).await?))
}
