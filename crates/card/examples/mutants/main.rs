//! Writes mutants of a token to standard output, one a line: `mutants TOKEN [--count N] [--seed S]`; `-` reads the token.
//!
//! The first of every thousand lines is the token untouched, so that whoever verifies the lines sees that they still say yes
//! to it. The same token, count and seed give the same lines. `bin/mutants` pipes them through `profcards card verify -`.
//! `--kinds` lists the kinds of change instead.

mod mutate;

use std::io::{self, Write as _};

use mutate::{KINDS, Original, Random, kind_name, mutant};

/// One line in so many is the untouched token.
const UNTOUCHED_EVERY: u64 = 1000;

struct Arguments {
    token: String,
    count: u64,
    seed: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { token, count, seed } = arguments(std::env::args().skip(1))?;
    let original = Original::new(&token).ok_or("that is no token")?;
    let mut random = Random::new(seed);
    let mut out = io::BufWriter::new(io::stdout().lock());
    for made in 0..count {
        if made % (UNTOUCHED_EVERY - 1) == 0 {
            writeln!(out, "{token}")?;
        }
        out.write_all(&mutant(&original, &mut random))?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<Arguments, Box<dyn std::error::Error>> {
    let (mut token, mut count, mut seed) = (None, 1_000_000, 1);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--count" => count = given.next().ok_or("--count wants a number")?.parse()?,
            "--seed" => seed = given.next().ok_or("--seed wants a number")?.parse()?,
            "--kinds" => {
                (0..KINDS).for_each(|kind| println!("{}", kind_name(kind)));
                std::process::exit(0);
            }
            "-" => token = Some(io::read_to_string(io::stdin())?.trim_end_matches(['\n', '\r']).to_owned()),
            _ => token = Some(argument),
        }
    }
    Ok(Arguments { token: token.ok_or("usage: mutants TOKEN|- [--count N] [--seed S]")?, count, seed })
}
