//! Partners, outlets, terminals and pairing codes in SQL.

use chrono::{DateTime, Days, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::PAIRING_CODE_DAYS;
use crate::access;
use crate::base::clock::TOLERATED_AHEAD;
use crate::base::error::Result;
use crate::base::ids::{OutletId, PartnerId, TerminalId};

/// The time within which a till asks again whose pairing was answered, but which never got the answer.
const REPEATED_WITHIN: TimeDelta = TimeDelta::minutes(10);
/// Days for which a used or ended code is kept.
const CODE_KEPT_DAYS: i64 = 100;

/// Adds a partner.
pub async fn insert_partner(
    conn: &mut PgConnection,
    id: PartnerId,
    name: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!("insert into partner (id, name, created_at) values ($1, $2, $3)", id.0, name, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// A new outlet.
pub struct NewOutlet<'a> {
    /// The outlet.
    pub id: OutletId,
    /// The partner.
    pub partner_id: PartnerId,
    /// Its name.
    pub name: &'a str,
    /// The address.
    pub address: &'a str,
    /// The IANA name of the time zone: the rules of an outlet are in its own time.
    pub time_zone: &'a str,
}

/// Adds an outlet.
pub async fn insert_outlet(
    conn: &mut PgConnection,
    outlet: &NewOutlet<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into outlet (id, partner_id, name, address, time_zone, created_at) values ($1, $2, $3, $4, $5, $6)",
        outlet.id.0,
        outlet.partner_id.0,
        outlet.name,
        outlet.address,
        outlet.time_zone,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An outlet as the command line lists it.
pub struct OutletRow {
    /// The outlet.
    pub id: OutletId,
    /// The names of partner and outlet.
    pub name: String,
}

/// All outlets.
pub async fn outlets(db: &PgPool) -> Result<Vec<OutletRow>> {
    Ok(sqlx::query_as!(
        OutletRow,
        r#"select o.id, p.name || ', ' || o.name as "name!" from outlet o join partner p on p.id = o.partner_id
           order by o.created_at, o.id"#
    )
    .fetch_all(db)
    .await?)
}

/// A till as the command line lists it, or an outlet that has none yet.
pub struct TillRow {
    /// The outlet.
    pub outlet_id: OutletId,
    /// The names of partner and outlet.
    pub outlet_name: String,
    /// The till.
    pub terminal_id: Option<TerminalId>,
    /// Its number in the outlet.
    pub number: Option<i32>,
    /// The moment of its last pairing.
    pub paired_at: Option<DateTime<Utc>>,
    /// The moment at which it ended, if it has.
    pub unpaired_at: Option<DateTime<Utc>>,
}

/// All tills, outlet by outlet.
pub async fn tills(db: &PgPool) -> Result<Vec<TillRow>> {
    Ok(sqlx::query_as!(
        TillRow,
        r#"select o.id as outlet_id, p.name || ', ' || o.name as "outlet_name!", t.id as "terminal_id?: TerminalId",
                  t.number as "number?", t.paired_at as "paired_at?", t.unpaired_at
           from outlet o join partner p on p.id = o.partner_id left join terminal t on t.outlet_id = o.id
           order by o.created_at, o.id, t.number"#
    )
    .fetch_all(db)
    .await?)
}

/// Records a pairing code by its hash; `false` if there is no such outlet.
pub async fn insert_pairing_code(
    conn: &mut PgConnection,
    code_hash: &[u8; 32],
    outlet_id: OutletId,
    now: DateTime<Utc>,
) -> Result<bool> {
    let inserted = sqlx::query!(
        "insert into pairing_code (code_hash, outlet_id, created_at, expires_at)
         select $1, id, $3, $4 from outlet where id = $2",
        &code_hash[..],
        outlet_id.0,
        now,
        now + Days::new(PAIRING_CODE_DAYS)
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Forgets pairing codes that ended long ago.
pub async fn prune_codes(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("delete from pairing_code where expires_at < $1", now - TimeDelta::days(CODE_KEPT_DAYS))
        .execute(db)
        .await?;
    Ok(())
}

/// Uses a pairing code up; answers the terminal, or none if the code is not good. A browser that was a till of this outlet
/// before becomes it again, and whatever was signed in as this till until now is not any more; one that lost the reply to its
/// pairing and asks again soon gets the same answer.
pub async fn pair(
    conn: &mut PgConnection,
    code_hash: &[u8; 32],
    client_id: Uuid,
    new_terminal_id: TerminalId,
    now: DateTime<Utc>,
) -> Result<Option<TerminalId>> {
    // The outlet's row is locked too, so that two pairings do not draw one number. A statement of its own, so that the next
    // one sees all that another pairing did meanwhile.
    sqlx::query!(
        "select from pairing_code c join outlet o on o.id = c.outlet_id where c.code_hash = $1 for update of c, o",
        &code_hash[..]
    )
    .execute(&mut *conn)
    .await?;
    let code = sqlx::query!(
        r#"select o.id as "outlet_id: OutletId", c.terminal_id as "terminal_id: TerminalId", (select t.paired_at from terminal t where t.id = c.terminal_id) as paired_at,
                  (select t.id from terminal t where t.outlet_id = o.id and t.client_id = $3) as "own_terminal_id: TerminalId"
           from pairing_code c join outlet o on o.id = c.outlet_id
           where c.code_hash = $1 and c.expires_at > $2 and c.created_at <= $4"#,
        &code_hash[..],
        now,
        client_id,
        now + TOLERATED_AHEAD
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(code) = code else { return Ok(None) };
    if let Some(used_by) = code.terminal_id {
        // Good once more for a reply that was lost, which is noticed at once; and the browser that asks is then the only one.
        let is_own = code.own_terminal_id == Some(used_by);
        if !is_own || code.paired_at.is_none_or(|paired_at| (now - paired_at).abs() > REPEATED_WITHIN) {
            return Ok(None);
        }
        access::store::close_sessions_of_till(&mut *conn, used_by).await?;
        return Ok(Some(used_by));
    }
    let terminal_id = if let Some(own) = code.own_terminal_id {
        sqlx::query!("update terminal set paired_at = $2, unpaired_at = null where id = $1", own.0, now)
            .execute(&mut *conn)
            .await?;
        access::store::close_sessions_of_till(&mut *conn, own).await?;
        own
    } else {
        sqlx::query!(
            "insert into terminal (id, outlet_id, number, client_id, paired_at)
             values ($1, $2, (select coalesce(max(number), 0) + 1 from terminal where outlet_id = $2), $3, $4)",
            new_terminal_id.0,
            code.outlet_id.0,
            client_id,
            now
        )
        .execute(&mut *conn)
        .await?;
        new_terminal_id
    };
    sqlx::query!(
        "update pairing_code set terminal_id = $2 where code_hash = $1",
        &code_hash[..],
        terminal_id.0
    )
    .execute(conn)
    .await?;
    Ok(Some(terminal_id))
}

/// Ends a till and every session of it; answers whether there was one to end. Its number is not given again.
pub async fn unpair(conn: &mut PgConnection, terminal_id: TerminalId, now: DateTime<Utc>) -> Result<bool> {
    let ended = sqlx::query!(
        "update terminal set unpaired_at = $2 where id = $1 and unpaired_at is null",
        terminal_id.0,
        now
    )
    .execute(&mut *conn)
    .await?;
    access::store::close_sessions_of_till(conn, terminal_id).await?;
    Ok(ended.rows_affected() == 1)
}

/// The outlet of a till, and its partner.
pub struct TerminalOutlet {
    /// The partner.
    pub partner_id: PartnerId,
    /// The outlet.
    pub outlet_id: OutletId,
    /// The till's number in the outlet.
    pub number: i32,
}

/// The outlet of a terminal, and its partner.
pub async fn outlet_of_terminal(conn: &mut PgConnection, terminal_id: TerminalId) -> Result<TerminalOutlet> {
    Ok(sqlx::query_as!(
        TerminalOutlet,
        "select o.partner_id, o.id as outlet_id, t.number
         from terminal t join outlet o on o.id = t.outlet_id where t.id = $1",
        terminal_id.0
    )
    .fetch_one(conn)
    .await?)
}
