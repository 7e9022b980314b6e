//! Those who keep the register change what it says, and what must hold after each change.

use serde_json::{Value, json};
use uuid::Uuid;

use super::world::person;
use super::{Client, Phone, Reply, TestApp, next_id};

/// A change of data: what a form holds of this person.
pub fn edit(full_name: &str) -> Value {
    let mut form = person(full_name);
    let fields = form.as_object_mut().unwrap();
    fields.remove("joinedOn");
    fields.remove("processingConsentOn");
    form
}

/// The form with another value in this field.
pub fn with(mut form: Value, field: &str, value: Value) -> Value {
    form[field] = value;
    form
}

/// The path under which an organisation's members are entered and looked for.
pub fn members_of(organisation_id: i64) -> String {
    format!("/api/staff/organisations/{organisation_id}/members")
}

/// A page of an organisation's members.
pub async fn found(staff: &Client, organisation_id: i64, query: &[(&str, &str)]) -> Value {
    let encoded = reqwest::Url::parse_with_params("http://localhost", query).unwrap();
    let path = format!("{}?{}", members_of(organisation_id), encoded.query().unwrap_or_default());
    staff.get(&path).await.json(200)
}

/// Asks for a change of a member; `what` is the end of its path.
pub async fn ask(staff: &Client, member: Uuid, what: &str, body: &Value) -> Reply {
    staff.post_with_key(&format!("/api/staff/members/{member}/{what}"), next_id(), body).await
}

/// Puts a member's data right.
pub async fn edit_member(staff: &Client, member: Uuid, form: &Value) -> Reply {
    staff.put_with_key(&format!("/api/staff/members/{member}"), next_id(), form).await
}

impl TestApp {
    /// The chair suspends, resumes or ends a membership.
    pub async fn set_status(&self, member: Uuid, to: &str) -> Value {
        ask(&self.chair().await, member, "status", &json!({ "to": to })).await.json(200)
    }

    /// How many cards were ever issued.
    pub async fn cards_issued(&self) -> i64 {
        sqlx::query_scalar("select count(*) from card").fetch_one(&self.app.db).await.unwrap()
    }

    /// Asserts that nobody holds two living cards of a class, and a phone card that is not revoked is that of the phone
    /// that is enrolled now.
    pub async fn cards_are_sound(&self) {
        let now = self.app.clock.now();
        let twice: i64 = sqlx::query_scalar(
            "select count(*) from (select from living_card where expires_at > $1
                                   group by membership_id, class having count(*) > 1) twice",
        )
        .bind(now)
        .fetch_one(&self.app.db)
        .await
        .unwrap();
        assert_eq!(twice, 0, "a member holds two cards of one class");
        let stray: i64 = sqlx::query_scalar(
            "select count(*) from card c
             left join device d on d.id = c.device_id and d.ended_at is null and d.membership_id = c.membership_id
             where c.class = 1 and c.purpose = 'member' and c.status <> 1 and c.expires_at > $1
               and d.cose_key is distinct from c.cnf",
        )
        .bind(now)
        .fetch_one(&self.app.db)
        .await
        .unwrap();
        assert_eq!(stray, 0, "a phone card that is not revoked belongs to no enrolled phone");
    }
}

impl Phone {
    /// The notices that this phone knows after a pull of everything, newest last: kind and author.
    pub async fn notices(&self) -> Vec<(String, String)> {
        let mut notices = self.notice_data().await;
        notices.sort_by_key(|notice| notice["at"].as_i64());
        let text = |notice: &Value, field: &str| notice[field].as_str().unwrap().to_owned();
        notices.iter().map(|notice| (text(notice, "kind"), text(notice, "by"))).collect()
    }

    /// The same notices whole, in no order.
    pub async fn notice_data(&self) -> Vec<Value> {
        let pulled = self.pull("").await;
        let upserts = pulled["upserts"].as_array().unwrap().iter();
        upserts.filter(|one| one["entity"] == "notice").map(|one| one["data"].clone()).collect()
    }

    /// A cursor after all that has happened so far.
    pub async fn caught_up(&self) -> String {
        let cursor = |pulled: &Value| pulled["cursor"].as_str().unwrap().to_owned();
        cursor(&self.pull(&cursor(&self.pull("").await)).await)
    }

    /// Takes the card that the profile holds now, as the app does after a pull.
    pub async fn take_new_card(&mut self) {
        self.card = hex::decode(self.card_hex().await).unwrap();
    }
}
