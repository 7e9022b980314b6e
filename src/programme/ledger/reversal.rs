//! Taking a purchase back: by its till, while the return window is open, or by a person's decision at any time.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::purchase::{Booked, MutationContext, record_purchase_change};
use super::store::{self, Movement, Posting, PurchaseRow};
use super::{Applied, Balance, PostingKind, PurchaseState, guards};
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::ids::{OutletId, PurchaseId};

/// A request to take a purchase back.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelPurchase {
    /// The mutation that recorded the purchase.
    pub mutation_id: Uuid,
    /// The till's own number of this operation.
    pub op_no: i64,
    /// The outlet, as in [`super::purchase::RecordPurchase`]; nothing depends on it, since a purchase of another till
    /// is unknown here anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet_id: Option<OutletId>,
}

/// Takes a purchase back whole, while its return window is open: what it was to bring goes, what it took from the balance
/// comes back. Only the till that recorded it can. Whether it is in time is judged when it is handed in, since the cashback may
/// have been spent by then; the books say when it happened.
pub async fn cancel(
    conn: &mut PgConnection,
    request: &CancelPurchase,
    context: &MutationContext<'_>,
) -> Applied<Booked> {
    let Some((id, membership_id)) =
        store::find_purchase(&mut *conn, context.terminal_id, request.mutation_id).await?
    else {
        return Err(Code::UnknownPurchase.into());
    };
    store::lock_balance(&mut *conn, membership_id).await?;
    // Read again under the lock: a confirmation or another cancellation may have come between.
    let row = store::purchases(&mut *conn, &[id]).await?.pop().ok_or(Error::NotFound)?;
    match row.state {
        PurchaseState::Pending | PurchaseState::Held => {}
        PurchaseState::Cancelled => return Err(Code::AlreadyCancelled.into()),
        PurchaseState::Available => return Err(Code::CancelTooLate.into()),
    }
    if !guards::is_op_no_near(&mut *conn, context.terminal_id, request.op_no).await? {
        return Err(Code::OpNumberInvalid.into());
    }
    if !guards::use_op_no(&mut *conn, context.terminal_id, request.op_no, context.idem, context.time.now)
        .await?
    {
        return Err(Code::OpNumberReused.into());
    }
    let taken_back_at = context.time.candidates().find(|at| *at >= row.event_at);
    let reversal = Reversal {
        principal: context.principal,
        idem: context.idem,
        event_at: taken_back_at.unwrap_or(row.event_at),
        booked_at: context.time.now,
    };
    reverse(conn, &row, &reversal).await?;
    metrics::counter!("profcards_purchases_cancelled_total").increment(1);
    Ok(Booked { result: cancelled(id), membership_id, proof: None })
}

fn cancelled(purchase_id: PurchaseId) -> serde_json::Value {
    serde_json::json!({ "purchaseId": purchase_id, "state": "cancelled" })
}

/// The answer that was given when this mutation took a purchase back, as [`super::purchase::recorded_before`] for a
/// recording.
pub async fn cancelled_before(
    conn: &mut PgConnection,
    request: &CancelPurchase,
    context: &MutationContext<'_>,
) -> Result<Option<serde_json::Value>> {
    let Some((id, membership_id)) =
        store::find_purchase(&mut *conn, context.terminal_id, request.mutation_id).await?
    else {
        return Ok(None);
    };
    let is_ours = store::is_cancelled_by(conn, membership_id, context.principal, context.idem).await?;
    Ok(is_ours.then(|| cancelled(id)))
}

/// The reversal of a purchase: who undoes it, and when.
pub(super) struct Reversal<'a> {
    pub(super) principal: &'a str,
    pub(super) idem: Uuid,
    pub(super) event_at: DateTime<Utc>,
    pub(super) booked_at: DateTime<Utc>,
}

/// Undoes a purchase whole, its balance being locked. Answers the posting.
pub(super) async fn reverse(conn: &mut PgConnection, row: &PurchaseRow, by: &Reversal<'_>) -> Result<i64> {
    let (accrual_kopecks, redeem_kopecks) = (row.accrual_kopecks, row.redeem_kopecks);
    let balance = store::balance(&mut *conn, row.membership_id).await?.balance;
    let (kind, movement) = if row.state == PurchaseState::Available {
        (PostingKind::TakeBack, balance_movement(&balance, redeem_kopecks - accrual_kopecks))
    } else {
        let settled = balance_movement(&balance, redeem_kopecks);
        (PostingKind::Refund, Movement { pending_kopecks: -accrual_kopecks, ..settled })
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
        accrual_kopecks,
        commission_kopecks: store::commission_of(&mut *conn, row.seq).await?,
        redeem_kopecks,
        debt_kopecks: movement.debt_kopecks,
        rule_version: row.rule_version,
        reverses: Some(row.seq),
        event_at: by.event_at,
        booked_at: by.booked_at,
    };
    let seq = store::post(&mut *conn, &posting).await?;
    store::cancel_purchase(&mut *conn, row.id, by.booked_at).await?;
    store::move_balance(&mut *conn, row.membership_id, movement).await?;
    record_purchase_change(conn, row.membership_id, row.terminal_id, row.id, by.booked_at).await?;
    Ok(seq)
}

/// The movement of a balance by a sum that is given, or below zero taken: what is given pays the debt first; what is
/// taken comes from what is available, and the rest of it becomes debt. A hold is part of the available, and stays.
fn balance_movement(balance: &Balance, given_kopecks: i64) -> Movement {
    let debt_kopecks = if given_kopecks >= 0 {
        -given_kopecks.min(balance.debt_kopecks.0)
    } else {
        let free_kopecks = balance.available_kopecks.0 - balance.held_kopecks.0;
        (-given_kopecks - free_kopecks).max(0)
    };
    Movement { pending_kopecks: 0, available_kopecks: given_kopecks + debt_kopecks, debt_kopecks }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::money::Kopecks;

    proptest! {
        #[test]
        fn what_is_given_or_taken_is_settled_to_the_kopeck(available in 0_i64..1_000, held_share in 0_i64..=4, debt in 0_i64..1_000, given in -2_000_i64..2_000) {
            let held = available * held_share / 4;
            let balance = Balance {
                available_kopecks: Kopecks(available),
                held_kopecks: Kopecks(held),
                debt_kopecks: Kopecks(debt),
                ..Balance::default()
            };
            let moved = balance_movement(&balance, given);
            let (now_available, now_debt) = (available + moved.available_kopecks, debt + moved.debt_kopecks);
            prop_assert_eq!(now_available - now_debt, available - debt + given);
            prop_assert!(now_available >= held && now_debt >= 0);
            if given >= 0 {
                prop_assert!(moved.available_kopecks == 0 || now_debt == 0, "nothing comes back beside a debt");
            } else {
                prop_assert!(moved.debt_kopecks == 0 || now_available == held, "nothing is owed that is there");
            }
        }
    }
}
