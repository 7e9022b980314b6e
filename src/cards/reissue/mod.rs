//! Issuing many cards anew: all of them, those that are due, or those that one key signed.
//!
//! A run goes through the members in the order of their numbers, a batch in each transaction: it locks the members, reads what
//! is true of them, takes places, signs, records the cards and moves the run's mark. Whatever stops it, the same command goes on
//! from the mark; a batch that did not commit has issued nothing, and the places that it took are never given again.
//! While one batch is being written, the next one is read and signed.

mod store;

use std::collections::HashMap;
use std::num::NonZero;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, TimeDelta, Utc};
use profcards_card::{CardClass, DeviceKey, IssuerSigningKey, Kid, issue_card};
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::task::{JoinHandle, spawn_blocking};

use super::places::{self, Place};
use super::store::Holder;
use crate::access::member_audience;
use crate::base::clock::{from_unix_seconds, unix_seconds};
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::ids::{CardId, MembershipId};
use crate::base::random::Random;
use crate::base::{faults, live};
use crate::cards::Issuer;
use store::{HeldCard, NewCard, Run, Wanted};

/// Members of a batch: long enough that a commit costs little, short enough that nobody waits for its locks.
pub const BATCH_MEMBERS: u32 = 2_000;
/// A paper card that ends within so long is due; a phone card when a phone would ask for a newer one.
const PAPER_DUE: TimeDelta = TimeDelta::days(60);
/// After so many failures without a batch between them a run gives up, until it is started again.
const MAX_FAILURES: u32 = 20;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Which cards are issued anew. Only cards that live and have not ended are: a phone that was away for longer asks for
/// its card itself, and a paper card that has ended must be handed out anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Of these.
    pub which: Which,
    /// Of this class; none means both.
    pub class: Option<CardClass>,
}

/// The cards that a selection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// Those that are about to end, or that a phone would have renewed by now.
    Due,
    /// Those that this key signed.
    SignedBy(Kid),
}

impl Selection {
    /// The name by which a run of this selection is found again.
    fn name(self) -> String {
        let class = self.class.map_or("both", CardClass::as_str);
        match self.which {
            Which::All => format!("all {class}"),
            Which::Due => format!("due {class}"),
            Which::SignedBy(kid) => format!("key {} {class}", hex::encode(kid.0)),
        }
    }

    /// A key is given up in a hurry, so open apps are told; otherwise a phone asks for its card in its own time.
    fn tells_phones(self) -> bool {
        matches!(self.which, Which::SignedBy(_))
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Members whose cards were issued anew, since the run first started.
    pub members: u64,
    /// Cards that were issued.
    pub cards: u64,
    /// Cards that could not be made; the log says which and why.
    pub skipped: u64,
    /// How far through the membership numbers it is, from 0 to 1.
    pub share: f64,
    /// What earlier calls of this run had issued.
    pub cards_before: u64,
    /// How far they had come.
    pub share_before: f64,
}

/// Issues the selection's cards anew, or goes on with what an earlier call began. Progress is told after every batch.
///
/// # Errors
/// `reissue-running` when another process is at the same selection; `reissue-by-same-key` when the key whose cards are to be
/// replaced is the one that would sign the new ones.
pub async fn run(
    issuer: &Issuer,
    selection: Selection,
    batch_members: u32,
    mut on_progress: impl FnMut(&Progress),
) -> Result<Progress> {
    let (mut guard, mut begun, mut failures) = (None, None, 0);
    loop {
        let mut moved = false;
        let outcome = attempt(issuer, selection, batch_members, &mut guard, &mut begun, &mut |progress| {
            moved = true;
            on_progress(progress);
        })
        .await;
        failures = if moved { 0 } else { failures };
        match outcome {
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

/// Goes on from the run's mark, to the end or the first failure. The guard is a session that holds the selection's lock, so
/// that no other process is at the same members; it outlives the attempt.
async fn attempt(
    issuer: &Issuer,
    selection: Selection,
    batch_members: u32,
    guard: &mut Option<PgConnection>,
    begun: &mut Option<Run>,
    on_progress: &mut impl FnMut(&Progress),
) -> Result<Progress> {
    let name = selection.name();
    let mut session = if let Some(session) = guard.take() {
        session
    } else {
        // Not the pool's any more: when it is dropped, the session ends and the lock with it.
        let mut session = issuer.db_jobs.acquire().await?.detach();
        if !store::lock(&mut session, &name).await? {
            return Err(Error::Conflict(Code::ReissueRunning));
        }
        session
    };
    let mut run = store::open_run(&mut session, &name, issuer.random.uuid(), issuer.clock.now()).await?;
    let ended = match begun {
        // Only the reply to its end was lost: what was opened now is not wanted.
        Some(begun) if begun.id != run.id => {
            store::drop_run(&mut session, &run).await?;
            run = store::run(&mut session, begun.id).await?;
            true
        }
        _ => false,
    };
    let range = store::number_range(&mut session).await?;
    let session = guard.insert(session);
    let begun = begun.get_or_insert_with(|| run.clone());
    let progress_of = |run: &Run| progress_of(run, begun, range.as_ref());
    if !ended {
        run = all_batches(issuer, selection, batch_members, run, session, &mut |run| {
            on_progress(&progress_of(run));
        })
        .await?;
    }
    Ok(Progress { share: 1.0, ..progress_of(&run) })
}

async fn all_batches(
    issuer: &Issuer,
    selection: Selection,
    batch_members: u32,
    mut run: Run,
    guard: &mut PgConnection,
    on_written: &mut impl FnMut(&Run),
) -> Result<Run> {
    let mut writing: Option<JoinHandle<Result<Run>>> = None;
    let mut ahead = run.clone();
    loop {
        let batch = prepare(issuer, selection, ahead.clone(), batch_members).await;
        if let Some(writing) = writing.take() {
            run = writing.await.context("writing a batch was cut short")??;
            on_written(&run);
            store::keep_lock(guard).await?;
        }
        let Some(batch) = batch? else { break };
        ahead = batch.after.clone();
        writing = Some(tokio::spawn(write(issuer.clone(), selection, batch)));
    }
    store::finish(&issuer.db_jobs, &run, issuer.clock.now()).await?;
    Ok(run)
}

fn progress_of(run: &Run, begun: &Run, range: Option<&(String, String)>) -> Progress {
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    let share =
        |reached: Option<&String>| range.zip(reached).map_or(0.0, |(range, at)| share_up_to(range, at));
    Progress {
        members: count(run.members),
        cards: count(run.cards),
        skipped: count(run.skipped),
        share: share(run.reached.as_ref()),
        cards_before: count(begun.cards),
        share_before: share(begun.reached.as_ref()),
    }
}

/// How far a number lies between the first and the last, to a millionth.
fn share_up_to((first, last): &(String, String), reached: &str) -> f64 {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    let all = number(last).saturating_sub(number(first)) + 1;
    let done = (number(reached).saturating_sub(number(first)) + 1).min(all);
    f64::from(u32::try_from(u128::from(done) * 1_000_000 / u128::from(all)).unwrap_or(0)) / 1e6
}

/// A signed batch whose transaction holds its members' locks.
struct Batch {
    tx: Transaction<'static, Postgres>,
    /// Where the run stands before it, and with it.
    before: Run,
    after: Run,
    cards: Vec<NewCard>,
    kid: Kid,
    now: DateTime<Utc>,
}

/// Locks the next members, reads what their cards say, takes places and signs; none when no members are left.
async fn prepare(
    issuer: &Issuer,
    selection: Selection,
    before: Run,
    batch_members: u32,
) -> Result<Option<Batch>> {
    let now = issuer.clock.now();
    let wanted = Wanted::of(selection, now);
    let mut tx = issuer.db_jobs.begin().await?;
    store::begin_batch(&mut tx).await?;
    let members =
        store::lock_next_members(&mut tx, &wanted, before.reached.as_deref(), i64::from(batch_members), now)
            .await?;
    let Some(last) = members.last().map(|member| member.number.clone()) else { return Ok(None) };
    let members: Vec<MembershipId> = members.into_iter().map(|member| member.id).collect();
    // Only now, as what was waited for may have changed who they are and what they hold.
    let held = store::held_cards(&mut tx, &wanted, &members, now).await?;
    let holders = super::store::holders(&mut tx, &members).await?;
    let places = places::take(issuer, &mut tx, held.len()).await?;
    let key = issuer.keys.card_key(unix_seconds(now))?;
    if selection.which == Which::SignedBy(key.kid()) {
        return Err(Error::Conflict(Code::ReissueBySameKey));
    }
    let (random, ordered) = (issuer.random.clone(), held.len());
    let kid = key.kid();
    let signing = spawn_blocking(move || sign_all(&held, &holders, &places, &key, &random, now));
    let cards = signing.await.context("signing a batch was cut short")??;
    let count = |of: usize| i64::try_from(of).unwrap_or(i64::MAX);
    let after = Run {
        reached: Some(last),
        members: before.members + count(members.len()),
        cards: before.cards + count(cards.len()),
        skipped: before.skipped + count(ordered - cards.len()),
        id: before.id,
    };
    Ok(Some(Batch { tx, before, after, cards, kid, now }))
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

/// Records a batch and the run's mark, in one transaction.
async fn write(issuer: Issuer, selection: Selection, batch: Batch) -> Result<Run> {
    let Batch { mut tx, before, after, cards, kid, now } = batch;
    let phones = cards.iter().filter(|card| card.device_id.is_some());
    let audiences: Vec<String> =
        phones.filter(|_| selection.tells_phones()).map(|card| member_audience(card.membership_id)).collect();
    let cards_written = u64::try_from(cards.len()).unwrap_or(u64::MAX);
    store::insert(&mut tx, cards, kid).await?;
    store::record_profile_changes(&mut tx, &audiences, now).await?;
    store::move_run(&mut tx, &before, &after).await?;
    faults::at("reissue-before-commit");
    tx.commit().await?;
    faults::at("reissue-after-commit");
    metrics::counter!("profcards_cards_reissued_total").increment(cards_written);
    for audience in &audiences {
        live::wake(&issuer, audience).await;
    }
    Ok(after)
}
