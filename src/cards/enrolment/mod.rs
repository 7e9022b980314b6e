//! How a member's phone becomes the holder of a card: the typed code, the birth date, the proof that the phone holds its key; and how
//! it ends. Cards themselves are made one room above, and what the phone then shows in `phone`.

pub mod loss;
pub mod moving;
pub mod paper;
pub mod sheet;
pub mod store;

use chrono::{DateTime, Utc};
use profcards_card::DeviceKey;
use sqlx::PgConnection;

use crate::access::EndReason;
use crate::access::codes::AccessCode;
use crate::base::Base;
use crate::base::code::FieldCode;
use crate::base::error::{Error, Result};
use crate::base::ids::{AccountId, ActivationId, MembershipId};
use crate::cards;
use crate::registry::members;

/// Days for which an activation code is good.
pub const CODE_DAYS: u64 = 30;
/// The number of wrong birth dates after which a code is dead.
pub const MAX_FAILURES: i32 = 10;
/// Minutes for which a challenge is good, between checking the code and enrolling the phone.
pub const CHALLENGE_MINUTES: i64 = 30;
/// Days for which an answered challenge is kept, for a phone whose reply was lost.
pub const ANSWERED_CHALLENGE_DAYS: i64 = 1;
/// The beginning of what the phone signs, so that the signature can never be one over a COSE structure.
const POSSESSION_CONTEXT: &[u8] = b"PC-ENROL-1\0";
/// The version of the ПрофКардс consent that the app shows now.
pub const PROFCARDS_TEXT_VERSION: &str = "profcards-2026-11";

/// The code that an activation's id stands for. It is derived, not stored: a repeated request shows the same code, and
/// the tables hold only its hash.
pub fn activation_code_of(base: &Base, activation_id: ActivationId) -> AccessCode {
    AccessCode::from_bytes(&base.secret.mac("activation-code", &[activation_id.0.as_bytes()]))
}

/// The bytes that prove possession of the phone's key.
pub fn possession_message(challenge: &[u8; 32]) -> Vec<u8> {
    [POSSESSION_CONTEXT, challenge].concat()
}

/// Makes an activation code for a membership. Earlier unused codes end: the newest sheet is the one that counts.
pub async fn new_activation(
    base: &Base,
    conn: &mut PgConnection,
    membership_id: MembershipId,
    created_by: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<ActivationId> {
    let id = ActivationId(base.random.uuid());
    let code_hash = activation_code_of(base, id).stored_hash(&base.secret, "activation-hash");
    store::end_unused_codes(&mut *conn, membership_id, now).await?;
    store::insert_code(conn, id, &code_hash, membership_id, created_by, now).await?;
    Ok(id)
}

/// Checks the proof of possession over a key that can hold a card.
///
/// # Errors
/// `publicKey` or `signature` as an invalid field.
pub fn check_possession(public_key: &[u8], challenge: &[u8; 32], signature: &[u8]) -> Result<DeviceKey> {
    let key =
        DeviceKey::from_cose_key(public_key).map_err(|_| Error::field("publicKey", FieldCode::KeyInvalid))?;
    key.check_point().map_err(|_| Error::field("publicKey", FieldCode::KeyInvalid))?;
    key.verify(&possession_message(challenge), signature)
        .map_err(|_| Error::field("signature", FieldCode::SignatureInvalid))?;
    Ok(key)
}

/// Marks every living card of a membership as revoked, ends its phone, and the codes by which another could be enrolled: a
/// lost sheet holds one. On the public list with the next request.
pub async fn revoke_all(
    conn: &mut PgConnection,
    membership_id: MembershipId,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<()> {
    // The membership, codes, phone, cards, lists: everyone takes these locks in this order.
    members::store::lock(&mut *conn, &[membership_id]).await?;
    store::end_unused_codes(&mut *conn, membership_id, now).await?;
    cards::store::end_device(&mut *conn, membership_id, reason, now).await?;
    cards::store::mark_revoked(conn, membership_id, None, reason.into(), now).await
}
