//! What is kept, and for how long.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::support::{DAY_SECONDS, TestApp, next_id, with_till};

/// The tables that `docs/operating.md` names under «How long what is kept».
fn documented() -> BTreeSet<String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md");
    let text = std::fs::read_to_string(docs).unwrap();
    let section = text.split("## How long what is kept").nth(1).expect("there is the section");
    let section = section.split("\n## ").next().unwrap();
    let rows =
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |")).map(|(names, _)| names);
    rows.flat_map(|names| names.split(", ")).map(|name| name.trim_matches('`').to_owned()).collect()
}

#[tokio::test]
async fn every_table_has_its_retention_written_down() {
    let app = TestApp::start().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> '_sqlx_migrations'",
    )
    .fetch_all(&app.app.db)
    .await
    .unwrap();
    assert_eq!(tables.into_iter().collect::<BTreeSet<_>>(), documented());
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let sql = format!("select count(*) from {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&app.app.db).await.unwrap()
}

#[tokio::test]
async fn guards_are_given_up_after_a_hundred_days_and_a_late_repeat_is_answered_the_same() {
    let (app, phone, till) = with_till().await;
    let kept = till.purchase(&phone.token(app.now()), 1_500_00, app.now());
    let result = till.applied(&kept).await;
    let gone = till.purchase(&phone.token(app.now()), 2_000_00, app.now());
    till.applied(&gone).await;
    let cancellation = till.cancellation(&gone, app.now());
    let cancelled = till.applied(&cancellation).await;
    let refused = till.purchase("PC1:nothing", 100_00, app.now());
    till.refused(&refused, "not-a-card").await;
    app.advance(99 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!((count(&app, "proof").await, count(&app, "terminal_op").await), (2, 3));
    app.audit().await;
    app.advance(2 * DAY_SECONDS);
    app.housekeeping().await;
    for table in ["idempotency", "proof", "terminal_op"] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
    app.audit().await;
    let again = |mutation: &serde_json::Value, result: &serde_json::Value| json!({ "id": mutation["id"], "status": "duplicate", "result": result });
    assert_eq!(till.send(&kept).await, again(&kept, &result));
    assert_eq!(till.send(&cancellation).await, again(&cancellation, &cancelled));
    assert_eq!(till.send(&gone).await["status"], "duplicate");
    // What was refused then is not judged anew, and nothing that old is taken for the first time either.
    let late = async |mutation: &serde_json::Value| {
        let pushed = till.push(std::slice::from_ref(mutation), app.now()).await;
        assert_eq!(pushed["answers"][0]["code"], "too-old", "{pushed}");
    };
    late(&refused).await;
    let mut fresh = till.purchase(&app.paper_token(phone.member).await, 1_000_00, app.now());
    fresh["at"] = json!(app.now() - 101 * 86_400);
    late(&fresh).await;
    assert_eq!(count(&app, "idempotency").await, 1, "the sheet alone");
    // Its numbers count as used, and the till goes on after them.
    let state = till.client.get("/api/till").await.json(200);
    assert_eq!(state["lastOpNo"], 3);
    let mut of_old_number = till.purchase(&app.paper_token(phone.member).await, 1_000_00, app.now());
    of_old_number["args"]["opNo"] = json!(2);
    till.refused(&of_old_number, "op-number-reused").await;
    app.audit().await;
}

#[tokio::test]
async fn codes_are_forgotten_long_after_they_ended_save_those_that_tell_of_a_loss() {
    let app = TestApp::start().await;
    let (member, chair) = (app.member("Иванова Мария Петровна").await, app.chair().await);
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(app.sheet(&chair, member).await["code"].clone());
        app.advance(60);
    }
    app.pairing_code().await;
    app.advance(131 * DAY_SECONDS);
    app.housekeeping().await;
    assert_eq!((count(&app, "activation_code").await, count(&app, "pairing_code").await), (1, 0));
    let newest = json!({ "code": codes[2], "birthDate": super::support::world::BIRTH_DATE });
    assert_eq!(app.anonymous().post("/api/lost-phone", &newest).await.status, 204);
    // A key that was used so long ago may be used again: it is a new request.
    let path = format!("/api/staff/members/{member}/activation");
    app.chair().await.post_with_key(&path, next_id(), &json!({})).await.json(200);
}
