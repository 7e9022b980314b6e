//! A member's consents: each a document of its own, given on paper or in the app, and withdrawn by a date.

pub mod routes;
pub mod store;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::base::words::word_enum;

word_enum! {
    /// What a member consents to.
    pub enum ConsentKind in "consent.kind" {
        /// The processing of personal data.
        Processing = "processing",
        /// The cashback programme.
        Profcards = "profcards",
        /// Letters and messages.
        Mailings = "mailings",
        /// The publishing of photographs.
        Photo = "photo",
    }
}

word_enum! {
    /// How a consent was given.
    pub enum ConsentChannel in "consent.channel" {
        /// Signed on paper.
        Paper = "paper",
        /// In the app.
        App = "app",
    }
}

/// A consent in force.
pub struct Consent {
    /// To what.
    pub kind: ConsentKind,
    /// Which text was agreed to.
    pub text_version: String,
    /// How it was given.
    pub channel: ConsentChannel,
    /// When.
    pub given_at: DateTime<Utc>,
}

/// The version of the paper consent to processing that forms of this release refer to.
pub const PROCESSING_TEXT_VERSION: &str = "paper-2025-09";

/// The moment that stands for the day on which a paper was signed; in the east that day begins before it does here.
pub fn signed_at(day: NaiveDate, now: DateTime<Utc>) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc().min(now)
}
