//! Consents on paper that come in after the entry: signed by those who are on the register already, recorded for many at once.

use axum::extract::State;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{signed_at, store};
use crate::access::rights::{Action, RecordConsents};
use crate::access::{Staff, member_audience, policy};
use crate::act::audit::Entry;
use crate::act::change_log::{Entity, ME, record_change};
use crate::act::idempotency::Idempotent;
use crate::act::{self, ActSpec};
use crate::base::Base;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{Json, Path};
use crate::base::ids::{MembershipId, OrganisationId};
use crate::registry::members::person_form::consent_fault;
use crate::registry::members::{self, check_chosen};

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Base> {
    OpenApiRouter::new().routes(routes!(record))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignedConsents {
    /// The members: 1 to 200, each once.
    member_ids: Vec<MembershipId>,
    /// The day on the papers.
    signed_on: NaiveDate,
}

#[derive(Deserialize, Serialize, ToSchema)]
struct RecordedConsents {
    /// The number of members who had none on record before.
    recorded: u64,
}

/// Record that members of an organisation, or of one below it, signed the paper consent to processing. Who has given one
/// before keeps that. Needs an `Idempotency-Key`.
#[utoipa::path(post, operation_id = "record_consents", path = "/api/staff/organisations/{id}/consents", tag = "staff", security(("pc_staff" = [])),
    params(("id" = OrganisationId, Path,), ("idempotency-key" = Uuid, Header,)), request_body = SignedConsents, responses(
    (status = 200, body = RecordedConsents), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn record(
    State(base): State<Base>,
    staff: Staff,
    Path(id): Path<OrganisationId>,
    request: Idempotent<SignedConsents>,
) -> Result<Json<RecordedConsents>> {
    policy::check(&base, &staff, RecordConsents, id).await?;
    let SignedConsents { member_ids, signed_on } = &request.body;
    check_chosen(member_ids)?;
    let spec = ActSpec::by_staff(&base, &staff, Action::RecordConsents).under_key_of(&request);
    let (base, staff) = (&base, &staff);
    let recorded = act::perform(base, spec, |mut act| async move {
        for member_id in member_ids {
            act.wake(member_audience(*member_id));
        }
        if let Some(recorded) = act.stored_answer::<RecordedConsents>()? {
            return act.commit(recorded);
        }
        let now = act.now();
        members::store::lock(act.conn(), member_ids).await?;
        let scope = policy::may_within(act.conn(), base, staff, RecordConsents, id).await?;
        let people = store::registered_people(act.conn(), &scope, member_ids).await?;
        if people.len() < member_ids.len() {
            return Err(Error::NotFound);
        }
        let latest = base.clock.latest_today();
        let fault = people.iter().find_map(|one| consent_fault(*signed_on, one.birth_date, latest));
        if let Some(code) = fault {
            return Err(Error::field("signedOn", code));
        }
        let given_at = signed_at(*signed_on, now);
        let recorded = store::give_paper_consents(act.conn(), &base.random, &people, given_at).await?;
        for member_id in member_ids {
            record_change(act.conn(), &member_audience(*member_id), Entity::Profile, ME, now).await?;
        }
        act.record(Entry::of_members(member_ids).within(scope.organisation_id));
        let recorded = RecordedConsents { recorded };
        act.keep_answer(&recorded)?;
        act.commit(recorded)
    });
    Ok(Json(recorded.await?))
}
