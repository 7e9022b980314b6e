//! Members over HTTP, for those who keep the register.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{MemberDetail, MemberPage, MemberRef, NewMember, consents, names, store};
use crate::access::rights::{Action, AddMember, ListMembers, ReadMember};
use crate::access::{Staff, limits, policy};
use crate::act::audit::{self, Entry};
use crate::act::idempotency::Idempotent;
use crate::act::{self, Deed};
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
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show)).merge(consents::routes::router())
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
    let scope = policy::may(&base, &staff, ListMembers, id).await?;
    limits::spend(&base, limits::PAGES_PER_ACCOUNT, &staff.principal()).await?;
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
        policy::may_member(&base, &staff, ListMembers, shown_last).await?;
    }
    let now = base.clock.now();
    let page = store::list(&base.db_searches, &scope, &query, now).await.map_err(Error::of_search)?;
    let shown: Vec<_> = page.items.iter().map(|member| member.id).collect();
    let asked = format!("{filter} {words}");
    audit::note_page(&base.db, &staff, scope.organisation_id, asked.trim_end(), &shown, now).await?;
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
    let scope = policy::may(&base, &staff, AddMember, id).await?;
    let (new, today) = (request.body.clone().checked(base.clock.latest_today())?, base.clock.today());
    let deed = Deed::of_staff(&base, &staff, Action::AddMember).once(&request);
    let (base, staff, scope, new) = (&base, &staff, &scope, &new);
    let detail = act::perform(base, deed, |mut act| async move {
        let now = act.now();
        let member = if let Some(member) = act.answered_before::<MemberRef>()? {
            // Who has left one's reach since is not shown, whoever entered them.
            policy::may_member_within(act.conn(), base, staff, ReadMember, member.member_id).await?;
            member
        } else {
            let organisation_id = scope.organisation_id;
            organisations::store::place(act.conn(), organisation_id, today).await?;
            if !new.is_another_person {
                let search_name = new.search_name();
                store::refuse_same_person(act.conn(), organisation_id, &search_name, new.birth_date, None)
                    .await?;
            }
            let member_id = store::insert(act.conn(), &base.random, organisation_id, new, now).await?;
            act.record(Entry::of_member(member_id).within(organisation_id));
            // A reference: personal data live in one place.
            act.keep_answer(&MemberRef { member_id })?;
            MemberRef { member_id }
        };
        let detail = store::detail(act.conn(), member.member_id, now).await?;
        act.done(detail)
    });
    Ok((StatusCode::CREATED, Json(detail.await?)))
}

/// One member, within one's rights.
#[utoipa::path(get, operation_id = "staff_member", path = "/api/staff/members/{id}", tag = "staff", security(("pc_staff" = [])),
    params(("id" = Uuid, Path,)), responses(
    (status = 200, body = MemberDetail), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn show(State(base): State<Base>, staff: Staff, Path(id): Path<Uuid>) -> Result<Json<MemberDetail>> {
    policy::may_member(&base, &staff, ReadMember, id).await?;
    let now = base.clock.now();
    let detail = store::detail(&mut *base.db.acquire().await?, id, now).await?;
    audit::note_read(&base.db, &staff, id, now).await?;
    Ok(Json(detail))
}
