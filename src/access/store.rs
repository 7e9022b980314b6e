//! Sessions, accounts and mandates in SQL.

use chrono::{DateTime, Days, NaiveDate, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::rights::MandateRole;
use super::{EndReason, Face};
use crate::base::clock::TOLERATED_AHEAD;
use crate::base::error::Result;
use crate::base::ids::{AccountId, DeviceId, MembershipId, OrganisationId, TerminalId};
use crate::base::sweep::{BATCH, DueRows};

/// Days for which the row of an ended session is kept.
const ENDED_SESSION_DAYS: u64 = 60;

/// The most sessions of one account, phone or till at once.
const MAX_SESSIONS: i64 = 50;

/// The owner of a new session.
#[derive(Clone, Copy, Debug)]
pub enum SessionOwner {
    /// A staff account.
    Account(AccountId),
    /// A member's phone.
    Device(DeviceId),
    /// A till.
    Terminal(TerminalId),
}

impl SessionOwner {
    /// The face this owner signs in to.
    pub fn face(self) -> Face {
        match self {
            Self::Account(_) => Face::Staff,
            Self::Device(_) => Face::Member,
            Self::Terminal(_) => Face::Till,
        }
    }
}

/// Opens a session. Beyond [`MAX_SESSIONS`] of one owner the oldest ends; those that a clock ahead has dated go first, or they
/// would outlast all that are opened before their day.
pub async fn open_session(
    conn: &mut PgConnection,
    token_hash: &[u8; 32],
    owner: SessionOwner,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>> {
    let face = owner.face();
    let (account, device, terminal) = match owner {
        SessionOwner::Account(id) => (Some(id.0), None, None),
        SessionOwner::Device(id) => (None, Some(id.0), None),
        SessionOwner::Terminal(id) => (None, None, Some(id.0)),
    };
    let expires_at = now + Days::new(face.session_days().unsigned_abs());
    sqlx::query!(
        "insert into session (token_hash, face, account_id, device_id, terminal_id, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        &token_hash[..],
        face as Face,
        account,
        device,
        terminal,
        now,
        expires_at
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "delete from session where token_hash in (
             select token_hash from session where account_id = $1 or device_id = $2 or terminal_id = $3
             order by created_at <= $5 desc, created_at desc, token_hash offset $4)",
        account,
        device,
        terminal,
        MAX_SESSIONS,
        now
    )
    .execute(conn)
    .await?;
    Ok(expires_at)
}

/// Ends a session.
pub async fn close_session(conn: &mut PgConnection, token_hash: &[u8; 32]) -> Result<()> {
    sqlx::query!("delete from session where token_hash = $1", &token_hash[..]).execute(conn).await?;
    Ok(())
}

/// Ends every session of a till.
pub async fn close_sessions_of_till(conn: &mut PgConnection, terminal_id: TerminalId) -> Result<()> {
    sqlx::query!("delete from session where terminal_id = $1", terminal_id.0).execute(conn).await?;
    Ok(())
}

/// Counts the sessions that ended long ago, for the bound of a round.
pub async fn sessions_due(db: &PgPool, now: DateTime<Utc>) -> Result<DueRows> {
    Ok(sqlx::query_as!(
        DueRows,
        r#"with due as (select count(*) as due from session where expires_at < $1)
           select due as "due!",
                  (select count(*) from (select from session where expires_at >= $1 limit (select due from due)) kept) as "left!"
           from due"#,
        now - Days::new(ENDED_SESSION_DAYS)
    )
    .fetch_one(db)
    .await?)
}

/// Removes a batch of sessions that ended long ago; answers how many.
pub async fn prune_sessions(db: &PgPool, now: DateTime<Utc>) -> Result<u64> {
    let gone = sqlx::query!(
        "delete from session where token_hash in (select token_hash from session where expires_at < $1 limit $2)",
        now - Days::new(ENDED_SESSION_DAYS),
        BATCH
    )
    .execute(db)
    .await?;
    Ok(gone.rows_affected())
}

/// The account behind a valid staff session. One that a clock far ahead has dated would live for as much longer: its owner
/// signs in again. Phones and tills could not do so without a new code, and their sessions are as good as endless anyway.
pub async fn staff_session(
    db: &PgPool,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<AccountId>> {
    Ok(sqlx::query_scalar!(
        r#"select a.id as "id: AccountId" from session s join account a on a.id = s.account_id
         where s.token_hash = $1 and s.expires_at > $2 and s.created_at <= $3 and a.disabled_at is null"#,
        &token_hash[..],
        now,
        now + TOLERATED_AHEAD
    )
    .fetch_optional(db)
    .await?)
}

/// The phone behind a member session that is in time; the phone itself may have ended.
pub struct MemberSession {
    /// The phone.
    pub device_id: DeviceId,
    /// The membership of the phone's owner.
    pub membership_id: MembershipId,
    /// The reason why the phone has ended, if it has.
    pub ended_reason: Option<EndReason>,
    /// Whether the membership is over.
    pub membership_ended: bool,
}

/// The phone and membership behind a member session.
pub async fn member_session(
    db: &PgPool,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<MemberSession>> {
    Ok(sqlx::query_as!(
        MemberSession,
        r#"select d.id as device_id, d.membership_id, d.ended_reason as "ended_reason: EndReason",
                  m.status not in ('active', 'suspended') as "membership_ended!"
           from session s join device d on d.id = s.device_id join membership m on m.id = d.membership_id
           where s.token_hash = $1 and s.expires_at > $2"#,
        &token_hash[..],
        now
    )
    .fetch_optional(db)
    .await?)
}

/// The terminal behind a valid till session.
pub async fn till_session(
    db: &PgPool,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<TerminalId>> {
    Ok(sqlx::query_scalar!(
        r#"select t.id as "id: TerminalId" from session s join terminal t on t.id = s.terminal_id
         where s.token_hash = $1 and s.expires_at > $2 and t.unpaired_at is null"#,
        &token_hash[..],
        now
    )
    .fetch_optional(db)
    .await?)
}

/// An account's credentials, as sign-in needs them.
pub struct Credentials {
    /// The account.
    pub account_id: AccountId,
    /// The argon2id hash of the password, as a PHC string.
    pub password_hash: String,
}

/// The enabled account with this login (lower case).
pub async fn credentials(db: &PgPool, login: &str) -> Result<Option<Credentials>> {
    Ok(sqlx::query_as!(
        Credentials,
        "select id as account_id, password_hash from account where login = $1 and disabled_at is null",
        login
    )
    .fetch_optional(db)
    .await?)
}

/// Adds an account.
pub async fn insert_account(
    conn: &mut PgConnection,
    id: AccountId,
    login: &str,
    password_hash: &str,
    display_name: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into account (id, login, password_hash, display_name, created_at) values ($1, $2, $3, $4, $5)",
        id.0,
        login,
        password_hash,
        display_name,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives an account rights over an organisation and all below it.
pub async fn insert_mandate(
    conn: &mut PgConnection,
    id: Uuid,
    account_id: AccountId,
    organisation_id: OrganisationId,
    role: MandateRole,
    term_from: NaiveDate,
) -> Result<()> {
    sqlx::query!(
        "insert into mandate (id, account_id, organisation_id, role, term_from) values ($1, $2, $3, $4, $5)",
        id,
        account_id.0,
        organisation_id.0,
        role as MandateRole,
        term_from
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A running mandate and the name of its organisation.
pub struct MandateRow {
    /// The organisation.
    pub organisation_id: OrganisationId,
    /// The organisation's short name.
    pub organisation_name: String,
    /// The role of the account's mandate.
    pub role: MandateRole,
}

/// The name and the mandates of an account as of a day.
pub async fn account_overview(
    db: &PgPool,
    account_id: AccountId,
    today: NaiveDate,
) -> Result<(String, Vec<MandateRow>)> {
    let name = sqlx::query_scalar!("select display_name from account where id = $1", account_id.0)
        .fetch_one(db)
        .await?;
    let mandates = sqlx::query_as!(
        MandateRow,
        r#"select o.id as organisation_id, o.short_name as organisation_name, m.role as "role: MandateRole"
           from mandate m join organisation o on o.id = m.organisation_id
           where m.account_id = $1 and m.term_from <= $2 and (m.term_to is null or m.term_to > $2)
           order by o.path"#,
        account_id.0,
        today
    )
    .fetch_all(db)
    .await?;
    Ok((name, mandates))
}

/// Whether the running mandates of an account reach two organisations in which members may be registered.
pub async fn reaches_two_organisations(db: &PgPool, account_id: AccountId, today: NaiveDate) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) = 2 as "two!" from (
               select from organisation o
               where o.kind in ('primary', 'bureau', 'group') and (o.valid_to is null or o.valid_to > $2)
                 and exists (select from mandate m join organisation root on root.id = m.organisation_id
                             where m.account_id = $1 and m.term_from <= $2 and (m.term_to is null or m.term_to > $2)
                               and o.path ^@ root.path)
               limit 2) place"#,
        account_id.0,
        today
    )
    .fetch_one(db)
    .await?)
}
