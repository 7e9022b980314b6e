//! Runs vectors of the schema in `vectors/README.md` and prints a verdict for each, a JSON line each:
//! `cargo run -p profcards-card --example run_vectors -- FILE...`

mod run;
#[path = "../make_vectors/generator/vector.rs"]
#[allow(dead_code)] // What the generator builds vectors with is not needed to run them.
mod vector;

use std::{env, fs};

use profcards_card::{CardClass, Verdict, Warning};
use serde_json::{Value, json};
use vector::Vector;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in env::args().skip(1) {
        for vector in serde_json::from_str::<Vec<Vector>>(&fs::read_to_string(path)?)? {
            println!("{}", line(&vector, &run::run(&vector)));
        }
    }
    Ok(())
}

fn line(vector: &Vector, verdict: &Verdict) -> Value {
    let proof_id = verdict.proof.as_ref().map(|proof| hex::encode(proof.identity.0));
    json!({
        "name": vector.name,
        "accepted": verdict.accepted,
        "code": verdict.code.as_str(),
        "warning": verdict.warning.map(Warning::as_str),
        "allowed": verdict.allowed.words(),
        "number": verdict.number().map(|number| number.to_string()),
        "class": verdict.class().map(CardClass::as_str),
        "proofId": proof_id,
    })
}
