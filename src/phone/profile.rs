//! What a member's phone knows of its member: the data on record, the consents, the card and the balance.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::access::MemberPhone;
use crate::base::Base;
use crate::base::error::Result;
use crate::base::ids::{DeviceId, MembershipId};
use crate::cards::{self, IssuedCard};
use crate::programme::ledger::{self, Balance};
use crate::registry::members::consents::{Consent, ConsentKind};
use crate::registry::members::{self, Category, MembershipStatus};

/// A member's profile, as the phone shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberProfile {
    /// The membership.
    pub member_id: MembershipId,
    /// The membership number, twelve digits.
    pub number: String,
    /// The full name: Фамилия Имя Отчество.
    pub full_name: String,
    /// The member's category.
    pub category: Category,
    /// The name of the organisation in which the member is registered.
    pub organisation_name: String,
    /// The union's name.
    pub union_name: String,
    /// The day of the decision to admit.
    pub joined_on: NaiveDate,
    /// The membership's status.
    pub status: MembershipStatus,
    /// The consents in force.
    pub consents: Vec<ProfileConsent>,
    /// The state of this phone.
    pub phone: PhoneState,
    /// The phone's card; absent when it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<PhoneCard>,
    /// The balance in ПрофКардс.
    pub balance: Balance,
    /// Unix seconds, for the phone's clock offset.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub server_time: DateTime<Utc>,
}

/// The state of a phone: since when it holds the card, and from when on it pays.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhoneState {
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub enrolled_at: DateTime<Utc>,
    /// The moment from which it redeems; Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub redeems_from: DateTime<Utc>,
    /// The moment until which another phone may take the card and redeem as this one does; Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds_option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub move_agreed_until: Option<DateTime<Utc>>,
}

/// A consent in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProfileConsent {
    /// The kind of consent.
    pub kind: ConsentKind,
    /// The version of the text that was agreed to.
    pub text_version: String,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub given_at: DateTime<Utc>,
}

impl From<Consent> for ProfileConsent {
    fn from(consent: Consent) -> Self {
        Self { kind: consent.kind, text_version: consent.text_version, given_at: consent.given_at }
    }
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
    membership_id: MembershipId,
    device_id: DeviceId,
    union_name: &str,
    balance: Balance,
    now: DateTime<Utc>,
) -> Result<MemberProfile> {
    let member = members::store::registered_member(&mut *conn, membership_id).await?;
    let consents = members::consents::store::in_force(&mut *conn, member.person_id).await?;
    let phone = sqlx::query_as!(
        PhoneState,
        r#"select enrolled_at, coalesce(redeems_from, enrolled_at) as "redeems_from!", move_agreed_until
           from device where id = $1"#,
        device_id.0
    )
    .fetch_one(&mut *conn)
    .await?;
    Ok(MemberProfile {
        member_id: membership_id,
        full_name: member.full_name(),
        number: member.number,
        category: member.category,
        organisation_name: member.organisation_name,
        union_name: union_name.to_owned(),
        joined_on: member.joined_on,
        status: member.status,
        consents: consents.into_iter().map(ProfileConsent::from).collect(),
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
