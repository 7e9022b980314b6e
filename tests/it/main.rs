//! What the product promises, told through HTTP against a real PostgreSQL and Redis: one binary, a file for each feature.
//! Every test has an instance of its own; helpers, and nothing that is promised, are in `support`.

mod support;

mod access;
mod ahead;
mod audit;
mod behind;
mod cards;
mod changes;
mod consents;
mod crash;
mod database;
mod enrolment;
mod faults;
mod floors;
mod hostile;
mod insider;
mod jobs;
mod keys;
mod late;
mod ledger;
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
mod rounds;
mod streams;
mod sync;
mod till;
mod tls;
mod transfers;
mod typed;
mod vendors;
mod walk;
