//! What a person decides of a purchase: whether one that was booked on a till's word stands, and whether one that turned out
//! false is taken back. Each decision is made once, with its reason; said again it changes nothing.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::PurchaseState;
use super::purchase::record_purchase_change;
use super::reversal::{Reversal, reverse};
use super::store::{self, PurchaseRow};
use crate::access::member_audience;
use crate::access::rights::Action;
use crate::act::audit::Entry;
use crate::act::{self, Act, ActEnd, ActSpec};
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::ids::{MembershipId, PurchaseId, TerminalId};
use crate::base::{Base, live, texts};

/// The principal in the journal; the decision itself says who it was.
const OPERATOR: &str = "operator";
/// The longest reason, as the table's column allows it.
const MAX_REASON_CHARS: usize = 500;
/// The longest name of whoever decides.
const MAX_NAME_CHARS: usize = 100;

/// A decision on a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A held purchase is good: its cashback waits no longer than any other's.
    Release,
    /// A held purchase is not, and is undone.
    Refuse,
    /// A purchase in any state is undone, also when its cashback is available or spent by now.
    TakeBack,
}

impl Decision {
    fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Refuse | Self::TakeBack => "take-back",
        }
    }

    fn is_possible(self, state: PurchaseState) -> bool {
        match self {
            Self::Release | Self::Refuse => state == PurchaseState::Held,
            Self::TakeBack => state != PurchaseState::Cancelled,
        }
    }
}

/// A purchase that waits for a decision.
pub struct HeldPurchase {
    /// The purchase.
    pub id: PurchaseId,
    /// The number of the membership.
    pub membership_number: String,
    /// The partner's name.
    pub partner_name: String,
    /// The outlet's name.
    pub outlet_name: String,
    /// The till.
    pub terminal_id: TerminalId,
    /// The amount of the purchase.
    pub amount_kopecks: i64,
    /// The cashback that it would bring.
    pub accrual_kopecks: i64,
    /// The moment of the purchase, by the till's word.
    pub event_at: DateTime<Utc>,
    /// The moment at which it was handed in.
    pub booked_at: DateTime<Utc>,
}

/// The purchases that wait for a decision, the oldest first.
pub async fn held(db: &PgPool, limit: i64) -> Result<Vec<HeldPurchase>> {
    Ok(sqlx::query_as!(
        HeldPurchase,
        "select u.id, m.number as membership_number, p.name as partner_name, o.name as outlet_name, u.terminal_id,
                u.amount_kopecks, u.accrual_kopecks, u.event_at, u.booked_at
         from purchase u
         join membership m on m.id = u.membership_id
         join partner p on p.id = u.partner_id
         join outlet o on o.id = u.outlet_id
         where u.state = 'held' order by u.booked_at, u.id limit $1",
        limit
    )
    .fetch_all(db)
    .await?)
}

/// The number of purchases that wait for a decision.
pub async fn count_held(db: &PgPool) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from purchase where state = 'held'"#)
        .fetch_one(db)
        .await?)
}

/// The grounds of a decision: who decides, and why.
#[derive(Debug)]
pub struct Grounds {
    by: String,
    reason: String,
}

impl Grounds {
    /// Reads the grounds as they were typed.
    ///
    /// # Errors
    /// What is wrong with them, for whoever typed them.
    pub fn new(by: &str, reason: &str) -> std::result::Result<Self, String> {
        let by = texts::parse_name(by, MAX_NAME_CHARS)?;
        let reason = texts::parse_name(reason, MAX_REASON_CHARS)
            .map_err(|_| format!("the reason has 1 to {MAX_REASON_CHARS} characters"))?;
        Ok(Self { by, reason })
    }
}

/// Applies the decision; `false` if the purchase was decided so before.
///
/// # Errors
/// [`Error::NotFound`], and [`Error::Conflict`] where the purchase is in no state for it.
pub async fn decide(base: &Base, id: PurchaseId, decision: Decision, grounds: &Grounds) -> Result<bool> {
    let spec = ActSpec::by_operator(base, Some(&grounds.by), Action::DecidePurchase);
    let decided = act::perform(base, spec, |act| record_decision(base, act, id, decision, grounds));
    let Some(membership_id) = decided.await? else { return Ok(false) };
    super::refresh_balance(base, membership_id).await;
    // The member's page is called after that: it may read the balance from the cache.
    live::wake(base, &member_audience(membership_id)).await;
    Ok(true)
}

/// Decides within the act; answers the membership of the purchase, none if this was decided before.
async fn record_decision(
    base: &Base,
    mut act: Act,
    id: PurchaseId,
    decision: Decision,
    grounds: &Grounds,
) -> Result<ActEnd<Option<MembershipId>>> {
    let now = act.now();
    let found = store::purchases(act.conn(), &[id]).await?.pop().ok_or(Error::NotFound)?;
    store::lock_balance(act.conn(), found.membership_id).await?;
    if is_decided(act.conn(), id, decision).await? {
        return act.roll_back(None);
    }
    // Read again under the lock: the till, a round or another decision may have come between.
    let row = store::purchases(act.conn(), &[id]).await?.pop().ok_or(Error::NotFound)?;
    if !decision.is_possible(row.state) {
        let is_cancelled = row.state == PurchaseState::Cancelled;
        return Err(Error::Conflict(if is_cancelled { Code::AlreadyCancelled } else { Code::NotHeld }));
    }
    let posting_seq = match decision {
        Decision::Release => release(act.conn(), &row, now).await.map(|()| None)?,
        Decision::Refuse | Decision::TakeBack => {
            let idem = base.random.uuid();
            let reversal = Reversal { principal: OPERATOR, idem, event_at: now, booked_at: now };
            Some(reverse(act.conn(), &row, &reversal).await?)
        }
    };
    sqlx::query!(
        "insert into purchase_decision (purchase_id, decision, reason, decided_by, decided_at, posting_seq)
         values ($1, $2, $3, $4, $5, $6)",
        id.0,
        decision.as_str(),
        grounds.reason,
        grounds.by,
        now,
        posting_seq
    )
    .execute(act.conn())
    .await?;
    let why = format!("{}: {}", decision.as_str(), grounds.reason);
    act.record(Entry::of_member(row.membership_id).about(format!("purchase:{id}")).because(why));
    act.commit(Some(row.membership_id))
}

async fn is_decided(conn: &mut PgConnection, id: PurchaseId, decision: Decision) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from purchase_decision where purchase_id = $1 and decision = $2) as "decided!""#,
        id.0,
        decision.as_str()
    )
    .fetch_one(conn)
    .await?)
}

async fn release(conn: &mut PgConnection, row: &PurchaseRow, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("update purchase set state = 'pending' where id = $1", row.id.0).execute(&mut *conn).await?;
    record_purchase_change(conn, row.membership_id, row.terminal_id, row.id, now).await
}
