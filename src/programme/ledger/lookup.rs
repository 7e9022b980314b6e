//! The last resort where no code can be scanned: the cashier types the number on the card. It needs the network, serves one
//! purchase, never redeems, and a till that guesses is soon stopped. The limits are counted in the same table, under a lock
//! on the till, so they hold without Redis and against many requests at once.

use chrono::{DateTime, TimeDelta, Utc};
use profcards_card::{MembershipNumber, Shown, SignedCard};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::customer::EventTime;
use crate::base::Base;
use crate::base::clock::CLOCKS_APART;
use crate::base::error::{Error, Result};
use crate::base::ids::{CardId, LookupId, MembershipId, TerminalId};
use crate::base::sweep::{BATCH, DueRows};
use crate::cards::CardStatus;

/// The time for which a lookup serves a purchase.
const VALID_FOR: TimeDelta = TimeDelta::minutes(10);
/// The most by which a till's clock may be behind the server's.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(60);
/// The time over which the limits count lookups.
const LIMIT_WINDOW: TimeDelta = TimeDelta::hours(1);
/// The most lookups of one till in the window.
const MAX_LOOKUPS: i64 = 30;
/// The most lookups of one till in the window that found nothing.
const MAX_UNKNOWN: i64 = 8;
/// Days for which lookups are kept: as long as a purchase may be handed in.
const KEPT_DAYS: i64 = 35;

/// A card that was found by its number.
pub struct NumberLookup {
    /// The lookup's id, by which the purchase that it serves names it.
    pub id: LookupId,
    /// The part of the card that is shown to people.
    pub shown: Shown,
    /// The moment until which it serves a purchase.
    pub expires_at: DateTime<Utc>,
}

/// Looks a typed number up for a till.
///
/// # Errors
/// [`Error::CardUnknown`], whatever the reason why no card is found, and [`Error::TooManyAttempts`].
pub async fn look_up(base: &Base, terminal_id: TerminalId, number: &str) -> Result<NumberLookup> {
    let now = base.clock.now();
    let mut tx = base.db_tills.begin().await?;
    if let Some(retry_after_seconds) = seconds_to_wait(&mut tx, terminal_id, now).await? {
        metrics::counter!("profcards_limited_total", "limit" => "number-lookup").increment(1);
        return Err(Error::TooManyAttempts { retry_after_seconds });
    }
    let card = match number.parse::<MembershipNumber>() {
        Ok(number) => newest_card(&mut tx, number.as_str(), now).await?,
        Err(_) => None,
    };
    let id = LookupId(base.random.uuid());
    let (card_id, cose) = card.unzip();
    sqlx::query!(
        "insert into number_lookup (id, terminal_id, card_id, at) values ($1, $2, $3, $4)",
        id.0,
        terminal_id.0,
        card_id as Option<CardId>,
        now
    )
    .execute(&mut *tx)
    .await?;
    // What found nothing is counted too, so it is committed before it is refused.
    tx.commit().await?;
    let shown = shown(&cose.ok_or(Error::CardUnknown)?)?;
    Ok(NumberLookup { id, shown, expires_at: now + VALID_FOR })
}

/// Seconds for which the till must wait, if it has looked up too much.
async fn seconds_to_wait(
    conn: &mut PgConnection,
    terminal_id: TerminalId,
    now: DateTime<Utc>,
) -> Result<Option<u32>> {
    sqlx::query!("select from terminal where id = $1 for no key update", terminal_id.0)
        .execute(&mut *conn)
        .await?;
    let counted = sqlx::query!(
        r#"select count(*) as "lookups!", count(*) filter (where card_id is null) as "unknown!",
                  min(at) as oldest, min(at) filter (where card_id is null) as oldest_unknown
           from number_lookup where terminal_id = $1 and at > $2 and at <= $3"#,
        terminal_id.0,
        now - LIMIT_WINDOW,
        now + CLOCKS_APART
    )
    .fetch_one(conn)
    .await?;
    let until = [
        counted.oldest.filter(|_| counted.lookups >= MAX_LOOKUPS),
        counted.oldest_unknown.filter(|_| counted.unknown >= MAX_UNKNOWN),
    ]
    .into_iter()
    .flatten()
    .max();
    Ok(until.map(|oldest| u32::try_from((oldest + LIMIT_WINDOW - now).num_seconds()).unwrap_or(0) + 1))
}

/// The newest card that the active member with this number, who takes part in ПрофКардс, holds now.
async fn newest_card(
    conn: &mut PgConnection,
    number: &str,
    now: DateTime<Utc>,
) -> Result<Option<(CardId, Vec<u8>)>> {
    let row = sqlx::query!(
        r#"select c.id as "id!: CardId", c.cose as "cose!"
           from membership m join living_card c on c.membership_id = m.id
           where m.number = $1 and m.status = 'active' and c.expires_at > $2
             and exists (select from consent a
                         where a.person_id = m.person_id and a.kind = 'profcards' and a.withdrawn_at is null)
           order by c.issued_at desc, c.id limit 1"#,
        number,
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.id, row.cose)))
}

/// The part of one of our cards that is shown to people.
pub fn shown(cose: &[u8]) -> Result<Shown> {
    let card = SignedCard::parse(cose).map_err(anyhow::Error::from)?;
    Ok(card.claims.shown)
}

/// A lookup that found a card, and how that card stands now.
pub struct LookedUpCard {
    at: DateTime<Utc>,
    /// The card.
    pub card_id: CardId,
    /// The membership.
    pub membership_id: MembershipId,
    /// The card's present status.
    pub status: CardStatus,
    /// The moment since which it has that status.
    pub status_at: Option<DateTime<Utc>>,
    /// The card's COSE bytes.
    pub cose: Vec<u8>,
}

impl LookedUpCard {
    /// The moment of the purchase, if the lookup was good then; a clock that is a little behind does not matter. One
    /// that this server's clock has dated ahead tells nothing of when it was made, and serves its one purchase now.
    pub fn event_at(&self, time: &EventTime) -> Option<DateTime<Utc>> {
        if self.at > time.now + CLOCKS_APART {
            return Some(time.now);
        }
        let good = self.at - CLOCK_TOLERANCE..=self.at + VALID_FOR;
        time.candidates().find(|at| good.contains(at)).map(|at| at.max(self.at))
    }
}

/// A till's own lookup, if it found a card.
pub async fn find(
    conn: &mut PgConnection,
    id: LookupId,
    terminal_id: TerminalId,
) -> Result<Option<LookedUpCard>> {
    Ok(sqlx::query_as!(
        LookedUpCard,
        r#"select l.at, c.id as card_id, c.membership_id, c.status as "status: CardStatus", c.status_at, c.cose
           from number_lookup l join card c on c.id = l.card_id
           where l.id = $1 and l.terminal_id = $2"#,
        id.0,
        terminal_id.0
    )
    .fetch_optional(conn)
    .await?)
}

/// Uses a lookup up for a mutation; `false` if another one has.
pub async fn use_up(conn: &mut PgConnection, id: LookupId, idem: Uuid) -> Result<bool> {
    let used =
        sqlx::query!("update number_lookup set used_by = $2 where id = $1 and used_by is null", id.0, idem)
            .execute(conn)
            .await?;
    Ok(used.rows_affected() == 1)
}

/// Counts the lookups that can serve no purchase any more, for the bound of a round.
pub async fn due(db: &PgPool, now: DateTime<Utc>) -> Result<DueRows> {
    Ok(sqlx::query_as!(
        DueRows,
        r#"with due as (select count(*) as due from number_lookup where at < $1)
           select due as "due!",
                  (select count(*) from (select from number_lookup where at >= $1 limit (select due from due)) kept) as "left!"
           from due"#,
        now - TimeDelta::days(KEPT_DAYS)
    )
    .fetch_one(db)
    .await?)
}

/// Removes a batch of such lookups; answers how many.
pub async fn prune(db: &PgPool, now: DateTime<Utc>) -> Result<u64> {
    let gone = sqlx::query!(
        "delete from number_lookup where id in (select id from number_lookup where at < $1 limit $2)",
        now - TimeDelta::days(KEPT_DAYS),
        BATCH
    )
    .execute(db)
    .await?;
    Ok(gone.rows_affected())
}
