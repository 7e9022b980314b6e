//! The card moves to another phone with the consent of the one that holds it: for half an hour whichever phone is enrolled then pays
//! as this one did, without the wait by which a sheet in the wrong hands is found out. From when on a phone pays is asked here too.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::MemberProfile;
use super::routes::{Nothing, profile_of};
use crate::app::AppState;
use crate::auth::{MemberPhone, member_audience};
use crate::clock::CLOCKS_APART;
use crate::error::{Error, Problem, Result};
use crate::http::extract::Json;
use crate::http::limits;
use crate::sync;

/// Long enough to fetch the other phone, the sheet and a network.
const AGREED: TimeDelta = TimeDelta::minutes(30);

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(agree, withdraw))
}

/// Agree that another phone takes this one's place within half an hour.
#[utoipa::path(post, operation_id = "agree_to_move", path = "/api/member/move", tag = "member", security(("pc_member" = [])),
    request_body = Nothing, responses(
    (status = 200, body = MemberProfile), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn agree(
    State(app): State<AppState>,
    phone: MemberPhone,
    Json(Nothing {}): Json<Nothing>,
) -> Result<Json<MemberProfile>> {
    let until = app.clock.now() + AGREED;
    note(&app, &phone, Some(until)).await
}

/// Take that back.
#[utoipa::path(delete, operation_id = "withdraw_move", path = "/api/member/move", tag = "member", security(("pc_member" = [])), responses(
    (status = 200, body = MemberProfile), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn withdraw(State(app): State<AppState>, phone: MemberPhone) -> Result<Json<MemberProfile>> {
    note(&app, &phone, None).await
}

async fn note(
    app: &AppState,
    phone: &MemberPhone,
    until: Option<DateTime<Utc>>,
) -> Result<Json<MemberProfile>> {
    limits::spend(app, limits::MOVES_PER_PHONE, &phone.device_id.to_string()).await?;
    let mut tx = app.db.begin().await?;
    if !set_move_agreed(&mut tx, phone.device_id, until).await? {
        // Another phone took its place a moment ago.
        return Err(Error::Unauthenticated);
    }
    let audience = member_audience(phone.membership_id);
    sync::store::record_change(&mut tx, &audience, "profile", "me", app.clock.now()).await?;
    tx.commit().await?;
    tracing::info!(membership = %phone.membership_id, device = %phone.device_id, agrees = until.is_some(), "a phone says whether the card may move");
    Ok(Json(profile_of(app, phone).await?))
}

/// From when on the phone redeems that another one is replaced by now: at once where it has agreed to that and redeems itself.
/// It agrees for half an hour; until a later moment only by a clock that was ahead, and then it does not.
pub async fn redeems_from_of_next(
    conn: &mut PgConnection,
    membership_id: Uuid,
    wait: TimeDelta,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>> {
    let agreed = sqlx::query_scalar!(
        r#"select greatest(redeems_from, $2) as "from!" from device
           where membership_id = $1 and ended_at is null and move_agreed_until > $2 and move_agreed_until <= $3"#,
        membership_id,
        now,
        now + AGREED + CLOCKS_APART
    )
    .fetch_optional(conn)
    .await?;
    Ok(agreed.unwrap_or(now + wait))
}

/// From when on the phone of a card redeems; none where the card belongs to no phone.
pub async fn redeems_from(conn: &mut PgConnection, card_id: Uuid) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(d.redeems_from, d.enrolled_at) as "from!"
           from card c join device d on d.id = c.device_id where c.id = $1"#,
        card_id
    )
    .fetch_optional(conn)
    .await?)
}

/// No phone redeems before this moment; answers how many there are.
pub async fn hold_redemption(conn: &mut PgConnection, until: DateTime<Utc>) -> Result<u64> {
    let held = sqlx::query!(
        "update device set redeems_from = greatest(redeems_from, $1), move_agreed_until = null where ended_at is null",
        until
    );
    Ok(held.execute(conn).await?.rows_affected())
}

/// Notes until when a phone agrees to be replaced, or that it does not; `false` if it has ended.
async fn set_move_agreed(
    conn: &mut PgConnection,
    device_id: Uuid,
    until: Option<DateTime<Utc>>,
) -> Result<bool> {
    let set = sqlx::query!(
        "update device set move_agreed_until = $2 where id = $1 and ended_at is null",
        device_id,
        until
    )
    .execute(conn)
    .await?;
    Ok(set.rows_affected() == 1)
}
