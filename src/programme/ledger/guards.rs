//! What keeps a showing from paying twice and a till's number from standing for two operations, and when these guards are given up. Nothing
//! older than 35 days is accepted, so a guard as old as a forgotten key can stop nothing
//! any more: a proof is too old by its own time, a late repeat is answered from the purchase, and operation numbers up to the
//! till's floor count as used.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::act::idempotency::forgotten_before;
use crate::base::error::Result;
use crate::base::ids::{PartnerKeyId, TerminalId};
use crate::base::sweep::BATCH;

/// The most operations that a till numbers between two contacts, or that a restored dump forgets.
const MAX_OP_NO_STEP: i64 = 1_000_000;

/// Spends a proof for a mutation; `false` if it has served another one, or at a partner's server.
pub async fn spend_proof(
    conn: &mut PgConnection,
    identity: &[u8; 32],
    terminal_id: TerminalId,
    idem: Uuid,
    now: DateTime<Utc>,
) -> Result<bool> {
    let used = sqlx::query!(
        "insert into proof (identity, terminal_id, idem, seen_at) values ($1, $2, $3, $4) on conflict do nothing",
        &identity[..],
        terminal_id.0,
        idem,
        now
    )
    .execute(conn)
    .await?;
    Ok(used.rows_affected() == 1)
}

/// Spends a proof for what a partner's server was asked; `false` if it has served, there or at a till.
pub async fn spend_proof_at_vendor(
    conn: &mut PgConnection,
    identity: &[u8; 32],
    partner_key_id: PartnerKeyId,
    now: DateTime<Utc>,
) -> Result<bool> {
    let used = sqlx::query!(
        "insert into proof (identity, partner_key_id, seen_at) values ($1, $2, $3) on conflict do nothing",
        &identity[..],
        partner_key_id.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(used.rows_affected() == 1)
}

/// Whether a proof has served already.
pub async fn is_proof_spent(conn: &mut PgConnection, identity: &[u8; 32]) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from proof where identity = $1) as "spent!""#,
        &identity[..]
    )
    .fetch_one(conn)
    .await?)
}

/// Whether any mutation of this till has used this number.
pub async fn is_op_no_used(conn: &mut PgConnection, terminal_id: TerminalId, op_no: i64) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from terminal_op where terminal_id = $1 and op_no = $2)
                  or exists (select from terminal where id = $1 and op_floor >= $2) as "used!""#,
        terminal_id.0,
        op_no
    )
    .fetch_one(conn)
    .await?)
}

/// The newest operation number of a till that is known, 0 before its first.
pub async fn newest_op_no(conn: &mut PgConnection, terminal_id: TerminalId) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"select greatest((select max(op_no) from terminal_op where terminal_id = t.id), t.op_floor) as "newest!"
           from terminal t where t.id = $1"#,
        terminal_id.0
    )
    .fetch_one(conn)
    .await?)
}

/// Whether a till may have come to this number. One far beyond the newest would use up all between them: the next goes on from it.
pub async fn is_op_no_near(conn: &mut PgConnection, terminal_id: TerminalId, op_no: i64) -> Result<bool> {
    let is_near = |newest: i64| (1..=newest.saturating_add(MAX_OP_NO_STEP)).contains(&op_no);
    // The first million is near to whatever there is.
    Ok(is_near(0) || (op_no > 0 && is_near(newest_op_no(conn, terminal_id).await?)))
}

/// Uses up a till's operation number for a mutation; `false` if another one has it, or had it long ago.
pub async fn use_op_no(
    conn: &mut PgConnection,
    terminal_id: TerminalId,
    op_no: i64,
    idem: Uuid,
    now: DateTime<Utc>,
) -> Result<bool> {
    let used = sqlx::query!(
        "insert into terminal_op (terminal_id, op_no, idem, booked_at)
         select id, $2, $3, $4 from terminal where id = $1 and op_floor < $2
         on conflict do nothing",
        terminal_id.0,
        op_no,
        idem,
        now
    )
    .execute(conn)
    .await?;
    Ok(used.rows_affected() == 1)
}

/// Removes proofs that are too old to serve once more.
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

/// Removes old operation numbers, and raises each till's floor over them first: there is no moment at which a number is
/// neither in the table nor below the floor.
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
