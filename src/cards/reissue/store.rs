//! Bulk re-issues in SQL.

use chrono::{DateTime, TimeDelta, Utc};
use profcards_card::constants::PHONE_CARD_RENEW_SECONDS;
use profcards_card::{CardClass, Kid};
use sqlx::PgConnection;

use super::{PAPER_DUE, Selection, Which};
use crate::base::error::Result;
use crate::base::ids::{CardId, DeviceId, MembershipId};
use crate::cards::places::Place;

/// The SQLSTATE of a lock that was waited for too long.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Takes the lock of a selection for as long as the session lasts; `false` if another session keeps it. The session of a
/// process that was just killed may need a moment to be noticed, and that of one that is frozen five minutes to be ended.
pub async fn lock(conn: &mut PgConnection, selection: &str) -> Result<bool> {
    sqlx::query!("set lock_timeout = '2s'").execute(&mut *conn).await?;
    sqlx::query!("set idle_session_timeout = '5min'").execute(&mut *conn).await?;
    let locked = sqlx::query!(
        r#"select pg_advisory_lock(hashtext('reissue'), hashtext($1)) as "locked: ()""#,
        selection
    )
    .fetch_one(conn)
    .await;
    match locked {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(LOCK_NOT_AVAILABLE) => Ok(false),
        locked => Ok(locked.map(|_| true)?),
    }
}

/// Keeps the session alive that holds the lock.
pub async fn keep_lock(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("select 1 as one").fetch_one(conn).await?;
    Ok(())
}

/// A selection as `reissue_wants` takes it.
pub struct Wanted {
    class: Option<i16>,
    kid: Option<Vec<u8>>,
    phone_issued_before: Option<DateTime<Utc>>,
    paper_ends_before: Option<DateTime<Utc>>,
}

impl Wanted {
    /// The selection as of now.
    pub fn of(selection: Selection, now: DateTime<Utc>) -> Self {
        let phone_renewed_after =
            TimeDelta::seconds(i64::try_from(PHONE_CARD_RENEW_SECONDS).unwrap_or(i64::MAX));
        let is_due = selection.which == Which::Due;
        Self {
            class: selection.class.map(class_value),
            kid: match selection.which {
                Which::SignedBy(kid) => Some(kid.0.to_vec()),
                Which::All | Which::Due => None,
            },
            phone_issued_before: is_due.then(|| now - phone_renewed_after),
            paper_ends_before: is_due.then(|| now + PAPER_DUE),
        }
    }
}

fn class_value(class: CardClass) -> i16 {
    i16::from(class.value())
}

/// The first and the last membership number, to tell how far a run is; none while nobody is a member.
pub async fn number_range(conn: &mut PgConnection) -> Result<Option<(String, String)>> {
    let ends = sqlx::query!("select min(number) as first, max(number) as last from membership")
        .fetch_one(conn)
        .await?;
    Ok(ends.first.zip(ends.last))
}

/// Sets how the statements of a batch are run.
pub async fn begin_batch(conn: &mut PgConnection) -> Result<()> {
    // A batch gives way before the database would call a wait a deadlock, after a second, and pick a victim itself: whoever
    // waits for a single card goes first. And it is about a few thousand members of a million, each to be found by index,
    // while the planner thinks now and then that going through a whole table is cheaper.
    sqlx::query!(
        "select set_config('lock_timeout', '500ms', true) as lock, set_config('enable_seqscan', 'off', true) as scan,
                set_config('enable_hashjoin', 'off', true) as hash, set_config('enable_mergejoin', 'off', true) as merge,
                set_config('max_parallel_workers_per_gather', '0', true) as workers"
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// A member whose lock is held.
pub struct LockedMember {
    /// The membership.
    pub id: MembershipId,
    /// Its number.
    pub number: String,
}

/// Locks the next members, in the order of their numbers, that hold cards which are wanted.
pub async fn lock_next_members(
    conn: &mut PgConnection,
    wanted: &Wanted,
    reached: Option<&str>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<LockedMember>> {
    Ok(sqlx::query_as!(
        LockedMember,
        "select m.id, m.number from membership m
         where m.number > $1 and m.status = 'active'
           and exists (select from living_card c
                       where c.membership_id = m.id and c.expires_at > $3
                         and reissue_wants(c.class, c.kid, c.issued_at, c.expires_at, $4, $5, $6, $7))
         order by m.number
         limit $2
         for no key update of m",
        reached.unwrap_or(""),
        limit,
        now,
        wanted.class,
        wanted.kid,
        wanted.phone_issued_before,
        wanted.paper_ends_before
    )
    .fetch_all(conn)
    .await?)
}

/// A card that is to be replaced.
pub struct HeldCard {
    /// The membership.
    pub membership_id: MembershipId,
    /// The class: 1 phone, 2 paper.
    pub class: i16,
    /// The phone, which is the member's present one.
    pub device_id: Option<DeviceId>,
    /// The phone's key.
    pub cose_key: Option<Vec<u8>>,
}

/// The wanted cards of members whose locks are held.
pub async fn held_cards(
    conn: &mut PgConnection,
    wanted: &Wanted,
    members: &[MembershipId],
    now: DateTime<Utc>,
) -> Result<Vec<HeldCard>> {
    Ok(sqlx::query_as!(
        HeldCard,
        r#"select c.membership_id as "membership_id!", c.class as "class!", d.id as "device_id?: DeviceId",
                  d.cose_key as "cose_key?"
           from living_card c left join device d on d.id = c.device_id and d.ended_at is null
           where c.membership_id = any ($1) and c.expires_at > $2
             and reissue_wants(c.class, c.kid, c.issued_at, c.expires_at, $3, $4, $5, $6)
             and (c.class = 2 or d.id is not null)"#,
        members as &[MembershipId],
        now,
        wanted.class,
        wanted.kid,
        wanted.phone_issued_before,
        wanted.paper_ends_before
    )
    .fetch_all(conn)
    .await?)
}

/// A card of a batch.
pub struct NewCard {
    /// The card.
    pub id: CardId,
    /// The membership.
    pub membership_id: MembershipId,
    /// The phone.
    pub device_id: Option<DeviceId>,
    /// The class: 1 phone, 2 paper.
    pub class: i16,
    /// The card's place on the status lists.
    pub place: Place,
    /// The phone's `COSE_Key`.
    pub cnf: Option<Vec<u8>>,
    /// The COSE bytes.
    pub cose: Vec<u8>,
    /// The start of its validity.
    pub issued_at: DateTime<Utc>,
    /// The end of its validity.
    pub expires_at: DateTime<Utc>,
}

/// Records a batch, all of it or nothing.
pub async fn insert(conn: &mut PgConnection, cards: Vec<NewCard>, kid: Kid) -> Result<()> {
    let mut columns = Columns::default();
    for card in cards {
        columns.push(card);
    }
    sqlx::query!(
        "insert into card (id, membership_id, device_id, class, purpose, place, list_n, idx, kid, cnf, cose, issued_at,
                           expires_at)
         select id, membership_id, device_id, class, 'member', place, list_n, idx, $1, cnf, cose, issued_at, expires_at
         from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::smallint[], $6::bigint[], $7::integer[], $8::integer[],
                     $9::bytea[], $10::bytea[], $11::timestamptz[], $12::timestamptz[])
              new (id, membership_id, device_id, class, place, list_n, idx, cnf, cose, issued_at, expires_at)",
        &kid.0[..],
        &columns.id as &[CardId],
        &columns.membership_id as &[MembershipId],
        &columns.device_id as &[Option<DeviceId>],
        &columns.class,
        &columns.place,
        &columns.list_n,
        &columns.idx,
        &columns.cnf as &[Option<Vec<u8>>],
        &columns.cose,
        &columns.issued_at,
        &columns.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A batch by columns, as the database takes it in one statement.
#[derive(Default)]
struct Columns {
    id: Vec<CardId>,
    membership_id: Vec<MembershipId>,
    device_id: Vec<Option<DeviceId>>,
    class: Vec<i16>,
    place: Vec<i64>,
    list_n: Vec<i32>,
    idx: Vec<i32>,
    cnf: Vec<Option<Vec<u8>>>,
    cose: Vec<Vec<u8>>,
    issued_at: Vec<DateTime<Utc>>,
    expires_at: Vec<DateTime<Utc>>,
}

impl Columns {
    fn push(&mut self, card: NewCard) {
        self.id.push(card.id);
        self.membership_id.push(card.membership_id);
        self.device_id.push(card.device_id);
        self.class.push(card.class);
        self.place.push(card.place.number);
        self.list_n.push(card.place.list_n);
        self.idx.push(card.place.idx);
        self.cnf.push(card.cnf);
        self.cose.push(card.cose);
        self.issued_at.push(card.issued_at);
        self.expires_at.push(card.expires_at);
    }
}

/// Notes for each of these audiences that its member's profile, which holds the card, has changed.
pub async fn record_profile_changes(
    conn: &mut PgConnection,
    audiences: &[String],
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into change (audience, entity, entity_id, changed_at)
         select audience, 'profile', 'me', $2 from unnest($1::text[]) new (audience)",
        audiences,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}
