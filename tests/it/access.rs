//! Every operation of the API for every role: complete by construction, since the list comes from the API's description.

use std::collections::BTreeSet;

use axum::http::Method;
use profcards::access::rights::{Action, Role};
use profcards::access::store::SessionOwner;
use profcards::act::jobs::NewJob;
use profcards::act::jobs::store::enqueue;
use profcards::server::router;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::phone::{challenge_for, check_body, ed25519, enrolment};
use super::support::register::{ask, edit, edit_member, members_of};
use super::support::world::{PASSWORD, World, person};
use super::support::{Client, DAY_SECONDS, Phone, Reply, TestApp, Till, next_id, with_phone};

/// What each role gets, in the order of [`Roles::all`].
struct Row(&'static str, &'static str, [u16; 6]);

const ANYONE: [u16; 6] = [200; 6];
const CREATED: [u16; 6] = [201; 6];
const STAFF: [u16; 6] = [401, 401, 401, 200, 200, 200];
const MEMBER: [u16; 6] = [401, 200, 401, 401, 401, 401];
const TILL: [u16; 6] = [401, 401, 200, 401, 401, 401];
/// No cookie opens it: a partner's server comes with a key.
const NOBODY: [u16; 6] = [401; 6];
const SYNC: [u16; 6] = [401, 200, 200, 401, 401, 401];

const BEFORE: [Row; 12] = [
    Row("GET", "/healthz", ANYONE),
    Row("GET", "/readyz", ANYONE),
    Row("GET", "/metrics", ANYONE),
    Row("GET", "/api/time", ANYONE),
    Row("GET", "/api/openapi.json", ANYONE),
    Row("GET", "/.well-known/profcards/trust-list", ANYONE),
    Row("GET", "/.well-known/profcards/status/{n}", ANYONE),
    Row("POST", "/api/activation/check", ANYONE),
    // One request, sent by one browser after the other: a repeated one opens nothing for who was not given the challenge.
    Row("POST", "/api/activation/enrol", [201, 403, 403, 403, 403, 403]),
    Row("POST", "/api/lost-phone", [204; 6]),
    Row("POST", "/api/till/pairing", CREATED),
    Row("GET", "/api/staff/session", STAFF),
];
/// What staff may do, by the action that stands behind it, and what is answered where it is done: the rest follows from the roles' table.
const ACTS: [(&str, &str, Action, u16); 13] = [
    ("GET", "/api/staff/organisations/{id}", Action::ReadOrganisation, 200),
    ("GET", "/api/staff/organisations/{id}/members", Action::ListMembers, 200),
    ("POST", "/api/staff/organisations/{id}/members", Action::AddMember, 201),
    ("GET", "/api/staff/members/{id}", Action::ReadMember, 200),
    ("PUT", "/api/staff/members/{id}", Action::EditMember, 200),
    ("POST", "/api/staff/members/{id}/status", Action::SetStatus, 200),
    ("POST", "/api/staff/members/{id}/transfer", Action::TransferMember, 200),
    ("POST", "/api/staff/members/{id}/phone/lost", Action::ReportLostPhone, 200),
    ("POST", "/api/staff/organisations/{id}/paper-cards", Action::PrintPaperCards, 200),
    ("POST", "/api/staff/organisations/{id}/consents", Action::RecordConsents, 200),
    ("POST", "/api/staff/members/{id}/activation", Action::PrintSheet, 200),
    ("POST", "/api/staff/members/{id}/cards/revoke", Action::RevokeCards, 200),
    ("GET", "/api/staff/jobs/{id}", Action::ReadJob, 200),
];
/// Signing out comes last.
const AFTER: [Row; 16] = [
    Row("GET", "/api/member/profile", MEMBER),
    Row("GET", "/api/member/events", MEMBER),
    Row("POST", "/api/member/card", MEMBER),
    Row("POST", "/api/member/consents", MEMBER),
    Row("POST", "/api/member/move", MEMBER),
    Row("DELETE", "/api/member/move", MEMBER),
    Row("GET", "/api/till", TILL),
    Row("POST", "/api/till/lookup", TILL),
    Row("POST", "/api/till/redemption-challenge", TILL),
    Row("POST", "/api/till/redemption-limit", TILL),
    Row("POST", "/api/v1/challenge", NOBODY),
    Row("POST", "/api/v1/verify", NOBODY),
    Row("GET", "/api/sync/pull", SYNC),
    Row("POST", "/api/sync/push", SYNC),
    Row("POST", "/api/staff/session", ANYONE),
    Row("DELETE", "/api/staff/session", [401, 401, 401, 204, 204, 204]),
];
/// These end their role, so they come after everything else.
const ENDINGS: [Row; 2] = [
    Row("DELETE", "/api/member/session", [401, 204, 401, 401, 401, 401]),
    Row("DELETE", "/api/till", [401, 401, 204, 401, 401, 401]),
];

/// An organisation's own chair and the staff above it, as far as their roles go; nobody else learns that it exists.
fn row_of(&(method, path, action, done): &(&'static str, &'static str, Action, u16)) -> Row {
    let of = |role| if action.roles().contains(&role) { done } else { 404 };
    Row(method, path, [401, 401, 401, of(Role::Chair), 404, of(Role::Regional)])
}

fn rights() -> Vec<Row> {
    let acts: Vec<_> = ACTS.iter().map(row_of).collect();
    BEFORE.into_iter().chain(acts).chain(AFTER).chain(ENDINGS).collect()
}

/// A browser for each role, and what the bodies need.
struct Roles {
    app: TestApp,
    phone: Phone,
    till: Till,
    /// Whom the staff's requests are about; it has no phone.
    subject: Uuid,
    /// Two who have phones to lose.
    losers: [Uuid; 2],
    /// A job that the chair has ordered, and one that the staff above have.
    jobs: [Uuid; 2],
    code: String,
    enrolment: Value,
}

impl Roles {
    async fn make() -> Self {
        let app = TestApp::start().await;
        let member = app.member("Иванова Мария Петровна").await;
        let subject = app.member("Петрова Анна Сергеевна").await;
        let typing = app.member("Сидорова Ольга Ивановна").await;
        let enrolling = app.member("Кузнецова Нина Павловна").await;
        let chair = app.chair().await;
        let code = app.sheet(&chair, typing).await["code"].as_str().unwrap().to_owned();
        let sheet = app.sheet(&chair, enrolling).await;
        let enrolment = enrolment(&ed25519(), &challenge_for(&chair, &sheet["code"]).await);
        let phone = Phone::activate(&app, member).await;
        let till = Till::pair(&app).await;
        let losers = [app.member("Белова Вера Павловна").await, app.member("Власова Нина Львовна").await];
        for loser in losers {
            Phone::activate(&app, loser).await;
        }
        let jobs = [job_of(&app, app.world.chair).await, job_of(&app, app.world.regional).await];
        Self { app, phone, till, subject, losers, jobs, code, enrolment }
    }

    /// Anonymous, member, till, chair, chair of another organisation, regional staff above: fresh browsers, since one
    /// that has just paired a till or signed in would have that role too.
    async fn all(&self) -> [(&'static str, Client); 6] {
        let (app, world) = (&self.app, &self.app.world);
        [
            ("anonymous", app.anonymous()),
            ("member", app.signed_in(SessionOwner::Device(self.phone.device_id(app).await.into())).await),
            ("till", app.signed_in(SessionOwner::Terminal(self.till.terminal.into())).await),
            ("chair", app.staff(world.chair).await),
            ("foreign chair", app.staff(world.foreign_chair).await),
            ("regional", app.staff(world.regional).await),
        ]
    }

    fn path(&self, template: &str, role: &str) -> String {
        let face = if role == "member" { "member" } else { "till" };
        let id = if template.contains("/organisations/") {
            self.app.world.school.to_string()
        } else if template.contains("/jobs/") {
            self.jobs[usize::from(role == "regional")].to_string()
        } else if template.ends_with("/phone/lost") {
            self.losers[usize::from(role == "regional")].to_string()
        } else {
            self.subject.to_string()
        };
        let path = template.replace("{n}", "1").replace("{id}", &id);
        if template == "/api/sync/pull" {
            return format!("{path}?face={face}&schema=1");
        }
        path
    }

    async fn body(&self, template: &str, role: &str) -> Value {
        let face = if role == "member" { "member" } else { "till" };
        // What the chair has done, the staff above undo.
        let above = role == "regional";
        match template {
            "/api/staff/session" => json!({ "login": "school", "password": PASSWORD }),
            "/api/staff/organisations/{id}/members" => person(&format!("Новикова {}", unused_name())),
            "/api/staff/members/{id}/cards/revoke" => json!({ "reason": "lost" }),
            "/api/staff/members/{id}" => edit("Петрова Анна Сергеевна"),
            "/api/staff/members/{id}/status" => json!({ "to": if above { "active" } else { "suspended" } }),
            "/api/staff/members/{id}/transfer" => {
                let World { school, group, .. } = self.app.world;
                json!({ "organisationId": if above { school } else { group } })
            }
            "/api/staff/organisations/{id}/paper-cards" => json!({ "memberIds": [self.subject] }),
            "/api/staff/organisations/{id}/consents" => {
                json!({ "memberIds": [self.subject], "signedOn": "2026-11-20" })
            }
            "/api/activation/check" | "/api/lost-phone" => check_body(&self.code),
            "/api/activation/enrol" => self.enrolment.clone(),
            "/api/till/pairing" => json!({ "code": self.app.pairing_code().await, "clientId": next_id() }),
            "/api/member/consents" => {
                json!({ "kind": "profcards", "given": true, "textVersion": profcards::cards::enrolment::PROFCARDS_TEXT_VERSION })
            }
            "/api/till/lookup" => json!({ "number": self.phone.profile().await["number"] }),
            "/api/till/redemption-challenge" => {
                json!({ "opNo": self.till.next_op_no(), "amountKopecks": 1_000_00 })
            }
            "/api/till/redemption-limit" => {
                let op_no = self.till.next_op_no();
                let token = self.phone.redeeming(self.app.now(), &self.till.digits(op_no).await, 100_00);
                json!({ "token": token, "opNo": op_no, "amountKopecks": 1_000_00 })
            }
            "/api/sync/push" => json!({
                "face": face, "schema": 1, "clientTime": self.app.now(), "mutations": [],
            }),
            _ => json!({}),
        }
    }

    /// Sends an operation's request as a role; answers the status alone, since an event stream has no end.
    async fn ask(&self, client: &Client, role: &str, method: &Method, template: &str) -> u16 {
        let request = client.request(method, &self.path(template, role));
        let request = match *method {
            Method::POST | Method::PUT => request
                .header("idempotency-key", next_id().to_string())
                .json(&self.body(template, role).await),
            _ => request,
        };
        request.send().await.unwrap().status().as_u16()
    }
}

/// A job that an account has ordered in the school.
async fn job_of(app: &TestApp, account: Uuid) -> Uuid {
    let (id, organisation_id) = (next_id().into(), Some(app.world.school.into()));
    let job = NewJob { id, kind: "test", key: None, args: json!({}), organisation_id };
    let mut conn = app.app.db.acquire().await.unwrap();
    enqueue(&mut conn, &format!("staff:{account}"), &job).await.unwrap().0
}

/// A given name that nobody has had yet: letters only.
fn unused_name() -> String {
    let letters = ["А", "Б", "В", "Г", "Д", "Е", "Ж", "З", "И", "К"];
    let digits = next_id().as_u128() >> 32 & 0xffff;
    digits.to_string().bytes().map(|digit| letters[usize::from(digit - b'0')]).collect()
}

fn described() -> BTreeSet<(String, String)> {
    let description = serde_json::to_value(router::description()).unwrap();
    let methods = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];
    let mut operations = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in methods.iter().filter(|method| item.get(**method).is_some()) {
            operations.insert((method.to_uppercase(), path.clone()));
        }
    }
    operations
}

#[test]
fn every_operation_has_its_row_of_rights() {
    let rights = rights();
    let rows: BTreeSet<_> = rights.iter().map(|row| (row.0.to_owned(), row.1.to_owned())).collect();
    assert_eq!(rows.len(), rights.len(), "a row stands twice");
    assert_eq!(rows, described());
}

#[test]
fn every_action_of_staff_is_behind_an_operation() {
    let is_of_staff =
        |action: &Action| action.roles().iter().any(|role| matches!(role, Role::Chair | Role::Regional));
    for action in Action::ALL.iter().filter(|action| is_of_staff(action)) {
        assert!(ACTS.iter().any(|row| row.2 == *action), "{action:?} has no row");
    }
}

#[tokio::test]
async fn every_role_gets_exactly_what_its_row_says() {
    let roles = Roles::make().await;
    let mut wrong = Vec::new();
    for Row(method, path, expected) in &rights() {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        for ((role, client), expected) in roles.all().await.iter().zip(expected) {
            let status = roles.ask(client, role, &method, path).await;
            if status != *expected {
                wrong.push(format!("{method} {path} as {role}: {status}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_not_yours_looks_like_what_does_not_exist() {
    let app = TestApp::start().await;
    let member = app.member("Иванова Мария Петровна").await;
    let foreign = app.staff(app.world.foreign_chair).await;
    let school = app.world.school;
    let pairs = [
        (format!("/api/staff/organisations/{school}"), "/api/staff/organisations/987654".to_owned()),
        (members_of(school), "/api/staff/organisations/987654/members".to_owned()),
        (format!("/api/staff/members/{member}"), format!("/api/staff/members/{}", next_id())),
    ];
    for (hidden, absent) in &pairs {
        let (hidden, absent) = (foreign.get(hidden).await, foreign.get(absent).await);
        hidden.refused(404, "not-found");
        assert_eq!((hidden.status, hidden.body), (absent.status, absent.body));
    }
    for (what, body) in [
        ("activation", json!({})),
        ("cards/revoke", json!({ "reason": "lost" })),
        ("status", json!({ "to": "suspended" })),
        ("transfer", json!({ "organisationId": app.world.lyceum })),
        ("phone/lost", json!({})),
    ] {
        let hidden = ask(&foreign, member, what, &body).await;
        let absent = ask(&foreign, next_id(), what, &body).await;
        hidden.refused(404, "not-found");
        assert_eq!(hidden.body, absent.body, "{what}");
    }
    let form = edit("Соколова Мария Петровна");
    let hidden = edit_member(&foreign, member, &form).await;
    hidden.refused(404, "not-found");
    assert_eq!(hidden.body, edit_member(&foreign, next_id(), &form).await.body);
    // A path whose id cannot be one names nothing either.
    foreign.get("/api/staff/members/1").await.refused(404, "not-found");
}

#[tokio::test]
async fn an_ended_mandate_reaches_nothing() {
    let app = TestApp::start().await;
    let (chair, path) = (app.chair().await, format!("/api/staff/organisations/{}", app.world.school));
    chair.get(&path).await.json(200);
    sqlx::query("update mandate set term_to = $1 where account_id = $2")
        .bind(app.app.clock.today())
        .bind(app.world.chair)
        .execute(&app.app.db)
        .await
        .unwrap();
    chair.get(&path).await.refused(404, "not-found");
    assert_eq!(chair.get("/api/staff/session").await.json(200)["mandates"], json!([]));
}

#[tokio::test]
async fn a_person_signs_in_and_out() {
    let app = TestApp::start().await;
    let browser = app.anonymous();
    let sign_in = |login: &str, password: &str| json!({ "login": login, "password": password });
    browser.post("/api/staff/session", &sign_in("school", "wrong")).await.refused(401, "credentials-wrong");
    browser.post("/api/staff/session", &sign_in("nobody", PASSWORD)).await.refused(401, "credentials-wrong");
    let session = browser.post("/api/staff/session", &sign_in(" School ", PASSWORD)).await.json(200);
    assert_eq!(session["mandates"][0]["organisationId"], app.world.school);
    assert_eq!(session["mandates"][0]["role"], "chair");
    assert_eq!(browser.delete("/api/staff/session").await.status, 204);
    browser.get("/api/staff/session").await.refused(401, "unauthenticated");
    // A session ends by itself as well.
    let later = app.chair().await;
    later.get("/api/staff/session").await.json(200);
    app.advance(15 * DAY_SECONDS);
    later.get("/api/staff/session").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn guessing_passwords_is_limited() {
    let app = TestApp::start().await;
    let browser = app.anonymous();
    // A password that is too long costs no hashing, and counts all the same.
    let too_long = "x".repeat(300);
    let guess = json!({ "login": "school", "password": too_long });
    for _ in 0..10 {
        browser.post("/api/staff/session", &guess).await.refused(401, "credentials-wrong");
    }
    let right = json!({ "login": "school", "password": PASSWORD });
    let limited = browser.post("/api/staff/session", &right).await;
    limited.refused(429, "too-many-attempts");
    assert!((1..=900).contains(&limited.header("retry-after").parse::<u32>().unwrap()));
}

#[tokio::test]
async fn another_site_changes_nothing_here() {
    let (app, phone) = with_phone().await;
    let forged = [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "null"),
    ];
    for (name, value) in forged {
        let request = phone.client.request(&Method::DELETE, "/api/member/session").header(name, value);
        Reply::of(request).await.refused(403, "cross-site");
    }
    phone.profile().await;
    let own = phone.client.request(&Method::POST, "/api/member/card").header("origin", &app.base);
    Reply::of(own.header("sec-fetch-site", "same-origin").json(&json!({}))).await.json(200);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let app = TestApp::start().await;
    let browser = app.anonymous();
    browser.get("/api/nowhere").await.refused(404, "not-found");
    browser.get("/.well-known/profcards/nowhere").await.refused(404, "not-found");
    browser.delete("/api/time").await.refused(404, "not-found");
    browser.get("/api/activation/check").await.refused(404, "not-found");
    let headers = browser.get("/api/time").await;
    assert_eq!(headers.header("cache-control"), "no-store");
    assert_eq!(headers.header("x-content-type-options"), "nosniff");
    assert!(headers.header("content-security-policy").contains("frame-ancestors 'none'"));
}
