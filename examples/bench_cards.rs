//! Measures the issue of many cards: signing alone on one core, a bulk re-issue into PostgreSQL, and building the status
//! list, on a union of as many invented members as are asked for. PostgreSQL runs as `profcards up` runs it, durable.
//!
//! `bin/bench-cards 1213517 [FOLDER]`; a folder that is named is kept, and its members are used again.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use profcards::base::clock::{Clock, unix_seconds};
use profcards::base::config::Config;
use profcards::base::random::Random;
use profcards::cards::lists;
use profcards::cards::reissue::{BATCH_MEMBERS, Selection, Which};
use profcards::server::App;
use profcards::server::embedded::Services;
use profcards::server::jobs::reissue;
use profcards_card::{
    CardClaims, CardClass, Category, DeviceKey, DeviceSigningKey, Shown, StatusRef, full_hour, issue_card,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};

/// Enough different keys that none stays in a processor's cache by accident.
const PHONE_KEYS: usize = 4_096;
/// The list that the re-issue fills; the one before holds the cards that it replaces.
const LIST: i32 = 2;
/// Marked cards of the list, in thousandths.
const MARKED_PER_MILLE: [i32; 4] = [0, 1, 10, 50];

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let members: i64 = arguments.next().context("how many members?")?.parse()?;
    let kept = arguments.next().map(PathBuf::from);
    let folder = kept
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("profcards-bench-{}", std::process::id())));
    std::fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let services = runtime.block_on(start_tuned(&folder))?;
    let config = config(&folder, &services);
    let outcome = runtime.block_on(async {
        let app = App::start(config, Clock::System, Random::System).await?;
        let keys = phone_keys(&app);
        fill(&app.db_jobs, members, &keys).await?;
        let signing = sign_alone(&app, members, &keys)?;
        reissue_all(&app, members, signing).await?;
        build_list(&app, members).await
    });
    services.stop();
    if kept.is_none() {
        std::fs::remove_dir_all(&folder)?;
    }
    outcome
}

/// PostgreSQL as docs/operating.md advises for a union of this size; all that makes it durable stays on.
async fn start_tuned(folder: &Path) -> anyhow::Result<Services> {
    let services = Services::start(folder)?;
    let mut conn = PgConnection::connect(&services.database_url).await?;
    for setting in ["shared_buffers = '1GB'", "max_wal_size = '4GB'", "wal_compression = on"] {
        sqlx::raw_sql(AssertSqlSafe(format!("alter system set {setting}"))).execute(&mut conn).await?;
    }
    conn.close().await?;
    services.stop();
    Services::start(folder)
}

fn config(folder: &Path, services: &Services) -> Config {
    Config {
        addr: ([127, 0, 0, 1], 0).into(),
        data: folder.to_owned(),
        pwa: "pwa/dist".into(),
        keys: Path::new(env!("CARGO_MANIFEST_DIR")).join("keys"),
        issuer_keys: None,
        key_passphrase_file: None,
        key_passphrase: None,
        database_url: Some(services.database_url.clone()),
        redis_url: Some(services.redis_url.clone()),
        production: false,
        behind_proxy: 0,
        proxy_header: profcards::base::forwarded::ProxyHeader::XForwardedFor,
        held_above_kopecks: 10_000_00,
        redemption_wait_hours: None,
        union_name: "Общероссийский Профсоюз образования".into(),
        union_short_name: "Профсоюз образования".into(),
    }
}

fn phone_keys(app: &App) -> Vec<DeviceKey> {
    (0..PHONE_KEYS).map(|_| DeviceSigningKey::ed25519(&app.random.bytes()).public_key()).collect()
}

/// A union of the real one's shape: 85 regions, 850 districts, 34 000 schools; each member with a phone and its card.
async fn fill(db: &PgPool, members: i64, keys: &[DeviceKey]) -> anyhow::Result<()> {
    let held: i64 = sqlx::query_scalar("select count(*) from membership").fetch_one(db).await?;
    if held == members {
        return Ok(());
    }
    ensure!(held == 0, "this folder holds {held} members; give it up or ask for as many");
    let started = Instant::now();
    let cose_keys: Vec<Vec<u8>> = keys.iter().map(DeviceKey::to_cose_key).collect();
    sqlx::raw_sql("create table bench_key (n bigint generated always as identity (minvalue 0) primary key, cose_key bytea)")
        .execute(db)
        .await?;
    sqlx::query("insert into bench_key (cose_key) select unnest($1::bytea[])")
        .bind(cose_keys)
        .execute(db)
        .await?;
    sqlx::raw_sql(AssertSqlSafe(FILL.replace("{members}", &members.to_string()))).execute(db).await?;
    sqlx::raw_sql("vacuum analyze").execute(db).await?;
    sqlx::raw_sql("checkpoint").execute(db).await?;
    println!("filled with {members} members in {:.0?}", started.elapsed());
    Ok(())
}

const FILL: &str = "
insert into organisation (parent_id, path, kind, name, short_name, valid_from)
values (null, '1.', 'central', 'Профсоюз', 'Профсоюз', '1990-09-27');
insert into organisation (parent_id, path, kind, name, short_name, region_okato, valid_from)
select 1, '1.' || n + 1 || '.', 'regional', 'Региональная ' || n, 'Региональная ' || n, n, '1990-09-27'
from generate_series(1, 85) n;
insert into organisation (parent_id, path, kind, name, short_name, valid_from)
select up.id, up.path || 87 + n || '.', 'territorial', 'Районная ' || n, 'Районная ' || n, '1990-09-27'
from generate_series(0, 849) n join organisation up on up.id = 2 + n % 85;
insert into organisation (parent_id, path, kind, name, short_name, valid_from)
select up.id, up.path || 937 + n || '.', 'primary', 'ППО школы № ' || n, 'ППО школы № ' || n, '1990-09-27'
from generate_series(0, 33999) n join organisation up on up.id = 87 + n % 850;
create table bench_member as
select n, gen_random_uuid() as person_id, gen_random_uuid() as membership_id, gen_random_uuid() as device_id,
       48000000000 + n as body
from generate_series(1, {members}) n;
insert into person (id, last_name, first_name, middle_name, search_name, sex, birth_date, created_at)
select person_id, (array['Иванова', 'Петрова', 'Воскресенская', 'Ким'])[1 + n % 4],
       (array['Мария', 'Анна', 'Пётр'])[1 + n % 3], (array['Петровна', 'Сергеевна', null])[1 + n % 3],
       'иванова мария петровна', 'f', '1980-05-17', now()
from bench_member;
insert into membership (id, person_id, number, status, joined_on, valid_from)
select membership_id, person_id,
       body || ((10 - (select sum(case when i % 2 = 1 then d * 2 - case when d > 4 then 9 else 0 end else d end)
                       from (select i, substr(body::text, 12 - i, 1)::int as d from generate_series(1, 11) i) digits) % 10) % 10)::text,
       'active', '2015-09-01', '2015-09-01'
from bench_member;
insert into engagement (id, person_id, category, valid_from)
select gen_random_uuid(), person_id, 1 + n % 3, '2015-09-01' from bench_member;
insert into registration (id, membership_id, organisation_id, valid_from)
select gen_random_uuid(), membership_id, 937 + n % 34000, '2015-09-01' from bench_member;
insert into device (id, membership_id, cose_key, enrolled_at)
select device_id, membership_id, k.cose_key, now() - interval '40 days'
from bench_member m join bench_key k on k.n = m.n % 4096
order by md5(m.n::text);
insert into status_list (n, uri, capacity, opened_at) values (1, 'urn:pc:s1', 2097152, now() - interval '1 year');
select setval('card_place_seq', 2 * 2097152, false);
insert into card (id, membership_id, device_id, class, purpose, place, list_n, idx, kid, cnf, cose, issued_at, expires_at)
select gen_random_uuid(), m.membership_id, m.device_id, 1, 'member', 0, 1, m.n, '\\x00000000', k.cose_key,
       convert_to(repeat(md5(m.n::text), 7), 'utf8'), now() - interval '31 days', now() + interval '29 days'
from bench_member m join bench_key k on k.n = m.n % 4096;
";

/// What the signatures alone cost on one core, and making whole cards without any database.
fn sign_alone(app: &App, members: i64, keys: &[DeviceKey]) -> anyhow::Result<Duration> {
    let iat = full_hour(unix_seconds(app.clock.now()));
    let mut claims = CardClaims {
        number: "480000000012".parse()?,
        exp: iat + 60 * 24 * 3600,
        iat,
        cnf: None,
        status: StatusRef { uri: lists::uri(LIST), idx: 0 },
        shown: Shown::new("Иванова М. П.", 42, Category::Working)?,
    };
    let issuer = app.keys.card_key(iat)?;
    let started = Instant::now();
    for (n, key) in (0..members).zip(keys.iter().cycle()) {
        claims.cnf = Some(*key);
        claims.status.idx = n.unsigned_abs();
        black_box(issue_card(&claims, &issuer)?);
    }
    let issuing = started.elapsed();
    let mut message = vec![0x5a; 230];
    let started = Instant::now();
    for n in 0..members {
        message[..8].copy_from_slice(&n.to_be_bytes());
        black_box(issuer.sign(&message));
    }
    let signing = started.elapsed();
    println!("one core: {members} signatures {}, whole cards {}", seconds(signing), seconds(issuing));
    Ok(signing)
}

async fn reissue_all(app: &App, members: i64, signing: Duration) -> anyhow::Result<()> {
    let selection = Selection { which: Which::All, class: Some(CardClass::Phone) };
    let mut next_report = 0.1;
    let started = Instant::now();
    let done = reissue::run_by_command(app, None, selection, BATCH_MEMBERS, |progress| {
        if progress.share >= next_report {
            println!("  {:3.0} % after {}", progress.share * 100.0, seconds(started.elapsed()));
            next_report += 0.1;
        }
    })
    .await?;
    let elapsed = started.elapsed();
    ensure!(done.cards == members.unsigned_abs() && done.skipped == 0, "not every card was issued: {done:?}");
    let (living, places): (i64, i64) = sqlx::query_as(
        "select (select count(*) from living_card), (select count(distinct (list_n, idx)) from card where list_n = $1)",
    )
    .bind(LIST)
    .fetch_one(&app.db_jobs)
    .await?;
    println!(
        "re-issued {} cards in {}: {:.2} x the signatures alone",
        done.cards,
        seconds(elapsed),
        elapsed.div_duration_f64(signing)
    );
    println!("living cards {living}, places on list {LIST}: {places}; peak memory {}", peak_memory()?);
    Ok(())
}

/// Marks more and more cards, and has the list published after each time. The marks lie scattered, as people leave: at equal
/// distances they would compress to nearly nothing.
async fn build_list(app: &App, members: i64) -> anyhow::Result<()> {
    for per_mille in MARKED_PER_MILLE {
        sqlx::query(
            "update card set status = 1, status_at = now(), status_reason = 'lost'
             where list_n = $1 and status = 0 and (hashint4(idx) & 2147483647) % 1000 < $2",
        )
        .bind(LIST)
        .bind(per_mille)
        .execute(&app.db_jobs)
        .await?;
        sqlx::query("update status_list set revision = revision + 1 where n = $1")
            .bind(LIST)
            .execute(&app.db_jobs)
            .await?;
        let started = Instant::now();
        let list = lists::published(app, LIST).await?;
        let built = started.elapsed();
        let started = Instant::now();
        black_box(lists::published(app, LIST).await?);
        println!(
            "list of {members}, {:.1} % marked: built in {:.0?}, {} bytes; unchanged {:.1?}",
            f64::from(per_mille) / 10.0,
            built,
            list.cose.len(),
            started.elapsed()
        );
    }
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn peak_memory() -> anyhow::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).context("no VmHWM")?;
    Ok(line.trim_start_matches("VmHWM:").trim().to_owned())
}
