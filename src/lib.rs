//! ПрофКардс: the server of a trade union's digital platform. Modules in reading order:
//!
//! what everything stands on: [`config`] · [`app`] · [`clock`] · [`trusted_time`] · [`sweep`] · [`random`] · [`money`] · [`texts`] ·
//! [`error`] · [`db`] · [`cache`] ·
//! [`files`] · [`secret`] · [`live`] · [`faults`];
//! the way in: [`http`] · [`auth`];
//! the features, each with the same rooms (`mod.rs` types and rules, `store.rs` SQL, `routes.rs` HTTP): [`orgs`] ·
//! [`members`] · [`cards`] · [`enrolment`] · [`notices`] · [`partners`] · [`ledger`] ·
//! [`vendors`] · [`sync`];
//! how it is run: [`cli`] · [`embedded`] · [`jobs`] · [`retention`] · [`restored`] · [`demo`].

pub mod app;
pub mod auth;
pub mod cache;
pub mod cards;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod demo;
pub mod embedded;
pub mod enrolment;
pub mod error;
pub mod faults;
pub mod files;
pub mod http;
pub mod jobs;
pub mod ledger;
pub mod live;
pub mod members;
pub mod money;
pub mod notices;
pub mod orgs;
pub mod partners;
pub mod random;
pub mod restored;
pub mod retention;
pub mod secret;
pub mod sweep;
pub mod sync;
pub mod texts;
pub mod trusted_time;
pub mod vendors;
