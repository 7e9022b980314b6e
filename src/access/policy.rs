//! Rights over the tree: a mandate in an organisation reaches that organisation and everything below it, for the actions of its
//! role (`rights`). The test is a path prefix in SQL, so it costs the same for a school and for the whole union.

use std::marker::PhantomData;

use sqlx::{PgConnection, PgExecutor};

use super::Staff;
use super::rights::{MandateRole, Permit, Reading};
use crate::base::Base;
use crate::base::error::{Error, Result};
use crate::base::ids::{MembershipId, OrganisationId};

/// An organisation over which the caller may do `A`, with its path for queries over the subtree.
#[derive(Clone, Debug)]
pub struct Scope<A> {
    /// The organisation.
    pub organisation_id: OrganisationId,
    /// Its path, ending in a dot.
    pub path: String,
    action: PhantomData<A>,
}

/// A member to whom the caller may do `A`.
#[derive(Clone, Copy, Debug)]
pub struct MemberScope<A> {
    /// The membership.
    pub membership_id: MembershipId,
    /// The organisation in which it is registered.
    pub organisation_id: OrganisationId,
    action: PhantomData<A>,
}

/// The organisation, if a running mandate of this account reaches it and its role may read that there.
///
/// # Errors
/// [`Error::NotFound`] both when it does not exist and when it may not be seen.
pub async fn may<A: Reading>(
    base: &Base,
    staff: &Staff,
    action: A,
    organisation_id: OrganisationId,
) -> Result<Scope<A>> {
    find_scope(&base.db, base, staff, action, organisation_id).await
}

/// The organisation, if this account may do that there: within the act, behind its locks. A mandate may end, and an
/// account be closed, while an act waits for another one.
///
/// # Errors
/// [`Error::NotFound`] both when it does not exist and when it may not be seen.
pub async fn may_within<A: Permit>(
    conn: &mut PgConnection,
    base: &Base,
    staff: &Staff,
    action: A,
    organisation_id: OrganisationId,
) -> Result<Scope<A>> {
    find_scope(conn, base, staff, action, organisation_id).await
}

/// Refuses at once whoever may not do that there. What an act may do it finds out again behind its locks
/// ([`may_within`]), so this answers no scope.
///
/// # Errors
/// As [`may_within`].
pub async fn check<A: Permit>(
    base: &Base,
    staff: &Staff,
    action: A,
    organisation_id: OrganisationId,
) -> Result<()> {
    find_scope(&base.db, base, staff, action, organisation_id).await.map(drop)
}

async fn find_scope<A: Permit>(
    db: impl PgExecutor<'_>,
    base: &Base,
    staff: &Staff,
    _: A,
    organisation_id: OrganisationId,
) -> Result<Scope<A>> {
    let roles: Vec<_> = A::ACTION.roles().iter().filter_map(|role| role.mandate()).collect();
    let path = sqlx::query_scalar!(
        "select o.path from organisation o
         where o.id = $1 and exists (
             select from mandate m join account a on a.id = m.account_id join organisation root on root.id = m.organisation_id
             where m.account_id = $2 and a.disabled_at is null and m.term_from <= $3 and (m.term_to is null or m.term_to > $3)
               and m.role = any($4) and o.path ^@ root.path)",
        organisation_id.0,
        staff.account_id.0,
        base.clock.today(),
        &roles as &[MandateRole]
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)?;
    Ok(Scope { organisation_id, path, action: PhantomData })
}

/// The member, if that may be read where the membership is registered.
///
/// # Errors
/// [`Error::NotFound`] both when it does not exist and when it may not be seen.
pub async fn may_member<A: Reading>(
    base: &Base,
    staff: &Staff,
    action: A,
    membership_id: MembershipId,
) -> Result<MemberScope<A>> {
    may_member_within(&mut *base.db.acquire().await?, base, staff, action, membership_id).await
}

/// The member, if that may be done: within the act, behind the membership's lock. A transfer may have been waited for,
/// and the member be another chair's now.
///
/// # Errors
/// [`Error::NotFound`] both when it does not exist and when it may not be seen.
pub async fn may_member_within<A: Permit>(
    conn: &mut PgConnection,
    base: &Base,
    staff: &Staff,
    action: A,
    membership_id: MembershipId,
) -> Result<MemberScope<A>> {
    let organisation_id = sqlx::query_scalar!(
        r#"select organisation_id as "id: OrganisationId" from registration where membership_id = $1 and valid_to is null"#,
        membership_id.0
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound)?;
    find_scope(conn, base, staff, action, organisation_id).await?;
    Ok(MemberScope { membership_id, organisation_id, action: PhantomData })
}

/// Refuses at once whoever may not do that to the member, as [`check`] does.
///
/// # Errors
/// As [`may_member_within`].
pub async fn check_member<A: Permit>(
    base: &Base,
    staff: &Staff,
    action: A,
    membership_id: MembershipId,
) -> Result<()> {
    let mut conn = base.db.acquire().await?;
    may_member_within(&mut conn, base, staff, action, membership_id).await.map(drop)
}
