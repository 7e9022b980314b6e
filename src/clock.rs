//! The one place that reads the wall clock. Everything else is handed a [`Clock`] or a moment; nothing here formats
//! dates for people.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Days, FixedOffset, NaiveDate, Utc};

/// Periods, terms and "today" are Moscow's: UTC+3 without daylight saving since 2014-10-26 (248-ФЗ).
const MOSCOW_OFFSET_SECONDS: i32 = 3 * 3600;
/// Kamchatka's and Chukotka's: there a day begins nine hours before Moscow's.
const EASTERNMOST_OFFSET_SECONDS: i32 = 12 * 3600;

/// Where the time comes from: the system, or a value that a test moves.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
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
            Self::Manual(millis) => DateTime::from_timestamp_millis(millis.load(Ordering::SeqCst))
                .expect("a manual clock stays in range"),
        }
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
