//! What an act consists of besides its effect: the key under which it is done once ([`idempotency`], [`mutations`]), the log from
//! which phones and tills learn of it ([`change_log`], [`held_back`]), and the notice to the member ([`notices`]). What is done is
//! the business of the features above.

pub mod change_log;
pub mod held_back;
pub mod idempotency;
pub mod mutations;
pub mod notices;
