//! The card moves to another phone with the consent of the one that holds it: for half an hour whichever phone is enrolled then pays
//! as this one did, without the wait by which a sheet in the wrong hands is found out. From when on a phone pays is asked here too.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::base::clock::CLOCKS_APART;
use crate::base::error::Result;
use crate::base::ids::{CardId, DeviceId, MembershipId};

/// The life of an agreement to move: long enough to fetch the other phone, the sheet and a network.
pub const AGREEMENT_LASTS: TimeDelta = TimeDelta::minutes(30);

/// The moment from which the next phone redeems, if it is enrolled now: at once where the present one has agreed to
/// that and redeems itself. An agreement lasts half an hour; one until a later moment was dated by a clock that was
/// ahead, and does not count.
pub async fn next_phone_redeems_from(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    wait: TimeDelta,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>> {
    let agreed = sqlx::query_scalar!(
        r#"select greatest(redeems_from, $2) as "from!" from device
           where membership_id = $1 and ended_at is null and move_agreed_until > $2 and move_agreed_until <= $3"#,
        membership_id.0,
        now,
        now + AGREEMENT_LASTS + CLOCKS_APART
    )
    .fetch_optional(conn)
    .await?;
    Ok(agreed.unwrap_or(now + wait))
}

/// The moment from which the phone of a card redeems; none where the card belongs to no phone.
pub async fn redeems_from(conn: &mut PgConnection, card_id: CardId) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(d.redeems_from, d.enrolled_at) as "from!"
           from card c join device d on d.id = c.device_id where c.id = $1"#,
        card_id.0
    )
    .fetch_optional(conn)
    .await?)
}

/// Lets no phone redeem before this moment; answers how many phones there are.
pub async fn delay_redemption(conn: &mut PgConnection, until: DateTime<Utc>) -> Result<u64> {
    let held = sqlx::query!(
        "update device set redeems_from = greatest(redeems_from, $1), move_agreed_until = null where ended_at is null",
        until
    );
    Ok(held.execute(conn).await?.rows_affected())
}

/// Notes until when a phone agrees to be replaced, or that it does not; `false` if it has ended.
pub async fn set_move_agreed(
    conn: &mut PgConnection,
    device_id: DeviceId,
    until: Option<DateTime<Utc>>,
) -> Result<bool> {
    let set = sqlx::query!(
        "update device set move_agreed_until = $2 where id = $1 and ended_at is null",
        device_id.0,
        until
    )
    .execute(conn)
    .await?;
    Ok(set.rows_affected() == 1)
}
