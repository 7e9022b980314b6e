//! The description of the API (OpenAPI 3.1), made from the handlers. The typed client of the PWA and the table of rights
//! in the tests come from it.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, OpenApi};

use crate::access::Face;

/// The endpoints' description, completed by what concerns all of them.
pub fn complete(mut description: OpenApi) -> OpenApi {
    description.info = InfoBuilder::new()
        .title("ПрофКардс")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Membership cards, the cashback ledger and the registry of a trade union. Refusals are problem+json with stable codes. \
             Whoever is signed in is refused with 429 beyond 1200 requests a minute.",
        ))
        .build();
    let components = description.components.get_or_insert_with(Components::new);
    for face in [Face::Staff, Face::Member, Face::Till] {
        let cookie = format!("pc_{}", face.as_str());
        components.add_security_scheme(
            cookie.clone(),
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(cookie))),
        );
    }
    components.add_security_scheme("partner_key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    description
}
