//! What a member's phone hands in: which notices were read.

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::store;
use crate::access::{MemberPhone, member_audience};
use crate::act::idempotency::{self, Claim};
use crate::act::mutations::{Answer, Mutation, Outcome, Undecided, rejected, repeated};
use crate::base::Base;
use crate::base::error::Result;

/// Notices in one mutation.
const MAX_IDS: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    ids: Vec<Uuid>,
}

/// Applies a phone's mutations in their order; one answer each.
pub async fn apply_all(base: &Base, phone: &MemberPhone, mutations: &[Mutation]) -> Vec<Answer> {
    let (mut answers, mut undecided) = (Vec::with_capacity(mutations.len()), Undecided::default());
    for mutation in mutations {
        let outcome = undecided.decide(mutation, apply(base, phone, mutation).await);
        answers.push(Answer { id: mutation.id, outcome });
    }
    undecided.tell();
    answers
}

async fn apply(base: &Base, phone: &MemberPhone, mutation: &Mutation) -> Result<Outcome> {
    if mutation.name != "notice.read" {
        return Ok(rejected("unknown-mutation"));
    }
    let Ok(read) = serde_json::from_value::<Read>(mutation.args.clone()) else {
        return Ok(rejected("malformed-args"));
    };
    if !(1..=MAX_IDS).contains(&read.ids.len()) {
        return Ok(rejected("malformed-args"));
    }
    let (now, audience) = (base.clock.now(), member_audience(phone.membership_id));
    let payload_hash = idempotency::payload_hash(&mutation.name, &mutation.args);
    let mut tx = base.db.begin().await?;
    if let Claim::Stored(answer) =
        idempotency::claim(&mut tx, &audience, mutation.id, payload_hash, now).await?
    {
        return repeated(&answer);
    }
    let outcome = Outcome::Applied { result: json!({ "readAt": now.timestamp() }) };
    if !store::mark_read(&mut tx, phone.membership_id, &audience, &read.ids, now).await? {
        // There was no effect, so no key is kept with it: a phone leaves no more keys than it has read notices.
        return Ok(outcome);
    }
    let answer = serde_json::to_value(&outcome).map_err(anyhow::Error::from)?;
    idempotency::store(&mut tx, &audience, mutation.id, &answer).await?;
    tx.commit().await?;
    Ok(outcome)
}
