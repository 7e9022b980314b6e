//! Mutations: what offline clients did while away. Each comes with a key of its own and gets an answer of its own. What
//! it does is the business of its feature, as in `programme::ledger::purchase`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::base::code::Code;
use crate::base::error::{Error, Result};

/// A mutation: one operation that a client recorded.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mutation {
    /// The idempotency key, unique for this client's principal.
    pub id: Uuid,
    /// The mutation's number in the client's own order.
    pub seq: i64,
    /// The operation's name: `purchase.record`, `purchase.cancel` or `notice.read`.
    pub name: String,
    /// The operation's arguments, as its name demands.
    pub args: Value,
    /// The moment of the operation: Unix seconds by the client's clock, corrected by the server offset that it knew.
    pub at: u64,
}

/// The answer to a mutation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The mutation.
    pub id: Uuid,
    /// The mutation's outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The four ends of a mutation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Outcome {
    /// The mutation was applied now.
    Applied {
        /// The result, in the form that the mutation's name demands.
        result: Value,
    },
    /// The mutation was applied before; its answer is repeated.
    Duplicate {
        /// The stored result.
        result: Value,
    },
    /// The mutation is refused for good; the client keeps it visible.
    Rejected {
        /// The stable code; the client has the words for it.
        code: Code,
        /// The figures that the words of some codes need.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<RefusalDetail>,
    },
    /// Nothing was decided: the client sends the mutation again later.
    Retry,
}

/// The figures of a refused redemption: what would be accepted instead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusalDetail {
    /// With `redemption-too-much`: the most that this purchase may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_kopecks: Option<i64>,
    /// With `balance-too-low`: all that may be spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_kopecks: Option<i64>,
    /// With `redemption-too-soon`: from when on this phone redeems; Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redeems_from: Option<i64>,
}

/// The undecided mutations of a push. They are logged in one line, since a till sends the same hundred again every
/// minute.
#[derive(Default)]
pub struct Undecided {
    count: u32,
    /// The first of them, and why.
    first: Option<(String, Error)>,
}

impl Undecided {
    /// The outcome that a mutation is answered. A failure decides nothing, whatever it is: the client keeps the
    /// mutation and sends it again.
    pub fn outcome_of(&mut self, mutation: &Mutation, outcome: Result<Outcome>) -> Outcome {
        match outcome {
            Ok(outcome) => outcome,
            Err(Error::IdempotencyConflict) => rejected(Code::IdempotencyConflict),
            Err(error) => {
                self.first.get_or_insert_with(|| (mutation.name.clone(), error));
                self.retry_later(mutation)
            }
        }
    }

    /// Leaves a mutation undecided because another one is.
    pub fn retry_later(&mut self, mutation: &Mutation) -> Outcome {
        self.count = self.count.saturating_add(1);
        count_outcome(&mutation.name, &Outcome::Retry);
        Outcome::Retry
    }

    /// Logs how many they are, and the first of them.
    pub fn log(&self) {
        if let Some((mutation, error)) = &self.first {
            tracing::warn!(count = self.count, mutation, %error, "mutations were not decided; the first of them and why");
        }
    }
}

/// The outcome of a mutation that is refused for good.
pub fn rejected(code: Code) -> Outcome {
    Outcome::Rejected { code, detail: None }
}

/// The outcome of a repeated mutation by its stored answer: what was applied is a duplicate, what was refused is
/// refused again.
pub fn outcome_of_stored(answer: &Value) -> Result<Outcome> {
    match answer["status"].as_str() {
        Some("applied") => Ok(Outcome::Duplicate { result: answer["result"].clone() }),
        Some("rejected") => Ok(Outcome::Rejected {
            code: answer["code"].as_str().and_then(Code::parse).unwrap_or(Code::Rejected),
            detail: serde_json::from_value(answer["detail"].clone()).unwrap_or_default(),
        }),
        _ => Err(Error::Internal(anyhow::anyhow!("a stored answer is unreadable"))),
    }
}

/// Counts the outcome of a mutation in the metrics.
pub fn count_outcome(name: &str, outcome: &Outcome) {
    let outcome = match outcome {
        Outcome::Applied { .. } => "applied",
        Outcome::Duplicate { .. } => "duplicate",
        Outcome::Rejected { .. } => "rejected",
        Outcome::Retry => "retry",
    };
    metrics::counter!("profcards_mutations_total", "name" => name.to_owned(), "outcome" => outcome)
        .increment(1);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stored_refusal_is_repeated_and_one_that_no_release_yet_knows_is_a_refusal_still() {
        for (stored, told) in
            [("balance-too-low", Code::BalanceTooLow), ("of-a-newer-release", Code::Rejected)]
        {
            let stored = json!({ "status": "rejected", "code": stored, "detail": { "availableKopecks": 7 } });
            let Outcome::Rejected { code, detail } = outcome_of_stored(&stored).unwrap() else {
                panic!("{stored}")
            };
            assert_eq!((code, detail.and_then(|detail| detail.available_kopecks)), (told, Some(7)));
        }
    }
}
