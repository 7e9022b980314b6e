//! `audit`: whether the record of acts is whole, and what it says of a member or of somebody who keeps the register.

use clap::{Args, Subcommand};

use crate::act::audit::{chain, find};
use crate::base::ids::MembershipId;
use crate::server::App;

/// The most rows that are listed at once.
const LISTED: i64 = 1_000;

#[derive(Subcommand)]
pub enum Audit {
    /// Recompute the chain over acts and postings; fails where a row is gone or says something else.
    Verify {
        /// The figures as JSON: rows, broken, unlinked.
        #[arg(long)]
        json: bool,
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
        Audit::Verify { json } => verify(app, *json).await,
        Audit::Acts(filter) => {
            for act in find::acts(&app.db_jobs, filter.member, filter.login.as_deref(), LISTED).await? {
                println!("{act}");
            }
            Ok(0)
        }
        Audit::Reads(filter) => {
            for read in find::reads(&app.db_jobs, filter.member, filter.login.as_deref(), LISTED).await? {
                println!("{read}");
            }
            Ok(0)
        }
    }
}

async fn verify(app: &App, as_json: bool) -> anyhow::Result<i32> {
    // What has just been done is linked first, or it would seem to be missing.
    chain::link(&app.db_jobs, app.clock.now()).await?;
    let found = chain::verify(&app.db_jobs).await?;
    if as_json {
        println!("{}", serde_json::to_string(&found)?);
    } else {
        let head = chain::head(&mut *app.db_jobs.acquire().await?).await?;
        println!("{} rows, {} broken, {} not linked yet", found.rows, found.broken, found.unlinked);
        println!("head {} {}", head.seq, hex::encode(head.hash));
    }
    Ok(i32::from(found.broken > 0))
}
