//! What is fuzzed. The crate's own tests call it too, on the vectors, so that it cannot rot where nobody fuzzes.

use profcards_card::{
    CardClaims, Context, DeviceKey, ProofClaims, StatusList, StatusLists, StatusSource, Token, TrustList,
    VerdictCode, Wants, from_text, to_text, verify,
};

/// A till, fixed but for the text.
pub struct Till {
    /// Its time.
    pub now: u64,
    /// Its trust list.
    pub trust: TrustList,
    /// Its status lists.
    pub lists: StatusLists,
}

/// A text, or where it is none the bytes of a token: every reader on the way from the camera to the verdict.
/// Returns whether the card was accepted.
pub fn decode_verify(till: &Till, input: &[u8]) -> bool {
    if let Ok(text) = std::str::from_utf8(input)
        && let Some(token) = from_text(text)
    {
        assert_eq!(to_text(&token), text, "a token has one text");
        return verified(till, text);
    }
    let _ = DeviceKey::from_cose_key(input);
    if let Ok(claims) = CardClaims::decode(input) {
        assert_eq!(claims.encode(), input, "claims have one spelling");
    }
    if let Ok(claims) = ProofClaims::decode(input) {
        assert_eq!(claims.encode(), input, "claims have one spelling");
    }
    verified(till, &to_text(input))
}

fn verified(till: &Till, text: &str) -> bool {
    let context = Context {
        now: till.now,
        trust: Ok(&till.trust),
        status: StatusSource::Lists(&till.lists),
        challenge: Some("4271"),
        wants: Wants::Redemption { amount_kopecks: None },
        seen: &|_| false,
    };
    let verdict = verify(text, &context);
    let parsed = from_text(text).is_some_and(|bytes| Token::parse(&bytes).is_ok());
    assert_eq!(
        parsed,
        !matches!(verdict.code, VerdictCode::NotACard | VerdictCode::Malformed),
        "stages 1 and 2 are the parser"
    );
    assert_eq!(verdict.accepted, verdict.code == VerdictCode::Accepted);
    assert!(verdict.accepted || verdict.allowed.words().is_empty(), "a refused card is allowed nothing");
    verdict.accepted
}

/// Either list, as it might come from a stranger. Returns whether anything was loaded.
pub fn load_lists(till: &Till, roots: &[[u8; 32]], input: &[u8]) -> bool {
    let trust = TrustList::load(input, roots, Some(1));
    if let Ok(list) = &trust {
        assert!(list.claims().seq >= 1, "no list is rolled back");
    }
    let status = StatusList::load(input, &till.trust, till.now, Some(1));
    assert!(trust.is_err() || status.is_err(), "no list is of both kinds");
    trust.is_ok() || status.is_ok()
}

/// The moment of the vectors.
const NOW: u64 = 1_795_348_800;

/// The till that most of the vectors are verified by: its lists and roots are the first vector's.
pub fn till() -> Till {
    let trust = TrustList::load(include_bytes!("trust-list.cose"), &roots(), None).expect("a good list");
    let lists = StatusLists::load([&include_bytes!("status-list.cose")[..]], &trust, NOW, None);
    Till { now: NOW, trust, lists }
}

/// The pinned roots of the vectors.
pub fn roots() -> Vec<[u8; 32]> {
    include_bytes!("roots.bin").chunks_exact(32).map(|root| root.try_into().expect("32 bytes")).collect()
}
