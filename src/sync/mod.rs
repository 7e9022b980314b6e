//! Offline clients: what they did while away comes in as mutations, each with an answer of its own; what changed for them
//! goes out in an order in which nothing can appear late. The server is the authority. What a mutation does is the
//! business of its feature (`ledger::purchase`).

pub mod held_back;
pub mod push;
pub mod routes;
pub mod store;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ledger::RefusalDetail;

/// The shape of mutations and entities that this server speaks.
pub const SCHEMA: u32 = 1;
/// Mutations in one push.
pub const MAX_MUTATIONS: usize = 100;
/// A client's clock that is further off is told so.
pub const CLOCK_TOLERANCE_SECONDS: i64 = 60;
/// Changes are kept for so long; a client that was away longer starts over.
pub const CHANGE_DAYS: i64 = 90;

/// One thing that a client did.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mutation {
    /// The idempotency key, unique for this client's principal.
    pub id: Uuid,
    /// The client's own order.
    pub seq: i64,
    /// What it is: `purchase.record`, `purchase.cancel`.
    pub name: String,
    /// As the name demands.
    pub args: Value,
    /// When it happened: Unix seconds by the client's clock, corrected by the server offset that it knew.
    pub at: u64,
}

/// What became of a mutation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The mutation.
    pub id: Uuid,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The four ends of a mutation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Outcome {
    /// Done now.
    Applied {
        /// As the mutation's name says.
        result: Value,
    },
    /// Done before; this is what was answered then.
    Duplicate {
        /// The stored result.
        result: Value,
    },
    /// Refused for good; the client keeps it visible.
    Rejected {
        /// Stable, kebab-case.
        code: String,
        /// The figures that the words of some codes need.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<RefusalDetail>,
    },
    /// Not decided; send it again later.
    Retry,
}
