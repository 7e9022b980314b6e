//! The ledger's tables in SQL. Statements that several postings share are here; the order in which locks are taken is the
//! callers': first the balance, then what it guards.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Balance, PostingKind, PurchaseState, ShownBy, VersionedBalance};
use crate::base::error::Result;
use crate::base::ids::{CardId, MembershipId, OutletId, PartnerId, PurchaseId, TerminalId};
use crate::base::money::Kopecks;

/// A member's balance; one who never bought anything has zeros.
pub async fn balance(conn: &mut PgConnection, membership_id: MembershipId) -> Result<VersionedBalance> {
    let row = sqlx::query!(
        "select available_kopecks, pending_kopecks, debt_kopecks, held_kopecks, version
         from balance where membership_id = $1",
        membership_id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map_or_else(VersionedBalance::default, |row| VersionedBalance {
        balance: Balance {
            available_kopecks: Kopecks(row.available_kopecks),
            pending_kopecks: Kopecks(row.pending_kopecks),
            debt_kopecks: Kopecks(row.debt_kopecks),
            held_kopecks: Kopecks(row.held_kopecks),
        },
        version: row.version,
    }))
}

/// Locks a member's balance, making it first if need be.
pub async fn lock_balance(conn: &mut PgConnection, membership_id: MembershipId) -> Result<()> {
    sqlx::query!("insert into balance (membership_id) values ($1) on conflict do nothing", membership_id.0)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("select from balance where membership_id = $1 for update", membership_id.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// The change of a balance by a posting: a purchase adds to what waits and takes from what is available, a refund the
/// other way round.
#[derive(Clone, Copy, Debug, Default)]
pub struct Movement {
    /// The change of the pending part.
    pub pending_kopecks: i64,
    /// The change of the available part.
    pub available_kopecks: i64,
    /// The change of the debt.
    pub debt_kopecks: i64,
}

/// Moves a balance, which must be locked.
pub async fn move_balance(conn: &mut PgConnection, membership_id: MembershipId, by: Movement) -> Result<()> {
    sqlx::query!(
        "update balance
         set pending_kopecks = pending_kopecks + $2, available_kopecks = available_kopecks + $3,
             debt_kopecks = debt_kopecks + $4, version = version + 1
         where membership_id = $1",
        membership_id.0,
        by.pending_kopecks,
        by.available_kopecks,
        by.debt_kopecks
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A posting about a purchase.
pub struct Posting<'a> {
    /// The kind of the posting.
    pub kind: PostingKind,
    /// The principal that asked for it.
    pub principal: &'a str,
    /// The mutation that asked for it.
    pub idem: Uuid,
    /// The membership whose balance it changes.
    pub membership_id: MembershipId,
    /// The partner.
    pub partner_id: PartnerId,
    /// The outlet.
    pub outlet_id: OutletId,
    /// The till.
    pub terminal_id: TerminalId,
    /// The amount of the purchase.
    pub amount_kopecks: i64,
    /// The member's part.
    pub accrual_kopecks: i64,
    /// The programme's part.
    pub commission_kopecks: i64,
    /// The part that was paid from the balance.
    pub redeem_kopecks: i64,
    /// The growth of the member's debt; below zero, the part of it that is paid.
    pub debt_kopecks: i64,
    /// The version of the rule.
    pub rule_version: Option<i32>,
    /// The purchase that a refund or a take-back undoes.
    pub reverses: Option<i64>,
    /// The moment of the event.
    pub event_at: DateTime<Utc>,
    /// The moment of booking.
    pub booked_at: DateTime<Utc>,
}

/// Writes a posting; answers its sequence number.
pub async fn post(conn: &mut PgConnection, posting: &Posting<'_>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        "insert into journal (booked_at, event_at, kind, principal, idem, membership_id, partner_id, outlet_id, terminal_id,
                              amount_kopecks, accrual_kopecks, commission_kopecks, redeem_kopecks, debt_kopecks, rule_version, reverses)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         returning seq",
        posting.booked_at,
        posting.event_at,
        posting.kind as PostingKind,
        posting.principal,
        posting.idem,
        posting.membership_id.0,
        posting.partner_id.0,
        posting.outlet_id.0,
        posting.terminal_id.0,
        posting.amount_kopecks,
        posting.accrual_kopecks,
        posting.commission_kopecks,
        posting.redeem_kopecks,
        posting.debt_kopecks,
        posting.rule_version,
        posting.reverses
    )
    .fetch_one(conn)
    .await?)
}

/// A purchase as people see it.
#[derive(Clone, Debug)]
pub struct PurchaseRow {
    /// The purchase.
    pub id: PurchaseId,
    /// Its posting.
    pub seq: i64,
    /// The till.
    pub terminal_id: TerminalId,
    /// The till's number in its outlet.
    pub terminal_number: i32,
    /// The mutation that made it.
    pub idem: Uuid,
    /// The till's own number of it.
    pub op_no: i64,
    /// The membership.
    pub membership_id: MembershipId,
    /// The partner.
    pub partner_id: PartnerId,
    /// The partner's name.
    pub partner_name: String,
    /// The outlet.
    pub outlet_id: OutletId,
    /// The outlet's name.
    pub outlet_name: String,
    /// The amount of the purchase.
    pub amount_kopecks: i64,
    /// The cashback that it brings.
    pub accrual_kopecks: i64,
    /// The part of it that was paid from the balance.
    pub redeem_kopecks: i64,
    /// The version of the rule.
    pub rule_version: Option<i32>,
    /// The purchase's state.
    pub state: PurchaseState,
    /// Whether its time is only the till's word.
    pub on_trust: bool,
    /// The moment of the event.
    pub event_at: DateTime<Utc>,
    /// The moment of booking.
    pub booked_at: DateTime<Utc>,
    /// The day from which its cashback may be spent.
    pub confirm_on: NaiveDate,
    /// The moment at which it was taken back.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// The part of its cashback that was spent when the programme took it back, if it did so once it was available.
    pub taken_back_debt_kopecks: Option<i64>,
}

/// A new purchase, besides its posting.
pub struct NewPurchase {
    /// The purchase.
    pub id: PurchaseId,
    /// Its posting.
    pub seq: i64,
    /// The till's own number of it.
    pub op_no: i64,
    /// The card by which the member was known.
    pub card_id: CardId,
    /// The way in which that card was shown.
    pub shown_by: ShownBy,
    /// The day from which its cashback may be spent.
    pub confirm_on: NaiveDate,
    /// Whether its time is only the till's word.
    pub on_trust: bool,
    /// The state: whether the purchase waits for a person's decision.
    pub state: PurchaseState,
}

/// Adds a purchase; its names are looked up when it is read.
pub async fn insert_purchase(
    conn: &mut PgConnection,
    new: &NewPurchase,
    posting: &Posting<'_>,
) -> Result<()> {
    sqlx::query!(
        "insert into purchase (id, seq, terminal_id, idem, op_no, membership_id, partner_id, outlet_id, card_id, shown_by,
                               amount_kopecks, accrual_kopecks, redeem_kopecks, rule_version, event_at, booked_at,
                               confirm_on, on_trust, state)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        new.id.0,
        new.seq,
        posting.terminal_id.0,
        posting.idem,
        new.op_no,
        posting.membership_id.0,
        posting.partner_id.0,
        posting.outlet_id.0,
        new.card_id.0,
        new.shown_by as ShownBy,
        posting.amount_kopecks,
        posting.accrual_kopecks,
        posting.redeem_kopecks,
        posting.rule_version,
        posting.event_at,
        posting.booked_at,
        new.confirm_on,
        new.on_trust,
        new.state as PurchaseState
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The sums that were booked on a till's word alone.
pub struct OnTrust {
    /// The sum of a member, at whatever till.
    pub of_member_kopecks: i64,
    /// The sum at a till, of whatever members.
    pub of_till_kopecks: i64,
}

/// The sums of what was booked on trust between two moments and was not taken back. The balance must be locked; the till is locked
/// here, so that of many at once each sees those before it.
pub async fn booked_on_trust(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    terminal_id: TerminalId,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<OnTrust> {
    sqlx::query!("select from terminal where id = $1 for no key update", terminal_id.0)
        .execute(&mut *conn)
        .await?;
    Ok(sqlx::query_as!(
        OnTrust,
        r#"select (select coalesce(sum(amount_kopecks), 0)::bigint from purchase
                   where membership_id = $1 and on_trust and booked_at > $3 and booked_at <= $4 and state <> 'cancelled') as "of_member_kopecks!",
                  (select coalesce(sum(amount_kopecks), 0)::bigint from purchase
                   where terminal_id = $2 and on_trust and booked_at > $3 and booked_at <= $4 and state <> 'cancelled') as "of_till_kopecks!""#,
        membership_id.0,
        terminal_id.0,
        since,
        until
    )
    .fetch_one(conn)
    .await?)
}

/// The purchase that a mutation of this till made, and its membership.
pub async fn find_purchase(
    conn: &mut PgConnection,
    terminal_id: TerminalId,
    idem: Uuid,
) -> Result<Option<(PurchaseId, MembershipId)>> {
    let row = sqlx::query!(
        "select id, membership_id from purchase where terminal_id = $1 and idem = $2",
        terminal_id.0,
        idem
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.id.into(), row.membership_id.into())))
}

/// Whether this mutation took a purchase back.
pub async fn is_cancelled_by(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    principal: &str,
    idem: Uuid,
) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
               select from journal where membership_id = $1 and kind = 'refund' and principal = $2 and idem = $3
           ) as "cancelled!""#,
        membership_id.0,
        principal,
        idem
    )
    .fetch_one(conn)
    .await?)
}

/// Purchases by id, with their names.
pub async fn purchases(conn: &mut PgConnection, ids: &[PurchaseId]) -> Result<Vec<PurchaseRow>> {
    Ok(sqlx::query_as!(
        PurchaseRow,
        r#"select u.id, u.seq, u.terminal_id, t.number as terminal_number, u.idem, u.op_no, u.membership_id, u.partner_id,
                  p.name as partner_name, u.outlet_id, o.name as outlet_name, u.amount_kopecks, u.accrual_kopecks,
                  u.redeem_kopecks, u.rule_version, u.state as "state: PurchaseState", u.on_trust, u.event_at, u.booked_at, u.confirm_on, u.cancelled_at,
                  case when j.seq is not null then greatest(j.debt_kopecks, 0) end as "taken_back_debt_kopecks?"
           from purchase u
           join terminal t on t.id = u.terminal_id
           join partner p on p.id = u.partner_id
           join outlet o on o.id = u.outlet_id
           left join purchase_decision d on d.purchase_id = u.id and d.decision = 'take-back'
           left join journal j on j.seq = d.posting_seq and j.booked_at = d.decided_at and j.kind = 'take-back'
           where u.id = any($1)"#,
        ids as &[PurchaseId]
    )
    .fetch_all(conn)
    .await?)
}

/// The card by which the member of a purchase was known.
pub async fn card_of_purchase(conn: &mut PgConnection, id: PurchaseId) -> Result<Vec<u8>> {
    Ok(sqlx::query_scalar!(
        "select c.cose from purchase p join card c on c.id = p.card_id where p.id = $1",
        id.0
    )
    .fetch_one(conn)
    .await?)
}

/// The commission that was booked with a posting.
pub async fn commission_of(conn: &mut PgConnection, seq: i64) -> Result<i64> {
    Ok(sqlx::query_scalar!("select commission_kopecks from journal where seq = $1", seq)
        .fetch_one(conn)
        .await?)
}

/// Marks a purchase as taken back.
pub async fn cancel_purchase(conn: &mut PgConnection, id: PurchaseId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("update purchase set state = 'cancelled', cancelled_at = $2 where id = $1", id.0, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest purchases of a member.
pub async fn newest_of_member(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    limit: i64,
) -> Result<Vec<PurchaseId>> {
    Ok(sqlx::query_scalar!(
        r#"select id as "id: PurchaseId" from purchase where membership_id = $1 order by event_at desc limit $2"#,
        membership_id.0,
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// The newest purchases of a till.
pub async fn newest_of_till(
    conn: &mut PgConnection,
    terminal_id: TerminalId,
    limit: i64,
) -> Result<Vec<PurchaseId>> {
    Ok(sqlx::query_scalar!(
        r#"select id as "id: PurchaseId" from purchase where terminal_id = $1 order by event_at desc limit $2"#,
        terminal_id.0,
        limit
    )
    .fetch_all(conn)
    .await?)
}
