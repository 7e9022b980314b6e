//! A repeated request has one effect and one answer. The key is reserved, the effects are made and the answer is stored
//! in **one** transaction; a second request with the key waits for the first and then gets its answer.

use axum::extract::{FromRequest, Request};
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::access::limits;
use crate::base::error::{Error, Result};
use crate::base::extract::Json;
use crate::base::sweep::BATCH;

/// The name of the header that carries the key.
pub const HEADER: &str = "idempotency-key";

/// A JSON body that came with an `Idempotency-Key`.
pub struct Idempotent<T> {
    /// The client's key: a UUID, unique for this principal.
    pub key: Uuid,
    /// The SHA-256 hash over method, path and body.
    pub payload_hash: [u8; 32],
    /// The body.
    pub body: T,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Idempotent<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let key = request
            .headers()
            .get(HEADER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| Uuid::try_parse(text).ok())
            .ok_or_else(|| Error::MalformedRequest("the Idempotency-Key header must hold a UUID".into()))?;
        let target = format!("{} {}", request.method(), request.uri().path());
        let Json(body) = Json::<Value>::from_request(request, state).await?;
        let payload_hash = payload_hash(&target, &body);
        let body =
            serde_json::from_value(body).map_err(|error| Error::MalformedRequest(error.to_string()))?;
        Ok(Self { key, payload_hash, body })
    }
}

/// The hash of what two requests must share to count as the same: their target and their content (object keys in
/// serde's sorted order, so the spelling of the JSON does not matter).
pub fn payload_hash(target: &str, body: &Value) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(target.as_bytes());
    hash.update([0]);
    hash.update(body.to_string().as_bytes());
    hash.finalize().into()
}

/// Days for which keys are kept, and so are the other guards against doing an act twice.
const GUARD_DAYS: i64 = 100;

/// The moment before which an act may have lost its key.
pub fn forgotten_before(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::days(GUARD_DAYS)
}

/// Whether a key is new.
pub enum KeyState {
    /// The key is new and ours: make the effects, then [`store_answer`] the answer in the same transaction.
    New,
    /// The key was used for this very request, and this was the answer.
    Stored(Value),
}

/// Reserves a key inside the effect's own transaction. Waits for another transaction that holds it.
///
/// # Errors
/// [`Error::IdempotencyConflict`] if the key was used for another request.
pub async fn reserve(
    conn: &mut PgConnection,
    principal: &str,
    key: Uuid,
    payload_hash: [u8; 32],
    now: DateTime<Utc>,
) -> Result<KeyState> {
    let reserved = sqlx::query!(
        "insert into idempotency (principal, id, payload_hash, created_at) values ($1, $2, $3, $4)
         on conflict (principal, id) do nothing",
        principal,
        key,
        &payload_hash[..],
        now
    )
    .execute(&mut *conn)
    .await?;
    if reserved.rows_affected() == 1 {
        return Ok(KeyState::New);
    }
    let stored = sqlx::query!(
        "select payload_hash, answer from idempotency where principal = $1 and id = $2",
        principal,
        key
    )
    .fetch_one(&mut *conn)
    .await?;
    if stored.payload_hash != payload_hash {
        return Err(Error::IdempotencyConflict);
    }
    let answer =
        stored.answer.ok_or_else(|| Error::Internal(anyhow::anyhow!("a committed key has no answer")))?;
    Ok(KeyState::Stored(answer))
}

/// Stores the answer of a reserved key, which is kept from now on: so it counts against what its principal may have
/// kept. Comes last in the transaction, so that nobody waits long for the counter.
///
/// # Errors
/// [`Error::TooManyAttempts`] beyond that; the caller's transaction then leaves nothing.
pub async fn store_answer(conn: &mut PgConnection, principal: &str, key: Uuid, answer: &Value) -> Result<()> {
    let reserved_at = sqlx::query_scalar!(
        "update idempotency set answer = $3 where principal = $1 and id = $2 returning created_at",
        principal,
        key,
        answer
    )
    .fetch_one(&mut *conn)
    .await?;
    limits::consume_within(conn, limits::KEYS_PER_PRINCIPAL, principal, reserved_at).await.map(drop)
}

/// Forgets the answers that nobody can ask for again: a purchase's late repeat is answered from the purchase, any other request
/// that is repeated after so long is a new one.
pub async fn prune(db: &PgPool, now: DateTime<Utc>) -> Result<()> {
    loop {
        let gone = sqlx::query!(
            "delete from idempotency where (principal, id) in (
                 select principal, id from idempotency where created_at < $1 limit $2)",
            forgotten_before(now),
            BATCH
        )
        .execute(db)
        .await?;
        if gone.rows_affected() < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}
