//! Writes the conformance vectors into `vectors/`: `cargo run -p profcards-card --example make_vectors`.
//!
//! Everything in them is fixed, keys included, so running it again changes nothing.

mod generator;

use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, text) in generator::files() {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}
