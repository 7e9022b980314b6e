//! When the ledger's guards are given up. Nothing older than 35 days is accepted, so a guard as old as a forgotten key can stop nothing
//! any more: a proof is too old by its own time, a late repeat is answered from the purchase, and operation numbers up to the
//! till's floor count as used.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::act::idempotency::forgotten_before;
use crate::base::error::Result;
use crate::base::sweep::BATCH;

/// Gives up proofs.
pub async fn prune_proofs(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    loop {
        let gone = sqlx::query!(
            "delete from proof where identity in (select identity from proof where seen_at < $1 limit $2)",
            forgotten_before(now),
            BATCH
        )
        .execute(db)
        .await?;
        if gone.rows_affected() < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}

/// Gives up operation numbers, and raises each till's floor over them first: there is no moment at which a number is neither in
/// the table nor below the floor.
pub async fn prune_op_numbers(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update terminal t set op_floor = old.newest
         from (select terminal_id, max(op_no) as newest from terminal_op where booked_at < $1 group by terminal_id) old
         where t.id = old.terminal_id and t.op_floor < old.newest",
        forgotten_before(now)
    )
    .execute(db)
    .await?;
    loop {
        let gone = sqlx::query!(
            "delete from terminal_op where (terminal_id, op_no) in (
                 select o.terminal_id, o.op_no from terminal_op o join terminal t on t.id = o.terminal_id
                 where o.booked_at < $1 and o.op_no <= t.op_floor limit $2)",
            forgotten_before(now),
            BATCH
        )
        .execute(db)
        .await?;
        if gone.rows_affected() < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}
