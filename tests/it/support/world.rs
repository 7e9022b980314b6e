//! A small union: two regions with a school each, those who keep them, one partner with one outlet.

use std::sync::LazyLock;

use chrono::NaiveDate;
use profcards::access::codes::AccessCode;
use profcards::access::rights::MandateRole;
use profcards::access::{passwords, store as access};
use profcards::base::money::Kopecks;
use profcards::base::random::Random;
use profcards::programme::offers::Offer;
use profcards::programme::offers::store::insert_offer;
use profcards::programme::partners::store::{self as partners, NewOutlet};
use profcards::registry::members::NewMember;
use profcards::registry::members::store as members;
use profcards::registry::organisations::OrganisationKind;
use profcards::registry::organisations::store::{NewOrganisation, insert as insert_organisation};
use profcards::server::App;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Client, TestApp, next_id};

/// The password of every account.
pub const PASSWORD: &str = "тихая гавань 26";
/// Hashing is slow on purpose, so it is done once in a run.
static PASSWORD_HASH: LazyLock<String> =
    LazyLock::new(|| passwords::hash(PASSWORD, &Random::seeded(7)).unwrap());

/// Every member was born on this day.
pub const BIRTH_DATE: &str = "1980-05-17";

/// The ids of the small union.
pub struct World {
    pub region: i64,
    pub school: i64,
    /// A group within the school, kept by its chair too.
    pub group: i64,
    pub lyceum: i64,
    /// The chair of the school, who signs in as `school`.
    pub chair: Uuid,
    /// The chair of the lyceum in the other region.
    pub foreign_chair: Uuid,
    /// Regional staff above the school.
    pub regional: Uuid,
    /// Staff of the union above both regions.
    pub central: Uuid,
    pub partner: Uuid,
    pub outlet: Uuid,
}

impl World {
    pub async fn make(app: &App) -> Self {
        let mut tx = app.db.begin().await.unwrap();
        let union = organisation(&mut tx, None, OrganisationKind::Central, "Профсоюз", None).await;
        let region =
            organisation(&mut tx, Some(union), OrganisationKind::Regional, "Липецкая областная", Some(42))
                .await;
        let school =
            organisation(&mut tx, Some(region), OrganisationKind::Primary, "ППО школы № 12", None).await;
        let group =
            organisation(&mut tx, Some(school), OrganisationKind::Group, "Профгруппа начальной школы", None)
                .await;
        let other = organisation(
            &mut tx,
            Some(union),
            OrganisationKind::Regional,
            "Чувашская республиканская",
            Some(97),
        )
        .await;
        let lyceum =
            organisation(&mut tx, Some(other), OrganisationKind::Primary, "ППО лицея № 3", None).await;
        let chair = account(app, &mut tx, "school", school, MandateRole::Chair).await;
        let foreign_chair = account(app, &mut tx, "lyceum", lyceum, MandateRole::Chair).await;
        let regional = account(app, &mut tx, "region", region, MandateRole::Regional).await;
        let central = account(app, &mut tx, "union", union, MandateRole::Regional).await;
        let (partner, outlet) = (app.random.uuid(), app.random.uuid());
        let now = app.clock.now();
        partners::insert_partner(&mut tx, partner.into(), "Книжная лавка", now).await.unwrap();
        let place = NewOutlet {
            id: outlet.into(),
            partner_id: partner.into(),
            name: "Магазин на Ленина",
            address: "Липецк, ул. Ленина, 5",
            time_zone: "Europe/Moscow",
        };
        partners::insert_outlet(&mut tx, &place, now).await.unwrap();
        insert_offer(&mut tx, partner.into(), &offer(), now - chrono::TimeDelta::days(40)).await.unwrap();
        tx.commit().await.unwrap();
        Self { region, school, group, lyceum, chair, foreign_chair, regional, central, partner, outlet }
    }
}

/// Three percent from 100 roubles on, at most 500 roubles; the programme gets one percent; up to 30 percent of a purchase
/// may be paid from the balance.
pub fn offer() -> Offer {
    Offer {
        version: 1,
        title: "Кэшбэк 3 %".into(),
        percent_bp: 300,
        commission_bp: 100,
        min_amount_kopecks: Kopecks(100_00),
        cap_per_purchase_kopecks: Some(Kopecks(500_00)),
        redeem_max_share_bp: 3_000,
    }
}

async fn organisation(
    conn: &mut PgConnection,
    parent_id: Option<i64>,
    kind: OrganisationKind,
    name: &str,
    region_okato: Option<i16>,
) -> i64 {
    let valid_from = NaiveDate::from_ymd_opt(1990, 9, 27).unwrap();
    let new = NewOrganisation {
        parent_id: parent_id.map(Into::into),
        kind,
        name,
        short_name: name,
        region_okato,
        valid_from,
    };
    insert_organisation(conn, &new).await.unwrap().0
}

async fn account(
    app: &App,
    conn: &mut PgConnection,
    login: &str,
    organisation_id: i64,
    role: MandateRole,
) -> Uuid {
    let (id, since) = (app.random.uuid(), NaiveDate::from_ymd_opt(2024, 9, 1).unwrap());
    access::insert_account(&mut *conn, id.into(), login, &PASSWORD_HASH, login, app.clock.now())
        .await
        .unwrap();
    access::insert_mandate(conn, app.random.uuid(), id.into(), organisation_id.into(), role, since)
        .await
        .unwrap();
    id
}

/// What a form holds of a person; the full name is «Фамилия Имя Отчество».
pub fn person(full_name: &str) -> Value {
    let mut parts = full_name.split(' ');
    serde_json::json!({
        "lastName": parts.next(), "firstName": parts.next(), "middleName": parts.next(),
        "sex": "f", "birthDate": BIRTH_DATE, "category": 1, "joinedOn": "2015-09-01",
        "processingConsentOn": "2015-09-01",
    })
}

impl TestApp {
    /// Enters a member of the school.
    pub async fn member(&self, full_name: &str) -> Uuid {
        self.member_of(self.world.school, full_name).await
    }

    /// Enters a member of an organisation.
    pub async fn member_of(&self, organisation_id: i64, full_name: &str) -> Uuid {
        let new: NewMember = serde_json::from_value(person(full_name)).unwrap();
        let new = new.checked(self.app.clock.today()).unwrap();
        let mut tx = self.app.db.begin().await.unwrap();
        let id =
            members::insert(&mut tx, &self.app.random, organisation_id.into(), &new, self.app.clock.now());
        let id = id.await.unwrap().0;
        tx.commit().await.unwrap();
        id
    }

    /// Prints a member's sheet: the code and the paper card.
    pub async fn sheet(&self, chair: &Client, member: Uuid) -> Value {
        let path = format!("/api/staff/members/{member}/activation");
        chair.post_with_key(&path, next_id(), &serde_json::json!({})).await.json(200)
    }

    /// The code of a member's paper card, as printed on a new sheet.
    pub async fn paper_token(&self, member: Uuid) -> String {
        let sheet = self.sheet(&self.chair().await, member).await;
        sheet["paperToken"].as_str().unwrap().to_owned()
    }

    /// Revokes a member's cards as lost.
    pub async fn revoke(&self, member: Uuid) {
        let path = format!("/api/staff/members/{member}/cards/revoke");
        let body = serde_json::json!({ "reason": "lost" });
        self.chair().await.post_with_key(&path, next_id(), &body).await.json(200);
    }

    /// A fresh code that pairs a till with the outlet.
    pub async fn pairing_code(&self) -> String {
        let code = AccessCode::from_bytes(&self.app.random.bytes::<7>());
        let hash = code.stored_hash(&self.app.secret, "pairing-hash");
        let mut conn = self.app.db.acquire().await.unwrap();
        partners::insert_pairing_code(&mut conn, &hash, self.world.outlet.into(), self.app.clock.now())
            .await
            .unwrap();
        code.to_string()
    }
}
