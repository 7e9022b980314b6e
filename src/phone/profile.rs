//! What a member's phone knows of its member: the data on record, the consents, the card and the balance.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::MemberPhone;
use crate::base::Base;
use crate::base::error::{Error, Result};
use crate::cards::{self, IssuedCard};
use crate::programme::ledger::{self, Balance};

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

/// The profile as the phone shows it, with a balance that the caller read.
pub async fn profile(
    conn: &mut PgConnection,
    membership_id: Uuid,
    device_id: Uuid,
    union_name: &str,
    balance: Balance,
    now: DateTime<Utc>,
) -> Result<MemberProfile> {
    let row = sqlx::query!(
        r#"select person_id as "person_id!", last_name as "last_name!", first_name as "first_name!", middle_name,
                  number as "number!", joined_on as "joined_on!", status as "status!",
                  organisation_name as "organisation_name!", category as "category!"
           from registered_member where id = $1"#,
        membership_id
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound)?;
    let consents = sqlx::query_as!(
        ProfileConsent,
        "select kind, text_version, given_at from consent where person_id = $1 and withdrawn_at is null order by given_at",
        row.person_id
    )
    .fetch_all(&mut *conn)
    .await?;
    let phone = sqlx::query_as!(
        HeldSince,
        r#"select enrolled_at, coalesce(redeems_from, enrolled_at) as "redeems_from!", move_agreed_until
           from device where id = $1"#,
        device_id
    )
    .fetch_one(&mut *conn)
    .await?;
    let name = [Some(row.last_name), Some(row.first_name), row.middle_name];
    Ok(MemberProfile {
        member_id: membership_id,
        number: row.number,
        full_name: name.into_iter().flatten().collect::<Vec<_>>().join(" "),
        category: row.category,
        organisation_name: row.organisation_name,
        union_name: union_name.to_owned(),
        joined_on: row.joined_on,
        status: row.status,
        consents,
        phone,
        card: cards::store::card_of_device(conn, device_id).await?.map(Into::into),
        balance,
        server_time: now,
    })
}

/// The profile of whoever holds this phone, as it is now.
pub async fn profile_of(base: &Base, phone: &MemberPhone) -> Result<MemberProfile> {
    let balance = ledger::cached_balance(base, phone.membership_id).await?;
    let mut conn = base.db.acquire().await?;
    let union_name = &base.config.union_name;
    profile(&mut conn, phone.membership_id, phone.device_id, union_name, balance, base.clock.now()).await
}
