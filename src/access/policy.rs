//! Rights over the tree: a mandate in an organisation reaches that organisation and everything below it. The test is a
//! path prefix in SQL, so it costs the same for a school and for the whole union.

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::Staff;
use crate::base::Base;
use crate::base::error::{Error, Result};

/// An organisation that the caller may see, with its path for queries over the subtree.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The organisation.
    pub organisation_id: i64,
    /// Its path, ending in a dot.
    pub path: String,
}

/// The organisation, if a running mandate of this account reaches it.
///
/// # Errors
/// [`Error::NotFound`] both when it does not exist and when it may not be seen.
pub async fn organisation(base: &Base, staff: &Staff, organisation_id: i64) -> Result<Scope> {
    reached(&base.db, base, staff, organisation_id).await
}

async fn reached(db: impl PgExecutor<'_>, base: &Base, staff: &Staff, organisation_id: i64) -> Result<Scope> {
    let path = sqlx::query_scalar!(
        "select o.path from organisation o
         where o.id = $1 and exists (
             select from mandate m join organisation root on root.id = m.organisation_id
             where m.account_id = $2 and m.term_from <= $3 and (m.term_to is null or m.term_to > $3)
               and o.path ^@ root.path)",
        organisation_id,
        staff.account_id,
        base.clock.today()
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)?;
    Ok(Scope { organisation_id, path })
}

/// The organisation in which a membership is registered, if a running mandate of this account reaches it.
///
/// # Errors
/// [`Error::NotFound`] both when it does not exist and when it may not be seen.
pub async fn membership(base: &Base, staff: &Staff, membership_id: Uuid) -> Result<Scope> {
    membership_within(&mut *base.db.acquire().await?, base, staff, membership_id).await
}

/// The same within a transaction. Whoever takes the membership's lock asks once more behind it: a transfer may have been
/// waited for, and the member be another chair's now.
pub async fn membership_within(
    conn: &mut PgConnection,
    base: &Base,
    staff: &Staff,
    membership_id: Uuid,
) -> Result<Scope> {
    let organisation_id = sqlx::query_scalar!(
        "select organisation_id from registration where membership_id = $1 and valid_to is null",
        membership_id
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound)?;
    reached(conn, base, staff, organisation_id).await
}
