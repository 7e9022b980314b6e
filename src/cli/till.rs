//! `till`: pairing codes for partners' tills, and the end of one that was stolen or given away.

use anyhow::{Context as _, ensure};
use clap::Subcommand;

use crate::access::codes::AccessCode;
use crate::access::rights::Action;
use crate::access::till_audience;
use crate::act::audit::Entry;
use crate::act::{self, ActSpec};
use crate::base::ids::{OutletId, TerminalId};
use crate::programme::partners::store;
use crate::server::App;

#[derive(Subcommand)]
pub enum Till {
    /// Make a code that pairs one till with an outlet.
    Code {
        /// The outlet's id; without it, the first outlet.
        #[arg(long)]
        outlet: Option<OutletId>,
    },
    /// List the outlets.
    Outlets,
    /// List the outlets with their tills.
    List,
    /// End a till: its next request is refused, wherever its cookie is.
    End {
        /// The till's id, as listed.
        id: TerminalId,
    },
}

/// Runs one of the commands; answers the exit code.
pub async fn run(app: &App, login: Option<&str>, command: &Till) -> anyhow::Result<i32> {
    match command {
        Till::Code { outlet } => println!("{}", pairing_code(app, login, *outlet).await?),
        Till::Outlets => {
            for outlet in store::outlets(&app.db_jobs).await? {
                println!("{} {}", outlet.id, outlet.name);
            }
        }
        Till::List => list(app).await?,
        Till::End { id } => {
            let spec = ActSpec::by_operator(app, login, Action::UnpairTill);
            let ended = act::perform(app, spec, |mut act| async move {
                let now = act.now();
                act.record(Entry::of_subject(till_audience(*id)));
                if store::unpair(act.conn(), *id, now).await? {
                    act.commit(true)
                } else {
                    act.roll_back(false)
                }
            });
            let ended = ended.await?;
            ensure!(ended, "there is no such till, or it was ended before: see `till list`");
        }
    }
    Ok(0)
}

async fn list(app: &App) -> anyhow::Result<()> {
    let mut heading = None;
    for row in store::tills(&app.db_jobs).await? {
        if heading != Some(row.outlet_id) {
            println!("{} {}", row.outlet_id, row.outlet_name);
            heading = Some(row.outlet_id);
        }
        if let (Some(id), Some(number), Some(paired_at)) = (row.terminal_id, row.number, row.paired_at) {
            let state =
                row.unpaired_at.map_or("paired".to_owned(), |at| format!("ended {}", at.format("%Y-%m-%d")));
            println!("  {id} {number} {} {state}", paired_at.format("%Y-%m-%d"));
        }
    }
    Ok(())
}

/// Makes a pairing code for an outlet.
pub async fn pairing_code(
    app: &App,
    login: Option<&str>,
    outlet: Option<OutletId>,
) -> anyhow::Result<AccessCode> {
    let outlet_id = match outlet {
        Some(id) => id,
        None => store::outlets(&app.db_jobs).await?.first().context("there is no outlet yet")?.id,
    };
    let code = AccessCode::from_bytes(&app.random.bytes::<7>());
    let code_hash = code.stored_hash(&app.secret, "pairing-hash");
    let code_hash = &code_hash;
    let spec = ActSpec::by_operator(app, login, Action::MakePairingCode);
    let known = act::perform(app, spec, |mut act| async move {
        let now = act.now();
        act.record(Entry::of_subject(format!("outlet:{outlet_id}")));
        let is_known = store::insert_pairing_code(act.conn(), code_hash, outlet_id, now).await?;
        if is_known { act.commit(true) } else { act.roll_back(false) }
    });
    let known = known.await?;
    ensure!(known, "there is no such outlet: see `till list`");
    Ok(code)
}
