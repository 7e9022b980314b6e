//! Organisations in SQL.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use sqlx::{PgConnection, PgPool};

use super::{Child, Counts, Organisation, OrganisationKind};
use crate::access::policy::Scope;
use crate::access::rights::ReadOrganisation;
use crate::base::code::FieldCode;
use crate::base::error::{Error, Result};
use crate::base::ids::OrganisationId;

/// A new organisation.
pub struct NewOrganisation<'a> {
    /// The organisation above; none for the central one.
    pub parent_id: Option<OrganisationId>,
    /// The organisation's kind.
    pub kind: OrganisationKind,
    /// The full name.
    pub name: &'a str,
    /// The short name, for lists and cards.
    pub short_name: &'a str,
    /// The first two digits of the ОКАТО.
    pub region_okato: Option<i16>,
    /// Its first day.
    pub valid_from: NaiveDate,
}

/// Adds an organisation under its parent.
pub async fn insert(conn: &mut PgConnection, new: &NewOrganisation<'_>) -> Result<OrganisationId> {
    let id = sqlx::query_scalar!(
        r#"with next as (select nextval(pg_get_serial_sequence('organisation', 'id')) as id)
           insert into organisation (id, parent_id, path, kind, name, short_name, region_okato, valid_from)
           overriding system value
           select next.id, $1, coalesce((select path from organisation where id = $1), '') || next.id || '.',
                  $2, $3, $4, $5, $6
           from next
           returning id as "id: OrganisationId""#,
        new.parent_id as Option<OrganisationId>,
        new.kind as OrganisationKind,
        new.name,
        new.short_name,
        new.region_okato,
        new.valid_from
    )
    .fetch_one(conn)
    .await?;
    Ok(id)
}

/// The organisation with its figures and children. The parent is named only if `may_see_parent`.
pub async fn overview(
    db: &PgPool,
    scope: &Scope<ReadOrganisation>,
    may_see_parent: bool,
    now: DateTime<Utc>,
    today: NaiveDate,
) -> Result<Organisation> {
    let row = sqlx::query!(
        r#"select o.name, o.short_name, o.kind as "kind: OrganisationKind", p.id as "parent_id?: OrganisationId", p.short_name as "parent_name?"
           from organisation o left join organisation p on p.id = o.parent_id
           where o.id = $1"#,
        scope.organisation_id.0
    )
    .fetch_one(db)
    .await?;
    Ok(Organisation {
        id: scope.organisation_id,
        name: row.name,
        short_name: row.short_name,
        kind: row.kind,
        parent_id: row.parent_id.filter(|_| may_see_parent),
        parent_name: row.parent_name.filter(|_| may_see_parent),
        counts: counts(db, &scope.path, now, today).await?,
        children: children(db, scope.organisation_id, now).await?,
    })
}

async fn counts(db: &PgPool, path: &str, now: DateTime<Utc>, today: NaiveDate) -> Result<Counts> {
    let month_start = today.with_day(1).unwrap_or(today);
    Ok(sqlx::query_as!(
        Counts,
        r#"select count(*) as "members!",
                  count(*) filter (where e.category = 1) as "working!",
                  count(*) filter (where e.category = 2) as "students!",
                  count(*) filter (where e.category = 3) as "pensioners!",
                  count(*) filter (where held.phone) as "with_phone_card!",
                  count(*) filter (where held.phone is not true and m.status = 'active') as "without_phone_card!",
                  count(*) filter (where m.joined_on >= $2) as "joined_this_month!",
                  count(*) filter (where not exists (
                      select from consent c
                      where c.person_id = m.person_id and c.kind = 'processing' and c.withdrawn_at is null
                  )) as "without_consent!",
                  count(*) filter (where m.status = 'suspended') as "suspended!"
           from registration r
           join organisation o on o.id = r.organisation_id
           join membership m on m.id = r.membership_id
           left join engagement e on e.person_id = m.person_id and e.valid_to is null
           left join lateral (
               select bool_or(c.class = 1) as phone from living_card c
               where c.membership_id = m.id and c.expires_at > $3
           ) held on true
           where o.path ^@ $1 and r.valid_to is null and m.status in ('active', 'suspended')"#,
        path,
        month_start,
        now
    )
    .fetch_one(db)
    .await?)
}

async fn children(db: &PgPool, parent_id: OrganisationId, now: DateTime<Utc>) -> Result<Vec<Child>> {
    Ok(sqlx::query_as!(
        Child,
        r#"select o.id, o.short_name as name, o.kind as "kind: OrganisationKind", count(m.id) as "members!",
                  count(*) filter (where held.phone) as "with_phone_card!",
                  count(*) filter (where m.id is not null and not exists (
                      select from consent c
                      where c.person_id = m.person_id and c.kind = 'processing' and c.withdrawn_at is null
                  )) as "without_consent!"
           from organisation o
           join organisation below on below.path ^@ o.path
           left join registration r on r.organisation_id = below.id and r.valid_to is null
           left join membership m on m.id = r.membership_id and m.status in ('active', 'suspended')
           left join lateral (
               select bool_or(c.class = 1) as phone from living_card c
               where c.membership_id = m.id and c.expires_at > $2
           ) held on true
           where o.parent_id = $1 and o.valid_to is null
           group by o.id
           order by o.short_name"#,
        parent_id.0,
        now
    )
    .fetch_all(db)
    .await?)
}

/// The organisation above, if there is one.
pub async fn parent_of(db: &PgPool, id: OrganisationId) -> Result<Option<OrganisationId>> {
    Ok(sqlx::query_scalar!(
        r#"select parent_id as "id: OrganisationId" from organisation where id = $1"#,
        id.0
    )
    .fetch_one(db)
    .await?)
}

/// Checks that members may be registered in an organisation on this day; answers its short name.
///
/// # Errors
/// Says of the field `organisationId` that it keeps no members.
pub async fn check_keeps_members(
    conn: &mut PgConnection,
    id: OrganisationId,
    today: NaiveDate,
) -> Result<String> {
    sqlx::query_scalar!(
        "select short_name from organisation
         where id = $1 and kind in ('primary', 'bureau', 'group') and (valid_to is null or valid_to > $2)",
        id.0,
        today
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::field("organisationId", FieldCode::KeepsNoMembers))
}
