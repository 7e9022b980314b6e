//! A demo union to try everything with: invented people in real-sized organisations, staff who keep them, partners with
//! tills. Loaded once into an empty instance; a production instance refuses it.

mod people;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use crate::access::codes::AccessCode;
use crate::access::rights::{Action, MandateRole};
use crate::access::{passwords, store as access};
use crate::act::audit::Entry;
use crate::act::{self, Act, ActEnd, ActSpec};
use crate::base::error::Result;
use crate::base::ids::{AccountId, MembershipId, OrganisationId, OutletId, PartnerId};
use crate::base::money::Kopecks;
use crate::cards::enrolment::{self, PROFCARDS_TEXT_VERSION};
use crate::programme::offers::{self, Offer};
use crate::programme::partners::store::{self as partners, NewOutlet};
use crate::registry::members;
use crate::registry::members::consents::{self, Consent, ConsentChannel, ConsentKind};
use crate::registry::organisations::OrganisationKind;
use crate::registry::organisations::store::{NewOrganisation, insert as insert_organisation};
use crate::server::App;
use people::{Crowd, people};

/// The password of every demo account.
pub const PASSWORD: &str = "demo-2026";

/// A demo account, for whoever tries the product.
pub struct Account {
    /// Its login.
    pub login: &'static str,
    /// The person or the office whose it is.
    pub title: &'static str,
}

/// Everyone who can sign in to the demo union.
pub const ACCOUNTS: [Account; 3] = [
    Account { login: "school12", title: "председатель ППО школы № 12, Липецк" },
    Account {
        login: "lipetsk", title: "аппарат Липецкой областной организации"
    },
    Account {
        login: "lyceum3", title: "председатель ППО лицея № 3, Чебоксары"
    },
];

/// Loads the demo union into an instance that has no organisation yet; does nothing if it is loaded.
pub async fn load(app: &App) -> anyhow::Result<()> {
    ensure!(!app.config.production, "a production instance takes no demo data");
    let spec = ActSpec::by_server(app, Action::LoadDemo);
    Ok(act::perform(app, spec, |act| load_once(app, act)).await?)
}

async fn load_once(app: &App, mut act: Act) -> Result<ActEnd<()>> {
    let (now, conn) = (act.now(), act.conn());
    // Two starts at once must not load it twice.
    sqlx::query!("lock table demo_union in exclusive mode").execute(&mut *conn).await?;
    let known =
        sqlx::query_scalar!(r#"select count(*) as "n!" from organisation"#).fetch_one(&mut *conn).await?;
    if known > 0 {
        return act.roll_back(());
    }
    let primaries = organisations(&mut *conn).await?;
    accounts(app, &mut *conn, &primaries, now).await?;
    let mut sample = None;
    for (organisation_id, crowd) in primaries.crowds() {
        let members = enter(app, &mut *conn, organisation_id, crowd, now).await?;
        sample = sample.or(members.first().copied());
    }
    partners_with_offers(app, &mut *conn, now).await?;
    let sample = sample.context("the demo union has members")?;
    sqlx::query!("insert into demo_union (loaded_at, sample_membership_id) values ($1, $2)", now, sample.0)
        .execute(&mut *conn)
        .await?;
    act.record(Entry::of_subject("demo-union".to_owned()));
    act.commit(())
}

struct Primaries {
    region: OrganisationId,
    school: OrganisationId,
    kindergarten: OrganisationId,
    university: OrganisationId,
    lyceum: OrganisationId,
}

impl Primaries {
    fn crowds(&self) -> [(OrganisationId, Crowd); 4] {
        [
            (self.school, Crowd { seed: 12, workers: 46, students: 0, pensioners: 5 }),
            (self.kindergarten, Crowd { seed: 7, workers: 23, students: 0, pensioners: 2 }),
            (self.university, Crowd { seed: 48, workers: 0, students: 180, pensioners: 0 }),
            (self.lyceum, Crowd { seed: 3, workers: 31, students: 0, pensioners: 4 }),
        ]
    }
}

async fn organisations(conn: &mut PgConnection) -> anyhow::Result<Primaries> {
    let founded = NaiveDate::from_ymd_opt(1990, 9, 27).context("a date")?;
    let mut add = async |parent_id: Option<OrganisationId>, kind, name, short_name, region_okato| {
        let new = NewOrganisation { parent_id, kind, name, short_name, region_okato, valid_from: founded };
        insert_organisation(&mut *conn, &new).await
    };
    let union = add(
        None,
        OrganisationKind::Central,
        "Общероссийский Профсоюз образования",
        "Общероссийский Профсоюз образования",
        None,
    )
    .await?;
    let lipetsk = add(
        Some(union),
        OrganisationKind::Regional,
        "Липецкая областная организация Общероссийского Профсоюза образования",
        "Липецкая областная организация",
        Some(42),
    )
    .await?;
    let city = add(
        Some(lipetsk),
        OrganisationKind::Territorial,
        "Липецкая городская организация Общероссийского Профсоюза образования",
        "Липецкая городская организация",
        None,
    )
    .await?;
    let school = add(
        Some(city),
        OrganisationKind::Primary,
        "Первичная профсоюзная организация МБОУ СШ № 12 г. Липецка",
        "ППО школы № 12",
        None,
    )
    .await?;
    let kindergarten = add(
        Some(city),
        OrganisationKind::Primary,
        "Первичная профсоюзная организация ДОУ № 7 г. Липецка",
        "ППО детского сада № 7",
        None,
    )
    .await?;
    let university = add(
        Some(lipetsk),
        OrganisationKind::Primary,
        "Первичная профсоюзная организация студентов Липецкого государственного педагогического университета",
        "ППО студентов ЛГПУ",
        None,
    )
    .await?;
    let chuvashia = add(
        Some(union),
        OrganisationKind::Regional,
        "Чувашская республиканская организация Общероссийского Профсоюза образования",
        "Чувашская республиканская организация",
        Some(97),
    )
    .await?;
    let lyceum = add(
        Some(chuvashia),
        OrganisationKind::Primary,
        "Первичная профсоюзная организация лицея № 3 г. Чебоксары",
        "ППО лицея № 3",
        None,
    )
    .await?;
    Ok(Primaries { region: lipetsk, school, kindergarten, university, lyceum })
}

async fn accounts(
    app: &App,
    conn: &mut PgConnection,
    primaries: &Primaries,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let offices = [
        ("Иванова Мария Петровна", primaries.school, MandateRole::Chair),
        ("Аппарат областной организации", primaries.region, MandateRole::Regional),
        ("Николаева Ирина Витальевна", primaries.lyceum, MandateRole::Chair),
    ];
    let since = NaiveDate::from_ymd_opt(2024, 9, 1).context("a date")?;
    for (account, (name, organisation_id, role)) in ACCOUNTS.iter().zip(offices) {
        let id = AccountId(app.random.uuid());
        let hash = passwords::hash(PASSWORD, &app.random)?;
        access::insert_account(&mut *conn, id, account.login, &hash, name, now).await?;
        access::insert_mandate(&mut *conn, app.random.uuid(), id, organisation_id, role, since).await?;
    }
    Ok(())
}

/// Enters a crowd; answers the memberships of those who take part in ПрофКардс.
async fn enter(
    app: &App,
    conn: &mut PgConnection,
    organisation_id: OrganisationId,
    crowd: Crowd,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<MembershipId>> {
    let mut participants = Vec::new();
    for person in people(crowd, app.clock.today()) {
        let membership_id =
            members::store::insert(&mut *conn, &app.random, organisation_id, &person.admission, now).await?;
        if person.takes_part {
            let person_id = enrolment::store::person_of(&mut *conn, membership_id).await?;
            let consent = Consent {
                kind: ConsentKind::Profcards,
                text_version: PROFCARDS_TEXT_VERSION.into(),
                channel: ConsentChannel::App,
                given_at: now,
            };
            consents::store::give_consent(&mut *conn, app.random.uuid(), person_id, &consent).await?;
            participants.push(membership_id);
        }
    }
    Ok(participants)
}

async fn partners_with_offers(app: &App, conn: &mut PgConnection, now: DateTime<Utc>) -> anyhow::Result<()> {
    let books = Offer {
        version: 1,
        title: "Кэшбэк 3 % на все книги и канцтовары".into(),
        percent_bp: 300,
        commission_bp: 100,
        min_amount_kopecks: Kopecks(100_00),
        cap_per_purchase_kopecks: Some(Kopecks(500_00)),
        redeem_max_share_bp: 3_000,
    };
    let pharmacy = Offer {
        version: 1,
        title: "Кэшбэк 5 % на витамины и товары для здоровья".into(),
        percent_bp: 500,
        commission_bp: 50,
        min_amount_kopecks: Kopecks::ZERO,
        cap_per_purchase_kopecks: None,
        redeem_max_share_bp: 3_000,
    };
    for (partner, outlet, address, offer) in [
        ("Книжная лавка", "Магазин на Ленина", "Липецк, ул. Ленина, 5", books),
        ("Аптека «Здравница»", "Аптека на Победы", "Липецк, пр. Победы, 61", pharmacy),
    ] {
        let (partner_id, outlet_id) = (PartnerId(app.random.uuid()), OutletId(app.random.uuid()));
        partners::insert_partner(&mut *conn, partner_id, partner, now).await?;
        let outlet =
            NewOutlet { id: outlet_id, partner_id, name: outlet, address, time_zone: "Europe/Moscow" };
        partners::insert_outlet(&mut *conn, &outlet, now).await?;
        offers::store::insert_offer(&mut *conn, partner_id, &offer, now).await?;
    }
    Ok(())
}

/// The member of whom samples are made; none where no demo union is loaded.
pub async fn sample_member(app: &App) -> anyhow::Result<Option<MembershipId>> {
    Ok(sqlx::query_scalar!(r#"select sample_membership_id as "id: MembershipId" from demo_union"#)
        .fetch_optional(&app.db_jobs)
        .await?)
}

/// The code and the birth date with which someone tries the member's face.
pub struct MemberEntry {
    /// The name of the member whose card it will be.
    pub name: String,
    /// The code that is typed in the app.
    pub code: AccessCode,
    /// The birth date that is typed with it.
    pub birth_date: NaiveDate,
}

/// A fresh activation code of the first active demo member who has no phone and of whom no samples are made.
pub async fn member_entry(app: &App, login: Option<&str>) -> Result<Option<MemberEntry>> {
    act::perform(app, ActSpec::by_operator(app, login, Action::MakeDemoCode), |act| make_entry(app, act))
        .await
}

async fn make_entry(app: &App, mut act: Act) -> Result<ActEnd<Option<MemberEntry>>> {
    let row = sqlx::query!(
        r#"select m.id as "id: MembershipId", concat_ws(' ', p.last_name, p.first_name, p.middle_name) as "name!", p.birth_date
           from membership m join person p on p.id = m.person_id
           where m.status = 'active' and m.id <> (select sample_membership_id from demo_union)
             and not exists (select from device d where d.membership_id = m.id and d.ended_at is null)
             and exists (select from registration r join organisation o on o.id = r.organisation_id
                         join mandate g on g.organisation_id = o.id join account a on a.id = g.account_id
                         where r.membership_id = m.id and r.valid_to is null and a.login = $1)
           order by m.number limit 1"#,
        ACCOUNTS[0].login
    )
    .fetch_optional(act.conn())
    .await?;
    let Some(row) = row else { return act.roll_back(None) };
    let now = act.now();
    let activation_id = enrolment::new_activation(app, act.conn(), row.id, None, now).await?;
    act.record(Entry::of_member(row.id));
    let code = enrolment::activation_code_of(app, activation_id);
    act.commit(Some(MemberEntry { name: row.name, code, birth_date: row.birth_date }))
}
