//! Members over HTTP, for those who keep the register.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    Category, MemberDetail, MemberPage, MemberRef, MembershipStatus, NewMember, ReadUpTo, consents, name_tag,
    names, store,
};
use crate::access::rights::{Action, AddMember, ListMembers, ReadMember};
use crate::access::{Staff, limits, policy};
use crate::act::audit::{self, Entry};
use crate::act::idempotency::Idempotent;
use crate::act::{self, ActSpec};
use crate::base::Base;
use crate::base::code::Code;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{Json, Path, Query};
use crate::base::ids::{MembershipId, OrganisationId};
use crate::base::pages::{Cursor, Length};
use crate::base::words::word_enum;
use crate::registry::organisations;

/// The most words of a search.
const MAX_WORDS: usize = 6;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Base> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show)).merge(consents::routes::router())
}

word_enum! {
    /// The choice of the members that a list shows.
    enum Filter {
        /// All members on the register, the suspended ones included.
        All = "all",
        /// The members who work.
        Working = "working",
        /// The members who study.
        Students = "students",
        /// The pensioners who no longer work.
        Pensioners = "pensioners",
        /// The members without a valid card on a phone.
        NoPhoneCard = "no-phone-card",
        /// The members who have given no consent to processing.
        NoConsent = "no-consent",
        /// The members whose membership is suspended.
        Suspended = "suspended",
        /// The former members.
        Ended = "ended",
    }
}

impl Filter {
    fn statuses(self) -> &'static [MembershipStatus] {
        use MembershipStatus::{Active, Ended, Expelled, Left, Suspended};
        match self {
            // Without a card because of a suspension is not a gap to be filled.
            Self::NoPhoneCard => &[Active],
            Self::Suspended => &[Suspended],
            Self::Ended => &[Left, Expelled, Ended],
            Self::All | Self::Working | Self::Students | Self::Pensioners | Self::NoConsent => {
                &[Active, Suspended]
            }
        }
    }

    fn category(self) -> Option<Category> {
        match self {
            Self::Working => Some(Category::Working),
            Self::Students => Some(Category::Student),
            Self::Pensioners => Some(Category::Pensioner),
            Self::All | Self::NoPhoneCard | Self::NoConsent | Self::Suspended | Self::Ended => None,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// The words of a search: parts of the name, or of the number.
    query: Option<String>,
    /// The choice of members; all without it.
    #[param(inline)]
    filter: Option<Filter>,
    /// The cursor that the page before gave.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<ReadUpTo>>,
    /// The page's length, at most 200; without it 50.
    #[param(value_type = Option<u16>)]
    limit: Option<Length>,
}

/// The members of an organisation and of all below it, by name.
#[utoipa::path(get, path = "/api/staff/organisations/{id}/members", tag = "staff", security(("pc_staff" = [])),
    params(("id" = OrganisationId, Path,), ListParams), responses(
    (status = 200, body = MemberPage), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
async fn list(
    State(base): State<Base>,
    staff: Staff,
    Path(id): Path<OrganisationId>,
    Query(params): Query<ListParams>,
) -> Result<Json<MemberPage>> {
    let scope = policy::may(&base, &staff, ListMembers, id).await?;
    limits::consume(&base, limits::PAGES_PER_ACCOUNT, &staff.principal()).await?;
    let filter = params.filter.unwrap_or(Filter::All);
    let words = names::search_form(&params.query.unwrap_or_default());
    let query = store::ListQuery {
        statuses: filter.statuses(),
        words: words.split(' ').filter(|word| !word.is_empty()).take(MAX_WORDS).map(str::to_owned).collect(),
        category: filter.category(),
        without_phone_card: filter == Filter::NoPhoneCard,
        without_consent: filter == Filter::NoConsent,
        after: match params.cursor {
            Some(Cursor(read)) => Some(last_read(&base, &staff, read).await?),
            None => None,
        },
        length: params.limit.unwrap_or_default(),
    };
    let now = base.clock.now();
    let list = store::list(&base.db_searches, &base.secret, &scope, &query, now).await;
    let list = list.map_err(Error::as_search_error)?;
    let shown: Vec<_> = list.page.items.iter().map(|member| member.id).collect();
    // What was searched for is often a name or a phone, and stays out of the record: whom the page showed is in it.
    let asked =
        if words.is_empty() { filter.as_str().to_owned() } else { format!("{} search", filter.as_str()) };
    audit::note_page(&base.db, &staff, scope.organisation_id, &asked, &shown, now).await?;
    Ok(Json(list))
}

/// The member whom a cursor names, if neither renamed nor out of one's reach since. All other cursors are answered alike: the
/// order of names would tell where a stranger's stands.
async fn last_read(base: &Base, staff: &Staff, read: ReadUpTo) -> Result<store::LastRead> {
    match policy::may_member(base, staff, ListMembers, read.last).await {
        Err(Error::NotFound) => return Err(Error::Conflict(Code::SyncStartOver)),
        reached => reached?,
    };
    store::search_name(&base.db, read.last)
        .await?
        .filter(|search_name| name_tag(&base.secret, search_name, read.last) == read.name_tag)
        .map(|search_name| store::LastRead { search_name, member_id: read.last, shown: read.shown })
        .ok_or(Error::Conflict(Code::SyncStartOver))
}

/// Enter a new member. Needs an `Idempotency-Key`.
#[utoipa::path(post, path = "/api/staff/organisations/{id}/members", tag = "staff", security(("pc_staff" = [])),
    params(("id" = OrganisationId, Path,), ("idempotency-key" = Uuid, Header,)), request_body = NewMember, responses(
    (status = 201, body = MemberDetail), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn add(
    State(base): State<Base>,
    staff: Staff,
    Path(id): Path<OrganisationId>,
    request: Idempotent<NewMember>,
) -> Result<(StatusCode, Json<MemberDetail>)> {
    policy::check(&base, &staff, AddMember, id).await?;
    let (new, today) = (request.body.checked(base.clock.latest_today())?, base.clock.today());
    let spec = ActSpec::by_staff(&base, &staff, Action::AddMember).under_key_of(&request);
    let (base, staff, new) = (&base, &staff, &new);
    let detail = act::perform(base, spec, |mut act| async move {
        let now = act.now();
        let member = if let Some(member) = act.stored_answer::<MemberRef>()? {
            // Who has left one's reach since is not shown, whoever entered them.
            policy::may_member_within(act.conn(), base, staff, ReadMember, member.member_id).await?;
            act.record(Entry::of_member(member.member_id));
            member
        } else {
            let organisation_id = id;
            organisations::store::check_keeps_members(act.conn(), organisation_id, today).await?;
            let refused = if new.is_another_person {
                Ok(())
            } else {
                let (search_name, born) = (new.person.search_name(), new.person.birth_date);
                store::refuse_same_person(act.conn(), organisation_id, &search_name, born, None).await
            };
            policy::may_within(act.conn(), base, staff, AddMember, organisation_id).await?;
            refused?;
            let member_id = store::insert(act.conn(), &base.random, organisation_id, new, now).await?;
            act.record(Entry::of_member(member_id).within(organisation_id));
            // A reference: personal data live in one place.
            act.keep_answer(&MemberRef { member_id })?;
            MemberRef { member_id }
        };
        let detail = store::detail(act.conn(), member.member_id, now).await?;
        act.commit(detail)
    });
    Ok((StatusCode::CREATED, Json(detail.await?)))
}

/// One member, within one's rights.
#[utoipa::path(get, operation_id = "staff_member", path = "/api/staff/members/{id}", tag = "staff", security(("pc_staff" = [])),
    params(("id" = MembershipId, Path,)), responses(
    (status = 200, body = MemberDetail), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn show(
    State(base): State<Base>,
    staff: Staff,
    Path(id): Path<MembershipId>,
) -> Result<Json<MemberDetail>> {
    policy::may_member(&base, &staff, ReadMember, id).await?;
    let now = base.clock.now();
    let detail = store::detail(&mut *base.db.acquire().await?, id, now).await?;
    audit::note_read(&base.db, &staff, id, now).await?;
    Ok(Json(detail))
}
