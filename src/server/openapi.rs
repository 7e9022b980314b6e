//! The description of the API (OpenAPI 3.1), made from the handlers. The typed client of the PWA and the table of rights
//! in the tests come from it.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, OpenApi};

use super::router;
use crate::access::Face;

/// The description as a value.
pub fn description() -> OpenApi {
    let mut description = router::api();
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

/// The description as JSON, ending in a line break: exactly what is committed beside the PWA.
///
/// # Panics
/// Never: the description is plain data.
pub fn document() -> String {
    let mut text = description().to_pretty_json().expect("the description is plain data");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::description;

    /// Clients are generated with one name for each operation.
    #[test]
    fn operations_have_names_of_their_own() {
        let value = serde_json::to_value(description()).unwrap();
        let items =
            value["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
        let names: Vec<&str> = items.filter_map(|operation| operation["operationId"].as_str()).collect();
        assert!(names.len() > 20, "the description is not empty");
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    }
}
