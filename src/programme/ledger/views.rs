//! Purchases as people see them: their figures from the tables, their explanation computed anew from the rule's version.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::PurchaseState;
use super::rules::{self, ExplanationLine, RuleOutcome};
use super::store::{self, PurchaseRow};
use crate::base::error::Result;
use crate::base::ids::PurchaseId;
use crate::base::money::Kopecks;
use crate::programme::offers::{self, Offer};

/// A purchase as member and till see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PurchaseView {
    /// The purchase.
    pub id: PurchaseId,
    /// The short number on the receipt.
    pub receipt: String,
    /// The mutation that recorded it; for its till only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutation_id: Option<Uuid>,
    /// The partner's name.
    pub partner_name: String,
    /// The outlet's name.
    pub outlet_name: String,
    /// The amount of the purchase.
    pub amount_kopecks: i64,
    /// The part of it that was paid from the balance.
    pub redeem_kopecks: i64,
    /// The cashback that it brings the member.
    pub accrual_kopecks: i64,
    /// The purchase's state.
    pub state: PurchaseState,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub event_at: DateTime<Utc>,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub booked_at: DateTime<Utc>,
    /// The day from which the cashback may be spent.
    pub confirm_on: NaiveDate,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds_option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub cancelled_at: Option<DateTime<Utc>>,
    /// The explanation of these figures, from the rule that was in force.
    pub explanation: Vec<ExplanationLine>,
}

/// The short number on a receipt.
pub(super) fn receipt(terminal_number: i32, op_no: i64) -> String {
    format!("{terminal_number}-{op_no:04}")
}

/// Purchases by id as people see them, in no order. Each explanation is computed anew from the rule's version.
pub async fn purchases(
    conn: &mut PgConnection,
    ids: &[PurchaseId],
    for_till: bool,
) -> Result<Vec<PurchaseView>> {
    let rows = store::purchases(&mut *conn, ids).await?;
    let mut offers = HashMap::new();
    for (partner_id, version) in rows.iter().filter_map(|row| Some((row.partner_id, row.rule_version?))) {
        if let Entry::Vacant(unread) = offers.entry((partner_id, version)) {
            unread.insert(offers::store::offer_version(&mut *conn, partner_id, version).await?);
        }
    }
    let offer_of = |row: &PurchaseRow| offers.get(&(row.partner_id, row.rule_version?))?.as_ref();
    Ok(rows.iter().map(|row| view(row, offer_of(row), for_till)).collect())
}

fn view(row: &PurchaseRow, offer: Option<&Offer>, for_till: bool) -> PurchaseView {
    let (amount, redeem) = (Kopecks(row.amount_kopecks), Kopecks(row.redeem_kopecks));
    let outcome = rules::evaluate(offer, amount, redeem);
    let status = PurchaseStatus {
        is_late: row.on_trust && rules::is_late(row.event_at, row.booked_at),
        state: row.state,
        taken_back_debt: row.taken_back_debt_kopecks.map(Kopecks),
        confirm_on: row.confirm_on,
    };
    PurchaseView {
        id: row.id,
        receipt: receipt(row.terminal_number, row.op_no),
        mutation_id: for_till.then_some(row.idem),
        partner_name: row.partner_name.clone(),
        outlet_name: row.outlet_name.clone(),
        amount_kopecks: row.amount_kopecks,
        redeem_kopecks: row.redeem_kopecks,
        accrual_kopecks: row.accrual_kopecks,
        state: row.state,
        event_at: row.event_at,
        booked_at: row.booked_at,
        confirm_on: row.confirm_on,
        cancelled_at: row.cancelled_at,
        explanation: outcome.map(|outcome| status.explain(outcome, for_till)).unwrap_or_default(),
    }
}

/// The status of a purchase, beside its figures.
pub(super) struct PurchaseStatus {
    pub(super) is_late: bool,
    pub(super) state: PurchaseState,
    pub(super) taken_back_debt: Option<Kopecks>,
    pub(super) confirm_on: NaiveDate,
}

impl PurchaseStatus {
    /// The rule's lines, and those of what became of what they brought. How much of it the member had spent when it was taken back is no
    /// till's business: that it was, is said by the purchase's state.
    pub(super) fn explain(&self, outcome: RuleOutcome, for_till: bool) -> Vec<ExplanationLine> {
        let RuleOutcome { accrual_kopecks, mut explanation, .. } = outcome;
        explanation.extend(self.is_late.then_some(ExplanationLine::HandedInLate));
        if accrual_kopecks > Kopecks::ZERO {
            explanation.extend(match (self.taken_back_debt, self.state) {
                (Some(_), _) if for_till => None,
                (Some(debt_kopecks), _) => Some(ExplanationLine::TakenBack {
                    available_kopecks: Kopecks(accrual_kopecks.0 - debt_kopecks.0),
                    debt_kopecks,
                }),
                (None, PurchaseState::Cancelled) => None,
                (None, PurchaseState::Held) => Some(ExplanationLine::UnderReview),
                (None, PurchaseState::Pending | PurchaseState::Available) => {
                    Some(ExplanationLine::PendingUntil { date: self.confirm_on })
                }
            });
        }
        explanation
    }
}
