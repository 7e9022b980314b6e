//! What anyone downloads: the signed lists, the app shell and the app's files.

use axum::http::Method;
use profcards::cards::{CardOrder, issue, lists};
use profcards_card::{Status, StatusList, TrustList};
use serde_json::json;

use super::support::lists::{Held, pins, status_ref_of};
use super::support::{Client, DAY_SECONDS, Phone, Reply, TestApp, next_id, with_phone};

const TRUST: &str = "/.well-known/profcards/trust-list";
const STATUS: &str = "/.well-known/profcards/status/1";

async fn get_if_changed(client: &Client, path: &str, etag: &str) -> Reply {
    Reply::of(client.request(&Method::GET, path).header("if-none-match", etag)).await
}

#[tokio::test]
async fn the_lists_carry_the_signatures_that_the_pins_demand() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let trust = client.get(TRUST).await;
    assert_eq!(trust.header("content-type"), "application/cose");
    assert_eq!(trust.header("cache-control"), "no-cache");
    let pins = pins(&client).await;
    assert_eq!(pins, app.app.keys.roots());
    let list = TrustList::load(&trust.body, &pins, None).unwrap();
    assert_eq!(TrustList::load(&trust.body, &[[7; 32]], None).unwrap_err().as_str(), "trust-list-bad");
    let status = client.get(STATUS).await;
    assert_eq!(status.header("content-type"), "application/statuslist+cwt");
    let loaded = StatusList::load(&status.body, &list, app.now(), None).unwrap();
    assert_eq!(loaded.claims().uri, "urn:pc:s1");
    // Every list that the root has declared can be had, and no other.
    for location in &list.claims().lists {
        let reply = client.get(&location.path).await;
        let declared = StatusList::load(&reply.body, &list, app.now(), None).unwrap();
        assert_eq!(declared.claims().uri, location.uri);
    }
    for beyond in ["0", "25", "-1", "x", "99999999999"] {
        client.get(&format!("/.well-known/profcards/status/{beyond}")).await.refused(404, "not-found");
    }
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    for path in [TRUST, STATUS] {
        let whole = client.get(path).await;
        let etag = whole.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
        assert_eq!(whole.header("access-control-allow-origin"), "*");
        let unchanged = get_if_changed(&client, path, &etag).await;
        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
        assert_eq!(unchanged.header("etag"), etag);
        assert_eq!(get_if_changed(&client, path, "\"other\"").await.body, whole.body);
    }
}

#[tokio::test]
async fn what_is_held_already_is_recognised_in_every_form_of_the_question() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    for path in [TRUST, STATUS, "/shell.json", "/sw.js", "/chair", "/assets/app-1a2b3c.js"] {
        let whole = client.get(path).await;
        let etag = whole.header("etag").trim_start_matches("W/").to_owned();
        assert!(etag.len() > 2, "{path} has no tag");
        for held in
            [&etag, &format!("W/{etag}"), &format!("\"x,y\", {etag}"), &format!("\"x\",W/{etag} "), "*"]
        {
            let reply = get_if_changed(&client, path, held).await;
            assert_eq!((reply.status, reply.body.len()), (304, 0), "{path} {held}");
            assert_eq!(reply.header("etag"), whole.header("etag"));
        }
        // A date decides nothing where a tag was named.
        let newer = client.request(&Method::GET, path).header("if-none-match", "\"x\"");
        let newer = Reply::of(newer.header("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT")).await;
        assert_eq!((newer.status, newer.body), (200, whole.body.clone()), "{path}");
        let head = Reply::of(client.request(&Method::HEAD, path).header("if-none-match", &etag)).await;
        assert_eq!(head.status, 304, "{path}");
        let head = Reply::of(client.request(&Method::HEAD, path)).await;
        assert_eq!(
            (head.status, head.body.len(), head.header("etag")),
            (200, 0, whole.header("etag")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_revocation_is_on_the_list_at_the_next_request() {
    let (app, phone) = with_phone().await;
    let other = Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    let paper = app.paper_token(phone.member).await;
    let client = app.anonymous();
    let etag = client.get(STATUS).await.header("etag").to_owned();
    assert!(Held::download(&app).await.verdict(&phone.token(app.now())).accepted);
    app.revoke(phone.member).await;
    assert_eq!(get_if_changed(&client, STATUS, &etag).await.status, 200);
    let held = Held::download(&app).await;
    for token in [&phone.token(app.now()), &paper] {
        let verdict = held.verdict(token);
        assert_eq!(verdict.code.as_str(), "revoked");
        assert!(!verdict.accepted && verdict.allowed.words().is_empty());
    }
    assert!(held.verdict(&other.token(app.now())).accepted);
    assert_eq!(held.status_of(&other.card), Status::Valid);
    // The phone is out, and the register says why nobody holds a card.
    phone.client.get("/api/member/profile").await.refused(401, "phone-lost");
    let detail = app.chair().await.get(&format!("/api/staff/members/{}", phone.member)).await.json(200);
    assert_eq!(detail["card"], "none");
    assert!(detail["cards"].as_array().unwrap().iter().all(|card| card["state"] == "revoked"));
}

#[tokio::test]
async fn a_repeated_revocation_spares_the_card_that_was_issued_since() {
    let app = TestApp::start().await;
    let member = app.member("Иванова Мария Петровна").await;
    Phone::activate(&app, member).await;
    let (chair, key) = (app.chair().await, next_id());
    let path = format!("/api/staff/members/{member}/cards/revoke");
    chair.post_with_key(&path, key, &json!({ "reason": "lost" })).await.json(200);
    let phone = Phone::activate(&app, member).await;
    chair.post_with_key(&path, key, &json!({ "reason": "lost" })).await.json(200);
    phone.profile().await;
    assert!(Held::download(&app).await.verdict(&phone.token(app.now())).accepted);
    chair.post_with_key(&path, key, &json!({ "reason": "left" })).await.refused(409, "idempotency-conflict");
    let problem = chair.post_with_key(&path, next_id(), &json!({ "reason": "bored" })).await;
    assert_eq!(problem.refused(422, "invalid-input")["fields"], json!({ "reason": "required" }));
}

#[tokio::test]
async fn the_lists_stay_fresh_by_themselves() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let pins = pins(&client).await;
    let trust = async || TrustList::load(&client.get(TRUST).await.body, &pins, None).unwrap();
    let first = trust().await;
    app.advance(6 * DAY_SECONDS);
    app.housekeeping().await;
    let second = trust().await;
    assert_eq!(second.claims().seq, first.claims().seq + 1);
    assert_eq!(second.claims().iat, app.now());
    let status = StatusList::load(&client.get(STATUS).await.body, &second, app.now(), None).unwrap();
    assert_eq!(status.claims().iat, app.now());
    // Held back, the older trust list is a rollback.
    let held = Some(second.claims().seq + 1);
    let refused = TrustList::load(&client.get(TRUST).await.body, &pins, held).unwrap_err();
    assert_eq!(refused.as_str(), "trust-list-rollback");
}

#[tokio::test]
async fn instances_that_are_asked_in_turn_answer_one_list_that_never_goes_back() {
    let app = TestApp::start().await;
    // A clock that is behind, as the clocks of several machines are.
    let other = app.beside(-30).await;
    let phone = Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    let (here, there) = (app.anonymous(), &other.client);
    let trust = TrustList::load(&here.get(TRUST).await.body, &pins(&here).await, None).unwrap();
    let mut held = (Vec::new(), 0);
    let mut download = async |client: &Client| {
        let reply = client.get(STATUS).await;
        let list =
            StatusList::load(&reply.body, &trust, app.now(), Some(held.1)).expect("no older than held");
        let is_new = reply.body != held.0;
        held = (reply.body.clone(), list.claims().iat);
        (is_new, reply.header("etag").to_owned(), list.get(status_ref_of(&phone.card).idx).unwrap())
    };
    let (_, first, _) = download(&here).await;
    for _ in 0..3 {
        for client in [there, &here] {
            assert_eq!(download(client).await, (false, first.clone(), Status::Valid));
            assert_eq!(get_if_changed(client, STATUS, &first).await.status, 304);
        }
    }
    // Marked through one of them, it is on the list of the other with the next request.
    app.revoke(phone.member).await;
    let (is_new, second, status) = download(there).await;
    assert!(is_new && second != first);
    assert_eq!(status, Status::Invalid);
    assert_eq!(download(&here).await, (false, second.clone(), Status::Invalid));
    // The signature is renewed once, by whoever is asked when it is old.
    app.advance(601);
    let (is_new, third, _) = download(&here).await;
    assert!(is_new);
    assert_eq!(download(there).await, (false, third.clone(), Status::Invalid));
    other.advance(601);
    assert_eq!(download(there).await, (false, third, Status::Invalid));
}

#[tokio::test]
async fn many_requests_at_once_get_one_signature() {
    let app = TestApp::start().await;
    let other = app.beside(0).await;
    let clients = [app.anonymous(), other.client.clone()];
    let requests: Vec<_> = (0..40)
        .map(|n| clients[n % 2].clone())
        .map(|client| tokio::spawn(async move { client.get(STATUS).await.body }))
        .collect();
    let mut bodies = Vec::new();
    for request in requests {
        bodies.push(request.await.unwrap());
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
}

#[tokio::test]
async fn what_is_compressed_already_is_sent_as_it_is() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    // Large enough that anything compressible would be compressed.
    sqlx::query(
        "insert into status_list (n, uri, capacity, opened_at) values (1, 'urn:pc:s1', 2097152, now())",
    )
    .execute(&app.app.db)
    .await
    .unwrap();
    for path in [TRUST, STATUS] {
        let plain = client.get(path).await;
        let request = client.request(&Method::GET, path).header("accept-encoding", "gzip, br");
        let asked = Reply::of(request).await;
        assert!(!asked.headers.contains_key("content-encoding"));
        assert_eq!((asked.header("etag"), &asked.body), (plain.header("etag"), &plain.body));
    }
}

/// Lets the next card take the place of this position on this list.
async fn next_place(app: &TestApp, list_n: i64, position: i64) {
    sqlx::query("select setval('card_place_seq', $1 * 2097152 + $2, false)")
        .bind(list_n)
        .bind(position)
        .execute(&app.app.db)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_list_is_followed_by_the_next_one_until_the_root_must_declare_more() {
    let app = TestApp::start().await;
    next_place(&app, 1, 2_097_151).await;
    let member = app.member("Иванова Мария Петровна").await;
    let paper =
        async |member| status_ref_of(&profcards_card::from_text(&app.paper_token(member).await).unwrap());
    let (last, first) = (paper(member).await, paper(app.member("Петрова Анна Сергеевна").await).await);
    assert_eq!((last.uri.as_str(), first.uri.as_str()), ("urn:pc:s1", "urn:pc:s2"));
    // Beyond what the trust list in force names, no card is issued: no till would ever learn of its revocation.
    next_place(&app, 5, 0).await;
    let late = app.member("Сидорова Ольга Ивановна").await;
    let path = format!("/api/staff/members/{late}/activation");
    app.chair().await.post_with_key(&path, next_id(), &json!({})).await.refused(500, "internal");
    next_place(&app, 4, 0).await;
    assert_eq!(paper(late).await.uri, "urn:pc:s4");
}

#[tokio::test]
async fn a_place_is_never_given_twice_even_if_its_card_was_not_issued() {
    let app = TestApp::start().await;
    let member = app.member("Иванова Мария Петровна").await;
    let order = CardOrder { membership_id: member.into(), key: None, device_id: None, sample: false };
    let mut places = Vec::new();
    for commits in [false, true, false, true] {
        let mut tx = app.app.db.begin().await.unwrap();
        let card = issue(&app.app, &mut tx, &order, app.app.clock.now()).await.unwrap();
        places.push(status_ref_of(&card.cose).idx);
        if commits {
            tx.commit().await.unwrap();
        }
    }
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 4);
}

#[tokio::test]
async fn lists_whose_cards_have_ended_are_not_declared_again() {
    let app = TestApp::start().await;
    let declared = async || {
        let lists = lists::declared(&app.app.db).await.unwrap();
        let first = lists.first().unwrap().uri.clone();
        (first, lists.last().unwrap().uri.clone(), lists.len())
    };
    assert_eq!(declared().await, ("urn:pc:s1".into(), "urn:pc:s4".into(), 4));
    Phone::activate(&app, app.member("Иванова Мария Петровна").await).await;
    next_place(&app, 2, 0).await;
    Phone::activate(&app, app.member("Петрова Анна Сергеевна").await).await;
    assert_eq!(declared().await, ("urn:pc:s1".into(), "urn:pc:s6".into(), 6));
    app.advance(394 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!(declared().await.0, "urn:pc:s1", "a paper card on it has a day to live");
    app.advance(2 * DAY_SECONDS);
    app.housekeeping().await;
    // The newest one still takes cards.
    assert_eq!(declared().await, ("urn:pc:s2".into(), "urn:pc:s6".into(), 5));
}

#[tokio::test]
async fn the_app_shell_is_this_instances() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let shell = client.get("/shell.json").await.json(200);
    let union = json!({ "name": "Общероссийский Профсоюз образования", "shortName": "Профсоюз образования" });
    assert_eq!(shell["union"], union);
    let worker = client.get("/sw.js").await;
    assert_eq!(worker.header("content-type"), "text/javascript");
    assert_eq!(worker.header("cache-control"), "no-cache");
    let text = worker.text();
    let revision = text.strip_prefix("const revision = '").and_then(|rest| rest.strip_suffix("';")).unwrap();
    assert!(revision.len() == 16 && revision.bytes().all(|byte| byte.is_ascii_hexdigit()), "{revision}");
}

#[tokio::test]
async fn a_screen_gets_the_app_and_a_missing_file_does_not() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    for screen in ["/", "/card", "/activate", "/scan", "/chair/members/4711"] {
        let page = client.get(screen).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{screen}");
        assert_eq!(page.header("cache-control"), "no-cache", "{screen}");
        assert!(page.text().contains("<title>app</title>"), "{screen}");
    }
    let asset = client.get("/assets/app-1a2b3c.js").await;
    assert_eq!(asset.status, 200);
    assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    for missing in ["/assets/gone-4d5e6f.js", "/assets/gone", "/icon.png", "/assets/../../data/secret.hex"] {
        let reply = client.get(missing).await;
        assert_eq!(reply.status, 404, "{missing}");
        assert_ne!(reply.header("cache-control"), "public, max-age=31536000, immutable");
    }
}
