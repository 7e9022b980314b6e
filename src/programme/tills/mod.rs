//! A browser at a cash desk: how it is paired with an outlet, and what it must know of itself.

pub mod push;
pub mod routes;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::ledger;
use super::offers::{self, Offer};
use crate::base::error::Result;
use crate::base::ids::{OutletId, PartnerId, TerminalId};

/// A till as it knows itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TillState {
    /// The terminal.
    pub terminal_id: TerminalId,
    /// Its number in the outlet; receipts begin with it.
    pub terminal_number: i32,
    /// The outlet at which it stands; a purchase names it, so that it is never booked for another outlet.
    pub outlet_id: OutletId,
    /// The partner's name.
    pub partner_name: String,
    /// The outlet's name.
    pub outlet_name: String,
    /// The outlet's address.
    pub outlet_address: String,
    /// The cashback rule in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<TillOffer>,
    /// The rule of redemption; absent where the partner takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redemption: Option<TillRedemption>,
    /// The highest operation number that the server has booked for this till.
    pub last_op_no: i64,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub paired_at: DateTime<Utc>,
}

/// The cashback rule as a till shows it. The commission is between the union and the partner's office.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TillOffer {
    /// Its version.
    pub version: i32,
    /// The title under which people know it.
    pub title: String,
    /// The cashback, in hundredths of a percent.
    pub percent_bp: i32,
    /// The smallest purchase that gets something.
    pub min_amount_kopecks: i64,
    /// The most that one purchase can bring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_per_purchase_kopecks: Option<i64>,
}

/// The part of a purchase that the rule in force lets members pay from the balance.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TillRedemption {
    /// The most of a purchase, in hundredths of a percent.
    pub max_share_bp: i32,
}

impl TillRedemption {
    /// The redemption that a rule allows, if it allows any.
    pub fn of(offer: &Offer) -> Option<Self> {
        (offer.redeem_max_share_bp > 0).then_some(Self { max_share_bp: offer.redeem_max_share_bp })
    }
}

impl From<Offer> for TillOffer {
    fn from(offer: Offer) -> Self {
        Self {
            version: offer.version,
            title: offer.title,
            percent_bp: offer.percent_bp,
            min_amount_kopecks: offer.min_amount_kopecks.0,
            cap_per_purchase_kopecks: offer.cap_per_purchase_kopecks.map(|cap| cap.0),
        }
    }
}

/// The state of a till, as it must know itself.
pub async fn till_state(
    conn: &mut PgConnection,
    terminal_id: TerminalId,
    now: DateTime<Utc>,
) -> Result<TillState> {
    let row = sqlx::query!(
        r#"select t.number, t.paired_at, p.id as "partner_id: PartnerId", p.name as partner_name, o.id as "outlet_id: OutletId", o.name as outlet_name, o.address
         from terminal t join outlet o on o.id = t.outlet_id join partner p on p.id = o.partner_id
         where t.id = $1"#,
        terminal_id.0
    )
    .fetch_one(&mut *conn)
    .await?;
    let last_op_no = ledger::guards::newest_op_no(&mut *conn, terminal_id).await?;
    let offer = offers::store::offer_at(conn, row.partner_id, now).await?;
    Ok(TillState {
        terminal_id,
        terminal_number: row.number,
        outlet_id: row.outlet_id,
        partner_name: row.partner_name,
        outlet_name: row.outlet_name,
        outlet_address: row.address,
        redemption: offer.as_ref().and_then(TillRedemption::of),
        offer: offer.map(Into::into),
        last_op_no,
        paired_at: row.paired_at,
    })
}
