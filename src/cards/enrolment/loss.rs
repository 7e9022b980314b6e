//! What ends with a lost phone: the phone itself with its card, and the codes that nobody has used. The paper card lives on.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::store;
use crate::access::EndReason;
use crate::act::notices::{self, Initiator, NoticeKind};
use crate::base::Base;
use crate::base::error::Result;
use crate::base::ids::MembershipId;
use crate::cards;

/// Ends a membership's phone as lost, and the codes that nobody has used: the sheet may have been in the same bag. Answers
/// whether there was anything to end. The caller holds the membership's lock.
pub async fn end_lost_phone(
    base: &Base,
    conn: &mut PgConnection,
    membership_id: MembershipId,
    by: Initiator,
    now: DateTime<Utc>,
) -> Result<bool> {
    let ended_codes = store::end_unused_codes(&mut *conn, membership_id, now).await?;
    let phone = store::active_phone(&mut *conn, membership_id).await?;
    tracing::info!(membership = %membership_id, by = by.as_str(), device = phone.map(tracing::field::display), ended_codes, "a loss is reported");
    if phone.is_none() {
        return Ok(ended_codes > 0);
    }
    cards::retire_phone(&mut *conn, membership_id, EndReason::Lost, now).await?;
    notices::notify_member(base, conn, membership_id, NoticeKind::PhoneLost, by, now).await?;
    Ok(true)
}
