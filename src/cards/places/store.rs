//! Places in SQL.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::base::error::Result;
use crate::cards::lists::store::bump_revisions;

/// Takes the next numbers of places, in ascending order. A rollback does not bring them back.
pub async fn next_places(conn: &mut PgConnection, count: i32) -> Result<Vec<i64>> {
    let mut numbers = sqlx::query_scalar!(
        r#"select nextval('card_place_seq') as "number!" from generate_series(1, $1)"#,
        count
    )
    .fetch_all(conn)
    .await?;
    numbers.sort_unstable();
    Ok(numbers)
}

/// Lets the next place be no earlier than this one.
pub async fn begin_places_at(conn: &mut PgConnection, number: i64) -> Result<()> {
    sqlx::query_scalar!(
        "select setval('card_place_seq', greatest($1, last_value), false) from card_place_seq",
        number
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// Marks places that no known card has, at once and for good.
pub async fn void_places(conn: &mut PgConnection, lists: &[i32], indices: &[i32]) -> Result<()> {
    sqlx::query!(
        "insert into void_place (list_n, idx) select * from unnest($1::integer[], $2::integer[]) on conflict do nothing",
        lists,
        indices
    )
    .execute(&mut *conn)
    .await?;
    bump_revisions(conn, lists).await
}

/// Marks all places of a list, at once and for good.
pub async fn void_list(conn: &mut PgConnection, n: i32) -> Result<()> {
    sqlx::query!(
        "insert into void_place (list_n, idx)
         select n, generate_series(0, capacity - 1) from status_list where n = $1 on conflict do nothing",
        n
    )
    .execute(&mut *conn)
    .await?;
    bump_revisions(conn, &[n]).await
}

/// Opens list `n` unless it is open; answers the key of its places, none if they are drawn at random.
pub async fn open_list(
    conn: &mut PgConnection,
    n: i32,
    uri: &str,
    capacity: i32,
    new_key: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>> {
    let held = sqlx::query_scalar!("select place_key from status_list where n = $1", n)
        .fetch_optional(&mut *conn)
        .await?;
    if let Some(key) = held {
        return Ok(key);
    }
    sqlx::query!(
        "insert into status_list (n, uri, capacity, place_key, opened_at) values ($1, $2, $3, $4, $5)
         on conflict (n) do nothing",
        n,
        uri,
        capacity,
        &new_key[..],
        now
    )
    .execute(&mut *conn)
    .await?;
    Ok(sqlx::query_scalar!("select place_key from status_list where n = $1", n).fetch_one(conn).await?)
}
