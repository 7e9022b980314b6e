//! The status lists and their published tokens in SQL.

use chrono::{DateTime, Utc};
use profcards_card::Kid;
use sqlx::{PgConnection, PgPool};

use super::Digest;
use crate::base::error::Result;
use crate::cards::CardStatus;

/// The state of a list and of the token that was last signed for it.
pub struct ListState {
    /// The list's revision; none if it was not opened yet.
    pub revision: Option<i64>,
    /// The revision that the token was made of.
    pub signed_revision: Option<i64>,
    /// The key that signed the token.
    pub kid: Option<Vec<u8>>,
    /// The digest of the token's bytes.
    pub digest: Option<Vec<u8>>,
    /// The token's `iat`; none if there is no token yet.
    pub signed_at: Option<DateTime<Utc>>,
}

/// The state of list `n`.
pub async fn state(conn: &mut PgConnection, n: i32) -> Result<ListState> {
    Ok(sqlx::query_as!(
        ListState,
        r#"select l.revision as "revision?", p.revision as "signed_revision?", p.kid as "kid?", p.digest as "digest?",
                  p.signed_at as "signed_at?"
           from (values (1)) one left join status_list l on l.n = $1 left join published_list p on p.list_n = $1"#,
        n
    )
    .fetch_one(conn)
    .await?)
}

/// The token of list `n`, which there must be.
pub async fn token(conn: &mut PgConnection, n: i32) -> Result<Vec<u8>> {
    Ok(sqlx::query_scalar!("select cose from published_list where list_n = $1", n).fetch_one(conn).await?)
}

/// Lets one instance after the other sign list `n`, until the transaction ends.
pub async fn lock_token(conn: &mut PgConnection, n: i32) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('published-list'), $1)", n).execute(conn).await?;
    Ok(())
}

/// A status list as the tables have it, in one snapshot.
pub struct ListContent {
    /// Its revision.
    pub revision: i64,
    /// Its length.
    pub capacity: i32,
    /// The places that are marked.
    pub marked: Vec<i32>,
    /// Their marks, in the same order.
    pub marks: Vec<CardStatus>,
}

/// A list and all its marks; none if it was not opened yet.
pub async fn content(conn: &mut PgConnection, n: i32) -> Result<Option<ListContent>> {
    Ok(sqlx::query_as!(
        ListContent,
        r#"select l.revision, l.capacity, marked.indices as "marked!", marked.marks as "marks!: Vec<CardStatus>"
           from status_list l
           cross join lateral (
               select coalesce(array_agg(m.idx), '{}') as indices, coalesce(array_agg(m.status), '{}') as marks
               from (
                   select c.idx, c.status from card c where c.list_n = l.n and c.status <> 0
                   union all
                   select v.idx, 1::smallint from void_place v where v.list_n = l.n
               ) m
           ) marked
           where l.n = $1"#,
        n
    )
    .fetch_optional(conn)
    .await?)
}

/// Keeps the token of list `n` for all instances.
pub async fn keep_token(
    conn: &mut PgConnection,
    n: i32,
    revision: Option<i64>,
    kid: Kid,
    digest: &Digest,
    signed_at: DateTime<Utc>,
    cose: &[u8],
) -> Result<()> {
    sqlx::query!(
        "insert into published_list (list_n, revision, kid, digest, signed_at, cose) values ($1, $2, $3, $4, $5, $6)
         on conflict (list_n) do update set revision = excluded.revision, kid = excluded.kid,
             digest = excluded.digest, signed_at = excluded.signed_at, cose = excluded.cose",
        n,
        revision,
        &kid.0[..],
        &digest[..],
        signed_at,
        cose
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The lists that have not ended, the oldest first.
pub async fn living_lists(db: &PgPool) -> Result<Vec<i32>> {
    Ok(sqlx::query_scalar!("select n from status_list where ended_at is null order by n")
        .fetch_all(db)
        .await?)
}

/// The newest list; 0 before there is one.
pub async fn newest_list(conn: &mut PgConnection) -> Result<i32> {
    Ok(sqlx::query_scalar!(r#"select coalesce(max(n), 0) as "n!" from status_list"#).fetch_one(conn).await?)
}

/// Ends the lists that take no cards any more and whose every card has ended. A day after the next list was opened, no
/// transaction that took a place before is still running.
pub async fn mark_ended(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update status_list l set ended_at = $1
         where l.ended_at is null
           and exists (select from status_list later where later.n = l.n + 1 and later.opened_at < $1::timestamptz - interval '1 day')
           and not exists (select from card c where c.list_n = l.n and c.expires_at > $1)",
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Raises the revisions of lists, so that they are published anew. They are locked in the order of their numbers: cards
/// of one member may lie on several.
pub async fn bump_revisions(conn: &mut PgConnection, lists: &[i32]) -> Result<()> {
    sqlx::query!("select from status_list where n = any ($1) order by n for no key update", lists)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("update status_list set revision = revision + 1 where n = any ($1)", lists)
        .execute(conn)
        .await?;
    Ok(())
}
