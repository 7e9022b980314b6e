//! The functions that are fuzzed, on the vectors they start from.

use crate::fuzz::{decode_verify, load_lists, roots, till};
use crate::vectors::vectors;

#[test]
fn what_is_fuzzed_takes_every_vector() {
    let till = till();
    let vectors = vectors();
    assert!(vectors.iter().any(|vector| decode_verify(&till, vector.token.as_bytes())));
    let lists = vectors.iter().flat_map(|vector| vector.trust_list.iter().chain(&vector.status_lists));
    let loaded = lists.filter(|list| load_lists(&till, &roots(), &hex::decode(list).unwrap())).count();
    assert!(loaded > 0);
}
