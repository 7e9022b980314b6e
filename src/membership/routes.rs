//! Changes of members over HTTP, for those who keep the register.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Change, ChangeContext, MemberEdit, NewStatus, RevocationReason, apply_change};
use crate::access::rights::{EditMember, Permit, ReportLostPhone, RevokeCards, SetStatus, TransferMember};
use crate::access::{Staff, member_audience, policy};
use crate::act::audit::Entry;
use crate::act::idempotency::Idempotent;
use crate::act::{self, ActSpec};
use crate::base::code::FieldCode;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{Json, Path};
use crate::base::ids::{MembershipId, OrganisationId};
use crate::base::words::chosen;
use crate::cards::Issuer;
use crate::registry::members::{MemberDetail, MemberRef, store as members};

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new()
        .routes(routes!(edit))
        .routes(routes!(set_status))
        .routes(routes!(transfer))
        .routes(routes!(phone_lost))
        .routes(routes!(revoke))
}

/// Makes a change once, however often it is asked for under this key, and answers the member as it is then.
async fn perform_change<A: Permit, T>(
    issuer: &Issuer,
    staff: &Staff,
    (permit, membership_id): (A, MembershipId),
    request: &Idempotent<T>,
    change: &Change,
) -> Result<Json<MemberDetail>> {
    let spec = ActSpec::by_staff(issuer, staff, A::ACTION).under_key_of(request);
    let detail = act::perform(issuer, spec, |mut act| async move {
        members::lock(act.conn(), &[membership_id]).await?;
        let scope = policy::may_member_within(act.conn(), issuer, staff, permit, membership_id).await?;
        if let Change::Transfer { organisation_id } = change {
            policy::may_within(act.conn(), issuer, staff, permit, *organisation_id).await?;
        }
        let now = act.now();
        let mut entry = Entry::of_member(membership_id).within(scope.organisation_id);
        if act.stored_answer::<MemberRef>()?.is_none() {
            let context = ChangeContext {
                membership_id,
                account_id: staff.account_id,
                now,
                today: issuer.clock.today(),
            };
            let fields = apply_change(issuer, act.conn(), change, &context).await?;
            entry = entry.changing(fields);
            if let Some(reason) = change.reason() {
                entry = entry.because(reason);
            }
            act.keep_answer(&MemberRef { member_id: membership_id })?;
        }
        act.record(entry);
        act.wake(member_audience(membership_id));
        let detail = members::detail(act.conn(), membership_id, now).await?;
        act.commit(detail)
    });
    Ok(Json(detail.await?))
}

/// Correct a member's data. Cards that say something else by it are issued anew. Needs an `Idempotency-Key`.
#[utoipa::path(put, operation_id = "edit_member", path = "/api/staff/members/{id}", tag = "staff", security(("pc_staff" = [])),
    params(("id" = MembershipId, Path,), ("idempotency-key" = Uuid, Header,)), request_body = MemberEdit, responses(
    (status = 200, body = MemberDetail), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn edit(
    State(issuer): State<Issuer>,
    staff: Staff,
    Path(id): Path<MembershipId>,
    request: Idempotent<MemberEdit>,
) -> Result<Json<MemberDetail>> {
    policy::check_member(&issuer, &staff, EditMember, id).await?;
    let person_fields =
        request.body.person.checked(issuer.clock.latest_today()).map_err(Error::InvalidInput)?;
    let change = Change::Edit(person_fields);
    perform_change(&issuer, &staff, (EditMember, id), &request, &change).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StatusChange {
    to: NewStatus,
}

/// Suspend a membership, resume it, or end it for good. Needs an `Idempotency-Key`.
#[utoipa::path(post, path = "/api/staff/members/{id}/status", tag = "staff", security(("pc_staff" = [])),
    params(("id" = MembershipId, Path,), ("idempotency-key" = Uuid, Header,)), request_body = StatusChange, responses(
    (status = 200, body = MemberDetail), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
async fn set_status(
    State(issuer): State<Issuer>,
    staff: Staff,
    Path(id): Path<MembershipId>,
    request: Idempotent<StatusChange>,
) -> Result<Json<MemberDetail>> {
    policy::check_member(&issuer, &staff, SetStatus, id).await?;
    let change = Change::Status(request.body.to);
    perform_change(&issuer, &staff, (SetStatus, id), &request, &change).await
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Transfer {
    organisation_id: OrganisationId,
}

/// Register a member in another organisation within one's rights. Needs an `Idempotency-Key`.
#[utoipa::path(post, path = "/api/staff/members/{id}/transfer", tag = "staff", security(("pc_staff" = [])),
    params(("id" = MembershipId, Path,), ("idempotency-key" = Uuid, Header,)), request_body = Transfer, responses(
    (status = 200, body = MemberDetail), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn transfer(
    State(issuer): State<Issuer>,
    staff: Staff,
    Path(id): Path<MembershipId>,
    request: Idempotent<Transfer>,
) -> Result<Json<MemberDetail>> {
    policy::check_member(&issuer, &staff, TransferMember, id).await?;
    let organisation_id = request.body.organisation_id;
    policy::check(&issuer, &staff, TransferMember, organisation_id).await?;
    let change = Change::Transfer { organisation_id };
    perform_change(&issuer, &staff, (TransferMember, id), &request, &change).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LostPhone {}

/// A member's phone is lost: it ends, and so does its card; a paper card lives on. Needs an `Idempotency-Key`.
#[utoipa::path(post, path = "/api/staff/members/{id}/phone/lost", tag = "staff", security(("pc_staff" = [])),
    params(("id" = MembershipId, Path,), ("idempotency-key" = Uuid, Header,)), request_body = LostPhone, responses(
    (status = 200, body = MemberDetail), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
async fn phone_lost(
    State(issuer): State<Issuer>,
    staff: Staff,
    Path(id): Path<MembershipId>,
    request: Idempotent<LostPhone>,
) -> Result<Json<MemberDetail>> {
    policy::check_member(&issuer, &staff, ReportLostPhone, id).await?;
    perform_change(&issuer, &staff, (ReportLostPhone, id), &request, &Change::PhoneLost).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Revocation {
    #[serde(deserialize_with = "chosen")]
    #[schema(value_type = RevocationReason)]
    reason: Option<RevocationReason>,
}

/// Revoke every card of a member and end the phone. Needs an `Idempotency-Key`.
#[utoipa::path(post, path = "/api/staff/members/{id}/cards/revoke", tag = "staff", security(("pc_staff" = [])),
    params(("id" = MembershipId, Path,), ("idempotency-key" = Uuid, Header,)), request_body = Revocation, responses(
    (status = 200, body = MemberDetail), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn revoke(
    State(issuer): State<Issuer>,
    staff: Staff,
    Path(membership_id): Path<MembershipId>,
    request: Idempotent<Revocation>,
) -> Result<Json<MemberDetail>> {
    policy::check_member(&issuer, &staff, RevokeCards, membership_id).await?;
    let reason = request.body.reason.ok_or(Error::field("reason", FieldCode::Required))?;
    let change = Change::CardsRevoked { reason };
    perform_change(&issuer, &staff, (RevokeCards, membership_id), &request, &change).await
}
