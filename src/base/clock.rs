//! The one place that reads the wall clock. Everything else is handed a [`Clock`] or a moment; nothing here formats
//! dates for people.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::ensure;
use chrono::{DateTime, Days, FixedOffset, NaiveDate, TimeDelta, Utc};

/// Moscow's offset, by which periods, terms and "today" go: UTC+3 without daylight saving since 2014-10-26 (248-ФЗ).
const MOSCOW_OFFSET_SECONDS: i32 = 3 * 3600;
/// The offset of Kamchatka and Chukotka, where a day begins nine hours before Moscow's.
const EASTERNMOST_OFFSET_SECONDS: i32 = 12 * 3600;

/// The most by which the clocks of instances, and the moments of requests that overtake each other, are apart. What is
/// dated further ahead than this was written by a clock that was ahead, and must not wait for that day.
pub const CLOCKS_APART: TimeDelta = TimeDelta::minutes(1);
/// The most by which a thing that is good for days may be dated ahead and be good all the same, only longer by that: an
/// hour's error is no reason to throw away what was printed in it. Dated further ahead, it is not good.
pub const TOLERATED_AHEAD: TimeDelta = TimeDelta::days(1);

/// The most by which this machine's clock and the database's may be apart while something is done that cannot be
/// undone.
const MAX_CLOCKS_APART_SECONDS: u64 = 300;
/// The most by which the clock goes on between two looks; by more, it has jumped. Housekeeping looks every hour.
const MAX_AWAY: TimeDelta = TimeDelta::hours(48);
/// The time for which a clock that has jumped must go on evenly before it is trusted.
const PROBATION: TimeDelta = TimeDelta::hours(24);
/// The longest gap between two looks at a clock that goes on evenly.
const MAX_BETWEEN_LOOKS: TimeDelta = TimeDelta::hours(3);

/// The source of time: the system, or a value that a test moves.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// The machine's clock as if it were ahead by so many seconds, for tests of what a wrong one does.
    Ahead(Arc<AtomicI64>),
    /// Unix milliseconds, set by whoever holds the handle.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The present moment.
    ///
    /// # Panics
    /// If a manual clock was set outside the years that chrono can hold.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now(),
            Self::Ahead(seconds) => Utc::now() + TimeDelta::seconds(seconds.load(Ordering::SeqCst)),
            Self::Manual(millis) => DateTime::from_timestamp_millis(millis.load(Ordering::SeqCst))
                .expect("a manual clock stays in range"),
        }
    }

    /// Whether the database's clock can confirm this one: it knows nothing of a value that a test moves.
    pub fn is_machine_clock(&self) -> bool {
        !matches!(self, Self::Manual(_))
    }

    /// The calendar day in Moscow now.
    pub fn today(&self) -> NaiveDate {
        moscow_day(self.now())
    }

    /// The calendar day in Russia's easternmost zone now: nothing that has happened is dated later, wherever it was written.
    pub fn latest_today(&self) -> NaiveDate {
        day_at(self.now(), EASTERNMOST_OFFSET_SECONDS)
    }
}

/// The Moscow calendar day of a moment.
pub fn moscow_day(at: DateTime<Utc>) -> NaiveDate {
    day_at(at, MOSCOW_OFFSET_SECONDS)
}

fn day_at(at: DateTime<Utc>, offset_seconds: i32) -> NaiveDate {
    at.with_timezone(&FixedOffset::east_opt(offset_seconds).expect("less than a day is an offset"))
        .date_naive()
}

/// The day `days` after `day`, or the last representable day.
pub fn days_after(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(NaiveDate::MAX)
}

/// Unix seconds of a moment, never negative: the form in which cards and the API carry time.
pub fn unix_seconds(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp()).unwrap_or(0)
}

/// The moment of unix seconds; what lies beyond chrono's years becomes its last moment.
pub fn from_unix_seconds(seconds: u64) -> DateTime<Utc> {
    i64::try_from(seconds)
        .ok()
        .and_then(|s| DateTime::from_timestamp(s, 0))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Whether this machine's clock, which is `ahead_seconds` ahead of the database's, and that one agree.
///
/// # Errors
/// Which way they disagree, and by how much.
pub fn ensure_agreement(ahead_seconds: i64) -> anyhow::Result<()> {
    ensure!(
        ahead_seconds.unsigned_abs() <= MAX_CLOCKS_APART_SECONDS,
        "this machine's clock is {} minutes {} the database's, and nothing is signed or settled until they agree",
        ahead_seconds.unsigned_abs() / 60,
        if ahead_seconds > 0 { "ahead of" } else { "behind" }
    );
    Ok(())
}

/// The time as earlier looks at the clock have seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockRecord {
    /// The moment of the last look that was trusted.
    pub trusted_at: DateTime<Utc>,
    /// The moment of the last look.
    pub seen_at: DateTime<Utc>,
    /// The moment since which the time is doubted, if it is.
    pub doubted_since: Option<DateTime<Utc>>,
}

impl ClockRecord {
    /// A record by which the present time is trusted.
    pub fn trusted(now: DateTime<Utc>) -> Self {
        Self { trusted_at: now, seen_at: now, doubted_since: None }
    }

    /// Looks at the clock again. One that was put back is trusted: by an earlier time nothing more is due.
    #[must_use]
    pub fn observe(self, now: DateTime<Utc>) -> Self {
        if !self.is_jump(now) {
            return Self::trusted(now);
        }
        let is_even = now >= self.seen_at && now - self.seen_at <= MAX_BETWEEN_LOOKS;
        match self.doubted_since.filter(|_| is_even) {
            Some(since) if now - since >= PROBATION => Self::trusted(now),
            since => Self { seen_at: now, doubted_since: since.or(Some(now)), ..self },
        }
    }

    /// Whether the clock has gone on since it was last trusted by more than a server is ever away.
    pub fn is_jump(&self, now: DateTime<Utc>) -> bool {
        now - self.trusted_at > MAX_AWAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    /// Looks every hour from one hour to another.
    fn observe_hourly(seen: ClockRecord, hours: std::ops::RangeInclusive<i64>) -> ClockRecord {
        hours.fold(seen, |seen, hour| seen.observe(at(hour)))
    }

    #[test]
    fn a_clock_that_goes_on_is_believed_and_so_is_one_that_was_put_back() {
        let seen = observe_hourly(ClockRecord::trusted(at(0)), 1..=500);
        assert_eq!(seen, ClockRecord::trusted(at(500)));
        assert_eq!(seen.observe(at(548)), ClockRecord::trusted(at(548)), "two days without a server");
        assert_eq!(seen.observe(at(3)), ClockRecord::trusted(at(3)));
    }

    #[test]
    fn a_clock_that_has_jumped_is_believed_after_a_day_without_another_jump() {
        let jumped = ClockRecord::trusted(at(0)).observe(at(400));
        assert_eq!(jumped, ClockRecord { trusted_at: at(0), seen_at: at(400), doubted_since: Some(at(400)) });
        assert!(observe_hourly(jumped, 401..=423).doubted_since.is_some());
        assert_eq!(observe_hourly(jumped, 401..=424), ClockRecord::trusted(at(424)));
        let again = observe_hourly(jumped, 401..=410).observe(at(900));
        assert_eq!(again.doubted_since, Some(at(900)), "a second jump begins anew");
        let asleep = observe_hourly(jumped, 401..=402).observe(at(430));
        assert_eq!(asleep.doubted_since, Some(at(430)), "a server that was off has not watched");
    }

    #[test]
    fn a_clock_that_jumped_and_was_set_right_is_trusted_at_once() {
        let jumped = observe_hourly(ClockRecord::trusted(at(0)).observe(at(400)), 401..=420);
        assert_eq!(jumped.observe(at(21)), ClockRecord::trusted(at(21)));
    }

    #[test]
    fn clocks_agree_within_five_minutes() {
        for (ahead, agree) in
            [(0, true), (300, true), (-300, true), (301, false), (-301, false), (i64::MIN, false)]
        {
            assert_eq!(ensure_agreement(ahead).is_ok(), agree, "{ahead}");
        }
    }
}
