//! `ledger`: the books' audit, the confirmation, and what people decide of single purchases.

use anyhow::bail;
use clap::{Args, Subcommand};
use uuid::Uuid;

use crate::app::AppState;
use crate::clock::moscow_day;
use crate::error::Error;
use crate::ledger::decision::{self, Decision};
use crate::ledger::{audit, confirm};
use crate::sweep::Bound;
use crate::trusted_time;

/// More are not listed at once.
const LISTED: i64 = 1_000;

#[derive(Subcommand)]
pub enum Ledger {
    /// Recompute the books from the journal; fails if anything disagrees.
    Audit,
    /// Make cashback available whose return window has closed.
    Confirm,
    /// Purchases that were booked on a till's word and wait for a decision: list them, or decide.
    Held {
        #[command(subcommand)]
        decision: Option<Held>,
    },
    /// Take a purchase back that turned out false, also when its cashback is available or spent.
    TakeBack(Decided),
}

#[derive(Subcommand)]
pub enum Held {
    /// They are good: their cashback becomes available as any other's.
    Release(Decided),
    /// They are not, and are undone.
    Refuse(Decided),
}

#[derive(Args)]
pub struct Decided {
    /// The purchases.
    #[arg(required = true)]
    ids: Vec<Uuid>,
    /// Why; it is kept with the decision.
    #[arg(long)]
    reason: String,
}

/// Runs one of the commands; answers the exit code.
pub async fn run(app: &AppState, command: &Ledger) -> anyhow::Result<i32> {
    match command {
        Ledger::Audit => {
            let audit = audit::run(&app.db_jobs, app.clock.now()).await?;
            println!("{}", serde_json::to_string(&audit)?);
            return Ok(i32::from(!audit.is_clean()));
        }
        Ledger::Confirm => {
            let today = moscow_day(trusted_time::now(app).await?);
            println!("{}", confirm::confirm_due(app, today, Bound::Half).await?);
        }
        Ledger::Held { decision: None } => list(app).await?,
        Ledger::Held { decision: Some(Held::Release(decided)) } => {
            decide(app, decided, Decision::Release).await?;
        }
        Ledger::Held { decision: Some(Held::Refuse(decided)) } => {
            decide(app, decided, Decision::Refuse).await?;
        }
        Ledger::TakeBack(decided) => decide(app, decided, Decision::TakeBack).await?,
    }
    Ok(0)
}

async fn list(app: &AppState) -> anyhow::Result<()> {
    for held in decision::held(&app.db_jobs, LISTED).await? {
        println!(
            "{} {} made {} booked {} amount {} kopecks, cashback {} kopecks, till {} {}, {}",
            held.id,
            held.membership_number,
            held.event_at.format("%Y-%m-%d %H:%M"),
            held.booked_at.format("%Y-%m-%d %H:%M"),
            held.amount_kopecks,
            held.accrual_kopecks,
            held.terminal_id,
            held.partner_name,
            held.outlet_name
        );
    }
    Ok(())
}

async fn decide(app: &AppState, decided: &Decided, decision: Decision) -> anyhow::Result<()> {
    for id in &decided.ids {
        match decision::decide(app, *id, decision, &decided.reason).await {
            Ok(true) => println!("{id} done"),
            Ok(false) => println!("{id} was done before"),
            Err(Error::NotFound) => bail!("{id}: there is no such purchase"),
            Err(Error::Conflict("already-cancelled")) => bail!("{id} was taken back by its till"),
            Err(Error::Conflict(_)) => bail!("{id} does not wait for a decision: see `ledger held`"),
            Err(Error::InvalidInput(_)) => bail!("the reason has 1 to 500 characters"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
