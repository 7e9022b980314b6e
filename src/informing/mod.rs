//! Reading what the union tells its members: today the notices of what happened to card, phone and membership. They are written by
//! whoever causes them, in `act::notices`.

pub mod push;
pub mod store;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// A member keeps no notice that is older than so many months.
pub const NOTICE_MONTHS: u32 = 13;

/// A notice as the app shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The notice.
    pub id: Uuid,
    /// As in [`Kind::as_str`](crate::act::notices::Kind::as_str).
    pub kind: String,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub at: DateTime<Utc>,
    /// `member`, `chair` or `system`.
    pub by: String,
    /// As the kind demands.
    pub params: Value,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds_option", skip_serializing_if = "Option::is_none")]
    pub read_at: Option<DateTime<Utc>>,
}
