//! Activation codes, challenges, devices and what is printed for them, in SQL.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

use super::{ANSWERED_CHALLENGE_DAYS, CHALLENGE_MINUTES, CODE_DAYS, MAX_FAILURES};
use crate::access::policy::Scope;
use crate::access::rights::PrintPaperCards;
use crate::base::clock::{CLOCKS_APART, TOLERATED_AHEAD};
use crate::base::error::Result;
use crate::base::ids::{AccountId, ActivationId, DeviceId, MembershipId, PersonId};
use crate::registry::members::MembershipStatus;

/// Days for which an activation code is kept that can neither be used nor tell of a loss.
const CODE_KEPT_DAYS: i64 = 100;

/// Ends the codes of a membership that nobody has used; answers how many there were. They end by that, not by a moment, which
/// a clock that is ahead would put into the future; the moment is for a server of an earlier release, which looks at nothing else.
pub async fn end_unused_codes(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    now: DateTime<Utc>,
) -> Result<u64> {
    let ended = sqlx::query!(
        "update activation_code set ended_at = $2, expires_at = least(expires_at, $2)
         where membership_id = $1 and used_at is null and ended_at is null",
        membership_id.0,
        now
    )
    .execute(conn)
    .await?;
    Ok(ended.rows_affected())
}

/// Records a code by its hash.
pub async fn insert_code(
    conn: &mut PgConnection,
    id: ActivationId,
    code_hash: &[u8; 32],
    membership_id: MembershipId,
    created_by: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into activation_code (id, code_hash, membership_id, created_by, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
        id.0,
        &code_hash[..],
        membership_id.0,
        created_by as Option<AccountId>,
        now,
        now + Days::new(CODE_DAYS)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The end of a code's validity.
pub async fn code_expiry(conn: &mut PgConnection, id: ActivationId) -> Result<DateTime<Utc>> {
    Ok(sqlx::query_scalar!("select expires_at from activation_code where id = $1", id.0)
        .fetch_one(conn)
        .await?)
}

/// Forgets activation codes that ended long ago, save those by which a loss can be reported: the newest of a membership, and those
/// that enrolled its last phones. A phone that came long ago has served its wait, which is shorter.
pub async fn prune_codes(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "delete from activation_code a
         where a.expires_at < $1
           and exists (select from activation_code newer
                       where newer.membership_id = a.membership_id and newer.number > a.number)
           and (a.used_at is null
                or exists (select from activation_code later
                           where later.membership_id = a.membership_id and later.number > a.number and later.used_at < $1))
           and not exists (select from enrolment_challenge c where c.activation_id = a.id)",
        now - TimeDelta::days(CODE_KEPT_DAYS)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A code that may be used, and its member.
pub struct UsableCode {
    /// The activation.
    pub id: ActivationId,
    /// The membership that the card is of.
    pub membership_id: MembershipId,
    /// The first name (имя).
    pub first_name: String,
    /// The name of the organisation in which the member is registered.
    pub organisation_name: String,
    /// Whether a phone is enrolled now.
    pub replaces_phone: bool,
}

/// The code of this hash, if a phone may be enrolled by it, it is not worn out, and its member was born on this day. A wrong day
/// counts against the code, for good: there may be another sheet.
pub async fn find_usable_code(
    db: &PgPool,
    code_hash: &[u8; 32],
    birth_date: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Option<UsableCode>> {
    let row = sqlx::query!(
        r#"select a.id as "id: ActivationId", a.membership_id as "membership_id: MembershipId", m.first_name as "first_name!", m.birth_date as "birth_date!",
                  m.organisation_name as "organisation_name!",
                  exists (select from device d where d.membership_id = m.id and d.ended_at is null) as "replaces_phone!"
           from activation_code a
           join registered_member m on m.id = a.membership_id and m.status = 'active'
           where a.code_hash = $1 and is_usable_code(a, $2, $3) and a.failures < $4"#,
        &code_hash[..],
        now,
        now + TOLERATED_AHEAD,
        MAX_FAILURES
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.birth_date != birth_date {
        sqlx::query!("update activation_code set failures = failures + 1 where id = $1", row.id.0)
            .execute(db)
            .await?;
        return Ok(None);
    }
    Ok(Some(UsableCode {
        id: row.id,
        membership_id: row.membership_id,
        first_name: row.first_name,
        organisation_name: row.organisation_name,
        replaces_phone: row.replaces_phone,
    }))
}

/// A printed sheet, known by its code.
pub struct Sheet {
    /// The activation.
    pub activation_id: ActivationId,
    /// The membership for which it was printed.
    pub membership_id: MembershipId,
}

/// The sheet with the code of this hash, used or not and however old, if its member was born on this day, by what is on record or
/// was since the sheet was printed: whoever changes a birth date does not disarm the member's own sheet. What holds a guesser is the
/// limit of this door for one code, which ends: nothing but this sheet may be left to its member.
pub async fn find_sheet(db: &PgPool, code_hash: &[u8; 32], birth_date: NaiveDate) -> Result<Option<Sheet>> {
    let row = sqlx::query!(
        r#"select a.id, a.membership_id,
                  array(select b.birth_date from person_before b where b.person_id = p.id and b.replaced_at >= a.created_at)
                  || p.birth_date as "birth_dates!"
           from activation_code a join membership m on m.id = a.membership_id join person p on p.id = m.person_id
           where a.code_hash = $1"#,
        &code_hash[..]
    )
    .fetch_optional(db)
    .await?;
    Ok(row
        .filter(|row| row.birth_dates.contains(&birth_date))
        .map(|row| Sheet { activation_id: row.id.into(), membership_id: row.membership_id.into() }))
}

/// Whether a sheet speaks for the present phone: it is the newest one, or enrolled the last phone that came to redeem, or one after
/// that. So an older one does not end a phone that came after it, and while a phone waits, a member ends it by the sheet that enrolled
/// the one before, however many phones somebody else's sheets have enrolled meanwhile. Sheets stand in the order of their numbers,
/// and so do the phones, since a new sheet ends the unused ones before it.
pub async fn is_current_sheet(conn: &mut PgConnection, sheet: &Sheet, now: DateTime<Utc>) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select not exists (select from activation_code newer
                              where newer.membership_id = a.membership_id and newer.number > a.number)
                  or (a.used_at is not null and a.number >= coalesce(
                         (select max(u.number) from activation_code u
                          join device d on d.membership_id = u.membership_id and d.enrolled_at = u.used_at
                          where u.membership_id = a.membership_id
                            and coalesce(d.redeems_from, d.enrolled_at) <= coalesce(d.ended_at, $2)),
                         0)) as "is_current!"
           from activation_code a where a.id = $1"#,
        sheet.activation_id.0,
        now
    )
    .fetch_one(conn)
    .await?)
}

/// The phone that is enrolled now.
pub async fn active_phone(conn: &mut PgConnection, membership_id: MembershipId) -> Result<Option<DeviceId>> {
    Ok(sqlx::query_scalar!(
        r#"select id as "id: DeviceId" from device where membership_id = $1 and ended_at is null"#,
        membership_id.0
    )
    .fetch_optional(conn)
    .await?)
}

/// Whether a phone has ever held the membership's card: one that was ended a minute ago, for whatever reason, counts like one that
/// lives.
pub async fn had_phone(conn: &mut PgConnection, membership_id: MembershipId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from device where membership_id = $1) as "had!""#,
        membership_id.0
    )
    .fetch_one(conn)
    .await?)
}

/// Whether a membership is active: only then is anything issued for it.
pub async fn is_active(conn: &mut PgConnection, membership_id: MembershipId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select status = 'active' as "active!" from membership where id = $1"#,
        membership_id.0
    )
    .fetch_one(conn)
    .await?)
}

/// Records a challenge, which a phone must sign.
pub async fn insert_challenge(
    db: &PgPool,
    challenge: &[u8; 32],
    activation_id: ActivationId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into enrolment_challenge (challenge, activation_id, expires_at) values ($1, $2, $3)",
        &challenge[..],
        activation_id.0,
        now + TimeDelta::minutes(CHALLENGE_MINUTES)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes challenges that nobody answered in time; answered ones stay as long as a lost reply may be asked for again.
pub async fn prune_challenges(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "delete from enrolment_challenge where expires_at < $1",
        now - TimeDelta::days(ANSWERED_CHALLENGE_DAYS)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A challenge that is being answered, its membership locked.
pub struct OpenChallenge {
    /// The activation.
    pub activation_id: ActivationId,
    /// The membership.
    pub membership_id: MembershipId,
    /// The phone that already answered it, if its reply was lost.
    pub device_id: Option<DeviceId>,
    /// That phone's key; none once it was replaced or signed out.
    pub device_key: Option<Vec<u8>>,
    /// Whether the code was used by another challenge.
    pub code_used: bool,
}

/// The membership whose code a challenge was drawn for.
pub async fn member_of_challenge(db: &PgPool, challenge: &[u8]) -> Result<Option<MembershipId>> {
    Ok(sqlx::query_scalar!(
        r#"select a.membership_id as "id: MembershipId"
           from enrolment_challenge c join activation_code a on a.id = c.activation_id where c.challenge = $1"#,
        challenge
    )
    .fetch_optional(db)
    .await?)
}

/// Locks the membership of a challenge that is still in time, and whose code, if nobody has used it yet, is as usable now as when the
/// challenge was drawn; an answered one is found as long as it is kept, for a phone whose reply was lost. The lock is a statement of
/// its own: a request that has waited for another one must then see all that the other one did, the new phone included.
pub async fn lock_challenge(
    conn: &mut PgConnection,
    challenge: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<OpenChallenge>> {
    sqlx::query!(
        "select from membership where id = (
             select a.membership_id from enrolment_challenge c join activation_code a on a.id = c.activation_id
             where c.challenge = $1) for no key update",
        challenge
    )
    .execute(&mut *conn)
    .await?;
    Ok(sqlx::query_as!(
        OpenChallenge,
        r#"select a.id as activation_id, a.membership_id, c.device_id as "device_id: DeviceId", d.cose_key as "device_key?",
                  a.used_at is not null as "code_used!"
           from enrolment_challenge c
           join activation_code a on a.id = c.activation_id
           join membership m on m.id = a.membership_id and m.status = 'active'
           left join device d on d.id = c.device_id and d.ended_at is null
           where c.challenge = $1
             and (c.device_id is not null or (c.expires_at > $2 and (a.used_at is not null or is_usable_code(a, $2, $3))))"#,
        challenge,
        now,
        now + TOLERATED_AHEAD
    )
    .fetch_optional(conn)
    .await?)
}

/// Enrols a phone: the challenge is answered and the code is used.
pub async fn insert_device(
    conn: &mut PgConnection,
    device_id: DeviceId,
    open: &OpenChallenge,
    challenge: &[u8],
    cose_key: &[u8],
    redeems_from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into device (id, membership_id, cose_key, enrolled_at, redeems_from) values ($1, $2, $3, $4, $5)",
        device_id.0,
        open.membership_id.0,
        cose_key,
        now,
        redeems_from
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("update activation_code set used_at = $2 where id = $1", open.activation_id.0, now)
        .execute(&mut *conn)
        .await?;
    sqlx::query!(
        "update enrolment_challenge set device_id = $2 where challenge = $1",
        challenge,
        device_id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The key of a phone.
pub async fn device_key(conn: &mut PgConnection, device_id: DeviceId) -> Result<Vec<u8>> {
    Ok(sqlx::query_scalar!("select cose_key from device where id = $1", device_id.0).fetch_one(conn).await?)
}

/// The person behind a membership.
pub async fn person_of(conn: &mut PgConnection, membership_id: MembershipId) -> Result<PersonId> {
    Ok(sqlx::query_scalar!(
        r#"select person_id as "id: PersonId" from membership where id = $1"#,
        membership_id.0
    )
    .fetch_one(conn)
    .await?)
}

/// The newest paper card of a membership, unless its key was given up or it is from the future: nobody would accept it.
pub async fn paper_card(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>> {
    Ok(sqlx::query_scalar!(
        r#"select cose as "cose!" from living_card
           where membership_id = $1 and class = 2 and expires_at > $2 and issued_at <= $3 and not is_lost_card_key(kid)
           order by place desc, issued_at desc limit 1"#,
        membership_id.0,
        now,
        now + CLOCKS_APART
    )
    .fetch_optional(conn)
    .await?)
}

/// The statuses of those of these memberships that are registered in a subtree.
pub async fn statuses_in(
    conn: &mut PgConnection,
    scope: &Scope<PrintPaperCards>,
    membership_ids: &[MembershipId],
) -> Result<Vec<MembershipStatus>> {
    Ok(sqlx::query_scalar!(
        r#"select status as "status!: MembershipStatus" from registered_member where id = any($1) and organisation_path ^@ $2"#,
        membership_ids as &[MembershipId],
        scope.path
    )
    .fetch_all(conn)
    .await?)
}

/// A living paper card, and what is printed beside its code.
pub struct PaperCardRow {
    /// The membership.
    pub membership_id: MembershipId,
    /// The full name: Фамилия Имя Отчество.
    pub full_name: String,
    /// The membership number, twelve digits.
    pub number: String,
    /// The name of the organisation in which the member is registered.
    pub organisation_name: String,
    /// The card.
    pub cose: Vec<u8>,
    /// The end of its validity.
    pub expires_at: DateTime<Utc>,
}

/// The paper cards, good now and until after `until`, that members of a subtree hold. One whose key was given up is none.
pub async fn paper_cards(
    conn: &mut PgConnection,
    scope: &Scope<PrintPaperCards>,
    membership_ids: &[MembershipId],
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<PaperCardRow>> {
    Ok(sqlx::query_as!(
        PaperCardRow,
        r#"select m.id as "membership_id!", concat_ws(' ', m.last_name, m.first_name, m.middle_name) as "full_name!",
                  m.number as "number!", m.organisation_name as "organisation_name!", c.cose as "cose!",
                  c.expires_at as "expires_at!"
           from registered_member m join living_card c on c.membership_id = m.id and c.class = 2
           where m.id = any($1) and m.organisation_path ^@ $2 and c.expires_at > $3 and c.issued_at <= $4
             and not is_lost_card_key(c.kid)"#,
        membership_ids as &[MembershipId],
        scope.path,
        until,
        now + CLOCKS_APART
    )
    .fetch_all(conn)
    .await?)
}
