//! `partner-key`: the API keys of partners' own servers. A key is printed once, when it is made.

use anyhow::ensure;
use clap::{Args, Subcommand};

use crate::access::rights::Action;
use crate::act::audit::Entry;
use crate::act::{self, ActSpec};
use crate::base::ids::{PartnerId, PartnerKeyId};
use crate::base::texts;
use crate::programme::vendors::{ApiKey, MAX_NAME_CHARS, store};
use crate::server::App;

#[derive(Subcommand)]
pub enum PartnerKey {
    /// Make a key for a partner's server and print it; it cannot be printed again.
    Create(Create),
    /// List the partners and their keys.
    List,
    /// Revoke a key: its next request is refused.
    Revoke {
        /// The key's id, as listed.
        id: PartnerKeyId,
    },
}

#[derive(Args)]
pub struct Create {
    /// The partner's id, as listed.
    #[arg(long)]
    partner: PartnerId,
    /// What the key is for; tells the keys of a partner apart.
    #[arg(long)]
    name: String,
}

/// Runs one of the commands; answers the exit code.
pub async fn run(app: &App, login: Option<&str>, command: &PartnerKey) -> anyhow::Result<i32> {
    match command {
        PartnerKey::Create(new) => create(app, login, new).await?,
        PartnerKey::List => list(app).await?,
        PartnerKey::Revoke { id } => {
            let spec = ActSpec::by_operator(app, login, Action::RevokePartnerKey);
            let revoked = act::perform(app, spec, |mut act| async move {
                let now = act.now();
                act.record(of_key(*id));
                if store::revoke_key(act.conn(), *id, now).await? {
                    act.commit(true)
                } else {
                    act.roll_back(false)
                }
            });
            let revoked = revoked.await?;
            ensure!(revoked, "there is no such key, or it was revoked before");
        }
    }
    Ok(0)
}

async fn create(app: &App, login: Option<&str>, new: &Create) -> anyhow::Result<()> {
    let name = texts::parse_name(&new.name, MAX_NAME_CHARS).map_err(anyhow::Error::msg)?;
    let key = ApiKey::new(app);
    let (id, hash) = (PartnerKeyId(app.random.uuid()), key.stored_hash(&app.secret));
    let (name, hash) = (&name, &hash);
    let spec = ActSpec::by_operator(app, login, Action::MakePartnerKey);
    let known = act::perform(app, spec, |mut act| async move {
        let now = act.now();
        act.record(of_key(id));
        let is_known = store::insert_key(act.conn(), id, new.partner, name, hash, now).await?;
        if is_known { act.commit(true) } else { act.roll_back(false) }
    });
    let known = known.await?;
    ensure!(known, "there is no such partner: see `partner-key list`");
    eprintln!("key {id}; it is shown this once:");
    println!("{key}");
    Ok(())
}

fn of_key(id: PartnerKeyId) -> Entry {
    Entry::of_subject(format!("partner-key:{id}"))
}

async fn list(app: &App) -> anyhow::Result<()> {
    let mut heading = None;
    for row in store::keys(&app.db_jobs).await? {
        if heading != Some(row.partner_id) {
            println!("{} {}", row.partner_id, row.partner_name);
            heading = Some(row.partner_id);
        }
        if let (Some(id), Some(name), Some(created_at)) = (row.id, row.name, row.created_at) {
            let state = row
                .revoked_at
                .map_or("in force".to_owned(), |at| format!("revoked {}", at.format("%Y-%m-%d")));
            println!("  {id} {} {state} {name}", created_at.format("%Y-%m-%d"));
        }
    }
    Ok(())
}
