//! What a member's phone hands in: which notices were read.

use serde::Deserialize;
use serde_json::json;

use super::store;
use crate::access::rights::Action;
use crate::access::{MemberPhone, member_audience};
use crate::act::idempotency;
use crate::act::mutations::{Answer, Mutation, Outcome, Undecided, outcome_of_stored, rejected};
use crate::act::{self, ActSpec};
use crate::base::Base;
use crate::base::code::Code;
use crate::base::error::Result;
use crate::base::ids::NoticeId;

/// The most notices in one mutation.
const MAX_IDS: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    ids: Vec<NoticeId>,
}

/// Applies a phone's mutations in their order; one answer each.
pub async fn apply_all(base: &Base, phone: &MemberPhone, mutations: &[Mutation]) -> Vec<Answer> {
    let (mut answers, mut undecided) = (Vec::with_capacity(mutations.len()), Undecided::default());
    for mutation in mutations {
        let outcome = undecided.outcome_of(mutation, apply(base, phone, mutation).await);
        answers.push(Answer { id: mutation.id, outcome });
    }
    undecided.log();
    answers
}

async fn apply(base: &Base, phone: &MemberPhone, mutation: &Mutation) -> Result<Outcome> {
    if mutation.name != "notice.read" {
        return Ok(rejected(Code::UnknownMutation));
    }
    let Ok(read) = serde_json::from_value::<Read>(mutation.args.clone()) else {
        return Ok(rejected(Code::MalformedArgs));
    };
    if !(1..=MAX_IDS).contains(&read.ids.len()) {
        return Ok(rejected(Code::MalformedArgs));
    }
    let audience = member_audience(phone.membership_id);
    let payload_hash = idempotency::payload_hash(&mutation.name, &mutation.args);
    let spec = ActSpec::by_phone(base, phone, Action::ReadNotices).under_key(mutation.id, payload_hash);
    let (audience, read) = (&audience, &read);
    act::perform(base, spec, |mut act| async move {
        if let Some(answer) = act.stored_answer()? {
            return act.commit(outcome_of_stored(&answer)?);
        }
        let now = act.now();
        let outcome = Outcome::Applied { result: json!({ "readAt": now.timestamp() }) };
        if !store::mark_read(act.conn(), phone.membership_id, audience, &read.ids, now).await? {
            // There was no effect, so no key is kept with it: a phone leaves no more keys than it has read notices.
            return act.roll_back(outcome);
        }
        // The notice itself says when it was read.
        act.record_nothing();
        act.keep_answer(&outcome)?;
        act.commit(outcome)
    })
    .await
}
