//! Cards that no longer say what the register says, or whose signature nobody accepts any more.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use profcards_card::{DeviceKey, SignedCard};
use sqlx::PgConnection;

use super::{CardOrder, MarkReason, issue, shown, store};
use crate::base::error::Result;
use crate::base::ids::MembershipId;
use crate::cards::Issuer;

/// Revokes the living cards of a membership and issues others in their place, for the same phone and as paper, if they show
/// something else than they would now, or their key was given up while the membership rested; answers whether they did. The
/// caller holds the membership's lock. A membership that is not active is left alone: it is issued nothing.
pub async fn reissue_outdated(
    issuer: &Issuer,
    conn: &mut PgConnection,
    membership_id: MembershipId,
    now: DateTime<Utc>,
) -> Result<bool> {
    let Some(holder) = store::holder(&mut *conn, membership_id).await? else { return Ok(false) };
    let would_show = shown(&holder)?;
    let living = store::living_cards(&mut *conn, membership_id, now).await?;
    let mut changed = living.iter().any(|card| card.is_of_lost_key);
    for card in &living {
        let signed = SignedCard::parse(&card.cose).context("a card in the tables is not one")?;
        changed |= signed.claims.shown != would_show;
    }
    if !changed {
        return Ok(false);
    }
    store::mark_revoked(&mut *conn, membership_id, None, MarkReason::Changed, now).await?;
    for card in &living {
        let key = card.cnf.as_deref().map(DeviceKey::from_cose_key).transpose();
        let key = key.context("a phone's key in the tables is not one")?;
        let order = CardOrder { membership_id, key: key.as_ref(), device_id: card.device_id, sample: false };
        issue(issuer, &mut *conn, &order, now).await?;
    }
    Ok(true)
}
