//! The log of changes, from which phones and tills learn what is new for them, in an order in which nothing can appear late.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

use crate::base::error::{Error, Result};
use crate::base::sweep::{BATCH, DueRows};

/// Days for which changes are kept; a client that was away longer starts over.
pub const CHANGE_DAYS: i64 = 90;

/// A kind of data of which phones and tills keep a copy. `server::sync` puts together what each of them is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Entity {
    /// A member's data, consents and card.
    Profile,
    /// The member's balance of cashback.
    Balance,
    /// A purchase, for its member and for its till.
    Purchase,
    /// A notice to the member.
    Notice,
    /// The till's own data: its outlet, and the rule in force there.
    Till,
}

impl Entity {
    /// Every kind of entity.
    pub const ALL: [Self; 5] = [Self::Profile, Self::Balance, Self::Purchase, Self::Notice, Self::Till];

    /// The entity's word in the log and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Balance => "balance",
            Self::Purchase => "purchase",
            Self::Notice => "notice",
            Self::Till => "till",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.as_str() == word)
    }
}

/// The id of an entity of which a client has only one.
pub const ME: &str = "me";

/// Notes that an audience must learn of an entity's present state. Commits with the change itself.
pub async fn record_change(
    conn: &mut PgConnection,
    audience: &str,
    entity: Entity,
    id: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into change (audience, entity, entity_id, changed_at) values ($1, $2, $3, $4)",
        audience,
        entity.as_str(),
        id,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A client's position in the log: it has read everything up to this transaction and row, of one history of the
/// database. To clients it is a text without a meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The database that gave the numbers, and its timeline. After a standby was promoted, or a backup restored, the
    /// same numbers are given to other transactions.
    pub history: String,
    /// A transaction id (xid8, never wraps).
    pub xid: u64,
    /// A row within it.
    pub seq: i64,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.history, self.xid, self.seq)
    }
}

impl std::str::FromStr for Cursor {
    type Err = Error;

    /// A cursor of an earlier release names no history: it is of none that there is, and its client starts over.
    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let (rest, seq) = text.rsplit_once('.')?;
            let (history, xid) = rest.rsplit_once('.').unwrap_or(("", rest));
            Some(Self { history: history.to_owned(), xid: xid.parse().ok()?, seq: seq.parse().ok()? })
        };
        read().ok_or_else(|| Error::MalformedRequest("unreadable cursor".into()))
    }
}

fn xid(text: &str) -> Result<u64> {
    text.parse()
        .map_err(|_| Error::Internal(anyhow::anyhow!("the database gave an unreadable transaction id")))
}

/// The cursor of a client that is about to read everything: the newest row below which no transaction is running any
/// more. Not the number of the oldest running transaction itself, as a database that crashes gives the numbers anew
/// that only transactions without a trace had; a row that can be seen is on the disk, and its number is not given
/// again.
pub async fn start_cursor(conn: &mut PgConnection) -> Result<Cursor> {
    let row = sqlx::query!(
        r#"select greatest(coalesce(newest.xid::text::numeric, 0), h.xid::text::numeric + 1)::text as "xid!",
                  case when newest.xid > h.xid then newest.seq else 0 end as "seq!", history.history as "history!"
           from change_horizon h cross join database_history history
           left join lateral (
               select c.xid, c.seq from change c
               where c.xid < pg_snapshot_xmin(pg_current_snapshot())
               order by c.seq desc limit 1
           ) newest on true"#
    )
    .fetch_one(conn)
    .await?;
    Ok(Cursor { history: row.history, xid: xid(&row.xid)?, seq: row.seq })
}

/// An entity whose state a client must learn.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChangedEntity {
    /// The entity's kind.
    pub entity: Entity,
    /// Which one.
    pub id: String,
    /// Whether the entity is gone.
    pub deleted: bool,
}

/// A page of the log.
pub struct ChangePage {
    /// The entities that changed, in commit order, without repetitions.
    pub changed: Vec<ChangedEntity>,
    /// The cursor for the next page.
    pub cursor: Cursor,
    /// Whether there is more right now.
    pub more: bool,
    /// Whether something newer is committed but must wait for an older transaction to end: ask again soon.
    pub pending: bool,
}

/// The changes for an audience since `after`.
pub async fn changes(
    conn: &mut PgConnection,
    audience: &str,
    after: Cursor,
    limit: i64,
) -> Result<ChangePage> {
    let rows = sqlx::query!(
        r#"with snapshot as (select pg_snapshot_xmin(pg_current_snapshot()) as xmin)
           select s.xmin::text as "xmin!", c.xid::text as "xid!", c.seq, c.entity, c.entity_id, c.deleted,
                  c.xid < s.xmin as "settled!"
           from snapshot s cross join change c
           where c.audience = $1 and (c.xid, c.seq) > ($2::text::xid8, $3)
           order by c.xid, c.seq
           limit $4"#,
        audience,
        after.xid.to_string(),
        after.seq,
        limit + 1
    )
    .fetch_all(&mut *conn)
    .await?;
    // Nothing new: stay. A cursor that stays old while its changes are pruned only costs one fresh start.
    let Some(last) = rows.last() else {
        return Ok(ChangePage { changed: Vec::new(), cursor: after, more: false, pending: false });
    };
    let pending = !last.settled;
    let settled: Vec<_> = rows.iter().filter(|row| row.settled).collect();
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = settled.len() > page;
    let taken = &settled[..settled.len().min(page)];
    let cursor = match taken.last() {
        Some(row) => Cursor { history: after.history, xid: xid(&row.xid)?, seq: row.seq },
        None => after,
    };
    let mut changed: Vec<ChangedEntity> = Vec::new();
    for row in taken {
        // One that a newer release has noted before this one came back: nobody here could say what it is.
        let Some(entity) = Entity::parse(&row.entity) else { continue };
        let one = ChangedEntity { entity, id: row.entity_id.clone(), deleted: row.deleted };
        changed.retain(|earlier| (earlier.entity, &earlier.id) != (one.entity, &one.id));
        changed.push(one);
    }
    Ok(ChangePage { changed, cursor, more, pending })
}

/// Whether a cursor is of no use: what came after it was pruned, or it is of another history than this database's present, as
/// after a restore or the promotion of a standby.
pub async fn is_stale(conn: &mut PgConnection, cursor: &Cursor) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select $1 <> history.history or $2::text::xid8 <= h.xid
                  or $2::text::xid8 > pg_snapshot_xmax(pg_current_snapshot()) as "forgotten!"
           from change_horizon h cross join database_history history"#,
        cursor.history,
        cursor.xid.to_string()
    )
    .fetch_one(conn)
    .await?)
}

/// The moment of the newest change.
pub async fn last_changed_at(conn: &mut PgConnection) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!("select max(changed_at) from change").fetch_one(conn).await?)
}

/// Forgets the log, and lets every client start over: after a restored dump it bears the transaction numbers of another PostgreSQL,
/// or of another past.
pub async fn forget_changes(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("truncate change").execute(&mut *conn).await?;
    sqlx::query!("update change_horizon set xid = pg_current_xact_id()").execute(conn).await?;
    Ok(())
}

/// Counts the changes that every client in touch has long seen, for the bound of a round.
pub async fn changes_due(db: &PgPool, now: DateTime<Utc>) -> Result<DueRows> {
    Ok(sqlx::query_as!(
        DueRows,
        r#"with due as (select count(*) as due from change where changed_at < $1)
           select due as "due!",
                  (select count(*) from (select from change where changed_at >= $1 limit (select due from due)) kept) as "left!"
           from due"#,
        now - TimeDelta::days(CHANGE_DAYS)
    )
    .fetch_one(db)
    .await?)
}

/// Removes a batch of old changes; answers how many. A cursor within it is told to start over from the same moment on.
pub async fn prune_changes(db: &PgPool, now: DateTime<Utc>) -> Result<u64> {
    Ok(sqlx::query_scalar!(
        r#"with old as (delete from change where seq in (select seq from change where changed_at < $1 limit $2) returning xid),
                forgotten as (update change_horizon
                              set xid = greatest(xid, (select xid from old order by xid desc limit 1))
                              where exists (select from old))
           select count(*) as "gone!" from old"#,
        now - TimeDelta::days(CHANGE_DAYS),
        BATCH
    )
    .fetch_one(db)
    .await?
    .unsigned_abs())
}
