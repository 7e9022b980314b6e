//! The one error type of the HTTP side: every refusal is `application/problem+json` (RFC 9457) with a stable code that
//! the PWA translates. A refusal says nothing about what the caller may not see.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sqlx::postgres::{PgDatabaseError, PgSeverity};
use utoipa::ToSchema;

use super::code::{Code, FieldCode};

/// The refusal or failure that a handler answers instead of its result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No valid session for this face.
    #[error("no valid session")]
    Unauthenticated,
    /// The session's phone has ended; the code says why, and only the phone itself asks.
    #[error("the phone has ended: {0}")]
    PhoneEnded(Code),
    /// Login or password is wrong; which of them is not said.
    #[error("credentials are wrong")]
    CredentialsWrong,
    /// The activation code, its birth date or its age is wrong; which of them is not said.
    #[error("activation refused")]
    ActivationRefused,
    /// The pairing code is wrong, used or too old.
    #[error("pairing refused")]
    PairingRefused,
    /// A request that a foreign page made the browser send.
    #[error("the request came from another site")]
    CrossSite,
    /// No card can be found by this number; why not is not said.
    #[error("no card is known by this number")]
    CardUnknown,
    /// What was asked for does not exist, or the caller may not know that it does.
    #[error("not found")]
    NotFound,
    /// Fields of a form that cannot be accepted, each with a code of its own.
    #[error("invalid input: {0:?}")]
    InvalidInput(BTreeMap<&'static str, FieldCode>),
    /// The request could not be read at all.
    #[error("malformed request: {0}")]
    MalformedRequest(String),
    /// The body is over the limit.
    #[error("body too large")]
    TooLarge,
    /// Limited; try again after so many seconds.
    #[error("too many attempts")]
    TooManyAttempts {
        /// Whole seconds until the next attempt can succeed.
        retry_after_seconds: u32,
    },
    /// The same idempotency key came with another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyConflict,
    /// A card or a redemption is refused, as a verdict or a mutation would say; the code says why.
    #[error("refused: {0}")]
    Refused(Code),
    /// The phone was enrolled too lately to pay from the balance.
    #[error("the phone was enrolled too lately to redeem")]
    RedemptionTooSoon {
        /// Whole seconds until it may.
        retry_after_seconds: u32,
    },
    /// The state does not allow it; the code says why.
    #[error("conflict: {0}")]
    Conflict(Code),
    /// The search goes through too much, or too many others are running.
    #[error("search too slow: {0}")]
    SearchTooSlow(#[source] anyhow::Error),
    /// A part that the request needs does not answer.
    #[error("unavailable: {0}")]
    Unavailable(#[source] anyhow::Error),
    /// A fault of ours. Logged whole, told as nothing.
    #[error("internal error: {0}")]
    Internal(#[source] anyhow::Error),
}

/// `Result` with this error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The body of every refusal (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Always `about:blank`: `code` is what to act on.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code; the PWA has the text for people.
    pub code: Code,
    /// An explanation for developers; never shown to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Seconds until the next attempt, with `too-many-attempts` and `redemption-too-soon`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
    /// The wrong fields, each with its code; with `invalid-input`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeMap<&'static str, FieldCode>>,
}

impl Error {
    /// One field of a form that cannot be accepted.
    pub fn field(name: &'static str, code: FieldCode) -> Self {
        Self::InvalidInput(BTreeMap::from([(name, code)]))
    }

    /// The error of a search: one that met its limits says so, since another search may be quick.
    #[must_use]
    pub fn as_search_error(self) -> Self {
        match self {
            Self::Unavailable(cause) if is_limit_of_searches(&cause) => Self::SearchTooSlow(cause),
            other => other,
        }
    }

    /// Whether somebody else's lock was waited for in vain.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Unavailable(cause) if cause.downcast_ref().is_some_and(is_locked))
    }

    /// Whether the database has rolled it back for another transaction's sake: done again, it may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let code = |cause: &anyhow::Error| cause.downcast_ref().and_then(sqlstate);
        matches!(self, Self::Unavailable(cause) if matches!(code(cause).as_deref(), Some("40001" | "40P01")))
    }

    fn status_and_code(&self) -> (StatusCode, Code) {
        match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, Code::Unauthenticated),
            Self::PhoneEnded(code) => (StatusCode::UNAUTHORIZED, *code),
            Self::CredentialsWrong => (StatusCode::UNAUTHORIZED, Code::CredentialsWrong),
            Self::ActivationRefused => (StatusCode::FORBIDDEN, Code::ActivationRefused),
            Self::PairingRefused => (StatusCode::FORBIDDEN, Code::PairingRefused),
            Self::CrossSite => (StatusCode::FORBIDDEN, Code::CrossSite),
            Self::CardUnknown => (StatusCode::NOT_FOUND, Code::CardUnknown),
            Self::NotFound => (StatusCode::NOT_FOUND, Code::NotFound),
            Self::InvalidInput(_) => (StatusCode::UNPROCESSABLE_ENTITY, Code::InvalidInput),
            Self::MalformedRequest(_) => (StatusCode::BAD_REQUEST, Code::MalformedRequest),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge),
            Self::TooManyAttempts { .. } => (StatusCode::TOO_MANY_REQUESTS, Code::TooManyAttempts),
            Self::IdempotencyConflict => (StatusCode::CONFLICT, Code::IdempotencyConflict),
            Self::Refused(code) => (StatusCode::UNPROCESSABLE_ENTITY, *code),
            Self::RedemptionTooSoon { .. } => (StatusCode::UNPROCESSABLE_ENTITY, Code::RedemptionTooSoon),
            Self::Conflict(code) => (StatusCode::CONFLICT, *code),
            Self::SearchTooSlow(_) => (StatusCode::SERVICE_UNAVAILABLE, Code::SearchTooSlow),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, Code::Internal),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = self.status_and_code();
        match &self {
            Self::Internal(cause) => tracing::error!(error = format!("{cause:#}"), "internal error"),
            Self::Unavailable(cause) | Self::SearchTooSlow(cause) => {
                metrics::counter!("profcards_unavailable_total", "code" => code.as_str()).increment(1);
                tracing::warn!(code = code.as_str(), error = format!("{cause:#}"), "unavailable");
            }
            _ => {}
        }
        let retry_after_seconds = match self {
            Self::TooManyAttempts { retry_after_seconds }
            | Self::RedemptionTooSoon { retry_after_seconds } => Some(retry_after_seconds),
            _ => None,
        };
        let problem = Problem {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            code,
            detail: match &self {
                Self::MalformedRequest(detail) => Some(detail.clone()),
                _ => None,
            },
            retry_after_seconds,
            fields: match self {
                Self::InvalidInput(fields) => Some(fields),
                _ => None,
            },
        };
        let mut response = (status, axum::Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = sqlstate(&error);
        // A NUL, or another sequence that no text column holds; it came with the request.
        if code.as_deref() == Some("22021") {
            return Self::MalformedRequest("a text holds a character that cannot be stored".into());
        }
        let is_passing = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed => true,
            _ => code.as_deref().is_some_and(is_database_state) || ends_session(&error),
        };
        let cause = anyhow::Error::new(error);
        if is_passing { Self::Unavailable(cause) } else { Self::Internal(cause) }
    }
}

/// Whether somebody else's lock was waited for in vain.
fn is_locked(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some("55P03")
}

/// The class of trouble that the database names, if it does.
fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Cow::into_owned)
}

/// Whether the database ended the session for a reason of its own, as where a full disk keeps it from writing even what a new session
/// needs; not where it refused us.
fn ends_session(error: &sqlx::Error) -> bool {
    let fatal = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    fatal.is_some_and(|error| {
        matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
            && !["28", "3D"].iter().any(|class| error.code().starts_with(class))
    })
}

/// Whether a SQLSTATE tells of the database's own state and not of our statement: repeated, it may well succeed.
fn is_database_state(code: &str) -> bool {
    // Connection; rolled back for another's sake; out of disk, memory or connections; cancelled by a limit or a stop; an error
    // of the disk.
    let classes = ["08", "40", "53", "57", "58"];
    // A standby, which takes no writes, and knows no position of its own in the log; a transaction that said nothing for too long; a
    // lock that was not to be had in time.
    let codes = ["25006", "25P03", "55000", "55P03"];
    classes.iter().any(|class| code.starts_with(class)) || codes.contains(&code)
}

/// No connection was free, or the statement was cancelled for its length.
fn is_limit_of_searches(cause: &anyhow::Error) -> bool {
    cause.downcast_ref::<sqlx::Error>().is_some_and(|error| {
        matches!(error, sqlx::Error::PoolTimedOut) || sqlstate(error).as_deref() == Some("57014")
    })
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::is_database_state;

    #[test]
    fn what_the_database_cannot_help_is_no_fault_of_ours() {
        for code in [
            "53100", "53200", "53300", "57014", "57P01", "58030", "25006", "25P03", "55000", "55P03",
            "40001", "08006",
        ] {
            assert!(is_database_state(code), "{code}");
        }
        for code in ["23505", "22P02", "25P02", "42P01", "XX001", "22003"] {
            assert!(!is_database_state(code), "{code}");
        }
    }
}
