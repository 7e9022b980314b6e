//! Keeping the register: a person is entered once, found however the name is typed, and never entered twice by accident.

use profcards::base::pages::{COUNTED_AT_MOST, Cursor};
use profcards::registry::members::{self, ReadUpTo};
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::register::{ask, edit, edit_member, found, members_of, with};
use super::support::world::person;
use super::support::{Client, DAY_SECONDS, NAME, Phone, Reply, TestApp, next_id};

fn last_names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["lastName"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_person_is_entered_and_shown_as_entered() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let mut form = person("Соловьёва-Седая  Алёна");
    form["lastName"] = json!(" Соловьёва—Седая ");
    form["firstName"] = json!("Алёна");
    form["phone"] = json!("8 (971) 443-31-80");
    form["email"] = json!(" alyona@school12.example ");
    form["position"] = json!("учитель  физики");
    let entered = chair.post_with_key(&members_of(app.world.school), next_id(), &form).await.json(201);
    assert_eq!(entered["lastName"], "Соловьёва-Седая");
    assert_eq!(entered["phone"], "+79714433180");
    assert_eq!(entered["email"], "alyona@school12.example");
    assert_eq!(entered["position"], "учитель физики");
    assert_eq!(entered["card"], "none");
    assert_eq!(entered["processingConsent"], true);
    assert_eq!(entered["status"], "active");
    let number: profcards_card::MembershipNumber = entered["number"].as_str().unwrap().parse().unwrap();
    let shown = chair.get(&format!("/api/staff/members/{}", entered["id"].as_str().unwrap())).await.json(200);
    assert_eq!(shown, entered);
    let page = found(&chair, app.world.school, &[("query", number.as_str())]).await;
    assert_eq!(page["items"][0]["id"], entered["id"]);
}

#[tokio::test]
async fn a_repeated_request_enters_one_person() {
    let app = TestApp::start().await;
    let (chair, path, key) = (app.chair().await, members_of(app.world.school), next_id());
    let form = person("Иванова Мария Петровна");
    let first = chair.post_with_key(&path, key, &form).await.json(201);
    let again = chair.post_with_key(&path, key, &form).await.json(201);
    assert_eq!(first, again);
    let other = person("Петрова Анна Сергеевна");
    chair.post_with_key(&path, key, &other).await.refused(409, "idempotency-conflict");
    // The refused request left nothing, so it can be made under its own key.
    chair.post_with_key(&path, next_id(), &other).await.json(201);
    assert_eq!(found(&chair, app.world.school, &[]).await["total"], 2);
    // Without a key a request could not be repeated, so it is not begun.
    chair.post(&path, &form).await.refused(400, "malformed-request");
}

#[tokio::test]
async fn a_repeated_request_shows_nobody_who_has_left_ones_reach() {
    let app = TestApp::start().await;
    let (chair, path, key) = (app.chair().await, members_of(app.world.school), next_id());
    let form = person("Иванова Мария Петровна");
    let entered = chair.post_with_key(&path, key, &form).await.json(201);
    let member: Uuid = entered["id"].as_str().unwrap().parse().unwrap();
    let central = app.staff(app.world.central).await;
    ask(&central, member, "transfer", &json!({ "organisationId": app.world.lyceum })).await.json(200);
    chair.post_with_key(&path, key, &form).await.refused(404, "not-found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_race_under_one_key_enter_one_person() {
    let app = TestApp::start().await;
    let (chair, path, key) = (app.chair().await, members_of(app.world.school), next_id());
    let form = person("Иванова Мария Петровна");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (chair, path, form) = (chair.clone(), path.clone(), form.clone());
            tokio::spawn(async move { chair.post_with_key(&path, key, &form).await.json(201) })
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    for task in tasks {
        ids.insert(task.await.unwrap()["id"].to_string());
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(found(&chair, app.world.school, &[]).await["total"], 1);
}

#[tokio::test]
async fn the_same_person_is_not_entered_twice() {
    let app = TestApp::start().await;
    let (chair, path) = (app.chair().await, members_of(app.world.school));
    chair.post_with_key(&path, next_id(), &person("Соловьёва Алёна Петровна")).await.json(201);
    let twin = person("СОЛОВЬЕВА алена петровна");
    chair.post_with_key(&path, next_id(), &twin).await.refused(409, "already-a-member");
    // A namesake with another birthday is another person.
    let namesake = with(twin.clone(), "birthDate", json!("1981-05-17"));
    chair.post_with_key(&path, next_id(), &namesake).await.json(201);
    // So is one with the same, where somebody has looked and says so; once for all requests under the key.
    let (another, key) = (with(twin.clone(), "isAnotherPerson", json!(true)), next_id());
    chair.post_with_key(&path, key, &twin).await.refused(409, "already-a-member");
    let entered = chair.post_with_key(&path, key, &another).await.json(201);
    assert_eq!(chair.post_with_key(&path, key, &another).await.json(201), entered);
    assert_eq!(found(&chair, app.world.school, &[("query", "соловьева")]).await["total"], 3);
    // Their data can be put right, each by itself.
    let member: Uuid = entered["id"].as_str().unwrap().parse().unwrap();
    let form = with(edit("Соловьёва Алёна Петровна"), "position", json!("завуч"));
    assert_eq!(edit_member(&chair, member, &form).await.json(200)["position"], "завуч");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_person_is_not_entered_twice_at_once() {
    let app = TestApp::start().await;
    let (chair, path) = (app.chair().await, members_of(app.world.school));
    for name in ["Иванова Мария Петровна", "Петрова Анна Сергеевна", "Белова Вера Павловна"]
    {
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let (chair, path) = (chair.clone(), path.clone());
                tokio::spawn(async move { chair.post_with_key(&path, next_id(), &person(name)).await.status })
            })
            .collect();
        let mut statuses = Vec::new();
        for task in tasks {
            statuses.push(task.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    }
    assert_eq!(found(&chair, app.world.school, &[]).await["total"], 3);
}

#[tokio::test]
async fn members_are_entered_only_where_members_are_kept() {
    let app = TestApp::start().await;
    let regional = app.staff(app.world.regional).await;
    let form = person("Иванова Мария Петровна");
    let refused = async |organisation_id: i64| {
        let reply = regional.post_with_key(&members_of(organisation_id), next_id(), &form).await;
        let problem = reply.refused(422, "invalid-input");
        assert_eq!(problem["fields"], json!({ "organisationId": "keeps-no-members" }));
    };
    refused(app.world.region).await;
    let key = next_id();
    let entered = regional.post_with_key(&members_of(app.world.group), key, &form).await.json(201);
    sqlx::query("update organisation set valid_to = $1 where id = $2")
        .bind(app.app.clock.today())
        .bind(app.world.group)
        .execute(&app.app.db)
        .await
        .unwrap();
    refused(app.world.group).await;
    // A repeated request still has its answer.
    assert_eq!(regional.post_with_key(&members_of(app.world.group), key, &form).await.json(201), entered);
}

#[tokio::test]
async fn nobody_joins_younger_than_fourteen() {
    let app = TestApp::start().await;
    // 29 February 2028, at noon in Moscow.
    app.advance(464 * DAY_SECONDS);
    assert_eq!(app.app.clock.today().to_string(), "2028-02-29");
    let (chair, path) = (app.chair().await, members_of(app.world.school));
    let cases = [
        ("2028-02-28", "2028-02-29", Some("too-young")),
        ("2014-03-01", "2028-02-29", Some("too-young")),
        ("2014-02-28", "2028-02-28", None),
        ("2013-09-02", "2027-09-01", Some("too-young-when-joined")),
        ("2013-09-01", "2027-09-01", None),
    ];
    for (born, joined, code) in cases {
        let form = person("Иванова Мария Петровна");
        let form = with(with(form, "birthDate", json!(born)), "joinedOn", json!(joined));
        let reply = chair.post_with_key(&path, next_id(), &form).await;
        match code {
            None => drop(reply.json(201)),
            Some(code) => {
                let problem = reply.refused(422, "invalid-input");
                assert_eq!(problem["fields"]["birthDate"], code, "{born}");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_field_is_named_with_its_reason() {
    let app = TestApp::start().await;
    let (chair, path) = (app.chair().await, members_of(app.world.school));
    let cases = [
        ("lastName", json!(" "), "required"),
        ("firstName", json!("4Б"), "name-invalid"),
        ("middleName", json!("<b>"), "name-invalid"),
        ("sex", json!("x"), "required"),
        ("birthDate", json!("1899-12-31"), "date-invalid"),
        ("birthDate", json!("2027-01-01"), "date-invalid"),
        ("birthDate", json!("2012-11-23"), "too-young"),
        ("phone", json!("443-31-80"), "phone-invalid"),
        ("email", json!("alyona"), "email-invalid"),
        ("category", json!(4), "required"),
        ("position", json!("я".repeat(201)), "too-long"),
        ("lastName", json!("я".repeat(101)), "too-long"),
        ("firstName", json!("Марiя"), "name-mixed"),
        ("phone", json!("+375 29 123-45-67"), "phone-foreign"),
        ("email", json!("a@b.ru?bcc=spy@evil.example"), "email-invalid"),
        ("processingConsentOn", json!("1979-01-01"), "before-birth"),
        ("processingConsentOn", json!("2006-07-26"), "too-early"),
        ("processingConsentOn", json!("-200000-01-01"), "before-birth"),
        ("birthDate", json!("+262142-12-31"), "date-invalid"),
        ("joinedOn", json!("-262143-01-01"), "before-birth"),
        ("joinedOn", json!("2026-11-23"), "in-the-future"),
        ("joinedOn", json!("1979-01-01"), "before-birth"),
        ("processingConsentOn", json!("2026-11-23"), "in-the-future"),
    ];
    for (field, value, code) in cases {
        let form = with(person("Иванова Мария Петровна"), field, value.clone());
        let problem = chair.post_with_key(&path, next_id(), &form).await.refused(422, "invalid-input");
        assert_eq!(problem["fields"][field], code, "{field} = {value}");
    }
    let mut several = person("Иванова Мария Петровна");
    several["lastName"] = json!("");
    several["phone"] = json!("1");
    let problem = chair.post_with_key(&path, next_id(), &several).await.refused(422, "invalid-input");
    assert_eq!(problem["fields"], json!({ "lastName": "required", "phone": "phone-invalid" }));
    assert_eq!(found(&chair, app.world.school, &[]).await["total"], 0);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_the_next_request_is_served() {
    let app = TestApp::start().await;
    let (chair, path) = (app.chair().await, members_of(app.world.school));
    let post = |body: String, content_type: &str| {
        chair
            .request(&axum::http::Method::POST, &path)
            .header("idempotency-key", next_id().to_string())
            .header("content-type", content_type)
            .body(body)
    };
    let good = person("Иванова Мария Петровна").to_string();
    Reply::of(post("{\"lastName\":".into(), "application/json")).await.refused(400, "malformed-request");
    Reply::of(post(good.clone(), "text/plain")).await.refused(400, "malformed-request");
    let unknown = with(person("Иванова Мария Петровна"), "salary", json!(1)).to_string();
    Reply::of(post(unknown, "application/json")).await.refused(400, "malformed-request");
    let long = with(person("Иванова Мария Петровна"), "position", json!("я".repeat(300_000))).to_string();
    Reply::of(post(long, "application/json")).await.refused(413, "too-large");
    Reply::of(post(good, "application/json")).await.json(201);
    chair.get(&format!("{path}?filter=rich")).await.refused(400, "malformed-request");
    chair.get(&format!("{path}?cursor=%21")).await.refused(400, "malformed-request");
    chair.get(&format!("{path}?limit=many")).await.refused(400, "malformed-request");
}

#[tokio::test]
async fn a_member_is_found_however_the_name_is_typed() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    for name in ["Соловьёва Алёна Петровна", "Соловьева Анна Ивановна", "Мамина-Сибиряк Ольга"]
    {
        app.member(name).await;
    }
    let school = app.world.school;
    for (query, expected) in [
        ("соловьева", vec!["Соловьева", "Соловьёва"]),
        ("СОЛОВЬЁВА", vec!["Соловьева", "Соловьёва"]),
        ("алена соловьева", vec!["Соловьёва"]),
        ("соловьёва  алёна", vec!["Соловьёва"]),
        ("мамина сибиряк", vec!["Мамина-Сибиряк"]),
        ("Сибиряк-", vec!["Мамина-Сибиряк"]),
        ("соловьева и", vec!["Соловьева"]),
        ("соловьева в", vec![]),
        ("%", vec![]),
        ("_", vec![]),
        ("\\", vec![]),
        ("никого", vec![]),
    ] {
        let page = found(&chair, school, &[("query", query)]).await;
        let mut names = last_names(&page);
        names.sort_unstable();
        assert_eq!(names, expected, "{query}");
        assert_eq!(page["total"], expected.len(), "{query}");
    }
}

#[tokio::test]
async fn a_page_begins_behind_nobody_whom_one_may_not_see() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    app.member("Абрамова Анна").await;
    app.member("Яковлева Анна").await;
    let foreign = app.member_of(app.world.lyceum, "Иванова Мария").await;
    let after =
        async |cursor: String| chair.get(&format!("{}?cursor={cursor}", members_of(app.world.school))).await;
    let forged = |last: Uuid| Cursor(ReadUpTo { last: last.into(), name_tag: 0, shown: 1 }).to_text();
    // Whether one's own people stand before or behind a stranger would tell the stranger's name.
    let told = after(forged(foreign)).await.refused(409, "sync-start-over");
    assert_eq!(after(forged(next_id())).await.refused(409, "sync-start-over"), told);
    app.member_of(app.world.lyceum, "Яковлева Инна").await;
    let genuine = read_up_to(&app.staff(app.world.central).await, app.world.lyceum, 1).await;
    assert_eq!(after(genuine).await.refused(409, "sync-start-over"), told);
    let own = app.member("Иванова Мария").await;
    let behind = read_up_to(&chair, app.world.school, 2).await;
    assert_eq!(after(forged(own)).await.refused(409, "sync-start-over"), told);
    assert_eq!(last_names(&after(behind.clone()).await.json(200)), ["Яковлева"]);
    // Who has ended is in a list of those.
    app.set_status(own, "left").await;
    assert_eq!(last_names(&after(behind).await.json(200)), ["Яковлева"]);
}

/// The cursor behind the first so many people.
async fn read_up_to(staff: &Client, organisation_id: i64, count: usize) -> String {
    let page = found(staff, organisation_id, &[("limit", &count.to_string())]).await;
    page["nextCursor"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_list_goes_on_from_the_place_that_was_read_or_begins_anew() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    app.member("Абрамова Анна").await;
    let last = app.member("Белова Вера").await;
    app.member("Власова Нина").await;
    app.member("Громова Лидия").await;
    let cursor = read_up_to(&chair, app.world.school, 2).await;
    let rest = async || chair.get(&format!("{}?cursor={cursor}", members_of(app.world.school))).await;
    assert_eq!(last_names(&rest().await.json(200)), ["Власова", "Громова"]);
    // By the new name the place would be behind people who were not read.
    edit_member(&chair, last, &edit("Яковлева Вера")).await.json(200);
    let renamed = rest().await.refused(409, "sync-start-over");
    // Something else of the person leaves the place where it is.
    edit_member(&chair, last, &with(edit("Белова Вера"), "position", json!("завуч"))).await.json(200);
    assert_eq!(last_names(&rest().await.json(200)), ["Власова", "Громова"]);
    let central = app.staff(app.world.central).await;
    ask(&central, last, "transfer", &json!({ "organisationId": app.world.lyceum })).await.json(200);
    assert_eq!(rest().await.refused(409, "sync-start-over"), renamed);
}

#[tokio::test]
async fn pages_show_everyone_exactly_once() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    // Namesakes fall on a page's edge: the name alone does not order them.
    let names = ["Абрамова Анна", "Белова Вера", "Белова Вера Павловна", "Власова Нина", "Громова Лидия"];
    let letters = ["Аевна", "Бевна", "Вевна", "Гевна"];
    for name in names {
        app.member(name).await;
    }
    for letter in letters {
        app.member(&format!("Белова Вера {letter}")).await;
    }
    for _ in 0..3 {
        app.member("Белова Вера").await;
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut query = vec![("limit", "2")];
        if !cursor.is_empty() {
            query.push(("cursor", &cursor));
        }
        let page = found(&chair, app.world.school, &query).await;
        assert_eq!(page["total"], 12);
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        // It stands in the next request's address, so it holds no name: an id and two figures are all.
        let read: Cursor<ReadUpTo> = serde_json::from_value(json!(next)).unwrap();
        assert_eq!(next, read.to_text());
        assert_eq!(read.0.shown as usize, seen.len());
        cursor = next.to_owned();
    }
    assert_eq!(seen.len(), 12);
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), 12);
    let whole = found(&chair, app.world.school, &[]).await;
    let whole: Vec<_> =
        whole["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()).collect();
    assert_eq!(seen, whole);
}

#[tokio::test]
async fn counting_stops_where_nobody_needs_the_figure_and_reading_does_not() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let everybody = usize::try_from(COUNTED_AT_MOST).unwrap() + 3;
    for n in 0..everybody - 3 {
        app.member(&format!("Белова Вера {}", letters(n))).await;
    }
    let page = found(&chair, app.world.school, &[]).await;
    assert_eq!(page["found"], json!({ "value": COUNTED_AT_MOST, "isLimit": false }));
    for n in everybody - 3..everybody {
        app.member(&format!("Белова Вера {}", letters(n))).await;
    }
    let (mut cursor, mut seen) = (String::new(), 0);
    loop {
        let mut query = vec![("query", "белова")];
        if !cursor.is_empty() {
            query.push(("cursor", &cursor));
        }
        let page = found(&chair, app.world.school, &query).await;
        assert_eq!(page["found"], json!({ "value": COUNTED_AT_MOST, "isLimit": true }));
        seen += page["items"].as_array().unwrap().len();
        // An app of an earlier release reads on while it has fewer than that.
        let total = page["total"].as_u64().unwrap();
        let Some(next) = page["nextCursor"].as_str() else {
            assert_eq!(total, everybody as u64);
            break;
        };
        assert!(total > seen as u64, "{total} after {seen}");
        cursor = next.to_owned();
    }
    assert_eq!(seen, everybody);
}

/// A name for each number.
fn letters(mut n: usize) -> String {
    let alphabet: Vec<char> = "абвгдежзик".chars().collect();
    let mut name = String::from("А");
    for _ in 0..3 {
        name.push(alphabet[n % 10]);
        n /= 10;
    }
    name
}

#[tokio::test]
async fn what_is_no_cursor_of_ours_is_a_request_that_cannot_be_read() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let long = "1".repeat(5_000);
    for cursor in ["", "1.", "1.%25", "0.W10", "1.W10", &next_id().to_string(), &long] {
        let reply = chair.get(&format!("{}?cursor={cursor}", members_of(app.world.school))).await;
        reply.refused(400, "malformed-request");
    }
    chair
        .get(&format!("{}?filter=everybody", members_of(app.world.school)))
        .await
        .refused(400, "malformed-request");
}

#[tokio::test]
async fn a_field_that_no_form_has_is_refused() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let member = app.member(NAME).await;
    let new = with(person("Белова Вера"), "password", json!("x"));
    let path = members_of(app.world.school);
    chair.post_with_key(&path, next_id(), &new).await.refused(400, "malformed-request");
    let edit = with(edit(NAME), "joinedOn", json!("2020-01-01"));
    edit_member(&chair, member, &edit).await.refused(400, "malformed-request");
}

#[tokio::test]
async fn what_the_database_holds_and_nobody_knows_is_named_with_its_column() {
    let app = TestApp::start().await;
    let member = app.member(NAME).await;
    let mut tx = app.app.db.begin().await.unwrap();
    for statement in ["alter table person drop constraint person_sex_check", "update person set sex = 'x'"] {
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
    }
    let error = members::store::registered_member(&mut tx, member.into()).await.err().unwrap();
    assert!(error.to_string().contains(r#"person.sex holds "x""#), "{error}");
}

#[tokio::test]
async fn figures_and_filters_agree() {
    let app = TestApp::start().await;
    let chair = app.chair().await;
    let path = members_of(app.world.school);
    let mut student = with(person("Белова Вера Павловна"), "category", json!(2));
    student["processingConsentOn"] = Value::Null;
    student["joinedOn"] = json!("2026-11-05");
    chair.post_with_key(&path, next_id(), &student).await.json(201);
    let pensioner = with(person("Власова Нина Львовна"), "category", json!(3));
    let pensioner = chair.post_with_key(&path, next_id(), &pensioner).await.json(201);
    let worker = app.member("Иванова Мария Петровна").await;
    app.member_of(app.world.lyceum, "Чужая Анна Петровна").await;
    Phone::activate(&app, worker).await;
    app.sheet(&chair, pensioner["id"].as_str().unwrap().parse().unwrap()).await;
    let school = chair.get(&format!("/api/staff/organisations/{}", app.world.school)).await.json(200);
    assert_eq!(
        school["counts"],
        json!({
            "members": 3, "working": 1, "students": 1, "pensioners": 1, "withPhoneCard": 1, "withoutPhoneCard": 2,
            "joinedThisMonth": 1, "withoutConsent": 1, "suspended": 0,
        })
    );
    // What is above is not this chair's to see.
    assert!(school.get("parentId").is_none());
    for (filter, expected) in [
        ("all", vec!["Белова", "Власова", "Иванова"]),
        ("working", vec!["Иванова"]),
        ("students", vec!["Белова"]),
        ("pensioners", vec!["Власова"]),
        ("no-phone-card", vec!["Белова", "Власова"]),
        ("no-consent", vec!["Белова"]),
    ] {
        let page = found(&chair, app.world.school, &[("filter", filter)]).await;
        assert_eq!(last_names(&page), expected, "{filter}");
    }
    let cards: Vec<_> = found(&chair, app.world.school, &[]).await["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["card"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(cards, ["none", "paper", "phone"]);
    let regional = app.staff(app.world.regional).await;
    let region = regional.get(&format!("/api/staff/organisations/{}", app.world.region)).await.json(200);
    let children = region["children"].as_array().unwrap();
    let lags = |child: &Value| {
        ["members", "withPhoneCard", "withoutConsent"].map(|figure| child[figure].as_i64().unwrap())
    };
    assert_eq!(children.iter().map(lags).collect::<Vec<_>>(), [[3, 1, 1]]);
    assert_eq!(found(&regional, app.world.region, &[]).await["total"], 3);
}
