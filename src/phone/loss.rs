//! A lost phone: the member reports it from any other device, with the code on the sheet that stayed at home and the birth date.
//! Those who keep the register report it by hand, in `membership`.

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::activation::{TypedCode, count_code, hash_code};
use crate::access::rights::Action;
use crate::access::{limits, member_audience};
use crate::act::audit::Entry;
use crate::act::notices::Initiator;
use crate::act::{self, ActSpec};
use crate::base::Base;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{ClientAddress, Json};
use crate::cards::enrolment::loss::end_lost_phone;
use crate::cards::enrolment::store;
use crate::registry::members;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Base> {
    OpenApiRouter::new().routes(routes!(report))
}

/// Report one's own phone lost, with the code on the printed sheet, used or not, and the birth date.
#[utoipa::path(post, operation_id = "report_lost_phone", path = "/api/lost-phone", tag = "member", request_body = TypedCode,
    responses((status = 204), (status = 403, body = Problem), (status = 429, body = Problem)))]
async fn report(
    State(base): State<Base>,
    address: ClientAddress,
    Json(form): Json<TypedCode>,
) -> Result<StatusCode> {
    let attempt = count_code(&base, &address, &form, &limits::LOSS).await?;
    let ended = end_phone(&base, &form).await;
    attempt.judged(ended).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the phone for which the sheet with this code speaks.
async fn end_phone(base: &Base, form: &TypedCode) -> Result<()> {
    let code_hash = hash_code(base, form)?;
    let sheet =
        store::find_sheet(&base.db, &code_hash, form.birth_date).await?.ok_or(Error::ActivationRefused)?;
    let spec = ActSpec::by_member(base, sheet.membership_id, Action::ReportOwnLoss);
    let sheet = &sheet;
    act::perform(base, spec, |mut act| async move {
        let now = act.now();
        members::store::lock(act.conn(), &[sheet.membership_id]).await?;
        if !store::is_current_sheet(act.conn(), sheet, now).await? {
            return Err(Error::ActivationRefused);
        }
        end_lost_phone(base, act.conn(), sheet.membership_id, Initiator::Member, now).await?;
        act.record(Entry::of_member(sheet.membership_id));
        act.wake(member_audience(sheet.membership_id));
        act.commit(())
    })
    .await
}
