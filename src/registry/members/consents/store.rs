//! Consents in SQL.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Consent, ConsentChannel, ConsentKind, PROCESSING_TEXT_VERSION};
use crate::access::policy::Scope;
use crate::access::rights::RecordConsents;
use crate::base::error::Result;
use crate::base::ids::{MembershipId, PersonId};
use crate::base::random::Random;

/// Records a consent, unless it is in force already.
pub async fn give_consent(
    conn: &mut PgConnection,
    id: Uuid,
    person_id: PersonId,
    consent: &Consent,
) -> Result<()> {
    sqlx::query!(
        "insert into consent (id, person_id, kind, text_version, channel, given_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (person_id, kind) where withdrawn_at is null do nothing",
        id,
        person_id.0,
        consent.kind as ConsentKind,
        consent.text_version,
        consent.channel as ConsentChannel,
        consent.given_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The consents of a person that are in force, the oldest first.
pub async fn in_force(conn: &mut PgConnection, person_id: PersonId) -> Result<Vec<Consent>> {
    Ok(sqlx::query_as!(
        Consent,
        r#"select kind as "kind: ConsentKind", text_version, channel as "channel: ConsentChannel", given_at
           from consent where person_id = $1 and withdrawn_at is null order by given_at"#,
        person_id.0
    )
    .fetch_all(conn)
    .await?)
}

/// A member of a subtree, as a consent names them.
pub struct RegisteredPerson {
    /// The person.
    pub person_id: PersonId,
    /// The day of birth.
    pub birth_date: NaiveDate,
}

/// The members among these who are on the register in a subtree.
pub async fn registered_people(
    conn: &mut PgConnection,
    scope: &Scope<RecordConsents>,
    membership_ids: &[MembershipId],
) -> Result<Vec<RegisteredPerson>> {
    Ok(sqlx::query_as!(
        RegisteredPerson,
        r#"select person_id as "person_id!", birth_date as "birth_date!" from registered_member
           where id = any($1) and organisation_path ^@ $2 and status in ('active', 'suspended')"#,
        membership_ids as &[MembershipId],
        scope.path
    )
    .fetch_all(conn)
    .await?)
}

/// Records paper consents to processing where none is in force; answers how many.
pub async fn give_paper_consents(
    conn: &mut PgConnection,
    random: &Random,
    people: &[RegisteredPerson],
    given_at: DateTime<Utc>,
) -> Result<u64> {
    let ids: Vec<Uuid> = people.iter().map(|_| random.uuid()).collect();
    let person_ids: Vec<PersonId> = people.iter().map(|one| one.person_id).collect();
    let recorded = sqlx::query!(
        "insert into consent (id, person_id, kind, text_version, channel, given_at)
         select id, person_id, 'processing', $3, 'paper', $4 from unnest($1::uuid[], $2::uuid[]) as new (id, person_id)
         on conflict (person_id, kind) where withdrawn_at is null do nothing",
        &ids,
        &person_ids as &[PersonId],
        PROCESSING_TEXT_VERSION,
        given_at
    )
    .execute(conn)
    .await?;
    Ok(recorded.rows_affected())
}

/// Withdraws a consent, if it is in force.
pub async fn withdraw_consent(
    conn: &mut PgConnection,
    person_id: PersonId,
    kind: ConsentKind,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update consent set withdrawn_at = greatest($3, given_at) where person_id = $1 and kind = $2 and withdrawn_at is null",
        person_id.0,
        kind as ConsentKind,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the member has agreed to the cashback programme.
pub async fn takes_part(conn: &mut PgConnection, membership_id: MembershipId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from consent c join membership m on m.person_id = c.person_id
                          where m.id = $1 and c.kind = 'profcards' and c.withdrawn_at is null) as "takes_part!""#,
        membership_id.0
    )
    .fetch_one(conn)
    .await?)
}

/// Whether a member took part in ПрофКардс at a moment, give or take what a till's clock may be off, and does so now. A consent
/// from the future was given before a clock that was ahead, and has always counted.
pub async fn took_part_then_and_now(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(bool_or((c.given_at <= $2::timestamptz + interval '15 minutes' or c.given_at > $3)
                                   and (c.withdrawn_at is null or c.withdrawn_at > $2)), false)
                  and coalesce(bool_or(c.withdrawn_at is null), false) as "takes_part!"
           from consent c join membership m on m.person_id = c.person_id
           where m.id = $1 and c.kind = 'profcards'"#,
        membership_id.0,
        at,
        now
    )
    .fetch_one(conn)
    .await?)
}
