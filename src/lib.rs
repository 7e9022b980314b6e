//! ПрофКардс: the server of a trade union's digital platform, in floors. Each imports from those below it alone, which
//! `tests/it/floors.rs` holds; ARCHITECTURE.md tells what lives where. From the ground up:
//!
//! [`base`] · [`access`] · [`act`] · [`registry`] · [`cards`] · [`membership`] · [`programme`] · [`informing`] · [`phone`] ·
//! [`server`] · [`cli`].
//!
//! The features have the same rooms: `mod.rs` types and rules without I/O, `store.rs` SQL, `routes.rs` HTTP.

pub mod access;
pub mod act;
pub mod base;
pub mod cards;
pub mod cli;
pub mod informing;
pub mod membership;
pub mod phone;
pub mod programme;
pub mod registry;
pub mod server;
