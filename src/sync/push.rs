//! Applying mutations: each in a transaction of its own, in which its effects and its answer commit together. One that
//! fails never keeps the others from being answered.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::{Answer, Mutation, Outcome};
use crate::app::AppState;
use crate::auth::till_audience;
use crate::clock::from_unix_seconds;
use crate::error::{Error, Result};
use crate::http::idempotency::{self, Claim};
use crate::http::limits;
use crate::ledger::customer::When;
use crate::ledger::purchase::{self, Booked, Circumstances};
use crate::ledger::{Applied, OP_NUMBER_REUSED, Refusal, guards, redemption, reversal};
use crate::trusted_time;

/// The mutation that takes a purchase back.
const CANCEL: &str = "purchase.cancel";

/// Who pushes, and how its clock stands.
pub struct Pusher {
    /// The till.
    pub terminal_id: Uuid,
    /// The server's time minus the client's.
    pub skew_seconds: i64,
}

/// Applies mutations in their order; one answer each. What takes back a purchase that may come again is undecided,
/// or the refusal of the one would outlive the acceptance of the other.
pub async fn apply_all(app: &AppState, pusher: &Pusher, mutations: &[Mutation]) -> Vec<Answer> {
    let (mut coming_again, mut undecided) = (HashSet::new(), Undecided::default());
    let mut answers = Vec::with_capacity(mutations.len());
    for mutation in mutations {
        let outcome = if taken_back_by(mutation).is_some_and(|purchase| coming_again.contains(&purchase)) {
            undecided.follow(mutation)
        } else {
            undecided.decide(mutation, try_apply(app, pusher, mutation).await)
        };
        if may_come_again(&outcome) {
            coming_again.insert(mutation.id);
        }
        answers.push(Answer { id: mutation.id, outcome });
    }
    undecided.tell();
    answers
}

/// What of a push is not decided: it is told in one line, since a till sends the same hundred again every minute.
#[derive(Default)]
pub struct Undecided {
    count: u32,
    /// The first of them, and why.
    first: Option<(String, Error)>,
}

impl Undecided {
    /// What is answered. A failure decides nothing, whatever it is: the client keeps the mutation and sends it again.
    pub fn decide(&mut self, mutation: &Mutation, outcome: Result<Outcome>) -> Outcome {
        match outcome {
            Ok(outcome) => outcome,
            Err(Error::IdempotencyConflict) => rejected("idempotency-conflict"),
            Err(error) => {
                self.first.get_or_insert_with(|| (mutation.name.clone(), error));
                self.follow(mutation)
            }
        }
    }

    /// Undecided for the sake of another one.
    fn follow(&mut self, mutation: &Mutation) -> Outcome {
        self.count = self.count.saturating_add(1);
        count(&mutation.name, &Outcome::Retry);
        Outcome::Retry
    }

    /// Tells the log.
    pub fn tell(&self) {
        if let Some((mutation, error)) = &self.first {
            tracing::warn!(count = self.count, mutation, %error, "mutations were not decided; the first of them and why");
        }
    }
}

/// Undecided, or refused for its number alone: a till that was put back to an earlier state sends it under another one.
fn may_come_again(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Retry => true,
        Outcome::Rejected { code, .. } => code == OP_NUMBER_REUSED,
        Outcome::Applied { .. } | Outcome::Duplicate { .. } => false,
    }
}

fn taken_back_by(mutation: &Mutation) -> Option<Uuid> {
    if mutation.name != CANCEL {
        return None;
    }
    serde_json::from_value(mutation.args.get("mutationId")?.clone()).ok()
}

/// Refused for good.
pub fn rejected(code: &str) -> Outcome {
    Outcome::Rejected { code: code.to_owned(), detail: None }
}

fn refused(refusal: Refusal) -> Outcome {
    Outcome::Rejected { code: refusal.code.to_owned(), detail: refusal.detail }
}

/// Applies one mutation, or finds the answer that it had.
async fn try_apply(app: &AppState, pusher: &Pusher, mutation: &Mutation) -> Result<Outcome> {
    // A name or arguments that this release does not know are not decided for good: a later one may know them.
    let operation = match Operation::read(mutation) {
        Ok(operation) => operation,
        Err(refusal) => return Ok(refused(refusal)),
    };
    // By a wrong clock a good purchase would be refused for good.
    app.keys.check_clock()?;
    let now = app.clock.now();
    let principal = till_audience(pusher.terminal_id);
    let about = Circumstances {
        terminal_id: pusher.terminal_id,
        principal: &principal,
        idem: mutation.id,
        when: When { at: mutation.at, till_skew_seconds: pusher.skew_seconds, now },
    };
    let payload_hash =
        idempotency::payload_hash(&mutation.name, &json!({ "args": mutation.args, "at": mutation.at }));
    let mut tx = app.db_tills.begin().await?;
    if let Claim::Stored(answer) =
        idempotency::claim(&mut tx, &principal, mutation.id, payload_hash, now).await?
    {
        let mut outcome = repeated(&answer)?;
        operation.complete(&mut tx, &mut outcome).await?;
        return Ok(outcome);
    }
    // The key is new here or was forgotten; what it did is not.
    if let Some(result) = operation.done_before(&mut tx, &about).await? {
        let mut outcome = Outcome::Duplicate { result };
        operation.complete(&mut tx, &mut outcome).await?;
        return Ok(outcome);
    }
    if is_forgotten(&about.when) {
        ensure_time_is_believed(&mut tx, app, "too-old").await?;
        return Ok(rejected("too-old"));
    }
    let booked = in_savepoint(app, &mut tx, &operation, &about).await?;
    if let Err(refusal) = &booked
        && operation.may_wait()
        && hangs_on_time(refusal.code)
    {
        ensure_time_is_believed(&mut tx, app, refusal.code).await?;
    }
    let mut outcome = match &booked {
        Ok(booked) => Outcome::Applied { result: booked.result.clone() },
        Err(refusal) => refused(*refusal),
    };
    if may_come_again(&outcome) {
        // With other arguments its key would be taken for another operation's: so it is not kept.
        count(&mutation.name, &outcome);
        return Ok(outcome);
    }
    if let Err(refusal) = &booked {
        // Beyond it the till is asked to come again later, and nothing is kept.
        limits::take(&mut tx, limits::REFUSALS_PER_TILL, &principal, now).await?;
        operation.note_refusal(&mut tx, refusal, &about).await?;
    }
    let answer = serde_json::to_value(&outcome).map_err(anyhow::Error::from)?;
    idempotency::store(&mut tx, &principal, mutation.id, &answer).await?;
    operation.complete(&mut tx, &mut outcome).await?;
    tx.commit().await?;
    crate::faults::after_commit();
    if let Ok(booked) = &booked {
        purchase::after_commit(app, booked, &about).await;
    }
    count(&mutation.name, &outcome);
    Ok(outcome)
}

/// Whether it happened, by either reading of the till's clock, before the answers that are kept. What was refused then must not
/// be judged anew.
fn is_forgotten(when: &When) -> bool {
    let newest = when.at.max(when.at.saturating_add_signed(when.till_skew_seconds));
    from_unix_seconds(newest) < guards::horizon(when.now)
}

/// A refusal for the sake of the time is not final while that is doubted.
async fn ensure_time_is_believed(conn: &mut PgConnection, app: &AppState, code: &str) -> Result<()> {
    if trusted_time::is_doubted(conn, app).await? {
        return Err(Error::Unavailable(anyhow::anyhow!("refused as {code}, by a clock that may be wrong")));
    }
    Ok(())
}

/// Whether an operation would perhaps not be refused for this reason at another hour.
fn hangs_on_time(code: &str) -> bool {
    matches!(
        code,
        "proof-stale"
            | "proof-future"
            | "expired"
            | "not-yet-valid"
            | "lookup-expired"
            | "too-old"
            | "redemption-offline"
    )
}

/// What the stored answer says now: what was applied is a duplicate, what was refused is refused again.
pub fn repeated(answer: &Value) -> Result<Outcome> {
    match answer["status"].as_str() {
        Some("applied") => Ok(Outcome::Duplicate { result: answer["result"].clone() }),
        Some("rejected") => Ok(Outcome::Rejected {
            code: answer["code"].as_str().unwrap_or("rejected").to_owned(),
            detail: serde_json::from_value(answer["detail"].clone()).unwrap_or_default(),
        }),
        _ => Err(Error::Internal(anyhow::anyhow!("a stored answer is unreadable"))),
    }
}

/// Runs an operation so that a refusal undoes what it had begun, while the claimed key stays.
async fn in_savepoint(
    app: &AppState,
    conn: &mut PgConnection,
    operation: &Operation,
    about: &Circumstances<'_>,
) -> Applied<Booked> {
    let mut savepoint = conn.begin().await?;
    let applied = match operation {
        Operation::Record(request) => purchase::record(app, &mut savepoint, request, about).await?,
        Operation::Cancel(request) => reversal::cancel(&mut savepoint, request, about).await?,
    };
    if applied.is_ok() {
        savepoint.commit().await?;
    } else {
        savepoint.rollback().await?;
    }
    Ok(applied)
}

/// The mutations that a till knows.
enum Operation {
    Record(purchase::RecordPurchase),
    Cancel(reversal::CancelPurchase),
}

impl Operation {
    fn read(mutation: &Mutation) -> std::result::Result<Self, Refusal> {
        fn args<T: DeserializeOwned>(args: &Value) -> std::result::Result<T, Refusal> {
            serde_json::from_value(args.clone()).map_err(|_| Refusal::of("malformed-args"))
        }
        match mutation.name.as_str() {
            "purchase.record" => args(&mutation.args).map(Self::Record),
            CANCEL => args(&mutation.args).map(Self::Cancel),
            _ => Err(Refusal::of("unknown-mutation")),
        }
    }

    /// What this mutation was answered when it was applied, from what it left in the books.
    async fn done_before(&self, conn: &mut PgConnection, about: &Circumstances<'_>) -> Result<Option<Value>> {
        match self {
            Self::Record(_) => purchase::recorded_before(conn, about).await,
            Self::Cancel(request) => reversal::cancelled_before(conn, request, about).await,
        }
    }

    /// Whether it can be sent again later: nobody stands at a till and waits to learn what is left to pay.
    fn may_wait(&self) -> bool {
        match self {
            Self::Record(request) => !request.redeems(),
            Self::Cancel(_) => true,
        }
    }

    /// What stays of an operation that was refused.
    async fn note_refusal(
        &self,
        conn: &mut PgConnection,
        refusal: &Refusal,
        about: &Circumstances<'_>,
    ) -> Result<()> {
        match self {
            Self::Record(request) if request.redeems() => {
                let operation = (about.terminal_id, request.op_no);
                redemption::note_refusal(conn, refusal, operation, about.when.now).await
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

fn count(name: &str, outcome: &Outcome) {
    let outcome = match outcome {
        Outcome::Applied { .. } => "applied",
        Outcome::Duplicate { .. } => "duplicate",
        Outcome::Rejected { .. } => "rejected",
        Outcome::Retry => "retry",
    };
    metrics::counter!("profcards_mutations_total", "name" => name.to_owned(), "outcome" => outcome)
        .increment(1);
}
