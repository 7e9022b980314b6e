//! Partners' outlets and their tills: pairing a browser with an outlet, and what that till must know. Purchases are the
//! ledger's business.

pub mod challenge;
pub mod routes;
pub mod store;

use chrono::{DateTime, Utc};
use profcards_card::Shown;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ledger::rules::Offer;

/// A pairing code is good for so long.
pub const PAIRING_CODE_DAYS: u64 = 7;

/// A till as it knows itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TillState {
    /// The terminal.
    pub terminal_id: Uuid,
    /// Its number in the outlet; receipts begin with it.
    pub terminal_number: i32,
    /// Where it stands; a purchase names it, so that it is never booked for another outlet.
    pub outlet_id: Uuid,
    /// The partner's name.
    pub partner_name: String,
    /// The outlet's name.
    pub outlet_name: String,
    /// Where it is.
    pub outlet_address: String,
    /// The cashback rule in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<TillOffer>,
    /// What may be paid from the balance; absent where the partner takes no redemptions.
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
    /// What people call it.
    pub title: String,
    /// Hundredths of a percent.
    pub percent_bp: i32,
    /// Smaller purchases get nothing.
    pub min_amount_kopecks: i64,
    /// The most that one purchase can bring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_per_purchase_kopecks: Option<i64>,
}

/// What a till or a partner's server is shown of a member: as much as stands on the card.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownCard {
    /// Such as «Иванова М. П.».
    pub name: String,
    /// First two digits of the region's ОКАТО; 0 where there is none.
    pub region: u8,
    /// 1 works, 2 studies, 3 is a pensioner.
    pub category: u8,
}

impl From<&Shown> for ShownCard {
    fn from(shown: &Shown) -> Self {
        Self { name: shown.name().to_owned(), region: shown.region(), category: shown.category().value() }
    }
}

/// What the rule in force lets members pay from the balance.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TillRedemption {
    /// The most of a purchase, in hundredths of a percent.
    pub max_share_bp: i32,
}

impl TillRedemption {
    /// What a rule allows, if it allows any.
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
