//! A member's own phone over HTTP: activation, what the app shows of its member, and the stream that wakes an open page. The rules
//! of enrolling stand in `cards::enrolment`; here they meet the balance.

pub mod activation;
pub mod events;
pub mod loss;
pub mod moving;
pub mod profile;
pub mod routes;
