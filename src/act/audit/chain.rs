//! The chain over the record: each link's hash covers the one before and one row, of the log of acts or of the journal. Links are made
//! behind the commits, in the order of transactions, so that no act ever waits for another. What is changed or removed afterwards breaks
//! it; whoever could rewrite all of it is found out by a head that was written down elsewhere.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};

use crate::base::error::Result;
use crate::base::words::word_enum;

word_enum! {
    /// The logs whose rows the chain links.
    enum Source in "audit_link.source" {
        /// The log of acts.
        Entry = "entry",
        /// The journal of the books.
        Journal = "journal",
    }
}

/// Rows that one transaction links, or one look verifies.
const BATCH: i64 = 2_000;
/// The hash that the first link follows.
const BEGINNING: [u8; 32] = [0; 32];

/// The end of the chain.
#[derive(Clone, Debug)]
pub struct Head {
    /// The number of links.
    pub seq: i64,
    /// The last link's hash.
    pub hash: [u8; 32],
}

/// The result of verifying the whole chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Rows that are linked.
    pub rows: u64,
    /// Linked rows that are gone or say something else, and links that are missing.
    pub broken: u64,
    /// Rows that no link covers yet; those of the last seconds are no fault.
    pub unlinked: u64,
}

/// The rows that may be linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    /// Rows before which no running transaction can come any more.
    Settled,
    /// All visible rows: nobody else is at work.
    All,
}

/// Links what has been settled since the last time; answers how many rows that was. One instance does it, the others have nothing to do.
pub async fn link(db: &PgPool, now: DateTime<Utc>) -> Result<u64> {
    let mut linked = 0;
    loop {
        let mut tx = db.begin().await?;
        let is_ours =
            sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtext('audit chain')) as "is_ours!""#);
        if !is_ours.fetch_one(&mut *tx).await? {
            return Ok(linked);
        }
        let done = link_batch(&mut tx, Rows::Settled, now).await?;
        tx.commit().await?;
        linked += done;
        if done < BATCH.unsigned_abs() {
            return Ok(linked);
        }
    }
}

/// Restarts the chain after a dump was loaded: its transactions have the numbers of another database, so the rows that
/// it holds are linked at once, and from here on only newer rows are looked at.
pub async fn restart_after_restore(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<()> {
    while link_batch(&mut *conn, Rows::All, now).await? > 0 {}
    sqlx::query!(
        "update audit_position p set xid = '0', row_id = 0,
                floor = coalesce((select max(l.row_id) from audit_link l where l.source = p.source), 0)"
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn link_batch(conn: &mut PgConnection, rows: Rows, now: DateTime<Utc>) -> Result<u64> {
    let mut head = head(&mut *conn).await?;
    let mut linked = 0;
    for source in [Source::Entry, Source::Journal] {
        let rows = sqlx::query!(
            r#"select m.row_id as "row_id!", m.xid::text as "xid!", m.material as "material!"
               from audit_material m join audit_position p on p.source = m.source
               where m.source = $1 and m.row_id > p.floor and (m.xid, m.row_id) > (p.xid, p.row_id)
                 and ($2 or m.xid < pg_snapshot_xmin(pg_current_snapshot()))
               order by m.xid, m.row_id limit $3"#,
            source as Source,
            rows == Rows::All,
            BATCH
        )
        .fetch_all(&mut *conn)
        .await?;
        let Some(last) = rows.last() else { continue };
        let (mut seqs, mut ids, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
        for row in &rows {
            head = Head { seq: head.seq + 1, hash: hash_after(&head.hash, source, &row.material) };
            seqs.push(head.seq);
            ids.push(row.row_id);
            hashes.push(head.hash.to_vec());
        }
        sqlx::query!(
            "insert into audit_link (seq, source, row_id, linked_at, hash)
             select seq, $1, row_id, $2, hash from unnest($3::bigint[], $4::bigint[], $5::bytea[]) as made (seq, row_id, hash)",
            source as Source,
            now,
            &seqs,
            &ids,
            &hashes
        )
        .execute(&mut *conn)
        .await?;
        sqlx::query!(
            "update audit_position set xid = $2::text::xid8, row_id = $3 where source = $1",
            source as Source,
            last.xid,
            last.row_id
        )
        .execute(&mut *conn)
        .await?;
        linked += rows.len() as u64;
    }
    Ok(linked)
}

/// The present end of the chain.
pub async fn head(conn: &mut PgConnection) -> Result<Head> {
    let row = sqlx::query!("select seq, hash from audit_link order by seq desc limit 1")
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(Head { seq: 0, hash: BEGINNING }) };
    Ok(Head { seq: row.seq, hash: read_hash(&row.hash)? })
}

fn hash_after(before: &[u8; 32], source: Source, material: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(before)
        .chain_update(source.as_str())
        .chain_update([0])
        .chain_update(material)
        .finalize()
        .into()
}

fn read_hash(bytes: &[u8]) -> Result<[u8; 32]> {
    Ok(bytes.try_into().context("a link's hash is damaged")?)
}

/// Recomputes the whole chain, link by link.
pub async fn verify(db: &PgPool) -> Result<Verified> {
    let mut conn = db.acquire().await?;
    let mut found = Verified::default();
    let mut before = Head { seq: 0, hash: BEGINNING };
    loop {
        let links = sqlx::query!(
            r#"select l.seq, l.source as "source: Source", l.hash, m.material as "material?"
               from (select * from audit_link where seq > $1 order by seq limit $2) l
               left join lateral (select material from audit_material m where m.source = l.source and m.row_id = l.row_id) m on true
               order by l.seq"#,
            before.seq,
            BATCH
        )
        .fetch_all(&mut *conn)
        .await?;
        if links.is_empty() {
            break;
        }
        for link in links {
            let hash = read_hash(&link.hash)?;
            let is_next = link.seq == before.seq + 1;
            let is_true =
                link.material.is_some_and(|text| hash_after(&before.hash, link.source, &text) == hash);
            found.rows += 1;
            found.broken += u64::from(!is_next || !is_true);
            before = Head { seq: link.seq, hash };
        }
    }
    let unlinked = sqlx::query_scalar!(
        r#"select count(*) as "count!" from audit_material m
           where not exists (select from audit_link l where l.source = m.source and l.row_id = m.row_id)"#
    );
    found.unlinked = unlinked.fetch_one(&mut *conn).await?.unsigned_abs();
    Ok(found)
}
