//! Taking a purchase back: by its till, while the return window is open, or by a person's decision at any time.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::purchase::{Booked, Circumstances, tell};
use super::store::{self, Movement, Posting, PurchaseRow};
use super::{Applied, Refusal};
use crate::error::{Error, Result};

/// The wish to take a purchase back.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelPurchase {
    /// The mutation that recorded the purchase.
    pub mutation_id: Uuid,
    /// The till's own number of this operation.
    pub op_no: i64,
    /// As in [`super::purchase::RecordPurchase`]; nothing depends on it, since a purchase of another till is unknown here anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet_id: Option<Uuid>,
}

/// Takes a purchase back whole, while its return window is open: what it was to bring goes, what it took from the balance
/// comes back. Only the till that recorded it can. Whether it is in time is judged when it is handed in, since the cashback may
/// have been spent by then; the books say when it happened.
pub async fn cancel(
    conn: &mut PgConnection,
    request: &CancelPurchase,
    about: &Circumstances<'_>,
) -> Applied<Booked> {
    let Some((id, membership_id)) =
        store::find_purchase(&mut *conn, about.terminal_id, request.mutation_id).await?
    else {
        return Ok(Err(Refusal::of("unknown-purchase")));
    };
    store::lock_balance(&mut *conn, membership_id).await?;
    // Read again under the lock: a confirmation or another cancellation may have come between.
    let row = store::purchases(&mut *conn, &[id]).await?.pop().ok_or(Error::NotFound)?;
    match row.state.as_str() {
        "pending" | "held" => {}
        "cancelled" => return Ok(Err(Refusal::of("already-cancelled"))),
        _ => return Ok(Err(Refusal::of("cancel-too-late"))),
    }
    if request.op_no < 1
        || !store::claim_op_no(&mut *conn, about.terminal_id, request.op_no, about.idem, about.when.now)
            .await?
    {
        return Ok(Err(Refusal::of("op-number-reused")));
    }
    let taken_back_at = about.when.candidates().find(|at| *at >= row.event_at);
    let reversal = Reversal {
        principal: about.principal,
        idem: about.idem,
        event_at: taken_back_at.unwrap_or(row.event_at),
        booked_at: about.when.now,
    };
    reverse(conn, &row, &reversal).await?;
    metrics::counter!("profcards_purchases_cancelled_total").increment(1);
    Ok(Ok(Booked { result: cancelled(id), membership_id, proof: None }))
}

fn cancelled(purchase_id: Uuid) -> serde_json::Value {
    serde_json::json!({ "purchaseId": purchase_id, "state": "cancelled" })
}

/// What was answered when this mutation took a purchase back, as [`super::purchase::recorded_before`] for a recording.
pub async fn cancelled_before(
    conn: &mut PgConnection,
    request: &CancelPurchase,
    about: &Circumstances<'_>,
) -> Result<Option<serde_json::Value>> {
    let Some((id, membership_id)) =
        store::find_purchase(&mut *conn, about.terminal_id, request.mutation_id).await?
    else {
        return Ok(None);
    };
    let is_ours = store::is_cancelled_by(conn, membership_id, about.principal, about.idem).await?;
    Ok(is_ours.then(|| cancelled(id)))
}

/// Who undoes a purchase, and when.
pub(super) struct Reversal<'a> {
    pub(super) principal: &'a str,
    pub(super) idem: Uuid,
    pub(super) event_at: DateTime<Utc>,
    pub(super) booked_at: DateTime<Utc>,
}

/// Undoes a purchase whole, its balance being locked: what it took from the balance comes back, and what it brought goes, from
/// what waits or, once it was available, from the balance; what is not there any more becomes debt. Answers the posting.
pub(super) async fn reverse(conn: &mut PgConnection, row: &PurchaseRow, by: &Reversal<'_>) -> Result<i64> {
    let (accrual, redeem) = (row.accrual_kopecks, row.redeem_kopecks);
    let (kind, movement) = if row.state == "available" {
        let balance = store::balance(&mut *conn, row.membership_id).await?.balance;
        // A hold is part of the available, and stays.
        let there = balance.available_kopecks.0 - balance.held_kopecks.0 + redeem;
        let debt_kopecks = (accrual - there).max(0);
        let available_kopecks = redeem - (accrual - debt_kopecks);
        ("take-back", Movement { pending_kopecks: 0, available_kopecks, debt_kopecks })
    } else {
        ("refund", Movement { pending_kopecks: -accrual, available_kopecks: redeem, debt_kopecks: 0 })
    };
    let posting = Posting {
        kind,
        principal: by.principal,
        idem: by.idem,
        membership_id: row.membership_id,
        partner_id: row.partner_id,
        outlet_id: row.outlet_id,
        terminal_id: row.terminal_id,
        amount_kopecks: row.amount_kopecks,
        accrual_kopecks: accrual,
        commission_kopecks: store::commission_of(&mut *conn, row.seq).await?,
        redeem_kopecks: redeem,
        debt_kopecks: movement.debt_kopecks,
        rule_version: row.rule_version,
        reverses: Some(row.seq),
        event_at: by.event_at,
        booked_at: by.booked_at,
    };
    let seq = store::post(&mut *conn, &posting).await?;
    store::cancel_purchase(&mut *conn, row.id, by.booked_at).await?;
    store::move_balance(&mut *conn, row.membership_id, movement).await?;
    tell(conn, row.membership_id, row.terminal_id, row.id, by.booked_at).await?;
    Ok(seq)
}
