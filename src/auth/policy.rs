//! Rights over the tree: a mandate in an organisation reaches that organisation and everything below it. The test is a
//! path prefix in SQL, so it costs the same for a school and for the whole union.

use sqlx::PgPool;
use uuid::Uuid;

use super::Staff;
use crate::app::App;
use crate::error::{Error, Result};

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
pub async fn organisation(app: &App, staff: &Staff, organisation_id: i64) -> Result<Scope> {
    let path = sqlx::query_scalar!(
        "select o.path from organisation o
         where o.id = $1 and exists (
             select from mandate m join organisation root on root.id = m.organisation_id
             where m.account_id = $2 and m.term_from <= $3 and (m.term_to is null or m.term_to > $3)
               and o.path ^@ root.path)",
        organisation_id,
        staff.account_id,
        app.clock.today()
    )
    .fetch_optional(&app.db)
    .await?
    .ok_or(Error::NotFound)?;
    Ok(Scope { organisation_id, path })
}

/// The organisation in which a membership is registered, if a running mandate of this account reaches it.
///
/// # Errors
/// [`Error::NotFound`] both when it does not exist and when it may not be seen.
pub async fn membership(app: &App, staff: &Staff, membership_id: Uuid) -> Result<Scope> {
    let organisation_id = registered_in(&app.db, membership_id).await?.ok_or(Error::NotFound)?;
    organisation(app, staff, organisation_id).await
}

async fn registered_in(db: &PgPool, membership_id: Uuid) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "select organisation_id from registration where membership_id = $1 and valid_to is null",
        membership_id
    )
    .fetch_optional(db)
    .await?)
}
