//! Offers in SQL.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Offer;
use crate::base::error::Result;
use crate::base::ids::PartnerId;
use crate::base::money::Kopecks;

/// A partner's rule as of a moment.
pub async fn offer_at(
    conn: &mut PgConnection,
    partner_id: PartnerId,
    at: DateTime<Utc>,
) -> Result<Option<Offer>> {
    Ok(sqlx::query_as!(
        Offer,
        r#"select version, title, percent_bp, commission_bp, min_amount_kopecks as "min_amount_kopecks: Kopecks",
                  cap_per_purchase_kopecks as "cap_per_purchase_kopecks: Kopecks", redeem_max_share_bp
           from offer
           where partner_id = $1 and valid_from <= $2 and (valid_to is null or valid_to > $2)
           order by version desc limit 1"#,
        partner_id.0,
        at
    )
    .fetch_optional(conn)
    .await?)
}

/// A partner's rule of one version.
pub async fn offer_version(
    conn: &mut PgConnection,
    partner_id: PartnerId,
    version: i32,
) -> Result<Option<Offer>> {
    Ok(sqlx::query_as!(
        Offer,
        r#"select version, title, percent_bp, commission_bp, min_amount_kopecks as "min_amount_kopecks: Kopecks",
                  cap_per_purchase_kopecks as "cap_per_purchase_kopecks: Kopecks", redeem_max_share_bp
           from offer where partner_id = $1 and version = $2"#,
        partner_id.0,
        version
    )
    .fetch_optional(conn)
    .await?)
}

/// Adds a rule.
pub async fn insert_offer(
    conn: &mut PgConnection,
    partner_id: PartnerId,
    offer: &Offer,
    valid_from: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into offer (partner_id, version, title, percent_bp, commission_bp, min_amount_kopecks,
                            cap_per_purchase_kopecks, redeem_max_share_bp, valid_from)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        partner_id.0,
        offer.version,
        offer.title,
        offer.percent_bp,
        offer.commission_bp,
        offer.min_amount_kopecks.0,
        offer.cap_per_purchase_kopecks.map(|cap| cap.0),
        offer.redeem_max_share_bp,
        valid_from
    )
    .execute(conn)
    .await?;
    Ok(())
}
