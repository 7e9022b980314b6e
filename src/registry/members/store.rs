//! People and memberships in SQL.

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::consents::{self, PROCESSING_TEXT_VERSION};
use super::{
    Activation, EnrolledPhone, MemberCard, MemberConsent, MemberDetail, MemberPage, MemberSummary, NewMember,
};
use crate::access::policy::Scope;
use crate::access::rights::ListMembers;
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::random::Random;

/// The next membership number: eleven digits of the sequence and the check digit.
async fn next_number(conn: &mut PgConnection) -> Result<String> {
    let body =
        sqlx::query_scalar!(r#"select nextval('membership_number_seq') as "body!""#).fetch_one(conn).await?;
    let number = profcards_card::MembershipNumber::from_body(&body.to_string())
        .context("the sequence of membership numbers left its eleven digits")?;
    Ok(number.to_string())
}

/// Leaves out the next membership numbers, which members may bear whom this database does not know.
pub async fn skip_numbers(conn: &mut PgConnection, count: i64) -> Result<()> {
    sqlx::query_scalar!(
        "select setval('membership_number_seq', last_value + $1) from membership_number_seq",
        count
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// Takes the lock under which what belongs to a membership changes: its data, its phone, its cards. It comes before the locks
/// of codes, phones, cards and lists; what is decided after it is read in a statement after it.
pub async fn lock(conn: &mut PgConnection, membership_ids: &[Uuid]) -> Result<()> {
    sqlx::query!("select from membership where id = any($1) order by id for no key update", membership_ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Enters a checked person as a member of an organisation.
pub async fn insert(
    conn: &mut PgConnection,
    random: &Random,
    organisation_id: i64,
    new: &NewMember,
    now: DateTime<Utc>,
) -> Result<Uuid> {
    let person_id = random.uuid();
    sqlx::query!(
        "insert into person (id, last_name, first_name, middle_name, search_name, sex, birth_date, phone, email, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        person_id,
        new.last_name,
        new.first_name,
        new.middle_name,
        new.search_name(),
        new.sex,
        new.birth_date,
        new.phone,
        new.email,
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into engagement (id, person_id, category, position, valid_from) values ($1, $2, $3, $4, $5)",
        random.uuid(),
        person_id,
        new.category,
        new.position,
        new.joined_on
    )
    .execute(&mut *conn)
    .await?;
    let membership_id = random.uuid();
    let number = next_number(&mut *conn).await?;
    sqlx::query!(
        "insert into membership (id, person_id, number, status, joined_on, valid_from) values ($1, $2, $3, 'active', $4, $4)",
        membership_id,
        person_id,
        number,
        new.joined_on
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into registration (id, membership_id, organisation_id, valid_from) values ($1, $2, $3, $4)",
        random.uuid(),
        membership_id,
        organisation_id,
        new.joined_on
    )
    .execute(&mut *conn)
    .await?;
    if let Some(day) = new.processing_consent_on {
        let given_at = consents::signed_at(day, now);
        let id = random.uuid();
        consents::store::give_consent(
            conn,
            id,
            person_id,
            "processing",
            PROCESSING_TEXT_VERSION,
            "paper",
            given_at,
        )
        .await?;
    }
    Ok(membership_id)
}

/// Which members of a subtree a list shows.
pub struct ListQuery<'a> {
    /// The statuses that count.
    pub statuses: &'a [&'a str],
    /// Words that the name (or number) must contain, in search form; empty for all.
    pub words: Vec<String>,
    /// 1, 2 or 3; none for all.
    pub category: Option<i16>,
    /// Only those without a valid card on a phone.
    pub without_phone_card: bool,
    /// Only those without a consent to processing.
    pub without_consent: bool,
    /// Where the page begins: behind the last one shown before.
    pub after: Option<Uuid>,
    /// The page's length.
    pub limit: i64,
}

struct ListRow {
    id: Uuid,
    last_name: String,
    first_name: String,
    middle_name: Option<String>,
    number: String,
    category: i16,
    position: Option<String>,
    organisation_id: i64,
    organisation_name: String,
    card: String,
    processing_consent: bool,
    status: String,
    total: i64,
}

/// A name is known by its beginning, if only by its initial; a number by any part.
fn pattern_of(word: &str) -> String {
    let start = if word.starts_with(|c: char| c.is_ascii_digit()) { "" } else { " " };
    format!("%{start}{}%", escape_like(word))
}

/// A page of members by name. Its cursor is an id: a name would stand in the next request's address.
pub async fn list(
    db: &PgPool,
    scope: &Scope<ListMembers>,
    query: &ListQuery<'_>,
    now: DateTime<Utc>,
) -> Result<MemberPage> {
    // Every word must occur: LIKE ALL over the patterns, so that the order of names does not matter.
    let patterns: Vec<String> = query.words.iter().map(|word| pattern_of(word)).collect();
    let mut rows = sqlx::query_as!(
        ListRow,
        r#"with chosen as (
               select m.id, p.last_name, p.first_name, p.middle_name, p.search_name, m.number,
                      coalesce(e.category, 1::smallint) as category, e.position,
                      o.id as organisation_id, o.short_name as organisation_name,
                      case held.phone when true then 'phone' when false then 'paper' else 'none' end as card,
                      exists (select from consent c where c.person_id = p.id and c.kind = 'processing'
                              and c.withdrawn_at is null) as processing_consent,
                      m.status
               from registration r
               join organisation o on o.id = r.organisation_id
               join membership m on m.id = r.membership_id
               join person p on p.id = m.person_id
               left join engagement e on e.person_id = p.id and e.valid_to is null
               left join lateral (
                   select bool_or(c.class = 1) as phone from living_card c
                   where c.membership_id = m.id and c.expires_at > $8
               ) held on true
               where o.path ^@ $1 and r.valid_to is null and m.status = any($9)
                 and (' ' || p.search_name || ' ' || m.number) like all ($2)
                 and ($3::smallint is null or e.category = $3)
           ), filtered as (
               select * from chosen
               where (not $4 or card <> 'phone') and (not $5 or not processing_consent)
           )
           select id as "id!", last_name as "last_name!", first_name as "first_name!", middle_name,
                  number as "number!", category as "category!", position,
                  organisation_id as "organisation_id!", organisation_name as "organisation_name!", card as "card!",
                  processing_consent as "processing_consent!", status as "status!", (select count(*) from filtered) as "total!"
           from filtered
           where $6::uuid is null or (search_name, id) > (
               select p.search_name, m.id from membership m join person p on p.id = m.person_id where m.id = $6)
           order by search_name, id
           limit $7"#,
        scope.path,
        &patterns,
        query.category,
        query.without_phone_card,
        query.without_consent,
        query.after,
        query.limit + 1,
        now,
        query.statuses as &[&str]
    )
    .fetch_all(db)
    .await?;
    let total = rows.first().map_or(0, |row| row.total);
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let next_cursor = (rows.len() > limit).then(|| rows[limit - 1].id.to_string());
    rows.truncate(limit);
    Ok(MemberPage { items: rows.into_iter().map(ListRow::into_summary).collect(), next_cursor, total })
}

fn escape_like(word: &str) -> String {
    word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

impl ListRow {
    fn into_summary(self) -> MemberSummary {
        MemberSummary {
            id: self.id,
            last_name: self.last_name,
            first_name: self.first_name,
            middle_name: self.middle_name,
            number: self.number,
            category: self.category,
            position: self.position,
            organisation_id: self.organisation_id,
            organisation_name: self.organisation_name,
            card: self.card,
            processing_consent: self.processing_consent,
            status: self.status,
        }
    }
}

/// One member whole.
pub async fn detail(
    conn: &mut PgConnection,
    membership_id: Uuid,
    now: DateTime<Utc>,
) -> Result<MemberDetail> {
    let row = sqlx::query!(
        r#"select person_id as "person_id!", last_name as "last_name!", first_name as "first_name!", middle_name,
                  sex as "sex!", birth_date as "birth_date!", phone, email, number as "number!",
                  joined_on as "joined_on!", status as "status!", category as "category!", position,
                  organisation_id as "organisation_id!", organisation_name as "organisation_name!"
           from registered_member where id = $1"#,
        membership_id
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound)?;
    let consents = sqlx::query_as!(
        MemberConsent,
        "select kind, given_at, channel from consent where person_id = $1 and withdrawn_at is null order by given_at",
        row.person_id
    )
    .fetch_all(&mut *conn)
    .await?;
    let cards = cards(&mut *conn, membership_id, now).await?;
    let enrolled_phone = sqlx::query_as!(
        EnrolledPhone,
        "select enrolled_at from device where membership_id = $1 and ended_at is null",
        membership_id
    )
    .fetch_optional(&mut *conn)
    .await?;
    let activation = sqlx::query_as!(
        Activation,
        r#"select least(expires_at, ended_at) as "expires_at!", used_at is not null as "used!" from activation_code
           where membership_id = $1 order by number desc limit 1"#,
        membership_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(MemberDetail {
        summary: MemberSummary {
            id: membership_id,
            last_name: row.last_name,
            first_name: row.first_name,
            middle_name: row.middle_name,
            number: row.number,
            category: row.category,
            position: row.position,
            organisation_id: row.organisation_id,
            organisation_name: row.organisation_name,
            card: best_of(&cards).into(),
            processing_consent: consents.iter().any(|consent| consent.kind == "processing"),
            status: row.status,
        },
        sex: row.sex,
        birth_date: row.birth_date,
        phone: row.phone,
        email: row.email,
        joined_on: row.joined_on,
        enrolled_phone,
        consents,
        cards,
        activation,
    })
}

/// The best valid one of a member's cards, as lists name it.
fn best_of(cards: &[MemberCard]) -> &'static str {
    let valid = |class: &str| cards.iter().any(|card| card.class == class && card.state == "valid");
    ["phone", "paper"].into_iter().find(|class| valid(class)).unwrap_or("none")
}

async fn cards(conn: &mut PgConnection, membership_id: Uuid, now: DateTime<Utc>) -> Result<Vec<MemberCard>> {
    Ok(sqlx::query_as!(
        MemberCard,
        r#"select id, case class when 1 then 'phone' else 'paper' end as "class!", issued_at, expires_at,
                  case when status = 1 then 'revoked' when status = 2 then 'suspended'
                       when superseded_at is not null or place < max(place) over (partition by class) then 'superseded'
                       when expires_at <= $2 then 'expired' else 'valid' end as "state!"
           from card where membership_id = $1 and purpose = 'member'
           order by place desc, issued_at desc, id"#,
        membership_id,
        now
    )
    .fetch_all(conn)
    .await?)
}

/// Refuses an open membership of this name and birth date in an organisation that has one already, other than one's own: a
/// likely double entry. Whoever is about to enter the same person there at the same time waits until this transaction ends.
pub async fn refuse_same_person(
    conn: &mut PgConnection,
    organisation_id: i64,
    search_name: &str,
    birth_date: NaiveDate,
    other_than: Option<Uuid>,
) -> Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtext('same person'), hashtext(concat_ws(' ', $1::bigint, $2::text, $3::date)))",
        organisation_id,
        search_name,
        birth_date
    )
    .execute(&mut *conn)
    .await?;
    let twin = sqlx::query_scalar!(
        r#"select exists (
               select from registration r
               join membership m on m.id = r.membership_id
               join person p on p.id = m.person_id
               where r.organisation_id = $1 and r.valid_to is null and m.valid_to is null
                 and p.search_name = $2 and p.birth_date = $3 and m.id is distinct from $4) as "twin!""#,
        organisation_id,
        search_name,
        birth_date,
        other_than
    )
    .fetch_one(conn)
    .await?;
    if twin { Err(Error::Conflict(Code::AlreadyAMember)) } else { Ok(()) }
}

/// Whether a membership was suspended at a moment: by the last of the steps that were taken by then. One that a clock ahead has
/// dated into the future ends with the next one, and never comes back.
pub async fn was_suspended(conn: &mut PgConnection, membership_id: Uuid, at: DateTime<Utc>) -> Result<bool> {
    let status = sqlx::query_scalar!(
        "select status from membership_step where membership_id = $1 and taken_at <= $2
         order by id desc limit 1",
        membership_id,
        at
    )
    .fetch_optional(conn)
    .await?;
    Ok(status.as_deref() == Some("suspended"))
}
