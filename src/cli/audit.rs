//! `audit`: whether the record of acts is whole, and what it says of a member or of somebody who keeps the register.

use std::fmt::Display;

use clap::{Args, Subcommand};

use crate::act::audit::chain::{self, Head};
use crate::act::audit::find;
use crate::base::ids::MembershipId;
use crate::server::App;

/// The most rows that are listed at once.
const LISTED: i64 = 1_000;

#[derive(Subcommand)]
pub enum Audit {
    /// Recompute the chain over acts and postings; fails where a row is gone, says something else, or was never linked.
    Verify {
        /// The figures as JSON: rows, broken, unlinked, head.
        #[arg(long)]
        json: bool,
        /// A head that an earlier run printed and somebody wrote down elsewhere: fails where the chain does not have it.
        #[arg(long)]
        noted: Option<Head>,
    },
    /// Who did what to a member, or what an account did; the newest first.
    Acts(RecordFilter),
    /// Who read a member's data, or whose data an account read; the newest first.
    Reads(RecordFilter),
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct RecordFilter {
    /// A membership's id.
    #[arg(long)]
    member: Option<MembershipId>,
    /// An account's login.
    #[arg(long)]
    login: Option<String>,
}

/// Runs one of the commands; answers the exit code.
pub async fn run(app: &App, command: &Audit) -> anyhow::Result<i32> {
    match command {
        Audit::Verify { json, noted } => verify(app, *json, noted.as_ref()).await,
        Audit::Acts(filter) => {
            print_rows(&find::acts(&app.db_jobs, filter.member, filter.login.as_deref(), LISTED).await?);
            Ok(0)
        }
        Audit::Reads(filter) => {
            print_rows(&find::reads(&app.db_jobs, filter.member, filter.login.as_deref(), LISTED).await?);
            Ok(0)
        }
    }
}

fn print_rows(rows: &[impl Display]) {
    for row in rows {
        println!("{row}");
    }
    if rows.is_empty() {
        eprintln!("nothing is on record: is the id or the login right?");
    }
}

async fn verify(app: &App, as_json: bool, noted: Option<&Head>) -> anyhow::Result<i32> {
    let found = chain::verify(&app.db_jobs, noted, app.clock.now()).await?;
    if as_json {
        println!("{}", serde_json::to_string(&found)?);
    } else {
        println!("{} rows, {} broken, {} not linked yet", found.rows, found.broken, found.unlinked);
        println!("head {}", found.head);
    }
    Ok(i32::from(found.broken > 0))
}
