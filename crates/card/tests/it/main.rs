//! The crate as its users see it: the conformance vectors, properties over arbitrary input, and measured sizes.

mod document;
#[path = "../../fuzz/src/lib.rs"]
mod fuzz;
mod fuzzed;
#[path = "../../examples/make_vectors/generator/mod.rs"]
mod generator;
mod issuing;
mod mutants;
#[path = "../../examples/mutants/mutate.rs"]
mod mutate;
mod properties;
#[path = "../../examples/run_vectors/run.rs"]
mod run;
mod sizes;
mod union;
mod vectors;

use generator::Vector;
