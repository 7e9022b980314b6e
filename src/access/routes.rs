//! Signing in and out of the staff face.

use axum::extract::State;
use axum::http::StatusCode;
use axum_extra::extract::CookieJar;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::rights::MandateRole;
use super::store::SessionOwner;
use super::{Face, Staff, forget_cookie, known_browser, passwords, start_session, store};
use crate::access::limits;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{ClientAddress, Json};
use crate::base::ids::{AccountId, OrganisationId};
use crate::base::{Base, texts};

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Base> {
    OpenApiRouter::new().routes(routes!(sign_in, show, sign_out))
}

#[derive(Deserialize, ToSchema)]
struct SignIn {
    login: String,
    password: String,
}

/// A signed-in account and what it is responsible for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StaffSession {
    account_id: AccountId,
    display_name: String,
    mandates: Vec<Mandate>,
    /// Whether members can be moved: the mandates reach more than one organisation that keeps some.
    can_transfer: bool,
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    server_time: DateTime<Utc>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Mandate {
    organisation_id: OrganisationId,
    organisation_name: String,
    role: MandateRole,
}

async fn session_of(base: &Base, account_id: AccountId) -> Result<StaffSession> {
    let today = base.clock.today();
    let (display_name, mandates) = store::account_overview(&base.db, account_id, today).await?;
    let can_transfer = store::reaches_two_organisations(&base.db, account_id, today).await?;
    let mandates = mandates
        .into_iter()
        .map(|m| Mandate {
            organisation_id: m.organisation_id,
            organisation_name: m.organisation_name,
            role: m.role,
        })
        .collect();
    Ok(StaffSession { account_id, display_name, mandates, can_transfer, server_time: base.clock.now() })
}

/// Sign in with login and password.
#[utoipa::path(post, path = "/api/staff/session", tag = "staff", request_body = SignIn, responses(
    (status = 200, body = StaffSession), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn sign_in(
    State(base): State<Base>,
    address: ClientAddress,
    jar: CookieJar,
    Json(form): Json<SignIn>,
) -> Result<(CookieJar, Json<StaffSession>)> {
    let login = texts::tidy(&form.login).to_lowercase();
    let attempt = count_sign_in(&base, &address, &jar, &login).await?;
    let account_id = attempt.judged_by(check_password(base.clone(), login.clone(), form.password)).await?;
    let jar = known_browser::remember(&base, jar, &login);
    let mut tx = base.db.begin().await?;
    let jar = start_session(&base, &mut tx, jar, SessionOwner::Account(account_id), base.clock.now()).await?;
    tx.commit().await?;
    Ok((jar, Json(session_of(&base, account_id).await?)))
}

/// A browser in which this login was signed in before has a limit of its own: however many strangers guess at the login, its
/// owner gets in.
async fn count_sign_in(
    base: &Base,
    address: &ClientAddress,
    jar: &CookieJar,
    login: &str,
) -> Result<limits::Attempt> {
    if let Some(browser) = known_browser::counter_name(base, jar, login) {
        return limits::attempt(base, &[(limits::LOGIN_PER_KNOWN_BROWSER, &browser)]).await;
    }
    let (network, address) = (address.network_key(), address.limit_key());
    let pair = format!("{address} {login}");
    let counted = [
        (limits::LOGIN_ALTOGETHER, ""),
        (limits::LOGIN_PER_NETWORK, &*network),
        (limits::LOGIN_PER_ADDRESS, &*address),
        (limits::LOGIN_PER_ACCOUNT, login),
        (limits::LOGIN, &*pair),
    ];
    limits::attempt(base, &counted).await
}

async fn check_password(base: Base, login: String, password: String) -> Result<AccountId> {
    if password.len() > passwords::MAX_PASSWORD_BYTES {
        return Err(Error::CredentialsWrong);
    }
    let known = store::credentials(&base.db, &login).await?;
    let (account_id, hash) = known.map(|c| (c.account_id, c.password_hash)).unzip();
    if !passwords::verify(password, hash).await? {
        return Err(Error::CredentialsWrong);
    }
    account_id.ok_or(Error::CredentialsWrong)
}

/// Who is signed in.
#[utoipa::path(get, operation_id = "staff_session", path = "/api/staff/session", tag = "staff", security(("pc_staff" = [])), responses(
    (status = 200, body = StaffSession), (status = 401, body = Problem)))]
async fn show(State(base): State<Base>, staff: Staff) -> Result<Json<StaffSession>> {
    Ok(Json(session_of(&base, staff.account_id).await?))
}

/// Sign out.
#[utoipa::path(delete, operation_id = "staff_sign_out", path = "/api/staff/session", tag = "staff", security(("pc_staff" = [])), responses(
    (status = 204), (status = 401, body = Problem)))]
async fn sign_out(State(base): State<Base>, staff: Staff, jar: CookieJar) -> Result<(CookieJar, StatusCode)> {
    let mut conn = base.db.acquire().await?;
    store::close_session(&mut conn, &staff.token_hash).await?;
    Ok((jar.add(forget_cookie(&base, Face::Staff)), StatusCode::NO_CONTENT))
}
