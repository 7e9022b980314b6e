//! The phone that holds the card agrees that another takes its place, or takes that back.

use axum::extract::State;
use chrono::{DateTime, Utc};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::profile::{MemberProfile, profile_of};
use crate::access::rights::Action;
use crate::access::{MemberPhone, limits, member_audience};
use crate::act::audit::Entry;
use crate::act::change_log::{Entity, ME, record_change};
use crate::act::{self, ActSpec};
use crate::base::Base;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{EmptyBody, Json};
use crate::cards::enrolment::moving::{AGREEMENT_LASTS, set_move_agreed};

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Base> {
    OpenApiRouter::new().routes(routes!(agree, withdraw))
}

/// Agree that another phone takes this one's place within half an hour.
#[utoipa::path(post, operation_id = "agree_to_move", path = "/api/member/move", tag = "member", security(("pc_member" = [])),
    request_body = EmptyBody, responses(
    (status = 200, body = MemberProfile), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn agree(
    State(base): State<Base>,
    phone: MemberPhone,
    Json(EmptyBody {}): Json<EmptyBody>,
) -> Result<Json<MemberProfile>> {
    let until = base.clock.now() + AGREEMENT_LASTS;
    set_agreement(&base, &phone, Some(until)).await
}

/// Withdraw the agreement that another phone takes this one's place.
#[utoipa::path(delete, operation_id = "withdraw_move", path = "/api/member/move", tag = "member", security(("pc_member" = [])), responses(
    (status = 200, body = MemberProfile), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn withdraw(State(base): State<Base>, phone: MemberPhone) -> Result<Json<MemberProfile>> {
    set_agreement(&base, &phone, None).await
}

async fn set_agreement(
    base: &Base,
    phone: &MemberPhone,
    until: Option<DateTime<Utc>>,
) -> Result<Json<MemberProfile>> {
    limits::consume(base, limits::MOVES_PER_PHONE, &phone.device_id.to_string()).await?;
    let spec = ActSpec::by_phone(base, phone, Action::AgreeToMove);
    let noted = act::perform(base, spec, |mut act| async move {
        if !set_move_agreed(act.conn(), phone.device_id, until).await? {
            // Another phone took its place a moment ago.
            return Err(Error::Unauthenticated);
        }
        let (audience, now) = (member_audience(phone.membership_id), act.now());
        record_change(act.conn(), &audience, Entity::Profile, ME, now).await?;
        let agrees = if until.is_some() { "agrees" } else { "withdraws" };
        act.record(Entry::of_member(phone.membership_id).because(agrees));
        act.commit(())
    });
    noted.await?;
    tracing::info!(membership = %phone.membership_id, device = %phone.device_id, agrees = until.is_some(), "a phone says whether the card may move");
    Ok(Json(profile_of(base, phone).await?))
}
