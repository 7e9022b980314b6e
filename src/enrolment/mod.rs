//! How a member's phone becomes the holder of a card: the typed code, the birth date, the proof that the phone holds its
//! key; and what the phone then knows of its member. Cards themselves are made in `cards`.

pub mod events;
pub mod loss;
pub mod moving;
pub mod paper;
pub mod routes;
pub mod sheet;
pub mod store;

use chrono::{DateTime, NaiveDate, Utc};
use profcards_card::DeviceKey;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::codes::Code;
use crate::cards::IssuedCard;
use crate::error::{Error, Result};
use crate::ledger::Balance;

/// An activation code is good for so long.
pub const CODE_DAYS: u64 = 30;
/// After so many wrong birth dates a code is dead.
pub const MAX_FAILURES: i32 = 10;
/// Between checking the code and enrolling the phone.
pub const CHALLENGE_MINUTES: i64 = 30;
/// An answered challenge is kept for so long, for a phone whose reply was lost.
pub const ANSWERED_CHALLENGE_DAYS: i64 = 1;
/// What the phone signs begins with this, so that the signature can never be one over a COSE structure.
const POSSESSION_CONTEXT: &[u8] = b"PC-ENROL-1\0";
/// The version of the ПрофКардс consent that the app shows now.
pub const PROFCARDS_TEXT_VERSION: &str = "profcards-2026-11";

/// The code that an activation's id stands for. It is derived, not stored: a repeated request shows the same code, and
/// the tables hold only its hash.
pub fn code_of(app: &App, activation_id: Uuid) -> Code {
    Code::from_bytes(&app.secret.mac("activation-code", &[activation_id.as_bytes()]))
}

/// The bytes that prove possession of the phone's key.
pub fn possession_message(challenge: &[u8; 32]) -> Vec<u8> {
    [POSSESSION_CONTEXT, challenge].concat()
}

/// Makes an activation code for a membership. Earlier unused codes end: the newest sheet is the one that counts.
pub async fn new_activation(
    app: &App,
    conn: &mut PgConnection,
    membership_id: Uuid,
    created_by: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Uuid> {
    let id = app.random.uuid();
    let code_hash = code_of(app, id).stored_hash(&app.secret, "activation-hash");
    store::end_unused_codes(&mut *conn, membership_id, now).await?;
    store::insert_code(conn, id, &code_hash, membership_id, created_by, now).await?;
    Ok(id)
}

/// Checks the proof of possession over a key that can hold a card.
///
/// # Errors
/// `publicKey` or `signature` as an invalid field.
pub fn check_possession(public_key: &[u8], challenge: &[u8; 32], signature: &[u8]) -> Result<DeviceKey> {
    let key = DeviceKey::from_cose_key(public_key).map_err(|_| Error::field("publicKey", "key-invalid"))?;
    key.check_point().map_err(|_| Error::field("publicKey", "key-invalid"))?;
    key.verify(&possession_message(challenge), signature)
        .map_err(|_| Error::field("signature", "signature-invalid"))?;
    Ok(key)
}

/// What a member's phone shows.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberProfile {
    /// The membership.
    pub member_id: Uuid,
    /// Twelve digits.
    pub number: String,
    /// Фамилия Имя Отчество.
    pub full_name: String,
    /// 1 working, 2 student, 3 non-working pensioner.
    pub category: i16,
    /// Where the member is registered.
    pub organisation_name: String,
    /// The union.
    pub union_name: String,
    /// The day of the decision to admit.
    pub joined_on: NaiveDate,
    /// `active`, `suspended`, …
    pub status: String,
    /// The consents in force.
    pub consents: Vec<ProfileConsent>,
    /// What this phone may do.
    pub phone: HeldSince,
    /// The phone's card; absent when it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<PhoneCard>,
    /// ПрофКардс.
    pub balance: Balance,
    /// Unix seconds, for the phone's clock offset.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub server_time: DateTime<Utc>,
}

/// Since when a phone holds the card, and from when on it pays.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldSince {
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub enrolled_at: DateTime<Utc>,
    /// From when on it redeems; Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub redeems_from: DateTime<Utc>,
    /// Until when another phone may take the card and redeem as this one does; Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds_option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub move_agreed_until: Option<DateTime<Utc>>,
}

/// A consent in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProfileConsent {
    /// `processing`, `profcards`, `mailings` or `photo`.
    pub kind: String,
    /// Which text was agreed to.
    pub text_version: String,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub given_at: DateTime<Utc>,
}

/// A card as a phone keeps it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhoneCard {
    /// Hex of the card's COSE bytes; the phone wraps them in a fresh proof at each showing.
    pub card_hex: String,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub issued_at: DateTime<Utc>,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub expires_at: DateTime<Utc>,
}

impl From<IssuedCard> for PhoneCard {
    fn from(card: IssuedCard) -> Self {
        Self { card_hex: hex::encode(card.cose), issued_at: card.issued_at, expires_at: card.expires_at }
    }
}
