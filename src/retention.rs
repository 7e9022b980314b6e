//! What is removed when it has served: one list of all of it. How long each table keeps a row, and why, stands in
//! `docs/operating.md`; a test compares that with the schema. Every step may be repeated, and run by several instances at once.

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::error::Result;
use crate::http::{idempotency, limits};
use crate::{auth, enrolment, ledger, notices, partners, sync, vendors};

/// Rows that one statement removes: so many are gone before anybody waits for them.
pub const BATCH: i64 = 5_000;

/// Removes everything whose time is over; answers what became of each step. One that fails never keeps the others from being done.
pub async fn prune_all(app: &App, now: DateTime<Utc>) -> Vec<(&'static str, Result<()>)> {
    let db = &app.db;
    vec![
        ("sessions", auth::store::prune_sessions(db, now).await),
        ("limits", limits::prune(db, now).await),
        ("challenges", enrolment::store::prune_challenges(db, now).await),
        ("activation codes", enrolment::store::prune_codes(db, now).await),
        ("pairing codes", partners::store::prune_codes(db, now).await),
        ("notices", notices::store::prune(db, now).await),
        ("lookups", ledger::lookup::prune(db, now).await),
        ("showings", vendors::store::prune_proofs(db, now).await),
        ("changes", sync::store::prune_changes(db, now).await),
        ("idempotency keys", idempotency::prune(db, now).await),
        ("proofs", ledger::guards::prune_proofs(db, now).await),
        ("operation numbers", ledger::guards::prune_op_numbers(db, now).await),
    ]
}
