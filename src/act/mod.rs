//! One act, from the key to the wake-up call: whoever changes something for good does it through [`perform`]. Beside it stands what an
//! act leaves: the key under which it is done once ([`idempotency`], [`mutations`]), the log from which phones and tills learn of it
//! ([`change_log`], [`feed_watch`]), the notice to the member ([`notices`]), the work that it leaves to be done behind it ([`jobs`]), and
//! the record of who did it ([`audit`]). What is done is the business of the features above.

pub mod audit;
pub mod change_log;
pub mod feed_watch;
pub mod idempotency;
pub mod jobs;
pub mod mutations;
pub mod notices;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use self::audit::Entry;
use self::idempotency::{Idempotent, KeyState};
use self::jobs::{ClaimedJob, NewJob};
use crate::access::rights::Action;
use crate::access::{MemberPhone, Staff, member_audience, till_audience};
use crate::base::error::{Error, Result};
use crate::base::ids::{JobId, MembershipId, TerminalId};
use crate::base::{Base, faults, live};

/// The most tries of an act that has to give way to another one.
const MAX_TRIES: u32 = 4;

/// An act that is to be performed: who acts, which action it is, and under which idempotency key.
pub struct ActSpec<'a> {
    actor: String,
    action: Action,
    key: Option<(Uuid, [u8; 32])>,
    /// Whether what it shows of members is others' data, so that a repeated answer is noted as a reading.
    shows_members: bool,
    db: &'a PgPool,
}

impl<'a> ActSpec<'a> {
    fn by(actor: String, action: Action, db: &'a PgPool) -> Self {
        Self { actor, action, key: None, shows_members: false, db }
    }

    /// An act of a signed-in account.
    pub fn by_staff(base: &'a Base, staff: &Staff, action: Action) -> Self {
        Self { shows_members: true, ..Self::by(staff.principal(), action, &base.db) }
    }

    /// An act of a member, by the phone.
    pub fn by_phone(base: &'a Base, phone: &MemberPhone, action: Action) -> Self {
        Self::by_member(base, phone.membership_id, action)
    }

    /// An act of a member who has no phone yet, or not any more, and is known by the printed sheet.
    pub fn by_member(base: &'a Base, membership_id: MembershipId, action: Action) -> Self {
        Self::by(member_audience(membership_id), action, &base.db)
    }

    /// An act of a till.
    pub fn by_terminal(base: &'a Base, terminal_id: TerminalId, action: Action) -> Self {
        Self::by(till_audience(terminal_id), action, &base.db_tills)
    }

    /// An act of whoever runs the instance, by a command; `login` where somebody is named.
    pub fn by_operator(base: &'a Base, login: Option<&str>, action: Action) -> Self {
        Self::by(operator(login), action, &base.db_jobs)
    }

    /// An act that the server does by itself.
    pub fn by_server(base: &'a Base, action: Action) -> Self {
        Self::by("server".to_owned(), action, &base.db_jobs)
    }

    /// Performs it once under this request's key, however often it is asked for.
    #[must_use]
    pub fn under_key_of<T>(mut self, request: &Idempotent<T>) -> Self {
        self.key = Some((request.key, request.payload_hash));
        self
    }

    /// Performs it once under a key that did not come with an HTTP request.
    #[must_use]
    pub fn under_key(mut self, key: Uuid, payload_hash: [u8; 32]) -> Self {
        self.key = Some((key, payload_hash));
        self
    }
}

fn operator(login: Option<&str>) -> String {
    login.map_or_else(|| "cli".to_owned(), |login| format!("cli:{login}"))
}

/// Records an operator's act for which no instance runs, only a database, in the transaction of the act: keys are made
/// and revoked also where nothing else can start.
pub async fn record_without_instance(
    conn: &mut PgConnection,
    login: Option<&str>,
    action: Action,
    entry: &Entry,
    now: DateTime<Utc>,
) -> Result<()> {
    audit::write(conn, &operator(login), action, entry, now).await
}

/// The record that an act leaves.
enum ActRecord {
    /// The effect has not said yet.
    Missing,
    /// A row of the log.
    Entry(Entry),
    /// The journal has it, or there was no effect.
    Elsewhere,
}

/// An act in progress: its transaction, and what has been said of it.
pub struct Act {
    tx: Transaction<'static, Postgres>,
    actor: String,
    now: DateTime<Utc>,
    stored: Option<Value>,
    answer: Option<Value>,
    record: ActRecord,
    audiences: Vec<String>,
}

/// The end of an act, and what it answers.
pub struct ActEnd<T> {
    /// The act to be committed; none if nothing of it shall stay.
    act: Option<Act>,
    value: T,
}

impl Act {
    /// The transaction in which everything happens.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// The moment of the act.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The answer that was stored when this was done under the same key before; then nothing is done again.
    pub fn stored_answer<A: DeserializeOwned>(&self) -> Result<Option<A>> {
        let read = |stored: &Value| serde_json::from_value(stored.clone());
        Ok(self.stored.as_ref().map(read).transpose().map_err(anyhow::Error::from)?)
    }

    /// Keeps the answer for a repeated request: references and figures, no personal data.
    pub fn keep_answer(&mut self, answer: &impl Serialize) -> Result<()> {
        self.answer = Some(serde_json::to_value(answer).map_err(anyhow::Error::from)?);
        Ok(())
    }

    /// Names who does it, where that is known only by what was read: a browser that is paired anew may be the till that it was.
    pub fn done_by(&mut self, actor: String) {
        self.actor = actor;
    }

    /// Sets the entry that the log will hold. Of an answer that is given again, whoever was shown its members is noted as
    /// their reader.
    pub fn record(&mut self, entry: Entry) {
        self.record = ActRecord::Entry(entry);
    }

    /// Says that the log needs no entry: the journal has one, or nothing was changed.
    pub fn record_nothing(&mut self) {
        self.record = ActRecord::Elsewhere;
    }

    /// Enqueues a job that commits with the act, unless the same one is unfinished; answers the job's id.
    pub async fn enqueue(&mut self, job: &NewJob) -> Result<JobId> {
        jobs::store::enqueue(&mut self.tx, &self.actor, job).await
    }

    /// Enqueues a job that this process runs itself at once; another process that runs it loses it.
    pub async fn enqueue_claimed(&mut self, job: &NewJob, lease: Uuid) -> Result<ClaimedJob> {
        let id = self.enqueue(job).await?;
        jobs::store::take_over(&mut self.tx, id, lease).await?.ok_or(Error::NotFound)
    }

    /// Wakes this audience's pages once the act is committed.
    pub fn wake(&mut self, audience: String) {
        self.audiences.push(audience);
    }

    /// Ends the act: it is committed together with its record and its answer.
    pub fn commit<T>(self, value: T) -> Result<ActEnd<T>> {
        Ok(ActEnd { act: Some(self), value })
    }

    /// Ends the act without a trace: nothing of it stays, not even its key.
    pub fn roll_back<T>(self, value: T) -> Result<ActEnd<T>> {
        Ok(ActEnd { act: None, value })
    }

    async fn write_and_commit(mut self, base: &Base, spec: &ActSpec<'_>) -> Result<()> {
        if self.stored.is_some() {
            if let (true, ActRecord::Entry(entry)) = (spec.shows_members, &self.record) {
                audit::note_repeat(&mut self.tx, &self.actor, entry, self.now).await?;
            }
        } else {
            match &self.record {
                ActRecord::Missing => return Err(unfinished(spec, "it leaves no record")),
                ActRecord::Entry(entry) => {
                    audit::write(&mut self.tx, &self.actor, spec.action, entry, self.now).await?;
                }
                ActRecord::Elsewhere => {}
            }
            if let Some((key, _)) = spec.key {
                let answer = self.answer.ok_or_else(|| unfinished(spec, "its key has no answer"))?;
                idempotency::store_answer(&mut self.tx, &spec.actor, key, &answer).await?;
            }
        }
        self.tx.commit().await?;
        faults::after_commit();
        for audience in &self.audiences {
            live::wake(base, audience).await;
        }
        Ok(())
    }
}

fn unfinished(spec: &ActSpec<'_>, what: &str) -> Error {
    Error::Internal(anyhow::anyhow!("{}: {what}", spec.action.as_str()))
}

/// Performs an act: reserves its key, runs the effect, writes the record and the answer, commits all of it together,
/// and wakes whoever must learn of it. The effect takes its locks first and asks for rights behind them; it owns the
/// act while it runs, and ends with [`Act::commit`]. It may be run again from the beginning, when the database has
/// rolled it back for another's sake.
///
/// # Errors
/// As the effect; nothing of it is left then. [`Error::IdempotencyConflict`] if the key was used for another request.
pub async fn perform<T, Effect>(base: &Base, spec: ActSpec<'_>, effect: impl Fn(Act) -> Effect) -> Result<T>
where
    Effect: Future<Output = Result<ActEnd<T>>>,
{
    for _ in 1..MAX_TRIES {
        match attempt(base, &spec, &effect).await {
            Err(error) if error.is_retryable() => {
                tracing::debug!(%error, "an act gave way, and is done again");
            }
            outcome => return outcome,
        }
    }
    attempt(base, &spec, &effect).await
}

async fn attempt<T, Effect>(base: &Base, spec: &ActSpec<'_>, effect: impl Fn(Act) -> Effect) -> Result<T>
where
    Effect: Future<Output = Result<ActEnd<T>>>,
{
    let (now, mut tx) = (base.clock.now(), spec.db.begin().await?);
    let stored = match spec.key {
        None => None,
        Some((key, payload_hash)) => {
            match idempotency::reserve(&mut tx, &spec.actor, key, payload_hash, now).await? {
                KeyState::New => None,
                KeyState::Stored(answer) => Some(answer),
            }
        }
    };
    let (actor, record, audiences) = (spec.actor.clone(), ActRecord::Missing, Vec::new());
    let done = effect(Act { tx, actor, now, stored, answer: None, record, audiences }).await?;
    if let Some(act) = done.act {
        act.write_and_commit(base, spec).await?;
    }
    Ok(done.value)
}
