//! The conformance vectors: every one ends as it says, every code has one, and they are what their generator writes.

use std::{fs, path::Path};

use profcards_card::{CardClass, VerdictCode, Warning};

use crate::Vector;
use crate::generator;
use crate::run::run;

fn committed() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
        })
        .filter(|(name, _)| is_of_verifications(name))
        .collect();
    files.sort();
    files
}

/// Files of verifications begin with the number of their stage; the others have schemas of their own.
fn is_of_verifications(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_digit())
}

pub fn vectors() -> Vec<Vector> {
    committed().iter().flat_map(|(_, text)| serde_json::from_str::<Vec<Vector>>(text).unwrap()).collect()
}

#[test]
fn every_vector_ends_as_it_says() {
    let mut wrong = Vec::new();
    for vector in vectors() {
        let verdict = run(&vector);
        let expect = &vector.expect;
        let as_expected = verdict.accepted == expect.accepted
            && verdict.code.as_str() == expect.code
            && verdict.warning.map(Warning::as_str) == expect.warning.as_deref()
            && verdict.allowed.words() == expect.allowed;
        if !as_expected {
            wrong.push(format!("{}: {:?} instead of {expect:?}", vector.name, verdict.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn accepted_vectors_say_whose_card_it_is() {
    for vector in vectors().iter().filter(|vector| vector.expect.accepted) {
        let verdict = run(vector);
        let number = verdict.number().map(|number| number.to_string());
        let proof_id = verdict.proof.as_ref().map(|proof| hex::encode(proof.identity.0));
        assert_eq!(number, vector.expect.number, "{}", vector.name);
        assert_eq!(verdict.class().map(CardClass::as_str), vector.expect.class.as_deref(), "{}", vector.name);
        assert_eq!(proof_id, vector.expect.proof_id, "{}", vector.name);
    }
}

#[test]
fn every_code_and_warning_has_a_vector() {
    let vectors = vectors();
    for code in VerdictCode::ALL {
        assert!(vectors.iter().any(|vector| vector.expect.code == code.as_str()), "no vector for {code}");
    }
    for warning in Warning::ALL {
        let word = Some(warning.as_str());
        assert!(
            vectors.iter().any(|vector| vector.expect.warning.as_deref() == word),
            "no vector for {warning}"
        );
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<String> = vectors().into_iter().map(|vector| vector.name).collect();
    names.sort();
    let repeated: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(repeated.is_empty(), "{repeated:?}");
}

#[test]
fn the_generator_writes_what_is_committed() {
    let generated = generator::files();
    let committed = committed();
    assert_eq!(committed.len(), generated.len());
    for ((name, text), (generated_name, generated_text)) in committed.iter().zip(&generated) {
        assert_eq!(name, generated_name);
        assert!(
            text == generated_text,
            "{name} is stale: cargo run -p profcards-card --example make_vectors"
        );
    }
}
