//! The single registry: the union's [`organisations`] and their [`members`]. Cards and money are the business of the floors above.

pub mod members;
pub mod organisations;
