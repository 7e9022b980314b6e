//! A member's consents: each a document of its own, given on paper or in the app, and withdrawn by a date.

pub mod routes;
pub mod store;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::base::words::word_enum;

word_enum! {
    /// The purpose to which a member consents.
    pub enum ConsentKind in "consent.kind" {
        /// The processing of personal data.
        Processing = "processing",
        /// The cashback programme (Профкарта).
        Profcards = "profcards",
        /// Letters and messages.
        Mailings = "mailings",
        /// The publishing of photographs.
        Photo = "photo",
    }
}

word_enum! {
    /// The way in which a consent was given.
    pub enum ConsentChannel in "consent.channel" {
        /// The consent was signed on paper.
        Paper = "paper",
        /// The consent was given in the app.
        App = "app",
    }
}

/// A consent in force.
pub struct Consent {
    /// The kind of consent.
    pub kind: ConsentKind,
    /// The version of the text that was agreed to.
    pub text_version: String,
    /// The way in which the consent was given.
    pub channel: ConsentChannel,
    /// The moment at which the consent was given.
    pub given_at: DateTime<Utc>,
}

/// The version of the paper consent to processing that forms of this release refer to.
pub const PROCESSING_TEXT_VERSION: &str = "paper-2025-09";

/// The moment that stands for the day on which a paper was signed; in the east that day begins before it does here.
pub fn signed_at(day: NaiveDate, now: DateTime<Utc>) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc().min(now)
}
