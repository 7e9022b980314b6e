//! The programme's rules, pure and versioned: (offer, purchase) → accrual, commission and the explanation that the member
//! reads. No I/O, no clock.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::clock::{days_after, moscow_day};
use crate::base::money::Kopecks;
use crate::programme::offers::Offer;

/// Days of the shop's return window; cashback can be spent when it has closed.
pub const RETURN_WINDOW_DAYS: u64 = 14;
/// The delay after which a purchase is late: its rule is not picked by its own time alone.
const LATE_AFTER: TimeDelta = TimeDelta::hours(72);

/// One line of the explanation; the PWA has the words for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum ExplanationLine {
    /// A part was paid from the balance; the rule goes by the rest.
    #[serde(rename_all = "camelCase")]
    Redeemed {
        /// The part that was paid from the balance.
        redeem_kopecks: Kopecks,
        /// The part that was left to pay.
        payable_kopecks: Kopecks,
    },
    /// The rule's percent of the amount, rounded down.
    #[serde(rename_all = "camelCase")]
    Percent {
        /// The percentage, in hundredths of a percent.
        percent_bp: i32,
        /// The purchase, without what was paid from the balance.
        amount_kopecks: Kopecks,
        /// The resulting cashback.
        accrual_kopecks: Kopecks,
    },
    /// The rule's cap was reached.
    #[serde(rename_all = "camelCase")]
    Capped {
        /// The cap.
        cap_kopecks: Kopecks,
    },
    /// The purchase is too small for the rule.
    #[serde(rename_all = "camelCase")]
    BelowMinimum {
        /// The smallest amount that the rule rewards.
        min_amount_kopecks: Kopecks,
    },
    /// The partner had no rule at that time.
    NoOffer,
    /// It was handed in late: of the rules of its own day and of the day of booking, the one that gives less.
    HandedInLate,
    /// A person looks at it before it may be spent.
    UnderReview,
    /// The programme took it back after it had become available.
    #[serde(rename_all = "camelCase")]
    TakenBack {
        /// The part that was taken from the balance.
        available_kopecks: Kopecks,
        /// The part that was spent by then, and is taken from later accruals.
        debt_kopecks: Kopecks,
    },
    /// The cashback may be spent from this day on.
    #[serde(rename_all = "camelCase")]
    PendingUntil {
        /// The day, in Moscow.
        date: NaiveDate,
    },
}

/// The outcome of a rule for a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleOutcome {
    /// The member's cashback.
    pub accrual_kopecks: Kopecks,
    /// The programme's commission, from the partner.
    pub commission_kopecks: Kopecks,
    /// The explanation of both.
    pub explanation: Vec<ExplanationLine>,
}

/// Applies a rule to a purchase of `amount`, of which `redeem` was paid from the balance: both parts go by what was left to
/// pay. `None` only if a figure does not fit its type, or more was redeemed than the purchase cost.
pub fn evaluate(offer: Option<&Offer>, amount: Kopecks, redeem: Kopecks) -> Option<RuleOutcome> {
    let payable = amount.minus(redeem)?;
    let mut explanation = Vec::new();
    if redeem > Kopecks::ZERO {
        explanation.push(ExplanationLine::Redeemed { redeem_kopecks: redeem, payable_kopecks: payable });
    }
    let nothing = |mut explanation: Vec<ExplanationLine>, line| {
        explanation.push(line);
        Some(RuleOutcome { accrual_kopecks: Kopecks::ZERO, commission_kopecks: Kopecks::ZERO, explanation })
    };
    let Some(offer) = offer else { return nothing(explanation, ExplanationLine::NoOffer) };
    if payable < offer.min_amount_kopecks {
        let min_amount_kopecks = offer.min_amount_kopecks;
        return nothing(explanation, ExplanationLine::BelowMinimum { min_amount_kopecks });
    }
    let by_percent = payable.share(offer.percent_bp.unsigned_abs())?;
    explanation.push(ExplanationLine::Percent {
        percent_bp: offer.percent_bp,
        amount_kopecks: payable,
        accrual_kopecks: by_percent,
    });
    let mut accrual_kopecks = by_percent;
    if let Some(cap_kopecks) = offer.cap_per_purchase_kopecks.filter(|cap| by_percent > *cap) {
        accrual_kopecks = cap_kopecks;
        explanation.push(ExplanationLine::Capped { cap_kopecks });
    }
    let commission_kopecks = payable.share(offer.commission_bp.unsigned_abs())?;
    Some(RuleOutcome { accrual_kopecks, commission_kopecks, explanation })
}

/// The first day on which the cashback of a purchase may be spent. The time of the event is a till's word and must not shorten
/// the wait, so that counts from the booking, less the day that an honest till may be behind.
pub fn confirm_day(event_at: DateTime<Utc>, booked_at: DateTime<Utc>) -> NaiveDate {
    let day_before_booking = moscow_day(booked_at - TimeDelta::days(1));
    days_after(moscow_day(event_at).max(day_before_booking), RETURN_WINDOW_DAYS)
}

/// Whether a purchase was handed in so late that its own time alone picks no rule.
pub fn is_late(event_at: DateTime<Utc>, booked_at: DateTime<Utc>) -> bool {
    booked_at - event_at > LATE_AFTER
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offer(cap: Option<i64>) -> Offer {
        Offer {
            version: 1,
            title: "3 %".into(),
            percent_bp: 300,
            commission_bp: 100,
            min_amount_kopecks: Kopecks(100_00),
            cap_per_purchase_kopecks: cap.map(Kopecks),
            redeem_max_share_bp: 3000,
        }
    }

    #[test]
    fn a_rule_gives_figures_and_the_reasons_for_them() {
        let outcome = evaluate(Some(&offer(None)), Kopecks(1_500_00), Kopecks::ZERO).unwrap();
        assert_eq!((outcome.accrual_kopecks, outcome.commission_kopecks), (Kopecks(45_00), Kopecks(15_00)));
        let capped = evaluate(Some(&offer(Some(20_00))), Kopecks(1_500_00), Kopecks::ZERO).unwrap();
        assert_eq!(capped.accrual_kopecks, Kopecks(20_00));
        assert!(capped.explanation.contains(&ExplanationLine::Capped { cap_kopecks: Kopecks(20_00) }));
        let small = evaluate(Some(&offer(None)), Kopecks(99_99), Kopecks::ZERO).unwrap();
        assert_eq!(small.accrual_kopecks, Kopecks::ZERO);
        assert_eq!(
            evaluate(None, Kopecks(1), Kopecks::ZERO).unwrap().explanation,
            [ExplanationLine::NoOffer]
        );
    }

    #[test]
    fn what_is_paid_from_the_balance_brings_nothing() {
        let offer = offer(None);
        assert_eq!(offer.redeemable(Kopecks(1_000_01)), Some(Kopecks(300_00)));
        assert_eq!(Offer { redeem_max_share_bp: 0, ..offer.clone() }.redeemable(Kopecks(1_000_01)), None);
        let outcome = evaluate(Some(&offer), Kopecks(1_000_00), Kopecks(300_00)).unwrap();
        assert_eq!((outcome.accrual_kopecks, outcome.commission_kopecks), (Kopecks(21_00), Kopecks(7_00)));
        let redeemed =
            ExplanationLine::Redeemed { redeem_kopecks: Kopecks(300_00), payable_kopecks: Kopecks(700_00) };
        assert_eq!(outcome.explanation.first(), Some(&redeemed));
        let small = evaluate(Some(&offer), Kopecks(120_00), Kopecks(36_00)).unwrap();
        assert_eq!(
            small.explanation.last(),
            Some(&ExplanationLine::BelowMinimum { min_amount_kopecks: Kopecks(100_00) })
        );
        assert_eq!(evaluate(Some(&offer), Kopecks(1), Kopecks(2)), None);
        assert_eq!(evaluate(Some(&offer), Kopecks(1), Kopecks(-1)), None);
    }

    #[test]
    fn a_wait_counts_from_the_event_and_is_not_shortened_by_an_early_one() {
        // Moscow's day begins at 21:00 UTC.
        let at = |day, hour| {
            NaiveDate::from_ymd_opt(2026, 11, day).unwrap().and_hms_opt(hour, 0, 0).unwrap().and_utc()
        };
        let december = |day| NaiveDate::from_ymd_opt(2026, 12, day).unwrap();
        for (event_at, booked_at, day) in [
            (at(20, 9), at(20, 9), december(4)),
            (at(20, 9), at(20, 22), december(4)),
            (at(20, 9), at(21, 20), december(4)),
            (at(20, 9), at(21, 21), december(5)),
            (at(1, 9), at(21, 20), december(4)),
            (at(20, 9), at(19, 9), december(4)),
        ] {
            assert_eq!(confirm_day(event_at, booked_at), day, "{event_at} booked {booked_at}");
        }
        assert!(!is_late(at(17, 9), at(20, 9)));
        assert!(is_late(at(17, 8), at(20, 9)));
    }

    proptest! {
        #[test]
        fn a_purchase_never_brings_more_than_was_paid(amount in 1_i64..=crate::base::money::MAX_PURCHASE_KOPECKS, cap in proptest::option::of(1_i64..1_000_00), share_bp in 0_i32..=10_000) {
            let offer = Offer { redeem_max_share_bp: share_bp, ..offer(cap) };
            let redeem = offer.redeemable(Kopecks(amount)).unwrap_or_default();
            prop_assert!(redeem.0 >= 0 && redeem.0 <= amount);
            let outcome = evaluate(Some(&offer), Kopecks(amount), redeem).unwrap();
            prop_assert!(outcome.accrual_kopecks.0 >= 0 && outcome.accrual_kopecks.0 <= amount - redeem.0);
            prop_assert!(outcome.commission_kopecks.0 >= 0);
            prop_assert!(cap.is_none_or(|cap| outcome.accrual_kopecks.0 <= cap));
        }
    }
}
