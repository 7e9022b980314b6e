//! A lost phone: the member reports it from any other device, with the code on the sheet that stayed at home and the birth
//! date; those who keep the register report it by hand. The phone ends with its card, the paper card lives on.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::routes::{TypedCode, count_code, hash_code};
use super::store;
use crate::app::{App, AppState};
use crate::auth::member_audience;
use crate::error::{Error, Problem, Result};
use crate::http::extract::{ClientAddress, Json};
use crate::http::limits;
use crate::notices::{self, By, Kind};
use crate::{cards, live, members};

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(report))
}

/// Ends a membership's phone as lost, and the codes that nobody has used: the sheet may have been in the same bag. Answers
/// whether there was anything to end. The caller holds the membership's lock.
pub async fn lose_phone(
    app: &App,
    conn: &mut PgConnection,
    membership_id: Uuid,
    by: By,
    now: DateTime<Utc>,
) -> Result<bool> {
    let ended_codes = store::end_unused_codes(&mut *conn, membership_id, now).await?;
    let phone = store::active_phone(&mut *conn, membership_id).await?;
    tracing::info!(membership = %membership_id, by = by.as_str(), device = phone.map(tracing::field::display), ended_codes, "a loss is reported");
    if phone.is_none() {
        return Ok(ended_codes > 0);
    }
    cards::retire_phone(&mut *conn, membership_id, "lost", now).await?;
    notices::tell(app, conn, membership_id, &Kind::PhoneLost, by, now).await?;
    Ok(true)
}

/// Report one's own phone lost, with the code on the printed sheet, used or not, and the birth date.
#[utoipa::path(post, operation_id = "report_lost_phone", path = "/api/lost-phone", tag = "member", request_body = TypedCode,
    responses((status = 204), (status = 403, body = Problem), (status = 429, body = Problem)))]
async fn report(
    State(app): State<AppState>,
    address: ClientAddress,
    Json(form): Json<TypedCode>,
) -> Result<StatusCode> {
    let attempt = count_code(&app, &address, &form, &limits::LOSS).await?;
    let ended = end_phone(&app, &form).await;
    let membership_id = attempt.judged(ended).await?;
    live::wake(&app, &member_audience(membership_id)).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the phone for which the sheet with this code speaks; answers whose it was.
async fn end_phone(app: &AppState, form: &TypedCode) -> Result<Uuid> {
    let code_hash = hash_code(app, form)?;
    let sheet = store::sheet(&app.db, &code_hash, form.birth_date).await?.ok_or(Error::ActivationRefused)?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    members::store::lock(&mut tx, &[sheet.membership_id]).await?;
    if !store::is_current_sheet(&mut tx, &sheet, now).await? {
        return Err(Error::ActivationRefused);
    }
    lose_phone(app, &mut tx, sheet.membership_id, By::Member, now).await?;
    tx.commit().await?;
    Ok(sheet.membership_id)
}
