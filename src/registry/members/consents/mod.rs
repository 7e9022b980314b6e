//! A member's consents: each a document of its own, given on paper or in the app, and withdrawn by a date.

pub mod routes;
pub mod store;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// The version of the paper consent to processing that forms of this release refer to.
pub const PROCESSING_TEXT_VERSION: &str = "paper-2025-09";

/// The moment that stands for the day on which a paper was signed; in the east that day begins before it does here.
pub fn signed_at(day: NaiveDate, now: DateTime<Utc>) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc().min(now)
}
