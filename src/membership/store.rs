//! Changes of members in SQL. A dated fact is never overwritten: its row ends today and another begins, unless it began today
//! itself.

use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

use super::ChangeContext;
use crate::base::error::{Error, Result};
use crate::base::ids::{MembershipId, OrganisationId, PersonId};
use crate::registry::members::person_form::PersonFields;
use crate::registry::members::{Category, MembershipStatus, Sex};

/// A member's present data, from which a change starts.
pub struct CurrentMember {
    /// The person who is the member.
    pub person_id: PersonId,
    /// The name in search form.
    pub search_name: String,
    /// The day of birth.
    pub birth_date: NaiveDate,
    /// The membership's status.
    pub status: MembershipStatus,
    /// The day of the decision to admit.
    pub joined_on: NaiveDate,
    /// The organisation in which the member is registered.
    pub organisation_id: OrganisationId,
}

/// The member as of now.
pub async fn current_member(conn: &mut PgConnection, membership_id: MembershipId) -> Result<CurrentMember> {
    sqlx::query_as!(
        CurrentMember,
        r#"select p.id as person_id, p.search_name, p.birth_date, m.status as "status: MembershipStatus", m.joined_on, r.organisation_id
           from membership m
           join person p on p.id = m.person_id
           join registration r on r.membership_id = m.id and r.valid_to is null
           where m.id = $1"#,
        membership_id.0
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::NotFound)
}

/// The fields in which a form differs from what is on record.
pub async fn changed_fields(
    conn: &mut PgConnection,
    person_id: PersonId,
    edit: &PersonFields,
) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select array_remove(array[
               case when p.last_name is distinct from $2 then 'lastName' end,
               case when p.first_name is distinct from $3 then 'firstName' end,
               case when p.middle_name is distinct from $4 then 'middleName' end,
               case when p.sex is distinct from $5 then 'sex' end,
               case when p.birth_date is distinct from $6 then 'birthDate' end,
               case when p.phone is distinct from $7 then 'phone' end,
               case when p.email is distinct from $8 then 'email' end,
               case when e.category is distinct from $9 then 'category' end,
               case when e.position is distinct from $10 then 'position' end], null) as "fields!"
           from person p left join engagement e on e.person_id = p.id and e.valid_to is null
           where p.id = $1"#,
        person_id.0,
        edit.last_name,
        edit.first_name,
        edit.middle_name,
        edit.sex as Sex,
        edit.birth_date,
        edit.phone,
        edit.email,
        edit.category as Category,
        edit.position
    )
    .fetch_one(conn)
    .await?)
}

/// Corrects a person's data, and keeps what they were.
pub async fn update_person(
    conn: &mut PgConnection,
    person_id: PersonId,
    edit: &PersonFields,
    search_name: &str,
    context: &ChangeContext,
) -> Result<()> {
    sqlx::query!(
        "with before as (
             insert into person_before (person_id, last_name, first_name, middle_name, sex, birth_date, phone, email,
                                        replaced_at, replaced_by)
             select id, last_name, first_name, middle_name, sex, birth_date, phone, email, $10, $11 from person
             where id = $1 and (last_name, first_name, middle_name, sex, birth_date, phone, email)
                               is distinct from ($2::text, $3::text, $4::text, $5::text, $6::date, $7::text, $8::text)
             returning person_id
         )
         update person set last_name = $2, first_name = $3, middle_name = $4, sex = $5, birth_date = $6, phone = $7,
                           email = $8, search_name = $9
         from before where person.id = before.person_id",
        person_id.0,
        edit.last_name,
        edit.first_name,
        edit.middle_name,
        edit.sex as Sex,
        edit.birth_date,
        edit.phone,
        edit.email,
        search_name,
        context.now,
        context.account_id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets what the person is from today on, if it is something else than before.
pub async fn set_engagement(
    conn: &mut PgConnection,
    new_id: Uuid,
    person_id: PersonId,
    edit: &PersonFields,
    today: NaiveDate,
) -> Result<()> {
    let open = sqlx::query!(
        r#"select id, category as "category: Category", position, valid_from
           from engagement where person_id = $1 and valid_to is null"#,
        person_id.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(open) = open {
        if (open.category, &open.position) == (edit.category, &edit.position) {
            return Ok(());
        }
        if open.valid_from >= today {
            sqlx::query!(
                "update engagement set category = $2, position = $3 where id = $1",
                open.id,
                edit.category as Category,
                edit.position
            )
            .execute(conn)
            .await?;
            return Ok(());
        }
        sqlx::query!("update engagement set valid_to = $2 where id = $1", open.id, today)
            .execute(&mut *conn)
            .await?;
    }
    sqlx::query!(
        "insert into engagement (id, person_id, category, position, valid_from) values ($1, $2, $3, $4, $5)",
        new_id,
        person_id.0,
        edit.category as Category,
        edit.position,
        today
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Registers the member in an organisation from today on.
pub async fn set_registration(
    conn: &mut PgConnection,
    new_id: Uuid,
    organisation_id: OrganisationId,
    context: &ChangeContext,
) -> Result<()> {
    let replaced = sqlx::query!(
        "update registration set organisation_id = $2
         where membership_id = $1 and valid_to is null and valid_from >= $3",
        context.membership_id.0,
        organisation_id.0,
        context.today
    )
    .execute(&mut *conn)
    .await?;
    if replaced.rows_affected() == 1 {
        return Ok(());
    }
    sqlx::query!(
        "update registration set valid_to = $2 where membership_id = $1 and valid_to is null",
        context.membership_id.0,
        context.today
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into registration (id, membership_id, organisation_id, valid_from) values ($1, $2, $3, $4)",
        new_id,
        context.membership_id.0,
        organisation_id.0,
        context.today
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives the membership a status, as a step. Steps stand in the order of the lock under which they are taken, which is
/// that of their ids, whatever the clocks say by which they are dated.
pub async fn set_status(
    conn: &mut PgConnection,
    status: MembershipStatus,
    context: &ChangeContext,
) -> Result<()> {
    sqlx::query!(
        "with taken as (
             insert into membership_step (membership_id, status, taken_at, taken_by) values ($1, $2, $3, $4)
         )
         update membership set status = $2 where id = $1",
        context.membership_id.0,
        status as MembershipStatus,
        context.now,
        context.account_id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends the membership from today on; one that began today has lasted a day. It stays registered where it was, so that
/// those who kept it can still look it up.
pub async fn end_membership(conn: &mut PgConnection, context: &ChangeContext) -> Result<()> {
    sqlx::query!(
        "update membership set valid_to = greatest($2, valid_from + 1) where id = $1",
        context.membership_id.0,
        context.today
    )
    .execute(conn)
    .await?;
    Ok(())
}
