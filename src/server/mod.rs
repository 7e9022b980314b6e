//! The running instance: what it consists of ([`App`]), what is asked of it ([`router`], [`connections`], [`sync`]), what it does by
//! itself ([`jobs`], [`retention`]), and how it is set up where nothing is there yet ([`embedded`], [`demo`], [`restored`]). Rules of
//! the trade live on the floors below; nothing below knows of this room.

mod app;
pub mod assets;
pub mod connections;
pub mod demo;
pub mod embedded;
pub mod health;
pub mod jobs;
pub mod openapi;
pub mod restored;
pub mod retention;
pub mod router;
pub mod sync;

pub use self::app::App;
