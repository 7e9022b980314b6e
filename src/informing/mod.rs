//! Reading what the union tells its members: today the notices of what happened to card, phone and membership. They are written by
//! whoever causes them, in `act::notices`.

pub mod push;
pub mod store;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::act::notices::{Initiator, NoticeKind};
use crate::base::ids::NoticeId;

/// Months after which a member's notice is removed.
pub const NOTICE_MONTHS: u32 = 13;

/// A notice as the app shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The notice.
    pub id: NoticeId,
    /// The kind of event that the notice is about.
    pub kind: NoticeKind,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub at: DateTime<Utc>,
    /// The party whose act it was.
    pub by: Initiator,
    /// The parameters that the kind demands.
    #[schema(value_type = BTreeMap<String, String>)]
    pub params: Value,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds_option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub read_at: Option<DateTime<Utc>>,
}
