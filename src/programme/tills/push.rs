//! What a till hands in: each mutation in a transaction of its own, in which its effects and its answer commit together. One that
//! fails never keeps the others from being answered.

use std::collections::HashSet;

use profcards_card::VerdictCode;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::access::rights::Action;
use crate::access::{limits, till_audience};
use crate::act::mutations::{
    Answer, Mutation, Outcome, Undecided, count_outcome, outcome_of_stored, rejected,
};
use crate::act::{self, Act, ActEnd, ActSpec, idempotency};
use crate::base::clock::from_unix_seconds;
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::ids::TerminalId;
use crate::base::trusted_time;
use crate::cards::Issuer;
use crate::programme::ledger::customer::EventTime;
use crate::programme::ledger::purchase::{self, Booked, MutationContext};
use crate::programme::ledger::{Applied, Refusal, Stop, redemption, reversal};

/// The name of the mutation that takes a purchase back.
const CANCEL: &str = "purchase.cancel";

/// The till that pushes, and how its clock stands.
pub struct PushingTill {
    /// The till.
    pub terminal_id: TerminalId,
    /// The server's time minus the client's.
    pub skew_seconds: i64,
}

/// Applies mutations in their order; one answer each. What takes back a purchase that may come again is undecided,
/// or the refusal of the one would outlive the acceptance of the other.
pub async fn apply_all(issuer: &Issuer, till: &PushingTill, mutations: &[Mutation]) -> Vec<Answer> {
    let (mut coming_again, mut undecided) = (HashSet::new(), Undecided::default());
    let mut answers = Vec::with_capacity(mutations.len());
    for mutation in mutations {
        let outcome = if taken_back_by(mutation).is_some_and(|purchase| coming_again.contains(&purchase)) {
            undecided.retry_later(mutation)
        } else {
            undecided.outcome_of(mutation, apply_mutation(issuer, till, mutation).await)
        };
        if will_be_sent_again(&outcome) {
            coming_again.insert(mutation.id);
        }
        answers.push(Answer { id: mutation.id, outcome });
    }
    undecided.log();
    answers
}

/// Whether the till will send a mutation again: it is undecided, or refused for its number alone, and a till that was
/// put back to an earlier state sends it under another one.
fn will_be_sent_again(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Retry => true,
        Outcome::Rejected { code, .. } => *code == Code::OpNumberReused,
        Outcome::Applied { .. } | Outcome::Duplicate { .. } => false,
    }
}

fn taken_back_by(mutation: &Mutation) -> Option<Uuid> {
    if mutation.name != CANCEL {
        return None;
    }
    serde_json::from_value(mutation.args.get("mutationId")?.clone()).ok()
}

/// Applies one mutation, or finds the answer that it had.
async fn apply_mutation(issuer: &Issuer, till: &PushingTill, mutation: &Mutation) -> Result<Outcome> {
    // A name or arguments that this release does not know are not decided for good: a later one may know them.
    let operation = match Operation::read(mutation) {
        Ok(operation) => operation,
        Err(code) => return Ok(rejected(code)),
    };
    // By a wrong clock a good purchase would be refused for good.
    issuer.keys.check_clock()?;
    let payload_hash =
        idempotency::payload_hash(&mutation.name, &json!({ "args": mutation.args, "at": mutation.at }));
    let principal = till_audience(till.terminal_id);
    let spec = ActSpec::by_terminal(issuer, till.terminal_id, operation.action())
        .under_key(mutation.id, payload_hash);
    let (operation, principal) = (&operation, &principal);
    let applied = act::perform(issuer, spec, |act| async move {
        let now = act.now();
        let context = MutationContext {
            terminal_id: till.terminal_id,
            principal,
            idem: mutation.id,
            time: EventTime { at: mutation.at, till_skew_seconds: till.skew_seconds, now },
        };
        apply_operation(issuer, act, operation, &context).await
    });
    let (outcome, booked) = applied.await?;
    if let Some(booked) = &booked {
        purchase::after_commit(issuer, booked, principal, mutation.id).await;
        count_outcome(&mutation.name, &outcome);
    }
    Ok(outcome)
}

/// Applies the operation under its key; answers also what it has booked now, if anything.
async fn apply_operation(
    issuer: &Issuer,
    mut act: Act,
    operation: &Operation,
    context: &MutationContext<'_>,
) -> Result<ActEnd<(Outcome, Option<Booked>)>> {
    // Of what is applied the journal is the record, and a refusal changes nothing.
    act.record_nothing();
    if let Some(answer) = act.stored_answer()? {
        let mut outcome = outcome_of_stored(&answer)?;
        operation.complete(act.conn(), &mut outcome).await?;
        return act.commit((outcome, None));
    }
    // The key is new here or was forgotten; what it did is not.
    if let Some(result) = operation.done_before(act.conn(), context).await? {
        let mut outcome = Outcome::Duplicate { result };
        operation.complete(act.conn(), &mut outcome).await?;
        return act.roll_back((outcome, None));
    }
    if is_older_than_answers(&context.time) {
        ensure_time_is_believed(act.conn(), issuer, Code::TooOld).await?;
        return act.roll_back((rejected(Code::TooOld), None));
    }
    match in_savepoint(issuer, act.conn(), operation, context).await {
        Ok(booked) => {
            let mut outcome = Outcome::Applied { result: booked.result.clone() };
            act.keep_answer(&outcome)?;
            operation.complete(act.conn(), &mut outcome).await?;
            act.commit((outcome, Some(booked)))
        }
        Err(Stop::Refused(refusal)) => refuse(issuer, act, operation, context, refusal).await,
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// The refusal as an outcome. It is stored, unless the same operation may succeed later or under another number.
async fn refuse(
    issuer: &Issuer,
    mut act: Act,
    operation: &Operation,
    context: &MutationContext<'_>,
    refusal: Refusal,
) -> Result<ActEnd<(Outcome, Option<Booked>)>> {
    if operation.may_wait() && depends_on_time(refusal.code) {
        ensure_time_is_believed(act.conn(), issuer, refusal.code).await?;
    }
    let outcome = Outcome::Rejected { code: refusal.code, detail: refusal.detail };
    if will_be_sent_again(&outcome) {
        // With other arguments its key would be taken for another operation's: so it is not kept.
        count_outcome(operation.action().as_str(), &outcome);
        return act.roll_back((outcome, None));
    }
    // Beyond it the till is asked to come again later, and nothing is kept.
    limits::consume_within(act.conn(), limits::REFUSALS_PER_TILL, context.principal, context.time.now)
        .await?;
    operation.note_refusal(act.conn(), &refusal, context).await?;
    count_outcome(operation.action().as_str(), &outcome);
    act.keep_answer(&outcome)?;
    act.commit((outcome, None))
}

/// Whether it happened, by either reading of the till's clock, before the answers that are kept. What was refused then must not
/// be judged anew.
fn is_older_than_answers(time: &EventTime) -> bool {
    let newest = time.at.max(time.at.saturating_add_signed(time.till_skew_seconds));
    from_unix_seconds(newest) < idempotency::forgotten_before(time.now)
}

/// A refusal for the sake of the time is not final while that is doubted.
async fn ensure_time_is_believed(conn: &mut PgConnection, issuer: &Issuer, code: Code) -> Result<()> {
    if trusted_time::is_doubted(conn, issuer).await? {
        return Err(Error::Unavailable(anyhow::anyhow!("refused as {code}, by a clock that may be wrong")));
    }
    Ok(())
}

/// Whether an operation would perhaps not be refused for this reason at another hour.
fn depends_on_time(code: Code) -> bool {
    matches!(
        code,
        Code::Verdict(
            VerdictCode::ProofStale
                | VerdictCode::ProofFuture
                | VerdictCode::Expired
                | VerdictCode::NotYetValid
        ) | Code::LookupExpired
            | Code::TooOld
            | Code::RedemptionOffline
    )
}

/// Runs an operation so that a refusal undoes what it had begun, while the claimed key stays.
async fn in_savepoint(
    issuer: &Issuer,
    conn: &mut PgConnection,
    operation: &Operation,
    context: &MutationContext<'_>,
) -> Applied<Booked> {
    let mut savepoint = conn.begin().await?;
    let applied = match operation {
        Operation::Record(request) => purchase::record(issuer, &mut savepoint, request, context).await,
        Operation::Cancel(request) => reversal::cancel(&mut savepoint, request, context).await,
    };
    match &applied {
        Ok(_) => savepoint.commit().await?,
        Err(Stop::Refused(_)) => savepoint.rollback().await?,
        // The whole transaction ends with it.
        Err(Stop::Failed(_)) => {}
    }
    applied
}

/// The mutations that a till knows.
enum Operation {
    Record(purchase::RecordPurchase),
    Cancel(reversal::CancelPurchase),
}

impl Operation {
    fn action(&self) -> Action {
        match self {
            Self::Record(_) => Action::RecordPurchase,
            Self::Cancel(_) => Action::CancelPurchase,
        }
    }

    fn read(mutation: &Mutation) -> std::result::Result<Self, Code> {
        fn args<T: DeserializeOwned>(args: &Value) -> std::result::Result<T, Code> {
            serde_json::from_value(args.clone()).map_err(|_| Code::MalformedArgs)
        }
        match mutation.name.as_str() {
            "purchase.record" => args(&mutation.args).map(Self::Record),
            CANCEL => args(&mutation.args).map(Self::Cancel),
            _ => Err(Code::UnknownMutation),
        }
    }

    /// The answer that this mutation got when it was applied, from what it left in the books.
    async fn done_before(
        &self,
        conn: &mut PgConnection,
        context: &MutationContext<'_>,
    ) -> Result<Option<Value>> {
        match self {
            Self::Record(_) => purchase::recorded_before(conn, context).await,
            Self::Cancel(request) => reversal::cancelled_before(conn, request, context).await,
        }
    }

    /// Whether it can be sent again later: nobody stands at a till and waits to learn what is left to pay.
    fn may_wait(&self) -> bool {
        match self {
            Self::Record(request) => !request.redeems(),
            Self::Cancel(_) => true,
        }
    }

    /// Notes what stays of an operation that was refused.
    async fn note_refusal(
        &self,
        conn: &mut PgConnection,
        refusal: &Refusal,
        context: &MutationContext<'_>,
    ) -> Result<()> {
        match self {
            Self::Record(request) if request.redeems() => {
                let operation = (context.terminal_id, request.op_no);
                redemption::note_refusal(conn, refusal, operation, context.time.now).await
            }
            _ => Ok(()),
        }
    }

    /// Adds to an answer what is not stored with it.
    async fn complete(&self, conn: &mut PgConnection, outcome: &mut Outcome) -> Result<()> {
        match (self, outcome) {
            (Self::Record(_), Outcome::Applied { result } | Outcome::Duplicate { result }) => {
                purchase::add_shown_name(conn, result).await
            }
            _ => Ok(()),
        }
    }
}
