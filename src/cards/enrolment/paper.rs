//! Paper cards for many members at once, ready to be printed on pages.

use std::collections::{BTreeSet, HashMap};

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store;
use crate::access::policy::Scope;
use crate::access::rights::{Action, PrintPaperCards};
use crate::access::{Staff, policy};
use crate::act::audit::Entry;
use crate::act::idempotency::Idempotent;
use crate::act::{self, ActSpec};
use crate::base::code::{Code, FieldCode};
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{Json, Path};
use crate::base::ids::{MembershipId, OrganisationId};
use crate::cards::{self, CardOrder, Issuer};
use crate::registry::members;

/// The days that a card must still last to be worth printing; otherwise a new one is issued.
const MIN_DAYS_LEFT: i64 = 60;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new().routes(routes!(print_cards))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PaperOrder {
    /// The members: 1 to 200, each once.
    member_ids: Vec<MembershipId>,
}

/// A paper card, ready to be printed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PaperCard {
    member_id: MembershipId,
    full_name: String,
    /// The membership number, twelve digits.
    number: String,
    organisation_name: String,
    /// The text of the QR code.
    token: String,
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    expires_at: DateTime<Utc>,
}

#[derive(Serialize, ToSchema)]
struct PaperCards {
    /// The cards, in the order asked.
    items: Vec<PaperCard>,
}

/// The paper cards of members of an organisation and of all below it; a card is issued where there is none or it is about to
/// end. Needs an `Idempotency-Key`.
#[utoipa::path(post, operation_id = "paper_cards", path = "/api/staff/organisations/{id}/paper-cards", tag = "staff", security(("pc_staff" = [])),
    params(("id" = OrganisationId, Path,), ("idempotency-key" = Uuid, Header,)), request_body = PaperOrder, responses(
    (status = 200, body = PaperCards), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn print_cards(
    State(issuer): State<Issuer>,
    staff: Staff,
    Path(id): Path<OrganisationId>,
    request: Idempotent<PaperOrder>,
) -> Result<Json<PaperCards>> {
    policy::check(&issuer, &staff, PrintPaperCards, id).await?;
    let ids = &request.body.member_ids;
    members::check_chosen(ids)?;
    let spec = ActSpec::by_staff(&issuer, &staff, Action::PrintPaperCards).under_key_of(&request);
    let (issuer, staff) = (&issuer, &staff);
    let cards = act::perform(issuer, spec, |mut act| async move {
        let now = act.now();
        members::store::lock(act.conn(), ids).await?;
        let scope = policy::may_within(act.conn(), issuer, staff, PrintPaperCards, id).await?;
        if act.stored_answer::<Value>()?.is_none() {
            issue_missing(issuer, act.conn(), &scope, ids, now).await?;
            act.keep_answer(&json!({}))?;
        }
        act.record(Entry::of_members(ids).within(scope.organisation_id));
        let cards = store::paper_cards(act.conn(), &scope, ids, now, now).await?;
        act.commit(cards)
    });
    let cards = cards.await?;
    let mut cards: HashMap<MembershipId, store::PaperCardRow> =
        cards.into_iter().map(|card| (card.membership_id, card)).collect();
    let items = ids.iter().map(|id| cards.remove(id).map(PaperCard::from)).collect::<Option<_>>();
    // A repeated request after a revocation or a transfer finds less than the first one did.
    Ok(Json(PaperCards { items: items.ok_or(Error::Conflict(Code::CardRevoked))? }))
}

async fn issue_missing(
    issuer: &Issuer,
    conn: &mut PgConnection,
    scope: &Scope<PrintPaperCards>,
    ids: &[MembershipId],
    now: DateTime<Utc>,
) -> Result<()> {
    let statuses = store::statuses_in(&mut *conn, scope, ids).await?;
    if statuses.len() < ids.len() {
        return Err(Error::NotFound);
    }
    if statuses.iter().any(|status| *status != members::MembershipStatus::Active) {
        return Err(Error::field("memberIds", FieldCode::NotActive));
    }
    let until = now + TimeDelta::days(MIN_DAYS_LEFT);
    let lasting = store::paper_cards(&mut *conn, scope, ids, now, until).await?;
    let lasting: BTreeSet<MembershipId> = lasting.iter().map(|card| card.membership_id).collect();
    for membership_id in ids.iter().copied().filter(|id| !lasting.contains(id)) {
        let order = CardOrder { membership_id, key: None, device_id: None, sample: false };
        cards::issue(issuer, &mut *conn, &order, now).await?;
    }
    Ok(())
}

impl From<store::PaperCardRow> for PaperCard {
    fn from(card: store::PaperCardRow) -> Self {
        Self {
            member_id: card.membership_id,
            full_name: card.full_name,
            number: card.number,
            organisation_name: card.organisation_name,
            token: profcards_card::to_text(&card.cose),
            expires_at: card.expires_at,
        }
    }
}
