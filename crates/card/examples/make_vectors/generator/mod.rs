//! The conformance vectors, one file per theme. Shared by the example that writes them and the test that compares them.

mod accepted;
mod challenge;
mod form;
mod issuer;
mod lists;
mod odd;
mod proof;
mod raw;
mod replay;
mod status;
mod text;
mod time;
mod trust;
mod vector;
mod world;

pub use vector::Vector;

type Theme = fn() -> Vec<Vector>;

/// Every file's name and text.
pub fn files() -> Vec<(&'static str, String)> {
    let themes: [(_, Theme); 10] = [
        ("00-accepted.json", accepted::vectors),
        ("01-text.json", text::vectors),
        ("02-form.json", form::vectors),
        ("03-trust-list.json", trust::vectors),
        ("04-issuer.json", issuer::vectors),
        ("06-time.json", time::vectors),
        ("07-proof.json", proof::vectors),
        ("10-challenge.json", challenge::vectors),
        ("11-status.json", status::vectors),
        ("12-replay.json", replay::vectors),
    ];
    themes.into_iter().map(|(name, make)| (name, to_json(&make()))).collect()
}

fn to_json(vectors: &[Vector]) -> String {
    let mut text = serde_json::to_string_pretty(vectors).expect("vectors are plain data");
    text.push('\n');
    text
}
