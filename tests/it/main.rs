//! What the product promises, told through HTTP against a real PostgreSQL and Redis: one binary, a file for each feature.
//! Every test has an instance of its own; helpers, and nothing that is promised, are in `support`.

mod support;

mod access;
mod audit;
mod cards;
mod changes;
mod clock_ahead;
mod clock_behind;
mod consents;
mod crash;
mod database;
mod enrolment;
mod faults;
mod floors;
mod hostile_input;
mod housekeeping;
mod insider;
mod jobs;
mod jobs_operated;
mod keys;
mod late_purchases;
mod ledger;
mod ledger_model;
mod limits;
mod lookup;
mod loss;
mod notices;
mod paper;
mod redemption;
mod registry;
mod reissue;
mod restored;
mod retention;
mod rotation;
mod streams;
mod sync;
mod till;
mod tls;
mod transfers;
mod typed_texts;
mod vendors;
