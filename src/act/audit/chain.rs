//! The chain over the record: each link's hash covers the one before and one row, of the log of acts or of the journal. Links are made
//! behind the commits, in the order of transactions, so that no act ever waits for another. What is changed or removed afterwards breaks
//! it; whoever could rewrite all of it is found out by a head that was written down elsewhere.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
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

/// The chain up to a link: what is written down elsewhere to find out whoever writes the chain anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of links.
    pub seq: i64,
    /// The last link's hash.
    pub hash: [u8; 32],
}

impl Display for Head {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, hex::encode(self.hash))
    }
}

impl FromStr for Head {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (seq, digits) = text.split_once(':').context("a head is a number, a colon and 64 digits")?;
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).context("the head's hash is damaged")?;
        Ok(Self { seq: seq.parse().context("the head's number is damaged")?, hash })
    }
}

/// The result of verifying the whole chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The number of linked rows.
    pub rows: u64,
    /// The number of faults: linked rows that are gone or say something else, links that are missing, rows that should have been
    /// linked, a chain that is ahead of its database, and a noted head that it does not have.
    pub broken: u64,
    /// The number of rows that cannot be linked yet, as a transaction that began before them still runs.
    pub unlinked: u64,
    /// The present head, to be noted elsewhere.
    #[serde(serialize_with = "as_text")]
    pub head: Head,
}

fn as_text<S: Serializer>(head: &Head, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(head)
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
///
/// # Errors
/// Also where a dump was loaded and not prepared: its transactions have the numbers of another database.
pub async fn link(db: &PgPool, now: DateTime<Utc>) -> Result<u64> {
    let mut linked = 0;
    loop {
        let mut tx = db.begin().await?;
        let is_ours =
            sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtext('audit chain')) as "is_ours!""#);
        if !is_ours.fetch_one(&mut *tx).await? {
            return Ok(linked);
        }
        if is_ahead(&mut tx).await? {
            return Err(anyhow!(
                "the record's chain is ahead of this database: was a dump loaded without `profcards restored`?"
            )
            .into());
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

/// Whether the chain was linked up to a transaction that this database has not come to.
async fn is_ahead(conn: &mut PgConnection) -> Result<bool> {
    let is_ahead = sqlx::query_scalar!(
        r#"select exists (select from audit_position where xid >= pg_snapshot_xmax(pg_current_snapshot())) as "is_ahead!""#
    );
    Ok(is_ahead.fetch_one(conn).await?)
}

/// The present end of the chain.
async fn head(conn: &mut PgConnection) -> Result<Head> {
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

/// Recomputes the whole chain, link by link, after what is settled was linked. A `noted` head is one that was written
/// down before: a chain that was written anew does not have it.
pub async fn verify(db: &PgPool, noted: Option<&Head>, now: DateTime<Utc>) -> Result<Verified> {
    let settled_before = link_settled(db, now).await?;
    let mut conn = db.acquire().await?;
    let mut broken = missing_ends(&mut conn).await? + u64::from(is_ahead(&mut conn).await?);
    let mut rows = 0;
    let mut head = Head { seq: 0, hash: BEGINNING };
    let mut has_noted = noted.is_none_or(|noted| *noted == head);
    loop {
        let links = read_links(&mut conn, head.seq).await?;
        if links.is_empty() {
            break;
        }
        for link in links {
            let hash = read_hash(&link.hash)?;
            let is_next = link.seq == head.seq + 1;
            let is_true =
                link.material.is_some_and(|text| hash_after(&head.hash, link.source, &text) == hash);
            rows += 1;
            broken += u64::from(!is_next || !is_true);
            head = Head { seq: link.seq, hash };
            has_noted |= noted.is_some_and(|noted| *noted == head);
        }
    }
    let left = count_unlinked(&mut conn, &settled_before).await?;
    broken += left.settled + u64::from(!has_noted);
    Ok(Verified { rows, broken, unlinked: left.running, head })
}

/// Links what is settled, after an instance that links at this moment; answers the transaction before which all is linked.
async fn link_settled(db: &PgPool, now: DateTime<Utc>) -> Result<String> {
    let mut tx = db.begin().await?;
    sqlx::query!("select pg_advisory_xact_lock(hashtext('audit chain'))").execute(&mut *tx).await?;
    let settled_before =
        sqlx::query_scalar!(r#"select pg_snapshot_xmin(pg_current_snapshot())::text as "xid!""#);
    let settled_before = settled_before.fetch_one(&mut *tx).await?;
    if !is_ahead(&mut tx).await? {
        while link_batch(&mut tx, Rows::Settled, now).await? > 0 {}
    }
    tx.commit().await?;
    Ok(settled_before)
}

/// A link, and what its row says now; none where the row is gone.
struct Link {
    seq: i64,
    source: Source,
    hash: Vec<u8>,
    material: Option<String>,
}

async fn read_links(conn: &mut PgConnection, after: i64) -> Result<Vec<Link>> {
    Ok(sqlx::query_as!(
        Link,
        r#"select l.seq, l.source as "source: Source", l.hash, m.material as "material?"
           from (select * from audit_link where seq > $1 order by seq limit $2) l
           left join lateral (select material from audit_material m where m.source = l.source and m.row_id = l.row_id) m on true
           order by l.seq"#,
        after,
        BATCH
    )
    .fetch_all(conn)
    .await?)
}

/// Counts the sources whose last link, as far as it is known how far they were linked, is gone.
async fn missing_ends(conn: &mut PgConnection) -> Result<u64> {
    let missing = sqlx::query_scalar!(
        r#"select count(*) as "count!" from audit_position p cross join lateral (values (p.row_id), (p.floor)) as known (row_id)
           where known.row_id > 0
             and not exists (select from audit_link l where l.source = p.source and l.row_id = known.row_id)"#
    );
    Ok(missing.fetch_one(conn).await?.unsigned_abs())
}

/// Rows that no link covers.
struct Unlinked {
    /// No transaction runs any more that could come before them: they should have been linked.
    settled: u64,
    /// They wait for a transaction that still runs.
    running: u64,
}

async fn count_unlinked(conn: &mut PgConnection, settled_before: &str) -> Result<Unlinked> {
    let row = sqlx::query!(
        r#"select count(*) filter (where m.xid < $1::text::xid8) as "settled!", count(*) as "all!"
           from audit_material m
           where not exists (select from audit_link l where l.source = m.source and l.row_id = m.row_id)"#,
        settled_before
    )
    .fetch_one(conn)
    .await?;
    let settled = row.settled.unsigned_abs();
    Ok(Unlinked { settled, running: row.all.unsigned_abs() - settled })
}
