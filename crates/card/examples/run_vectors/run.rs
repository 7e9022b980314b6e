//! One vector as one call of the verifier.

use profcards_card::{
    Context, ProofIdentity, StatusLists, StatusSource, TrustList, Verdict, VerdictCode, Wants, verify,
};

use crate::Vector;

/// The verdict; panics where the vector is not well written.
pub fn run(vector: &Vector) -> Verdict {
    let roots: Vec<[u8; 32]> = vector.roots.iter().map(|root| unhex(root)).collect();
    let trust = match &vector.trust_list {
        Some(list) => TrustList::load(&hex::decode(list).unwrap(), &roots, vector.held.trust_seq),
        None => Err(VerdictCode::TrustListBad),
    };
    let tokens: Vec<Vec<u8>> = vector.status_lists.iter().map(|list| hex::decode(list).unwrap()).collect();
    let tokens = tokens.iter().map(Vec::as_slice);
    let lists = match &trust {
        Ok(trust) => StatusLists::load(tokens, trust, vector.now, vector.held.status_iat),
        Err(_) => StatusLists::default(),
    };
    let seen: Vec<ProofIdentity> = vector.held.proof_ids.iter().map(|id| ProofIdentity(unhex(id))).collect();
    let wants = match vector.wants.as_str() {
        "accrual" => Wants::Accrual,
        "redemption" => Wants::Redemption { amount_kopecks: vector.amount_kopecks },
        other => panic!("{other} is nothing to want"),
    };
    let context = Context {
        now: vector.now,
        trust: trust.as_ref().map_err(|code| *code),
        status: StatusSource::Lists(&lists),
        challenge: vector.challenge.as_deref(),
        wants,
        seen: &|identity| seen.contains(identity),
    };
    verify(&vector.token, &context)
}

fn unhex<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}
