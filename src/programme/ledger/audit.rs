//! Recomputes the books from the journal, in one snapshot, and says what does not agree. It changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::PgPool;

use crate::act::idempotency::forgotten_before;
use crate::base::error::Result;
use crate::base::ids::MembershipId;

/// The findings of an audit. Every `wrong_…` must be zero.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Audit {
    /// Postings in the journal.
    pub postings: i64,
    /// Postings whose legs do not sum to zero.
    pub wrong_postings: i64,
    /// The sum of all legs of all accounts, in kopecks.
    pub wrong_total_kopecks: i64,
    /// Members whose balance is not the sum of their legs.
    pub wrong_balances: i64,
    /// The first of the memberships whose balance is wrong.
    pub wrong_memberships: Vec<MembershipId>,
    /// Purchases whose state is not what their postings say.
    pub wrong_purchases: i64,
    /// Purchases that wait for a person; nothing is wrong with that.
    pub held_purchases: i64,
    /// Purchases without their idempotency answer, proof or operation number, while these are kept.
    pub wrong_guards: i64,
}

impl Audit {
    /// Whether everything agrees.
    pub fn is_clean(&self) -> bool {
        self.wrong_postings == 0
            && self.wrong_total_kopecks == 0
            && self.wrong_balances == 0
            && self.wrong_purchases == 0
            && self.wrong_guards == 0
    }
}

/// Audits the whole ledger.
pub async fn run(db: &PgPool, now: DateTime<Utc>) -> Result<Audit> {
    // A day later than they are given up: housekeeping may be at it meanwhile.
    let guarded_from = forgotten_before(now) + TimeDelta::days(1);
    let mut tx = db.begin().await?;
    sqlx::query!("set transaction isolation level repeatable read, read only").execute(&mut *tx).await?;
    let postings = sqlx::query_scalar!(r#"select count(*) as "n!" from journal"#).fetch_one(&mut *tx).await?;
    let wrong_postings = sqlx::query_scalar!(
        r#"select count(*) as "n!" from (select seq from journal_leg group by seq having sum(kopecks) <> 0) wrong"#
    )
    .fetch_one(&mut *tx)
    .await?;
    let wrong_total_kopecks =
        sqlx::query_scalar!(r#"select coalesce(sum(kopecks), 0)::bigint as "n!" from journal_leg"#)
            .fetch_one(&mut *tx)
            .await?;
    let wrong_balances = sqlx::query!(
        r#"with legs as (
               select owner,
                      sum(kopecks) filter (where account = 'member:available') as available,
                      sum(kopecks) filter (where account = 'member:pending') as pending,
                      sum(kopecks) filter (where account = 'member:debt') as debt
               from journal_leg where account like 'member:%' group by owner
           )
           select count(*) as "n!",
                  coalesce((array_agg(coalesce(b.membership_id, l.owner) order by b.membership_id))[:20], '{}') as "first!: Vec<MembershipId>"
           from balance b full join legs l on l.owner = b.membership_id
           where coalesce(b.available_kopecks, 0) <> coalesce(l.available, 0)
              or coalesce(b.pending_kopecks, 0) <> coalesce(l.pending, 0)
              or coalesce(b.debt_kopecks, 0) <> -coalesce(l.debt, 0)"#
    )
    .fetch_one(&mut *tx)
    .await?;
    let wrong_purchases = sqlx::query_scalar!(
        r#"with ends as (
               select reverses, array_agg(kind order by kind) as kinds, sum(redeem_kopecks)::bigint as given_back,
                      min(accrual_kopecks) as least_ended, max(accrual_kopecks) as most_ended
               from journal where kind <> 'purchase' group by reverses
           )
           select count(*) as "n!"
           from purchase u
           full join (select seq, accrual_kopecks, amount_kopecks, redeem_kopecks from journal where kind = 'purchase') j on j.seq = u.seq
           left join ends e on e.reverses = coalesce(u.seq, j.seq)
           where u.seq is null or j.seq is null
              or (u.accrual_kopecks, u.amount_kopecks, u.redeem_kopecks)
                 is distinct from (j.accrual_kopecks, j.amount_kopecks, j.redeem_kopecks)
              or (u.state in ('available', 'cancelled') and (e.least_ended, e.most_ended)
                      is distinct from (u.accrual_kopecks, u.accrual_kopecks))
              or coalesce(e.given_back, 0) <> case u.state when 'cancelled' then u.redeem_kopecks else 0 end
              or not case u.state when 'available' then e.kinds = array['confirm']
                                  when 'cancelled' then e.kinds in (array['refund'], array['confirm', 'take-back'])
                                  else e.kinds is null end"#
    )
    .fetch_one(&mut *tx)
    .await?;
    let wrong_guards = sqlx::query_scalar!(
        r#"select count(*) as "n!"
           from purchase u join card c on c.id = u.card_id join terminal till on till.id = u.terminal_id
           where u.booked_at > $1 and not exists (select from idempotency i where i.principal = 'till:' || u.terminal_id and i.id = u.idem
                             and i.answer ->> 'status' = 'applied')
              or u.op_no > till.op_floor and not exists (select from terminal_op t where t.terminal_id = u.terminal_id and t.op_no = u.op_no and t.idem = u.idem)
              or (u.booked_at > $1 and u.shown_by = 'token' and (c.class = 1 or u.redeem_kopecks > 0) and not exists (select from proof p where p.terminal_id = u.terminal_id and p.idem = u.idem))"#,
        guarded_from
    )
    .fetch_one(&mut *tx)
    .await?;
    let held_purchases = sqlx::query_scalar!(r#"select count(*) as "n!" from purchase where state = 'held'"#)
        .fetch_one(&mut *tx)
        .await?;
    Ok(Audit {
        postings,
        wrong_postings,
        wrong_total_kopecks,
        wrong_balances: wrong_balances.n,
        wrong_memberships: wrong_balances.first,
        wrong_purchases,
        held_purchases,
        wrong_guards,
    })
}
