//! People and memberships in SQL.

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, PgPool};

use super::consents::{self, Consent, ConsentChannel, ConsentKind, PROCESSING_TEXT_VERSION};
use super::{
    Activation, Admission, BestCard, CardClass, CardState, Category, EnrolledPhone, MemberCard,
    MemberConsent, MemberDetail, MemberPage, MemberSummary, MembershipStatus, ReadUpTo, Sex, name_tag,
};
use crate::access::policy::Scope;
use crate::access::rights::ListMembers;
use crate::base::code::Code;
use crate::base::error::{Error, Result};
use crate::base::ids::{MembershipId, OrganisationId, PersonId};
use crate::base::pages::{Counted, Length, Page};
use crate::base::random::Random;
use crate::base::secret::InstanceSecret;

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
pub async fn lock(conn: &mut PgConnection, membership_ids: &[MembershipId]) -> Result<()> {
    sqlx::query!(
        "select from membership where id = any($1) order by id for no key update",
        membership_ids as &[MembershipId]
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Enters a checked person as a member of an organisation.
pub async fn insert(
    conn: &mut PgConnection,
    random: &Random,
    organisation_id: OrganisationId,
    new: &Admission,
    now: DateTime<Utc>,
) -> Result<MembershipId> {
    let (person, person_id) = (&new.person, PersonId(random.uuid()));
    sqlx::query!(
        "insert into person (id, last_name, first_name, middle_name, search_name, sex, birth_date, phone, email, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        person_id.0,
        person.last_name,
        person.first_name,
        person.middle_name,
        person.search_name(),
        person.sex as Sex,
        person.birth_date,
        person.phone,
        person.email,
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into engagement (id, person_id, category, position, valid_from) values ($1, $2, $3, $4, $5)",
        random.uuid(),
        person_id.0,
        person.category as Category,
        person.position,
        new.joined_on
    )
    .execute(&mut *conn)
    .await?;
    let membership_id = MembershipId(random.uuid());
    let number = next_number(&mut *conn).await?;
    sqlx::query!(
        "insert into membership (id, person_id, number, status, joined_on, valid_from) values ($1, $2, $3, 'active', $4, $4)",
        membership_id.0,
        person_id.0,
        number,
        new.joined_on
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into registration (id, membership_id, organisation_id, valid_from) values ($1, $2, $3, $4)",
        random.uuid(),
        membership_id.0,
        organisation_id.0,
        new.joined_on
    )
    .execute(&mut *conn)
    .await?;
    if let Some(day) = new.processing_consent_on {
        let consent = Consent {
            kind: ConsentKind::Processing,
            text_version: PROCESSING_TEXT_VERSION.into(),
            channel: ConsentChannel::Paper,
            given_at: consents::signed_at(day, now),
        };
        consents::store::give_consent(conn, random.uuid(), person_id, &consent).await?;
    }
    Ok(membership_id)
}

/// The query of a list: which members of a subtree it shows.
pub struct ListQuery<'a> {
    /// The statuses that count.
    pub statuses: &'a [MembershipStatus],
    /// Words that the name (or number) must contain, in search form; empty for all.
    pub words: Vec<String>,
    /// The category to search for; none for all.
    pub category: Option<Category>,
    /// Whether only members without a valid card on a phone are listed.
    pub without_phone_card: bool,
    /// Whether only members without a consent to processing are listed.
    pub without_consent: bool,
    /// The member behind whom the page begins.
    pub after: Option<LastRead>,
    /// The page's length.
    pub length: Length,
}

/// The last member of the page before.
pub struct LastRead {
    /// The name by which that member stands in the list.
    pub search_name: String,
    /// The member.
    pub member_id: MembershipId,
    /// The number of members shown so far.
    pub shown: u32,
}

struct ListRow {
    id: MembershipId,
    last_name: String,
    first_name: String,
    middle_name: Option<String>,
    search_name: String,
    number: String,
    category: Category,
    position: Option<String>,
    organisation_id: OrganisationId,
    organisation_name: String,
    card: BestCard,
    processing_consent: bool,
    status: MembershipStatus,
    counted: i64,
}

/// A name is known by its beginning, if only by its initial; a number by any part.
fn pattern_of(word: &str) -> String {
    let start = if word.starts_with(|c: char| c.is_ascii_digit()) { "" } else { " " };
    format!("%{start}{}%", escape_like(word))
}

/// The name by which a member stands in lists, if there is such a member.
pub async fn search_name(db: &PgPool, membership_id: MembershipId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "select p.search_name from membership m join person p on p.id = m.person_id where m.id = $1",
        membership_id.0
    )
    .fetch_optional(db)
    .await?)
}

/// A page of members by name. Its cursor is an id and a tag under the secret: a name would stand in the next request's address.
pub async fn list(
    db: &PgPool,
    secret: &InstanceSecret,
    scope: &Scope<ListMembers>,
    query: &ListQuery<'_>,
    now: DateTime<Utc>,
) -> Result<MemberPage> {
    // Every word must occur: LIKE ALL over the patterns, so that the order of names does not matter.
    let patterns: Vec<String> = query.words.iter().map(|word| pattern_of(word)).collect();
    let rows = sqlx::query_as!(
        ListRow,
        r#"with chosen as not materialized (
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
           ), filtered as not materialized (
               select * from chosen
               where (not $4 or card <> 'phone') and (not $5 or not processing_consent)
           )
           select id as "id!: MembershipId", last_name as "last_name!", first_name as "first_name!", middle_name,
                  search_name as "search_name!", number as "number!", category as "category!: Category", position,
                  organisation_id as "organisation_id!: OrganisationId", organisation_name as "organisation_name!", card as "card!: BestCard",
                  processing_consent as "processing_consent!", status as "status!: MembershipStatus", (select count(*) from (select from filtered limit $10) counted) as "counted!"
           from filtered
           where $6::uuid is null or (search_name, id) > ($11, $6)
           order by search_name, id
           limit $7"#,
        scope.path,
        &patterns,
        query.category as Option<Category>,
        query.without_phone_card,
        query.without_consent,
        query.after.as_ref().map(|after| after.member_id.0),
        query.length.and_one(),
        now,
        query.statuses as &[MembershipStatus],
        Counted::UP_TO,
        query.after.as_ref().map(|after| &*after.search_name)
    )
    .fetch_all(db)
    .await?;
    let found = Counted::of(rows.first().map_or(0, |row| row.counted));
    let shown_before = query.after.as_ref().map_or(0, |after| after.shown);
    let read = u32::try_from(rows.len()).unwrap_or(u32::MAX).saturating_add(shown_before);
    let total = if found.is_limit { found.value.max(i64::from(read)) } else { found.value };
    let page = Page::cut(rows, query.length, |last: &ListRow| ReadUpTo {
        last: last.id,
        name_tag: name_tag(secret, &last.search_name, last.id),
        // One row of those that were read is on the next page.
        shown: read - 1,
    });
    Ok(MemberPage { page: page.map(ListRow::into_summary), found, total })
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

/// A member as of now, as every reader of the register takes one.
pub struct RegisteredMember {
    /// The person.
    pub person_id: PersonId,
    /// The surname (фамилия).
    pub last_name: String,
    /// The first name (имя).
    pub first_name: String,
    /// The middle name (отчество).
    pub middle_name: Option<String>,
    /// The sex on record.
    pub sex: Sex,
    /// The day of birth.
    pub birth_date: NaiveDate,
    /// The phone number: `+7` and ten digits.
    pub phone: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The membership number, twelve digits.
    pub number: String,
    /// The day of the decision to admit.
    pub joined_on: NaiveDate,
    /// The membership's status.
    pub status: MembershipStatus,
    /// The member's category.
    pub category: Category,
    /// The position (должность).
    pub position: Option<String>,
    /// The organisation in which the member is registered.
    pub organisation_id: OrganisationId,
    /// The organisation's short name.
    pub organisation_name: String,
}

impl RegisteredMember {
    /// The full name: Фамилия Имя Отчество.
    pub fn full_name(&self) -> String {
        let parts = [Some(&*self.last_name), Some(&*self.first_name), self.middle_name.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// The member as of now.
///
/// # Errors
/// [`Error::NotFound`] where the membership is registered nowhere.
pub async fn registered_member(
    conn: &mut PgConnection,
    membership_id: MembershipId,
) -> Result<RegisteredMember> {
    sqlx::query_as!(
        RegisteredMember,
        r#"select person_id as "person_id!", last_name as "last_name!", first_name as "first_name!", middle_name,
                  sex as "sex!: Sex", birth_date as "birth_date!", phone, email, number as "number!",
                  joined_on as "joined_on!", status as "status!: MembershipStatus", category as "category!: Category",
                  position, organisation_id as "organisation_id!", organisation_name as "organisation_name!"
           from registered_member where id = $1"#,
        membership_id.0
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::NotFound)
}

/// One member whole.
pub async fn detail(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    now: DateTime<Utc>,
) -> Result<MemberDetail> {
    let member = registered_member(&mut *conn, membership_id).await?;
    let consents = consents::store::in_force(&mut *conn, member.person_id).await?;
    let cards = cards(&mut *conn, membership_id, now).await?;
    let enrolled_phone = sqlx::query_as!(
        EnrolledPhone,
        "select enrolled_at from device where membership_id = $1 and ended_at is null",
        membership_id.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let activation = sqlx::query_as!(
        Activation,
        r#"select least(expires_at, ended_at) as "expires_at!", used_at is not null as "used!" from activation_code
           where membership_id = $1 order by number desc limit 1"#,
        membership_id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(MemberDetail {
        summary: MemberSummary {
            id: membership_id,
            last_name: member.last_name,
            first_name: member.first_name,
            middle_name: member.middle_name,
            number: member.number,
            category: member.category,
            position: member.position,
            organisation_id: member.organisation_id,
            organisation_name: member.organisation_name,
            card: best_of(&cards),
            processing_consent: consents.iter().any(|consent| consent.kind == ConsentKind::Processing),
            status: member.status,
        },
        sex: member.sex,
        birth_date: member.birth_date,
        phone: member.phone,
        email: member.email,
        joined_on: member.joined_on,
        enrolled_phone,
        consents: consents.into_iter().map(MemberConsent::from).collect(),
        cards,
        activation,
    })
}

/// The best valid one of a member's cards, as lists name it.
fn best_of(cards: &[MemberCard]) -> BestCard {
    let has_valid = |class| cards.iter().any(|card| card.class == class && card.state == CardState::Valid);
    if has_valid(CardClass::Phone) {
        BestCard::Phone
    } else if has_valid(CardClass::Paper) {
        BestCard::Paper
    } else {
        BestCard::None
    }
}

async fn cards(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    now: DateTime<Utc>,
) -> Result<Vec<MemberCard>> {
    Ok(sqlx::query_as!(
        MemberCard,
        r#"select id, case class when 1 then 'phone' else 'paper' end as "class!: CardClass", issued_at, expires_at,
                  case when status = 1 then 'revoked' when status = 2 then 'suspended'
                       when superseded_at is not null or place < max(place) over (partition by class) then 'superseded'
                       when expires_at <= $2 then 'expired' else 'valid' end as "state!: CardState"
           from card where membership_id = $1 and purpose = 'member'
           order by place desc, issued_at desc, id"#,
        membership_id.0,
        now
    )
    .fetch_all(conn)
    .await?)
}

/// Refuses an open membership of this name and birth date in an organisation that has one already, other than one's own: a
/// likely double entry. Whoever is about to enter the same person there at the same time waits until this transaction ends.
pub async fn refuse_same_person(
    conn: &mut PgConnection,
    organisation_id: OrganisationId,
    search_name: &str,
    birth_date: NaiveDate,
    other_than: Option<MembershipId>,
) -> Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtext('same person'), hashtext(concat_ws(' ', $1::bigint, $2::text, $3::date)))",
        organisation_id.0,
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
        organisation_id.0,
        search_name,
        birth_date,
        other_than as Option<MembershipId>
    )
    .fetch_one(conn)
    .await?;
    if twin { Err(Error::Conflict(Code::AlreadyAMember)) } else { Ok(()) }
}

/// Whether a membership was suspended at a moment: by the last of the steps that were taken by then. One that a clock ahead has
/// dated into the future ends with the next one, and never comes back.
pub async fn was_suspended(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    at: DateTime<Utc>,
) -> Result<bool> {
    let status = sqlx::query_scalar!(
        r#"select status as "status: MembershipStatus" from membership_step where membership_id = $1 and taken_at <= $2
           order by id desc limit 1"#,
        membership_id.0,
        at
    )
    .fetch_optional(conn)
    .await?;
    Ok(status == Some(MembershipStatus::Suspended))
}
