//! Partners, their outlets and terminals, and the digits that a terminal shows. Purchases are the ledger's business; how a browser
//! becomes a till stands in `tills`.

pub mod challenge;
pub mod store;

use profcards_card::Shown;
use serde::Serialize;
use utoipa::ToSchema;

use crate::registry::members::Category;

/// Days for which a pairing code is good.
pub const PAIRING_CODE_DAYS: u64 = 7;

/// A member, as a till or a partner's server is shown them: as much as stands on the card.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownCard {
    /// The short name, such as «Иванова М. П.».
    pub name: String,
    /// First two digits of the region's ОКАТО; 0 where there is none.
    pub region: u8,
    /// The member's category.
    pub category: Category,
}

impl From<&Shown> for ShownCard {
    fn from(shown: &Shown) -> Self {
        Self { name: shown.name().to_owned(), region: shown.region(), category: shown.category().into() }
    }
}
