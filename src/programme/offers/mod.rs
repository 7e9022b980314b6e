//! What partners promise members: cashback rules, versioned. What a rule makes of a purchase is reckoned in `ledger::rules`.

pub mod store;

use crate::base::money::Kopecks;

/// A cashback rule in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its version; the journal refers to it.
    pub version: i32,
    /// The title under which people know it.
    pub title: String,
    /// The member's part, in hundredths of a percent.
    pub percent_bp: i32,
    /// The programme's part, in hundredths of a percent, on the same purchases.
    pub commission_bp: i32,
    /// The smallest purchase that brings something.
    pub min_amount_kopecks: Kopecks,
    /// The most that one purchase brings the member.
    pub cap_per_purchase_kopecks: Option<Kopecks>,
    /// The most of a purchase that may be paid from the balance, in hundredths of a percent; 0: nothing.
    pub redeem_max_share_bp: i32,
}

impl Offer {
    /// The most that a purchase may take from a balance by this rule; `None` if it allows no redemption at all.
    pub fn redeemable(&self, amount: Kopecks) -> Option<Kopecks> {
        let share_bp = self.redeem_max_share_bp.unsigned_abs();
        amount.share(share_bp).filter(|_| share_bp > 0)
    }
}
