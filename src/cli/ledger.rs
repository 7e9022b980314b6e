//! `ledger`: the books' audit, the confirmation, and what people decide of single purchases.

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::{Args, Subcommand};

use crate::base::clock::moscow_day;
use crate::base::code::Code;
use crate::base::error::Error;
use crate::base::ids::PurchaseId;
use crate::base::sweep::Bound;
use crate::base::trusted_time;
use crate::programme::ledger::decision::{self, Decision, Grounds};
use crate::programme::ledger::{audit, confirm};
use crate::programme::vendors;
use crate::server::App;

/// The most rows that are listed at once.
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
    /// What partners' own servers were told that members let them take, to compare settlements with.
    Allowed {
        /// Of so many days.
        #[arg(long, default_value_t = 31, value_parser = clap::value_parser!(i64).range(1..=400))]
        days: i64,
    },
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
    ids: Vec<PurchaseId>,
    /// Why; it is kept with the decision.
    #[arg(long)]
    reason: String,
    /// Who decides; without it whoever is signed in to this machine.
    #[arg(long)]
    by: Option<String>,
}

impl Decided {
    fn grounds(&self) -> anyhow::Result<Grounds> {
        // With sudo, who has called it.
        let signed_in = || ["SUDO_USER", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
        let by = self.by.clone().or_else(signed_in).context("say who decides: --by NAME")?;
        Grounds::new(&by, &self.reason).map_err(anyhow::Error::msg)
    }
}

/// Runs one of the commands; answers the exit code.
pub async fn run(app: &App, command: &Ledger) -> anyhow::Result<i32> {
    match command {
        Ledger::Audit => {
            let audit = audit::run(&app.db_jobs, app.clock.now()).await?;
            println!("{}", serde_json::to_string(&audit)?);
            return Ok(i32::from(!audit.is_clean()));
        }
        Ledger::Confirm => {
            let today = moscow_day(trusted_time::now(app).await?);
            println!("{}", confirm::confirm_due(app, today, Bound::Half).await?.purchases);
        }
        Ledger::Held { decision: None } => list(app).await?,
        Ledger::Held { decision: Some(Held::Release(decided)) } => {
            return decide_all(app, decided, Decision::Release).await;
        }
        Ledger::Held { decision: Some(Held::Refuse(decided)) } => {
            return decide_all(app, decided, Decision::Refuse).await;
        }
        Ledger::TakeBack(decided) => return decide_all(app, decided, Decision::TakeBack).await,
        Ledger::Allowed { days } => list_allowed(app, *days).await?,
    }
    Ok(0)
}

async fn list(app: &App) -> anyhow::Result<()> {
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

async fn list_allowed(app: &App, days: i64) -> anyhow::Result<()> {
    let since = app.clock.now() - TimeDelta::days(days);
    let listed = vendors::store::redemptions(&app.db_jobs, since, LISTED + 1).await?;
    anyhow::ensure!(i64::try_from(listed.len())? <= LISTED, "more than {LISTED}: ask for fewer days");
    for allowed in listed {
        println!(
            "{} {} at most {} kopecks, {}, {}: {}",
            allowed.allowed_at.format("%Y-%m-%d %H:%M"),
            allowed.membership_number,
            allowed.most_kopecks,
            allowed.partner_name,
            allowed.key_name,
            allowed.operation
        );
    }
    Ok(())
}

/// Decides each; one that cannot be decided keeps no other from it. Answers the exit code: 0 where all are done.
async fn decide_all(app: &App, decided: &Decided, decision: Decision) -> anyhow::Result<i32> {
    let grounds = decided.grounds()?;
    let mut failed = false;
    for id in &decided.ids {
        match decision::decide(app, *id, decision, &grounds).await {
            Ok(true) => println!("{id} done"),
            Ok(false) => println!("{id} was done before"),
            Err(error) => {
                failed = true;
                eprintln!("{id}: {}", refusal_text(error));
            }
        }
    }
    Ok(i32::from(failed))
}

fn refusal_text(error: Error) -> String {
    match error {
        Error::NotFound => "there is no such purchase".into(),
        Error::Conflict(Code::AlreadyCancelled) => "it was taken back by its till".into(),
        Error::Conflict(_) => "it does not wait for a decision: see `ledger held`".into(),
        error => format!("{:#}", anyhow::Error::from(error)),
    }
}
