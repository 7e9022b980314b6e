//! The digits that a till shows and a member types before paying from the balance. The server draws them when the till asks, for
//! one operation of this one asker and for a few minutes; a code that carries them pays there and nowhere else, once. Nobody else is
//! given the same digits while a phone may still show them: they are the table's key.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

use crate::base::Base;
use crate::base::clock::CLOCKS_APART;
use crate::base::error::{Error, Result};
use crate::base::ids::{PartnerKeyId, TerminalId};

/// The time that a member has to type the digits and the till to book the purchase.
pub const VALID_FOR: TimeDelta = TimeDelta::minutes(3);
/// The time for which digits are given to nobody else: a phone shows what was typed for three minutes, and what it
/// showed last is good for another one by a clock that may be one behind.
const RESERVED_FOR: TimeDelta = TimeDelta::minutes(10);
/// The most by which a phone's clock may be behind the server's and still have made its code after the digits.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(15);
/// The number of codes with other digits after which new digits must be asked for.
const MAX_WRONG_ANSWERS: i16 = 5;
/// The lengths that are drawn, in turn, until some digits are free: four are typed without a slip, and while fewer than
/// half of them are given out, not one redemption in sixty needs six.
const DRAWS: [usize; 10] = [4, 4, 4, 4, 4, 4, 6, 6, 6, 6];

/// The till or the vendor that asks for digits.
#[derive(Clone, Copy, Debug)]
pub enum Asker {
    /// A till of the app.
    Till(TerminalId),
    /// A partner's server, by its API key.
    Vendor(PartnerKeyId),
}

impl Asker {
    fn name(self) -> String {
        match self {
            Self::Till(id) => crate::access::till_audience(id),
            Self::Vendor(id) => format!("vendor:{id}"),
        }
    }

    /// The most digits that may be reserved for it at once: as many as it can be given in [`RESERVED_FOR`].
    fn max_reserved(self) -> i64 {
        match self {
            Self::Till(_) => 20,
            // Behind one key may stand all tills of a chain.
            Self::Vendor(_) => 1_000,
        }
    }
}

/// The digits of one operation.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The digits, as they are shown.
    pub digits: String,
    /// The moment at which they were drawn.
    pub issued_at: DateTime<Utc>,
    /// The moment until which they pay, unless they have paid.
    pub expires_at: DateTime<Utc>,
    is_spent: bool,
}

impl Challenge {
    /// Whether a code with these digits still pays.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        !self.is_spent && now < self.expires_at
    }

    /// Whether a code of this moment was made after the digits, as a code that answers them must have been.
    pub fn is_before(&self, shown_at: DateTime<Utc>) -> bool {
        shown_at >= self.issued_at - CLOCK_TOLERANCE
    }
}

/// Draws the digits of an operation; earlier ones of the same operation are no longer valid.
///
/// # Errors
/// [`Error::TooManyAttempts`] for whoever asks more often than anybody pays.
pub async fn issue(base: &Base, asker: Asker, operation: &str, now: DateTime<Utc>) -> Result<Challenge> {
    let name = asker.name();
    let mut tx = base.db_tills.begin().await?;
    // One at a time for one asker, or two requests at once would both find room.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('redemption digits'), hashtext($1))", name)
        .execute(&mut *tx)
        .await?;
    let reserved = sqlx::query!(
        r#"select count(*) as "count!", min(reserved_until) as first_free from redemption_challenge
           where asker = $1 and reserved_until > $2 and reserved_until <= $3"#,
        name,
        now,
        now + RESERVED_FOR + CLOCKS_APART
    )
    .fetch_one(&mut *tx)
    .await?;
    if let Some(first_free) = reserved.first_free.filter(|_| reserved.count >= asker.max_reserved()) {
        metrics::counter!("profcards_limited_total", "limit" => "redemption-challenge").increment(1);
        let wait_seconds = u32::try_from((first_free - now).num_seconds()).unwrap_or(0) + 1;
        return Err(Error::TooManyAttempts { retry_after_seconds: wait_seconds });
    }
    sqlx::query!(
        "update redemption_challenge set expires_at = $3 where asker = $1 and operation = $2 and expires_at > $3",
        name,
        operation,
        now
    )
    .execute(&mut *tx)
    .await?;
    let expires_at = now + VALID_FOR;
    for length in DRAWS {
        let digits = draw(base, length);
        if reserve(&mut tx, &digits, &name, operation, now).await? {
            tx.commit().await?;
            return Ok(Challenge { digits, issued_at: now, expires_at, is_spent: false });
        }
    }
    Err(Error::Unavailable(anyhow::anyhow!("all digits are given out")))
}

fn draw(base: &Base, length: usize) -> String {
    (0..length).map(|_| char::from(b'0' + u8::try_from(base.random.below(10)).unwrap_or(0))).collect()
}

/// Takes digits that nobody has; `false` if somebody does. What is reserved for longer than anything can be was drawn by a clock
/// that was ahead, and is free.
async fn reserve(
    conn: &mut PgConnection,
    digits: &str,
    asker: &str,
    operation: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let taken = sqlx::query!(
        "insert into redemption_challenge as c (digits, asker, operation, issued_at, expires_at, reserved_until)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (digits) do update
         set asker = excluded.asker, operation = excluded.operation, issued_at = excluded.issued_at,
             expires_at = excluded.expires_at, reserved_until = excluded.reserved_until, used_at = null, wrong_answers = 0
         where c.reserved_until <= excluded.issued_at or c.reserved_until > $7",
        digits,
        asker,
        operation,
        now,
        now + VALID_FOR,
        now + RESERVED_FOR,
        now + RESERVED_FOR + CLOCKS_APART
    )
    .execute(conn)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// The newest digits of an operation, whether they still pay or not; none where they were never asked for, or long ago, or by a
/// clock that was ahead.
pub async fn newest(
    conn: &mut PgConnection,
    asker: Asker,
    operation: &str,
    now: DateTime<Utc>,
) -> Result<Option<Challenge>> {
    let row = sqlx::query!(
        r#"select digits, issued_at, expires_at, used_at is not null or wrong_answers >= $3 as "is_spent!"
           from redemption_challenge where asker = $1 and operation = $2 and issued_at <= $4
           order by issued_at desc, expires_at desc limit 1"#,
        asker.name(),
        operation,
        MAX_WRONG_ANSWERS,
        now + CLOCKS_APART
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Challenge {
        digits: row.digits,
        issued_at: row.issued_at,
        expires_at: row.expires_at,
        is_spent: row.is_spent,
    }))
}

/// Uses digits up for the operation that they were drawn for; `false` if they do not pay any more.
pub async fn use_up(
    conn: &mut PgConnection,
    asker: Asker,
    operation: &str,
    digits: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let used = sqlx::query!(
        "update redemption_challenge set used_at = $4
         where digits = $3 and asker = $1 and operation = $2 and expires_at > $4 and used_at is null and wrong_answers < $5",
        asker.name(),
        operation,
        digits,
        now,
        MAX_WRONG_ANSWERS
    )
    .execute(conn)
    .await?;
    Ok(used.rows_affected() == 1)
}

/// Counts a code with other digits against an operation. Whoever counts it commits it, although the code is refused.
pub async fn count_wrong_answer(
    conn: &mut PgConnection,
    asker: Asker,
    operation: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update redemption_challenge set wrong_answers = wrong_answers + 1
         where asker = $1 and operation = $2 and expires_at > $3 and wrong_answers < $4",
        asker.name(),
        operation,
        now,
        MAX_WRONG_ANSWERS
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets digits that are free again.
pub async fn prune(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("delete from redemption_challenge where reserved_until <= $1", now).execute(db).await?;
    Ok(())
}
