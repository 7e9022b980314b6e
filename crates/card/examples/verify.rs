//! What a till does with each scanned text: `verify ROOT-HEX TRUST-LIST-FILE STATUS-LIST-FILE... < TEXTS`, a text a line.
//!
//! A real till keeps from one start to the next what it held: the trust list's seq, each status list's iat, the proofs that it
//! accepted. It also corrects its clock by the server's and asks for newer lists whenever there is a network.

use std::{collections::HashSet, env, error::Error, fs, io, time::SystemTime};

use profcards_card::{Context, StatusLists, StatusSource, TrustList, VerdictCode, Wants, verify};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "verify ROOT-HEX TRUST-LIST-FILE STATUS-LIST-FILE... < TEXTS";
    let mut args = env::args().skip(1);
    let root = <[u8; 32]>::try_from(hex::decode(args.next().ok_or(usage)?)?).map_err(|_| usage)?;
    let trust_list = fs::read(args.next().ok_or(usage)?)?;
    let status_lists = args.map(fs::read).collect::<Result<Vec<_>, _>>()?;

    #[expect(clippy::disallowed_methods)] // A program of its own has nobody to be told the time by.
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|age| age.as_secs());
    let trust = TrustList::load(&trust_list, &[root], None).map_err(VerdictCode::as_str)?;
    let lists = StatusLists::load(status_lists.iter().map(Vec::as_slice), &trust, now()?, None);
    let mut accepted = HashSet::new();
    for text in io::stdin().lines() {
        let context = Context {
            now: now()?,
            trust: Ok(&trust),
            status: StatusSource::Lists(&lists),
            challenge: None,
            wants: Wants::Accrual,
            seen: &|identity| accepted.contains(identity),
        };
        let verdict = verify(&text?, &context);
        let shown = verdict.shown().map_or("", |shown| shown.name());
        println!("{} {} {shown}", verdict.code, verdict.allowed.words().join("+"));
        // Once only for each showing, and only for one that was accepted.
        accepted.extend(verdict.proof.filter(|_| verdict.accepted).map(|proof| proof.identity));
    }
    Ok(())
}
