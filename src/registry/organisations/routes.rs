//! An organisation over HTTP.

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Organisation, store};
use crate::access::rights::ReadOrganisation;
use crate::access::{Staff, policy};
use crate::base::Base;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{Json, Path};
use crate::base::ids::OrganisationId;

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Base> {
    OpenApiRouter::new().routes(routes!(show))
}

/// An organisation, its figures and what is directly below it.
#[utoipa::path(get, operation_id = "organisation", path = "/api/staff/organisations/{id}", tag = "staff", security(("pc_staff" = [])),
    params(("id" = OrganisationId, Path,)), responses(
    (status = 200, body = Organisation), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn show(
    State(base): State<Base>,
    staff: Staff,
    Path(id): Path<OrganisationId>,
) -> Result<Json<Organisation>> {
    let scope = policy::may(&base, &staff, ReadOrganisation, id).await?;
    let may_see_parent = match store::parent_of(&base.db, id).await? {
        Some(parent_id) => policy::may(&base, &staff, ReadOrganisation, parent_id).await.is_ok(),
        None => false,
    };
    let (now, today) = (base.clock.now(), base.clock.today());
    let overview = store::overview(&base.db_searches, &scope, may_see_parent, now, today).await;
    Ok(Json(overview.map_err(Error::as_search_error)?))
}
