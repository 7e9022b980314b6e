//! Who is asking: sessions of the three faces, and the extractors by which a handler demands one of them. What a staff
//! account may see is decided in [`policy`]; nothing here knows what is behind the rights.

pub mod codes;
mod known_browser;
pub mod limits;
pub mod passwords;
pub mod policy;
pub mod rights;
pub mod routes;
pub mod store;
mod tokens;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use self::store::SessionOwner;
pub use self::tokens::SessionToken;
use crate::base::Base;
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::ids::{AccountId, DeviceId, MembershipId, TerminalId};
use crate::base::words::word_enum;

word_enum! {
    /// The three faces of the app. A browser may be signed in to each of them at once, by a cookie each.
    pub enum Face in "session.face" {
        /// The chairpersons and the regional staff.
        Staff = "staff",
        /// A member's phone.
        Member = "member",
        /// A partner's till.
        Till = "till",
    }
}

word_enum! {
    /// Why a phone has ended.
    pub enum EndReason in "device.ended_reason" {
        /// The member enrolled another phone.
        Replaced = "replaced",
        /// The phone was signed out.
        SignedOut = "signed-out",
        /// The phone was reported lost.
        Lost = "lost",
        /// The member has left the union.
        Left = "left",
        /// The card was issued by mistake.
        Error = "error",
    }
}

impl Face {
    /// The life of a session. A phone and a till stay signed in as long as browsers keep a cookie (400 days).
    pub fn session_days(self) -> i64 {
        match self {
            Self::Staff => 14,
            Self::Member | Self::Till => 400,
        }
    }

    fn cookie(self) -> &'static str {
        match self {
            Self::Staff => "pc_staff",
            Self::Member => "pc_member",
            Self::Till => "pc_till",
        }
    }

    fn cookie_name(self, base: &Base) -> String {
        cookie_name(base, self.cookie())
    }
}

/// A cookie for our own pages and no script.
pub fn make_cookie(base: &Base, name: &str, value: String, days: i64) -> Cookie<'static> {
    Cookie::build((cookie_name(base, name), value))
        .path("/")
        .http_only(true)
        .secure(base.config.production)
        .same_site(SameSite::Strict)
        .max_age(time::Duration::days(days))
        .build()
}

/// The prefix makes browsers refuse a cookie that another host or an insecure page tries to plant.
pub fn cookie_name(base: &Base, name: &str) -> String {
    let prefix = if base.config.production { "__Host-" } else { "" };
    format!("{prefix}{name}")
}

/// Signs a browser in, in the caller's transaction. Who was signed in by this browser to the same face until now is not any more:
/// a session that no cookie names would live on, and nobody could end it.
pub async fn start_session(
    base: &Base,
    conn: &mut PgConnection,
    jar: CookieJar,
    owner: SessionOwner,
    now: DateTime<Utc>,
) -> Result<CookieJar> {
    let face = owner.face();
    if let Some(earlier) = jar.get(&face.cookie_name(base)) {
        store::close_session(&mut *conn, &SessionToken::hash(earlier.value())).await?;
    }
    let token = SessionToken::new(base);
    store::open_session(conn, &token.stored_hash(), owner, now).await?;
    Ok(jar.add(token.into_cookie(base, face)))
}

/// The cookie that makes the browser forget a session.
pub fn forget_cookie(base: &Base, face: Face) -> Cookie<'static> {
    let mut cookie = Cookie::new(face.cookie_name(base), "");
    cookie.set_path("/");
    // Without it browsers ignore the removal of a `__Host-` cookie.
    cookie.set_secure(base.config.production);
    cookie.make_removal();
    cookie
}

/// The hash of the token that a request's cookie holds, and the connections on which its session is looked up: these, unless a
/// stranger may have made it up.
fn read_token<'a>(
    headers: &HeaderMap,
    base: &'a Base,
    face: Face,
    own: &'a PgPool,
) -> Result<([u8; 32], &'a PgPool)> {
    let jar = CookieJar::from_headers(headers);
    let cookie = jar.get(&face.cookie_name(base)).ok_or(Error::Unauthenticated)?;
    let connections = SessionToken::connections_for(base, cookie.value(), own);
    Ok((SessionToken::hash(cookie.value()), connections.ok_or(Error::Unauthenticated)?))
}

/// A signed-in account of a chairperson or of regional staff.
#[derive(Clone, Debug)]
pub struct Staff {
    /// The account.
    pub account_id: AccountId,
    /// The hash of the session's token, by which the session is ended.
    pub token_hash: [u8; 32],
}

impl Staff {
    /// The owner of this account's idempotency keys.
    pub fn principal(&self) -> String {
        format!("staff:{}", self.account_id)
    }
}

/// A member's enrolled phone.
#[derive(Clone, Debug)]
pub struct MemberPhone {
    /// The phone.
    pub device_id: DeviceId,
    /// The membership of the phone's owner.
    pub membership_id: MembershipId,
    /// The hash of the session's token, by which the session is ended.
    pub token_hash: [u8; 32],
}

/// A paired till.
#[derive(Clone, Debug)]
pub struct Till {
    /// The terminal.
    pub terminal_id: TerminalId,
    /// The hash of the session's token, by which the session is ended.
    pub token_hash: [u8; 32],
}

/// The audience of a membership's changes: the member's pages.
pub fn member_audience(membership_id: MembershipId) -> String {
    format!("member:{membership_id}")
}

/// The audience of a till's changes; also the principal that owns its idempotency keys.
pub fn till_audience(terminal_id: TerminalId) -> String {
    format!("till:{terminal_id}")
}

impl<S: Send + Sync> FromRequestParts<S> for Staff
where
    Base: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let base = &Base::from_ref(state);
        let (token_hash, db) = read_token(&parts.headers, base, Face::Staff, &base.db)?;
        let account_id =
            store::staff_session(db, &token_hash, base.clock.now()).await?.ok_or(Error::Unauthenticated)?;
        let staff = Self { account_id, token_hash };
        limits::check_rate(base, limits::REQUESTS_PER_PRINCIPAL, &staff.principal()).await?;
        Ok(staff)
    }
}

impl MemberPhone {
    /// The phone that this request's cookies sign in.
    pub async fn from_headers(base: &Base, headers: &HeaderMap) -> Result<Self> {
        let (token_hash, db) = read_token(headers, base, Face::Member, &base.db)?;
        let session = store::member_session(db, &token_hash, base.clock.now()).await?;
        let session = session.ok_or(Error::Unauthenticated)?;
        let principal = format!("phone:{}", session.device_id);
        limits::check_rate(base, limits::REQUESTS_PER_PRINCIPAL, &principal).await?;
        if let Some(reason) = session.ended_reason {
            return Err(phone_ended(reason, session.membership_ended));
        }
        Ok(Self { device_id: session.device_id, membership_id: session.membership_id, token_hash })
    }
}

/// The refusal of a phone that has ended. Its cookie proves which phone it was, so it may know why.
fn phone_ended(reason: EndReason, membership_ended: bool) -> Error {
    match reason {
        _ if membership_ended => Error::PhoneEnded(Code::MembershipEnded),
        EndReason::Replaced => Error::PhoneEnded(Code::PhoneReplaced),
        EndReason::Lost => Error::PhoneEnded(Code::PhoneLost),
        EndReason::Error | EndReason::Left => Error::PhoneEnded(Code::CardsRevoked),
        EndReason::SignedOut => Error::Unauthenticated,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MemberPhone
where
    Base: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        Self::from_headers(&Base::from_ref(state), &parts.headers).await
    }
}

impl Till {
    /// The till that this request's cookies sign in.
    pub async fn from_headers(base: &Base, headers: &HeaderMap) -> Result<Self> {
        let (token_hash, db) = read_token(headers, base, Face::Till, &base.db_tills)?;
        let session = store::till_session(db, &token_hash, base.clock.now()).await?;
        let terminal_id = session.ok_or(Error::Unauthenticated)?;
        limits::check_rate(base, limits::REQUESTS_PER_PRINCIPAL, &till_audience(terminal_id)).await?;
        Ok(Self { terminal_id, token_hash })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Till
where
    Base: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        Self::from_headers(&Base::from_ref(state), &parts.headers).await
    }
}
