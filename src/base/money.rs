//! Money is integer kopecks, and every operation on it is checked. No floating point comes near it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most that one purchase may cost: ten million roubles. A larger figure is a slip of the finger.
pub const MAX_PURCHASE_KOPECKS: i64 = 1_000_000_000;

/// An amount in kopecks.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema, sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
#[schema(value_type = i64)]
pub struct Kopecks(pub i64);

impl Kopecks {
    /// Zero kopecks.
    pub const ZERO: Self = Self(0);

    /// The rest after a part was taken away; `None` if that part is negative or more than there is.
    pub fn minus(self, part: Self) -> Option<Self> {
        (0..=self.0).contains(&part.0).then(|| Self(self.0 - part.0))
    }

    /// The share of `basis_points` (hundredths of a percent), rounded **down** to a whole kopeck: the one rounding
    /// direction of the books. `None` if the result does not fit.
    pub fn share(self, basis_points: u32) -> Option<Self> {
        let product = i128::from(self.0) * i128::from(basis_points);
        i64::try_from(product.div_euclid(10_000)).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_down() {
        assert_eq!(Kopecks(99_99).share(300), Some(Kopecks(2_99)));
        assert_eq!(Kopecks(33).share(300), Some(Kopecks::ZERO));
        assert_eq!(Kopecks(i64::MAX).share(10_000), Some(Kopecks(i64::MAX)));
        assert_eq!(Kopecks(i64::MAX).share(10_001), None);
    }
}
