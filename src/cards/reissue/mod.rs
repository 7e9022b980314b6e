//! Issuing many cards anew: all of them, those that are due, or those that one key signed. Each is a job (`act::jobs`).
//!
//! A run goes through the members in the order of their numbers, a batch in each transaction: it locks the members, reads what
//! is true of them, takes places, signs, records the cards and moves the job's mark. Whatever stops it, the next attempt goes on
//! from the mark; a batch that did not commit has issued nothing, and the places that it took are never given again.
//! While one batch is being written, the next one is read and signed.

mod store;

use std::collections::HashMap;
use std::fmt::{Display, Formatter};
use std::num::NonZero;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use chrono::{DateTime, TimeDelta, Utc};
use profcards_card::{CardClass, DeviceKey, IssuerSigningKey, Kid, issue_card};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::task::{JoinHandle, spawn_blocking};

use super::places::{self, Place};
use super::store::Holder;
use crate::access::member_audience;
use crate::access::rights::Action;
use crate::act::audit::Entry;
use crate::act::jobs::{self, ClaimedJob, JobState, NewJob, TakenOver};
use crate::base::clock::{from_unix_seconds, unix_seconds};
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::ids::{CardId, JobId, MembershipId};
use crate::base::random::Random;
use crate::base::{Base, faults, live};
use crate::cards::Issuer;
use store::{HeldCard, NewCard, Wanted};

/// The kind of job by which cards are re-issued.
pub const KIND: &str = "cards.reissue";
/// The word for both classes of card in a selection's name.
const BOTH_CLASSES: &str = "both";
/// Members of a batch: long enough that a commit costs little, short enough that nobody waits for its locks.
pub const BATCH_MEMBERS: u32 = 2_000;
/// The time before its end from which a paper card is due; a phone card is due when a phone would ask for a newer one.
const PAPER_DUE: TimeDelta = TimeDelta::days(60);
/// The number of failures without a batch between them after which a run gives up, until it is started again.
const MAX_FAILURES: u32 = 20;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// A selection of cards to be issued anew. Only cards that live and have not ended are: a phone that was away for
/// longer asks for its card itself, and a paper card that has ended must be handed out anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The cards to begin with.
    pub which: Which,
    /// The class; none means both.
    pub class: Option<CardClass>,
}

/// The cards that a selection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every living card.
    All,
    /// Cards that are about to end, or that a phone would have renewed by now.
    Due,
    /// Cards that this key signed.
    SignedBy(Kid),
}

impl Selection {
    /// A key is given up in a hurry, so open apps are told; otherwise a phone asks for its card in its own time.
    fn tells_phones(self) -> bool {
        matches!(self.which, Which::SignedBy(_))
    }

    /// The job that issues these cards anew.
    pub fn job(self, id: JobId) -> NewJob {
        let name = self.to_string();
        NewJob { id, kind: KIND, args: json!({ "selection": name }), key: Some(name), organisation_id: None }
    }

    /// The selection that a job of this kind names.
    pub fn of_job(job: &ClaimedJob) -> Result<Self> {
        #[derive(Deserialize)]
        struct Args {
            selection: String,
        }
        Ok(job.args::<Args>()?.selection.parse::<Self>()?)
    }
}

/// The selection's name, by which its job is found again.
impl Display for Selection {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let class = self.class.map_or(BOTH_CLASSES, CardClass::as_str);
        match self.which {
            Which::All => write!(f, "all {class}"),
            Which::Due => write!(f, "due {class}"),
            Which::SignedBy(kid) => write!(f, "key {kid} {class}"),
        }
    }
}

impl FromStr for Selection {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        let (which, class) = name.rsplit_once(' ').context("a selection names its class")?;
        let which = match which.split_once(' ') {
            None if which == "all" => Which::All,
            None if which == "due" => Which::Due,
            Some(("key", kid)) => {
                let mut bytes = [0; 4];
                hex::decode_to_slice(kid, &mut bytes)?;
                Which::SignedBy(Kid(bytes))
            }
            _ => bail!("no selection of cards has this name: {name}"),
        };
        let class = match class {
            BOTH_CLASSES => None,
            "phone" => Some(CardClass::Phone),
            "paper" => Some(CardClass::Paper),
            _ => bail!("no class of cards has this name: {class}"),
        };
        Ok(Self { which, class })
    }
}

/// The progress of a run.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Members whose cards were issued anew, since the run first started.
    pub members: u64,
    /// Cards that were issued.
    pub cards: u64,
    /// Cards that could not be made; the log says which and why.
    pub skipped: u64,
    /// The share of the membership numbers that is done, from 0 to 1.
    pub share: f64,
    /// Cards that earlier calls of this run had issued.
    pub cards_before: u64,
    /// The share that earlier calls had done.
    pub share_before: f64,
}

/// A session that holds a selection's lock, so that no two processes re-issue the same members' cards. The lease of a
/// job would do the same, but ends only after a minute; with the lock, the command of a killed process can be repeated
/// at once.
pub struct Guard(PgConnection);

/// Takes the lock of a selection.
///
/// # Errors
/// `reissue-running` when another process is at it.
pub async fn guard(base: &Base, selection: Selection) -> Result<Guard> {
    // Not the pool's any more: when it is dropped, the session ends and the lock with it.
    let mut session = base.db_jobs.acquire().await?.detach();
    if store::lock(&mut session, &selection.to_string()).await? {
        Ok(Guard(session))
    } else {
        Err(Error::Conflict(Code::ReissueRunning))
    }
}

/// Whether the selection's cards can be issued anew now.
///
/// # Errors
/// `reissue-by-same-key` when the key whose cards are to be replaced is the one that would sign the new ones.
pub fn check_key(issuer: &Issuer, selection: Selection) -> Result<Arc<IssuerSigningKey>> {
    let key = issuer.keys.card_key(unix_seconds(issuer.clock.now()))?;
    if selection.which == Which::SignedBy(key.kid()) {
        return Err(Error::Conflict(Code::ReissueBySameKey));
    }
    Ok(key)
}

/// The position and the sums of a run, which its job keeps as its mark.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Mark {
    /// The membership number up to which members are done.
    reached: Option<String>,
    /// The number of members that are done.
    members: i64,
    /// The number of cards issued.
    cards: i64,
    /// The number of cards that could not be made.
    skipped: i64,
}

/// An attempt: all that stays the same throughout it.
#[derive(Clone)]
struct Attempt {
    issuer: Issuer,
    job: ClaimedJob,
    selection: Selection,
    batch_members: u32,
    /// The first and the last membership number.
    range: Option<(String, String)>,
}

/// Issues the selection's cards anew from the job's mark on. Progress is told after every batch.
///
/// # Errors
/// `reissue-running` when another process is at the same selection, and `reissue-by-same-key` as [`check_key`] says.
pub async fn run(
    issuer: &Issuer,
    job: &ClaimedJob,
    batch_members: u32,
    guard: Guard,
    mut on_progress: impl FnMut(&Progress),
) -> Result<Progress> {
    let (selection, begun) = (Selection::of_job(job)?, job.mark()?.unwrap_or_default());
    let (issuer, job) = (issuer.clone(), job.clone());
    let mut attempt = Attempt { issuer, job, selection, batch_members, range: None };
    let (mut guard, mut failures) = (Some(guard), 0);
    loop {
        let mut moved = false;
        let outcome = attempt
            .run(&begun, &mut guard, &mut |progress| {
                moved = true;
                on_progress(progress);
            })
            .await;
        failures = if moved { 0 } else { failures };
        match outcome.map_err(name_foreign_lock) {
            Err(error) if TakenOver::is_behind(&error) => return Err(error),
            // Somebody held a lock for long, or the database went away: what was not committed is simply done again.
            Err(Error::Unavailable(cause)) if failures < MAX_FAILURES => {
                failures += 1;
                tracing::warn!(cause = format!("{cause:#}"), failures, "a batch is tried again");
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
            outcome => return outcome,
        }
    }
}

/// Says of a lock that was waited for in vain what it means here: whoever runs the command finds no fault in the cards.
fn name_foreign_lock(error: Error) -> Error {
    let is_locked = error.is_locked();
    match error {
        Error::Unavailable(cause) if is_locked => {
            Error::Unavailable(cause.context("somebody else's transaction holds a row of this batch"))
        }
        error => error,
    }
}

impl Attempt {
    /// Goes on from the job's mark, to the end or the first failure. The guard outlives the attempt.
    async fn run(
        &mut self,
        begun: &Mark,
        held: &mut Option<Guard>,
        on_progress: &mut impl FnMut(&Progress),
    ) -> Result<Progress> {
        let mut session = match held.take() {
            Some(session) => session,
            None => guard(&self.issuer, self.selection).await?,
        };
        // The end of a batch, or of all of them, may be what was not heard of.
        let state = jobs::store::look_again(&mut session.0, &mut self.job).await?;
        let mut mark = self.job.mark()?.unwrap_or_default();
        self.range = store::number_range(&mut session.0).await?;
        let session = held.insert(session);
        if state == JobState::Running {
            mark =
                self.all_batches(mark, session, &mut |mark| on_progress(&self.progress(mark, begun))).await?;
        }
        Ok(Progress { share: 1.0, ..self.progress(&mark, begun) })
    }

    async fn all_batches(
        &self,
        mut mark: Mark,
        guard: &mut Guard,
        on_written: &mut impl FnMut(&Mark),
    ) -> Result<Mark> {
        let mut writing: Option<JoinHandle<Result<Mark>>> = None;
        let mut ahead = mark.clone();
        loop {
            let batch = self.prepare(ahead.clone()).await;
            if let Some(writing) = writing.take() {
                mark = writing.await.context("writing a batch was cut short")??;
                on_written(&mark);
                store::keep_lock(&mut guard.0).await?;
            }
            let Some(batch) = batch? else { return Ok(mark) };
            ahead = batch.after.clone();
            writing = Some(tokio::spawn(self.clone().write(batch)));
        }
    }

    fn progress(&self, mark: &Mark, begun: &Mark) -> Progress {
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        let share = |mark: &Mark| share_of(position(self.range.as_ref(), mark));
        Progress {
            members: count(mark.members),
            cards: count(mark.cards),
            skipped: count(mark.skipped),
            share: share(mark),
            cards_before: count(begun.cards),
            share_before: share(begun),
        }
    }
}

/// The progress of a mark between the first membership number and the last.
fn position(range: Option<&(String, String)>, mark: &Mark) -> jobs::Progress {
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    let Some((first, last)) = range else { return jobs::Progress { done: 0, of: 0 } };
    let of = number(last).saturating_sub(number(first)).max(0) + 1;
    let done =
        mark.reached.as_ref().map_or(0, |reached| number(reached).saturating_sub(number(first)).max(0) + 1);
    jobs::Progress { done: done.min(of), of }
}

/// The progress as a share, to a millionth.
fn share_of(position: jobs::Progress) -> f64 {
    if position.of == 0 {
        return 0.0;
    }
    let millionths = i128::from(position.done) * 1_000_000 / i128::from(position.of);
    f64::from(u32::try_from(millionths).unwrap_or(0)) / 1e6
}

/// A signed batch whose transaction holds its members' locks.
struct Batch {
    tx: Transaction<'static, Postgres>,
    members: Vec<MembershipId>,
    /// The mark after the batch.
    after: Mark,
    cards: Vec<NewCard>,
    kid: Kid,
    now: DateTime<Utc>,
}

impl Attempt {
    /// Locks the next members, reads what their cards say, takes places and signs; none when no members are left.
    async fn prepare(&self, before: Mark) -> Result<Option<Batch>> {
        let issuer = &self.issuer;
        let now = issuer.clock.now();
        let wanted = Wanted::of(self.selection, now);
        let mut tx = issuer.db_jobs.begin().await?;
        store::begin_batch(&mut tx).await?;
        let limit = i64::from(self.batch_members);
        let members =
            store::lock_next_members(&mut tx, &wanted, before.reached.as_deref(), limit, now).await?;
        let Some(last) = members.last().map(|member| member.number.clone()) else { return Ok(None) };
        let members: Vec<MembershipId> = members.into_iter().map(|member| member.id).collect();
        // Only now, as what was waited for may have changed who they are and what they hold.
        let held = store::held_cards(&mut tx, &wanted, &members, now).await?;
        let holders = super::store::holders(&mut tx, &members).await?;
        let places = places::take(issuer, &mut tx, held.len()).await?;
        let key = check_key(issuer, self.selection)?;
        let (random, ordered) = (issuer.random.clone(), held.len());
        let kid = key.kid();
        let signing = spawn_blocking(move || sign_all(&held, &holders, &places, &key, &random, now));
        let cards = signing.await.context("signing a batch was cut short")??;
        let count = |of: usize| i64::try_from(of).unwrap_or(i64::MAX);
        let after = Mark {
            reached: Some(last),
            members: before.members + count(members.len()),
            cards: before.cards + count(cards.len()),
            skipped: before.skipped + count(ordered - cards.len()),
        };
        Ok(Some(Batch { tx, members, after, cards, kid, now }))
    }

    /// Records a batch, whom it is about and the job's mark, in one transaction.
    async fn write(self, batch: Batch) -> Result<Mark> {
        let Batch { mut tx, members, after, cards, kid, now } = batch;
        let phones = cards.iter().filter(|card| card.device_id.is_some());
        let audiences: Vec<String> = phones
            .filter(|_| self.selection.tells_phones())
            .map(|card| member_audience(card.membership_id))
            .collect();
        let cards_written = u64::try_from(cards.len()).unwrap_or(u64::MAX);
        store::insert(&mut tx, cards, kid).await?;
        store::record_profile_changes(&mut tx, &audiences, now).await?;
        let entry = Entry::of_members(&members).because(self.selection.to_string());
        self.job.record(&mut tx, Action::ReissueCards, entry, now).await?;
        self.job.move_mark(&mut tx, &after, position(self.range.as_ref(), &after)).await?;
        faults::at("reissue-before-commit");
        tx.commit().await?;
        faults::at("reissue-after-commit");
        metrics::counter!("profcards_cards_reissued_total").increment(cards_written);
        for audience in &audiences {
            live::wake(&self.issuer, audience).await;
        }
        Ok(after)
    }
}

/// Signs on every processor. A card that cannot be made is logged and left out.
fn sign_all(
    held: &[HeldCard],
    holders: &[Holder],
    places: &[Place],
    key: &IssuerSigningKey,
    random: &Random,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<NewCard>> {
    let holder_of: HashMap<MembershipId, &Holder> =
        holders.iter().map(|holder| (holder.membership_id, holder)).collect();
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = held.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = held
            .chunks(share)
            .zip(places.chunks(share))
            .map(|(held, places)| {
                let holder_of = &holder_of;
                scope.spawn(move || {
                    let signed = |(card, place): (&HeldCard, &Place)| {
                        holder_of
                            .get(&card.membership_id)
                            .context("the member is registered nowhere")
                            .and_then(|holder| sign_again(card, holder, *place, key, random, now))
                            .inspect_err(|error| {
                                let (member, error) = (card.membership_id, format!("{error:#}"));
                                tracing::error!(%member, error, "a card cannot be issued anew");
                            })
                            .ok()
                    };
                    held.iter().zip(places).filter_map(signed).collect::<Vec<_>>()
                })
            })
            .collect();
        let mut signed = Vec::with_capacity(held.len());
        for worker in workers {
            signed.extend(worker.join().map_err(|_| anyhow!("a worker that signs cards panicked"))?);
        }
        Ok(signed)
    })
}

fn sign_again(
    held: &HeldCard,
    holder: &Holder,
    place: Place,
    key: &IssuerSigningKey,
    random: &Random,
    now: DateTime<Utc>,
) -> anyhow::Result<NewCard> {
    let device_key = held.cose_key.as_deref().map(DeviceKey::from_cose_key).transpose()?;
    let claims = super::claims_of(holder, device_key, place, now)?;
    // Ids in the order of time, so that a million of them are appended to an index and not scattered over it.
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    Ok(NewCard {
        id: CardId(uuid::Builder::from_unix_timestamp_millis(millis, &random.bytes()).into_uuid()),
        membership_id: held.membership_id,
        device_id: held.device_id,
        class: held.class,
        place,
        cnf: held.cose_key.clone(),
        cose: issue_card(&claims, key)?,
        issued_at: from_unix_seconds(claims.iat),
        expires_at: from_unix_seconds(claims.exp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_known_by_its_name() {
        for name in ["all both", "all phone", "due paper", "key 0a1b2c3d both"] {
            assert_eq!(name.parse::<Selection>().unwrap().to_string(), name);
        }
        for name in ["", "all", "all of both", "some both", "due cards", "key 0a1b phone", "key 0a1b2c3d"] {
            assert!(name.parse::<Selection>().is_err(), "{name}");
        }
    }
}
