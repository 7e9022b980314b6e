//! Whatever a request holds, it is answered: nothing that somebody sends becomes a fault of the server. The endpoints and
//! their fields are those of the API's own description, so that a new one is tried without being named here.

use axum::http::Method;
use profcards::access::codes::AccessCode;
use profcards::programme::vendors::{ApiKey, store as vendors};
use profcards::server::router;
use profcards_card::MembershipNumber;
use serde_json::{Value, json};

use super::support::{Client, NAME, Phone, Reply, TestApp, Till, next_id};

/// The mark at which a hostile value is put in.
const HOLE: &str = "@here@";
/// Failed attempts are limited; so that all are judged, and none is slow, the counters are forgotten after so many requests.
const REQUESTS_BETWEEN_FLUSHES: usize = 8;

/// The hostile values, as they stand in JSON.
fn hostile_values() -> Vec<String> {
    let plain = [
        "null",
        "true",
        "0",
        "-1",
        "0.5",
        "-0",
        "1e400",
        "1e-400",
        "32768",
        "2147483648",
        "-2147483649",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "99999999999999999999999",
        "[]",
        "{}",
        "[null]",
        "[[[[]]]]",
        r#"{"a":{"b":[1]}}"#,
        r#""""#,
        r#"" ""#,
        r#""\u0000""#,
        r#""а\u0000б""#,
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#""\ud83d\ude00""#,
        r#""\u202e\u200b\ufeff""#,
        r#""%00%ff""#,
        r#""'; drop table person; --""#,
        r#""\\u0000""#,
        r#""{}""#,
        r#""0000-00-00""#,
        r#""0001-01-01""#,
        r#""-0001-01-01""#,
        r#""-4713-01-01""#,
        r#""-200000-01-01""#,
        r#""-262143-01-01""#,
        r#""+262142-12-31""#,
        r#""9999-12-31""#,
        r#""10000-01-01""#,
        r#""+10000-01-01""#,
        r#""+300000-01-01""#,
        r#""2026-13-01""#,
        r#""2026-02-30""#,
        r#""12.03.1985""#,
        r#""00000000-0000-0000-0000-000000000000""#,
        r#""ffffffff-ffff-ffff-ffff-ffffffffffff""#,
        r#""-9223372036854775808""#,
        r#""99999999999999999999""#,
        r#""٣٤٥""#,
    ];
    let long = format!("\"{}\"", "Ж".repeat(100_000));
    let many = format!("[{}]", vec![r#""00000000-0000-4000-8000-000000000001""#; 5_000].join(","));
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    plain.map(str::to_owned).into_iter().chain([long, many, deep]).collect()
}

/// An instance with everybody who may ask, and how many requests it was sent.
struct World {
    app: TestApp,
    staff: Client,
    phone: Phone,
    till: Till,
    key: String,
    sent: usize,
}

struct Endpoint {
    method: Method,
    path: String,
    security: String,
    query: Vec<String>,
    body: Option<Value>,
}

impl World {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let phone = Phone::activate(&app, app.member(NAME).await).await;
        let till = Till::pair(&app).await;
        let key = ApiKey::new(&app.app);
        let mut conn = app.app.db.acquire().await.unwrap();
        let (hash, now) = (key.stored_hash(&app.app.secret), app.app.clock.now());
        vendors::insert_key(&mut conn, next_id().into(), app.world.partner.into(), "Касса", &hash, now)
            .await
            .unwrap();
        drop(conn);
        Self { staff: app.chair().await, phone, till, key: key.to_string(), sent: 0, app }
    }

    /// Every endpoint of the description, each with a body that would pass, once for each face that it serves.
    async fn endpoints(&self) -> Vec<Endpoint> {
        let document = serde_json::to_value(router::description()).unwrap();
        let mut endpoints = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, about) in methods.as_object().unwrap() {
                // A stream has no end, and a session that was ended would hide what comes after it.
                if path.ends_with("/events") || method == "delete" {
                    continue;
                }
                let securities: Vec<String> =
                    about["security"].as_array().map_or(vec![String::new()], |all| {
                        all.iter().flat_map(|one| one.as_object().unwrap().keys().cloned()).collect()
                    });
                for security in securities {
                    endpoints.push(self.endpoint(&document, path, method, about, security).await);
                }
            }
        }
        assert!(endpoints.len() > 25, "the description names the endpoints");
        endpoints
    }

    async fn endpoint(
        &self,
        document: &Value,
        path: &str,
        method: &str,
        about: &Value,
        security: String,
    ) -> Endpoint {
        let id = if path.contains("/organisations/") {
            self.app.world.school.to_string()
        } else {
            // What is done to one member must not keep the next endpoint from doing anything.
            self.app.member("Петрова Анна Сергеевна").await.to_string()
        };
        let query = about["parameters"].as_array().into_iter().flatten();
        let query =
            query.filter(|one| one["in"] == "query").map(|one| one["name"].as_str().unwrap().to_owned());
        let body = about.pointer("/requestBody/content/application~1json/schema");
        let body = body.map(|schema| self.example(document, schema, ""));
        Endpoint {
            method: method.to_uppercase().parse().unwrap(),
            path: path.replace("{id}", &id).replace("{n}", "1"),
            security,
            query: query.collect(),
            body,
        }
    }

    /// A body that would pass; a push is one of its own each time, or it would be answered from memory.
    fn body(&self, endpoint: &Endpoint) -> Option<Value> {
        if endpoint.path == "/api/sync/push" {
            Some(self.push_body(&endpoint.security))
        } else {
            endpoint.body.clone()
        }
    }

    fn push_body(&self, security: &str) -> Value {
        let now = self.app.now();
        if security == "pc_member" {
            let read = json!({ "id": next_id(), "seq": 1, "name": "notice.read", "args": { "ids": [next_id()] }, "at": now });
            return json!({ "face": "member", "schema": 1, "clientTime": now, "mutations": [read] });
        }
        let mut purchase = self.till.purchase(&self.phone.token(now), 1_500_00, now);
        purchase["args"]["redeemKopecks"] = json!(0);
        purchase["args"]["outletId"] = json!(self.app.world.outlet);
        let cancel = self.till.cancellation(&purchase, now);
        Till::push_body(&[purchase, cancel], now)
    }

    /// A value that this schema would accept.
    fn example(&self, document: &Value, schema: &Value, name: &str) -> Value {
        match name {
            "sex" => return json!("f"),
            "kind" => return json!("profcards"),
            "token" => return json!(self.phone.token(self.app.now())),
            "birthDate" => return json!("1980-05-17"),
            "code" => return json!(AccessCode::from_bytes(&[7; 7]).to_string()),
            "number" => return json!(MembershipNumber::from_body("48000000001").unwrap().to_string()),
            _ => {}
        }
        if let Some(reference) = schema["$ref"].as_str() {
            return self.example(document, document.pointer(&reference[1..]).unwrap(), name);
        }
        if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
            return first.clone();
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let parts = parts.iter().map(|part| self.example(document, part, name));
            return parts.flat_map(|part| part.as_object().cloned().unwrap_or_default()).collect();
        }
        for either in ["oneOf", "anyOf"] {
            if let Some(all) = schema[either].as_array() {
                let wanted = all.iter().find(|one| one["type"] != "null").unwrap();
                return self.example(document, wanted, name);
            }
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("object");
        match (kind, schema["format"].as_str()) {
            ("string", Some("uuid")) => json!(self.phone.member),
            ("string", Some("date")) => json!("2015-09-01"),
            ("string", _) => json!("Проба"),
            ("integer" | "number", _) => json!(1),
            ("boolean", _) => json!(true),
            ("array", _) => json!([self.example(document, &schema["items"], name)]),
            _ => {
                let properties = schema["properties"].as_object().into_iter().flatten();
                properties.map(|(name, one)| (name.clone(), self.example(document, one, name))).collect()
            }
        }
    }

    async fn send(&mut self, to: &Endpoint, path: &str, key: &str, body: Option<String>) {
        if self.sent.is_multiple_of(REQUESTS_BETWEEN_FLUSHES) {
            self.app.forget_redis().await;
            self.app.forget_counters().await;
        }
        self.sent += 1;
        let anonymous = self.app.anonymous();
        let client = match to.security.as_str() {
            "pc_staff" => &self.staff,
            "pc_member" => &self.phone.client,
            "pc_till" => &self.till.client,
            _ => &anonymous,
        };
        let mut request = client.request(&to.method, path).header("idempotency-key", key);
        if to.security == "partner_key" {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        if let Some(body) = &body {
            request = request.header("content-type", "application/json").body(body.clone());
        }
        let reply = Reply::of(request).await;
        let shown: String = body.unwrap_or_default().chars().take(400).collect();
        let what = format!("{} {path:.200} as {:?} {shown}", to.method, to.security);
        assert!(reply.status < 500, "{what}: {}", reply.text());
        if path == "/api/sync/push" && reply.status == 200 {
            // A mutation is decided, too: what is kept to be sent again would be sent for ever.
            for answer in reply.json(200)["answers"].as_array().unwrap() {
                assert_ne!(answer["status"], "retry", "{what}: {answer}");
            }
        }
    }
}

/// Where something stands in a value: the value itself, and everything in it.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, one)| pointers(one, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, one)| pointers(one, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_field_of_a_body_can_hold_what_the_server_fails_at() {
    let mut world = World::new().await;
    for endpoint in world.endpoints().await {
        let Some(body) = world.body(&endpoint) else { continue };
        let mut places = Vec::new();
        pointers(&body, "", &mut places);
        for place in places {
            for value in hostile_values() {
                let mut holed = world.body(&endpoint).unwrap();
                *holed.pointer_mut(&place).unwrap() = json!(HOLE);
                let body = holed.to_string().replace(&format!("\"{HOLE}\""), &value);
                world.send(&endpoint, &endpoint.path, &next_id().to_string(), Some(body)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_is_what_the_server_fails_at() {
    let mut world = World::new().await;
    let deep = format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
    let bodies = [
        "",
        "\u{feff}{}",
        "{",
        "{}{}",
        "nul",
        "\u{0}",
        "{\"a\":1,\"a\":2}",
        "[1,]",
        "NaN",
        "\"\\ud800\"",
        &deep,
    ];
    for endpoint in world.endpoints().await.into_iter().filter(|one| one.method != Method::GET) {
        for body in bodies {
            world.send(&endpoint, &endpoint.path, &next_id().to_string(), Some(body.to_owned())).await;
        }
        let body = world.body(&endpoint).map(|body| body.to_string());
        for key in [
            "",
            "1",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "%00",
            &"a".repeat(4_000),
        ] {
            world.send(&endpoint, &endpoint.path, key, body.clone()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_is_what_the_server_fails_at() {
    let mut world = World::new().await;
    let values = [
        "",
        "%00",
        "%ff",
        "%D0%B0%00",
        "-1",
        "0",
        "0.5",
        "1e9",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "99999999999999999999",
        "4294967296",
        "65536",
        "%2e%2e%2f",
        "%25",
        "%5C",
        "_",
        "'",
        "00000000-0000-0000-0000-000000000000",
        "%F0%9F%98%80",
        "0.0",
        "1.9223372036854775807",
        "1.-1",
        "18446744073709551615.0",
        "9223372036854775807.9223372036854775807",
        "18446744073709551615.9223372036854775807",
        "999999999999999999999.1",
    ];
    let long = "%D0%96".repeat(5_000);
    let key = next_id().to_string();
    for endpoint in world.endpoints().await.into_iter().filter(|one| one.method == Method::GET) {
        for value in values.into_iter().chain([long.as_str()]) {
            for name in &endpoint.query {
                let face = if endpoint.security == "pc_till" { "till" } else { "member" };
                let others: Vec<String> = [("face", face), ("schema", "1")]
                    .into_iter()
                    .filter(|(other, _)| name != other && endpoint.query.iter().any(|one| one == other))
                    .map(|(other, value)| format!("&{other}={value}"))
                    .collect();
                let path = format!("{}?{name}={value}{}", endpoint.path, others.concat());
                world.send(&endpoint, &path, &key, None).await;
            }
            if let Some((before, _)) = endpoint.path.rsplit_once('/') {
                world.send(&endpoint, &format!("{before}/{value}"), &key, None).await;
            }
        }
    }
}
