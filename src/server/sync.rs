//! Push and pull over HTTP, for phones and tills: what was done offline comes in as mutations, what changed goes out. The server is
//! the authority; what it knows is gathered here from all features.

use std::collections::HashMap;
use std::str::FromStr;

use axum::extract::State;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use crate::access::{Face, MemberPhone, Till, limits, member_audience, till_audience};
use crate::act::change_log::{self, ChangePage, ChangedEntity, Cursor, Entity, ME};
use crate::act::mutations::{Answer, Mutation};
use crate::base::code::{Code, FieldCode};
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{Json, Query};
use crate::base::ids::TerminalId;
use crate::informing::{self, Notice};
use crate::phone::profile::{MemberProfile, profile};
use crate::programme::ledger::views::{self, PurchaseView};
use crate::programme::ledger::{self, Balance};
use crate::programme::tills::push::PushingTill;
use crate::programme::tills::{self, TillState, till_state};

/// The version of the mutations and entities that this server speaks.
const SCHEMA: u32 = 1;
/// The most mutations in one push.
const MAX_MUTATIONS: usize = 100;
/// The most by which a client's clock may be off without being told so.
const CLOCK_TOLERANCE_SECONDS: i64 = 60;
/// The most entities in one answer.
const PAGE: i64 = 200;
/// The most purchases that a client receives which starts over.
const INITIAL_PURCHASES: i64 = 200;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(push_mutations)).routes(routes!(pull))
}

/// A client that syncs; the request says which of the browser's sessions counts.
enum Client {
    Member(MemberPhone),
    Till(Till),
}

impl Client {
    async fn of(app: &App, headers: &HeaderMap, face: Face) -> Result<Self> {
        match face {
            Face::Member => MemberPhone::from_headers(app, headers).await.map(Self::Member),
            Face::Till => Till::from_headers(app, headers).await.map(Self::Till),
            Face::Staff => Err(Error::field("face", FieldCode::NoSync)),
        }
    }

    /// The connections by which it is served.
    fn db<'a>(&self, app: &'a App) -> &'a PgPool {
        match self {
            Self::Member(_) => &app.db,
            Self::Till(_) => &app.db_tills,
        }
    }

    /// The audience whose changes this client hears.
    fn audience(&self) -> String {
        match self {
            Self::Member(phone) => member_audience(phone.membership_id),
            Self::Till(till) => till_audience(till.terminal_id),
        }
    }
}

fn check_schema(schema: u32) -> Result<()> {
    match schema {
        SCHEMA => Ok(()),
        older if older < SCHEMA => Err(Error::Conflict(Code::SchemaTooOld)),
        _ => Err(Error::Conflict(Code::SchemaUnknown)),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Push {
    face: Face,
    schema: u32,
    /// Unix seconds by the client's own clock, uncorrected.
    client_time: i64,
    /// The mutations: at most 100, in the client's order.
    mutations: Vec<Mutation>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PushAnswer {
    /// The answers: one for each mutation, in the same order.
    answers: Vec<Answer>,
    clock: ClockReport,
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    server_time: DateTime<Utc>,
    /// For a till: the newest number of its operations that is known here. One that was put back to an earlier state goes on from it, and
    /// sends what was refused as `op-number-reused` once more, with the same id and a new number.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_op_no: Option<i64>,
}

/// The state of the client's clock.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ClockReport {
    /// The server's time minus the client's.
    skew_seconds: i64,
    /// `client` when the client's clock is off by more than a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    whose: Option<&'static str>,
}

/// Hand in what was done offline. Each mutation is answered for itself.
#[utoipa::path(post, path = "/api/sync/push", tag = "sync", security(("pc_member" = []), ("pc_till" = [])),
    request_body = Push, responses(
    (status = 200, body = PushAnswer), (status = 401, body = Problem), (status = 409, body = Problem),
    (status = 413, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn push_mutations(
    State(app): State<App>,
    headers: HeaderMap,
    Json(push): Json<Push>,
) -> Result<Json<PushAnswer>> {
    let client = Client::of(&app, &headers, push.face).await?;
    check_schema(push.schema)?;
    limits::check_rate(&app, limits::PUSH_PER_CLIENT, &client.audience()).await?;
    if push.mutations.len() > MAX_MUTATIONS {
        return Err(Error::TooLarge);
    }
    let now = app.clock.now();
    let skew_seconds = now.timestamp().saturating_sub(push.client_time);
    let (answers, last_op_no) = match &client {
        Client::Till(till) => {
            let pusher = PushingTill { terminal_id: till.terminal_id, skew_seconds };
            let answers = tills::push::apply_all(&app, &pusher, &push.mutations).await;
            (answers, newest_op_no(&app, till.terminal_id).await.ok())
        }
        Client::Member(phone) => (informing::push::apply_all(&app, phone, &push.mutations).await, None),
    };
    Ok(Json(PushAnswer {
        answers,
        clock: ClockReport {
            skew_seconds,
            whose: (skew_seconds.abs() > CLOCK_TOLERANCE_SECONDS).then_some("client"),
        },
        server_time: now,
        last_op_no,
    }))
}

async fn newest_op_no(app: &App, terminal_id: TerminalId) -> Result<i64> {
    ledger::guards::newest_op_no(&mut *app.db_tills.acquire().await?, terminal_id).await
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct PullParams {
    face: Face,
    /// The cursor that the answer before gave; without it everything is sent.
    cursor: Option<String>,
    schema: u32,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PullAnswer {
    upserts: Vec<Upsert>,
    tombstones: Vec<Tombstone>,
    cursor: String,
    /// Whether there is more: ask again at once.
    more: bool,
    /// Whether something newer waits for an older transaction to end: ask again in a second.
    pending: bool,
}

/// The present state of an entity.
#[derive(Serialize, ToSchema)]
struct Upsert {
    id: String,
    #[serde(flatten)]
    state: EntityState,
}

/// The data that are sent of each kind of entity, in the types of the features.
#[derive(Serialize, ToSchema)]
#[serde(tag = "entity", content = "data", rename_all = "lowercase")]
enum EntityState {
    Profile(MemberProfile),
    Balance(Balance),
    Purchase(PurchaseView),
    Notice(Notice),
    Till(TillState),
}

/// An entity that is gone.
#[derive(Serialize, ToSchema)]
struct Tombstone {
    entity: Entity,
    id: String,
}

/// Fetch what changed for this client since a cursor.
#[utoipa::path(get, path = "/api/sync/pull", tag = "sync", security(("pc_member" = []), ("pc_till" = [])),
    params(PullParams), responses(
    (status = 200, body = PullAnswer), (status = 401, body = Problem), (status = 409, body = Problem)))]
async fn pull(
    State(app): State<App>,
    headers: HeaderMap,
    Query(params): Query<PullParams>,
) -> Result<Json<PullAnswer>> {
    let client = Client::of(&app, &headers, params.face).await?;
    check_schema(params.schema)?;
    let audience = client.audience();
    let mut conn = client.db(&app).acquire().await?;
    let mut changes = match params.cursor.as_deref().filter(|cursor| !cursor.is_empty()) {
        None => everything(&mut conn, &client).await?,
        Some(text) => {
            let cursor: Cursor = text.parse()?;
            if change_log::is_stale(&mut conn, &cursor).await? {
                // Pruned, or of a past that this database does not share.
                return Err(Error::Conflict(Code::SyncStartOver));
            }
            change_log::changes(&mut conn, &audience, cursor, PAGE).await?
        }
    };
    if matches!(client, Client::Till(_)) {
        // Always: an offer begins and ends by the calendar, which no change announces.
        changes.changed.retain(|one| one.entity != Entity::Till);
        changes.changed.push(present(Entity::Till, ME.into()));
    }
    drop(conn);
    let (deleted, present): (Vec<_>, Vec<_>) =
        changes.changed.into_iter().partition(|changed| changed.deleted);
    Ok(Json(PullAnswer {
        upserts: states(&app, &client, present).await?,
        tombstones: deleted.into_iter().map(|gone| Tombstone { entity: gone.entity, id: gone.id }).collect(),
        cursor: changes.cursor.to_string(),
        more: changes.more,
        pending: changes.pending,
    }))
}

/// All that a new client must know. The cursor is taken before anything is read, so nothing can slip between.
async fn everything(conn: &mut PgConnection, client: &Client) -> Result<ChangePage> {
    let cursor = change_log::start_cursor(&mut *conn).await?;
    let (singles, purchases, notices): (&[Entity], _, _) = match client {
        Client::Member(phone) => (
            &[Entity::Profile, Entity::Balance],
            ledger::store::newest_of_member(&mut *conn, phone.membership_id, INITIAL_PURCHASES).await?,
            informing::store::ids_of(conn, phone.membership_id).await?,
        ),
        Client::Till(till) => (
            &[Entity::Till],
            ledger::store::newest_of_till(conn, till.terminal_id, INITIAL_PURCHASES).await?,
            Vec::new(),
        ),
    };
    let mut changed: Vec<ChangedEntity> = singles.iter().map(|entity| present(*entity, ME.into())).collect();
    changed.extend(purchases.into_iter().map(|id| present(Entity::Purchase, id.to_string())));
    changed.extend(notices.into_iter().map(|id| present(Entity::Notice, id.to_string())));
    Ok(ChangePage { changed, cursor, more: false, pending: false })
}

fn present(entity: Entity, id: String) -> ChangedEntity {
    ChangedEntity { entity, id, deleted: false }
}

fn ids_among<Id: FromStr>(changed: &[ChangedEntity], entity: Entity) -> Vec<Id> {
    changed.iter().filter(|one| one.entity == entity).filter_map(|one| one.id.parse().ok()).collect()
}

/// The present states of entities, in the order of their changes.
async fn states(app: &App, client: &Client, changed: Vec<ChangedEntity>) -> Result<Vec<Upsert>> {
    let now = app.clock.now();
    let mut conn = client.db(app).acquire().await?;
    let for_till = matches!(client, Client::Till(_));
    let views = views::purchases(&mut conn, &ids_among(&changed, Entity::Purchase), for_till).await?;
    let mut purchases: HashMap<String, _> =
        views.into_iter().map(|view| (view.id.to_string(), view)).collect();
    let mut notices: HashMap<String, _> = match client {
        Client::Member(phone) => {
            let ids = ids_among(&changed, Entity::Notice);
            let found = informing::store::find(&mut conn, phone.membership_id, &ids).await?;
            found.into_iter().map(|notice| (notice.id.to_string(), notice)).collect()
        }
        Client::Till(_) => HashMap::new(),
    };
    let mut upserts = Vec::with_capacity(changed.len());
    for ChangedEntity { entity, id, .. } in changed {
        let state = match (entity, client) {
            (Entity::Purchase, _) => purchases.remove(&id).map(EntityState::Purchase),
            (Entity::Notice, _) => notices.remove(&id).map(EntityState::Notice),
            (Entity::Balance, Client::Member(phone)) => {
                let balance = ledger::store::balance(&mut conn, phone.membership_id).await?.shown();
                Some(EntityState::Balance(balance))
            }
            (Entity::Profile, Client::Member(phone)) => {
                let balance = ledger::store::balance(&mut conn, phone.membership_id).await?.shown();
                let union_name = &app.config.union_name;
                let (membership_id, device_id) = (phone.membership_id, phone.device_id);
                let found = profile(&mut conn, membership_id, device_id, union_name, balance, now).await?;
                Some(EntityState::Profile(found))
            }
            (Entity::Till, Client::Till(till)) => {
                Some(EntityState::Till(till_state(&mut conn, till.terminal_id, now).await?))
            }
            (Entity::Balance | Entity::Profile, Client::Till(_)) | (Entity::Till, Client::Member(_)) => None,
        };
        // What is gone by now has a tombstone of its own, further on in the log.
        upserts.extend(state.map(|state| Upsert { id, state }));
    }
    Ok(upserts)
}
