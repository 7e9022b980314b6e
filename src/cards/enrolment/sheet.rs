//! The sheet that is printed for a member: a code for the phone and the paper card. Whoever prints it can take the member's card to a
//! phone of their own, so a member who has a phone is told, and such sheets are limited and in the log.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{activation_code_of, store};
use crate::access::rights::{Action, PrintSheet};
use crate::access::{Staff, member_audience, policy};
use crate::act::audit::Entry;
use crate::act::idempotency::Idempotent;
use crate::act::notices::{self, Initiator, NoticeKind};
use crate::act::{self, ActSpec};
use crate::base::clock::CLOCKS_APART;
use crate::base::code::Code;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{EmptyBody, Json, Path};
use crate::base::ids::{AccountId, ActivationId, MembershipId};
use crate::cards::{self, CardOrder, Issuer};
use crate::registry::members;

/// The most sheets that one account prints in a day for members who have or had a phone: more than any office replaces,
/// and few enough to be found out. First sheets are not counted: a new organisation prints hundreds.
pub const MAX_REPLACEMENT_SHEETS: i64 = 20;
/// The time over which those sheets are counted.
const LIMIT_WINDOW: TimeDelta = TimeDelta::hours(24);

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new().routes(routes!(print_sheet))
}

/// The sheet that is printed for a member: the code for the phone and the paper card.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActivationSheet {
    /// The code, `XXXXX-XXXXX`; for one use, together with the birth date.
    code: String,
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    expires_at: DateTime<Utc>,
    full_name: String,
    number: String,
    organisation_name: String,
    /// The path of the page on which the code is typed.
    activation_path: String,
    /// The text of the paper card's QR code.
    paper_token: String,
}

/// Make a new activation code and the paper card, for printing. Needs an `Idempotency-Key`.
#[utoipa::path(post, path = "/api/staff/members/{id}/activation", tag = "staff", security(("pc_staff" = [])),
    params(("id" = MembershipId, Path,), ("idempotency-key" = Uuid, Header,)), request_body = EmptyBody, responses(
    (status = 200, body = ActivationSheet), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem, description = "Among others `too-many-sheets`: this account's limit of a day")))]
async fn print_sheet(
    State(issuer): State<Issuer>,
    staff: Staff,
    Path(membership_id): Path<MembershipId>,
    request: Idempotent<EmptyBody>,
) -> Result<Json<ActivationSheet>> {
    policy::check_member(&issuer, &staff, PrintSheet, membership_id).await?;
    let spec = ActSpec::by_staff(&issuer, &staff, Action::PrintSheet).under_key_of(&request);
    let (issuer, staff) = (&issuer, &staff);
    let sheet = act::perform(issuer, spec, |mut act| async move {
        let now = act.now();
        members::store::lock(act.conn(), &[membership_id]).await?;
        let scope = policy::may_member_within(act.conn(), issuer, staff, PrintSheet, membership_id).await?;
        let made = if let Some(made) = act.stored_answer::<MadeCode>()? {
            made
        } else {
            let activation_id = make_sheet(issuer, act.conn(), staff, membership_id, now).await?;
            act.keep_answer(&MadeCode { activation_id })?;
            MadeCode { activation_id }
        };
        act.record(Entry::of_member(membership_id).within(scope.organisation_id));
        act.wake(member_audience(membership_id));
        let sheet = show_sheet(issuer, act.conn(), made.activation_id, membership_id, now).await?;
        act.commit(sheet)
    });
    Ok(Json(sheet.await?))
}

/// The stored answer: what is printed is read anew.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct MadeCode {
    activation_id: ActivationId,
}

/// Makes a new code, and issues the paper card if there is none.
async fn make_sheet(
    issuer: &Issuer,
    conn: &mut PgConnection,
    staff: &Staff,
    membership_id: MembershipId,
    now: DateTime<Utc>,
) -> Result<ActivationId> {
    if !store::is_active(&mut *conn, membership_id).await? {
        return Err(Error::Conflict(Code::MembershipNotActive));
    }
    let id = make_code(issuer, &mut *conn, staff, membership_id, now).await?;
    if store::paper_card(&mut *conn, membership_id, now).await?.is_none() {
        let order = CardOrder { membership_id, key: None, device_id: None, sample: false };
        cards::issue(issuer, conn, &order, now).await?;
    }
    Ok(id)
}

async fn show_sheet(
    issuer: &Issuer,
    conn: &mut PgConnection,
    activation_id: ActivationId,
    membership_id: MembershipId,
    now: DateTime<Utc>,
) -> Result<ActivationSheet> {
    let holder = members::store::registered_member(&mut *conn, membership_id).await?;
    let expires_at = store::code_expiry(&mut *conn, activation_id).await?;
    // A repeated request after a revocation finds no paper card; the sheet then has no code to show either.
    let paper =
        store::paper_card(conn, membership_id, now).await?.ok_or(Error::Conflict(Code::CardRevoked))?;
    Ok(ActivationSheet {
        code: activation_code_of(issuer, activation_id).to_string(),
        expires_at,
        full_name: holder.full_name(),
        number: holder.number,
        organisation_name: holder.organisation_name,
        activation_path: "/activate".into(),
        paper_token: profcards_card::to_text(&paper),
    })
}

/// Makes the code of a new sheet. Where a phone holds the card already, or did, the sheet can take it away: such sheets are limited,
/// and the member is told, on the phone that is there or on the next one.
async fn make_code(
    issuer: &Issuer,
    conn: &mut PgConnection,
    staff: &Staff,
    membership_id: MembershipId,
    now: DateTime<Utc>,
) -> Result<ActivationId> {
    let is_replacement = store::had_phone(&mut *conn, membership_id).await?;
    if is_replacement {
        // Two requests at once must not both find room.
        sqlx::query!("select from account where id = $1 for no key update", staff.account_id.0)
            .execute(&mut *conn)
            .await?;
        if replacement_sheets(&mut *conn, staff.account_id, now).await? >= MAX_REPLACEMENT_SHEETS {
            tracing::warn!(account = %staff.account_id, membership = %membership_id, "no more sheets for members with a phone today");
            metrics::counter!("profcards_limited_total", "limit" => "replacement-sheets").increment(1);
            return Err(Error::Conflict(Code::TooManySheets));
        }
    }
    let id = super::new_activation(issuer, &mut *conn, membership_id, Some(staff.account_id), now).await?;
    tracing::info!(account = %staff.account_id, membership = %membership_id, activation = %id, is_replacement, "a sheet is printed");
    if is_replacement {
        notices::notify_member(issuer, conn, membership_id, NoticeKind::SheetPrinted, Initiator::Chair, now)
            .await?;
    }
    Ok(id)
}

/// The account's sheets of the last day for members who had a phone already. Those that a clock ahead has dated do not count, or
/// they would until that day; a phone that it has dated was there.
async fn replacement_sheets(
    conn: &mut PgConnection,
    account_id: AccountId,
    now: DateTime<Utc>,
) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from activation_code a
           where a.created_by = $1 and a.created_at > $2 and a.created_at <= $3
             and exists (select from device d where d.membership_id = a.membership_id
                         and (d.enrolled_at < a.created_at or d.enrolled_at > $3))"#,
        account_id.0,
        now - LIMIT_WINDOW,
        now + CLOCKS_APART
    )
    .fetch_one(conn)
    .await?)
}
