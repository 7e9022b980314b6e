//! What the issuer refuses to sign, and what a verdict tells besides yes and no.

use profcards_card::{
    CardClass, Context, DeviceKey, IssueError, KeyRole, ProofClaims, StatusBits, StatusList, StatusRef,
    StatusSource, TrustedKey, Verdict, VerdictCode, Wants, constants, full_hour, issue_card, present,
    to_text, verify,
};
use sha2::{Digest as _, Sha256};

use crate::union::{NOW, Till, claims, key, paper, phones, shown, status_list_of, trust_list, valid_tokens};

#[test]
fn what_is_issued_is_accepted() {
    let till = Till::new();
    for token in valid_tokens() {
        let verdict = till.verify(&to_text(&token));
        assert_eq!((verdict.code, verdict.warning), (VerdictCode::Accepted, None));
        assert_eq!(verdict.allowed.redemption, verdict.class() == Some(CardClass::Phone));
        assert_eq!(verdict.shown().unwrap().name(), "Иванова М. П.");
        assert_eq!(verdict.status_iat, Some(NOW));
    }
}

#[test]
fn keys_sign_only_what_is_theirs() {
    for role in [KeyRole::Root, KeyRole::Status] {
        assert_eq!(issue_card(&claims(None), &key(role)), Err(IssueError::WrongRole));
    }
    let mut list = Till::new().trust.claims().clone();
    assert_eq!(list.sign(&key(KeyRole::Card)), Err(IssueError::WrongRole));
    list.keys.push(TrustedKey::of(&key(KeyRole::Root), NOW, NOW + 1));
    assert_eq!(list.sign(&key(KeyRole::Root)), Err(IssueError::WrongRole));
    let [ed25519, p256] = phones();
    let card = issue_card(&claims(Some(&ed25519)), &key(KeyRole::Card)).unwrap();
    let proof = ProofClaims { iat: NOW, ..ProofClaims::default() };
    assert_eq!(present(&card, &proof, &p256), Err(IssueError::Key));
    assert_eq!(present(&paper(), &proof, &ed25519), Err(IssueError::Key));
    assert!(matches!(present(&trust_list(), &proof, &ed25519), Err(IssueError::Format(_))));
}

#[test]
fn the_issuer_keeps_the_formats_bounds() {
    let issue = |claims| issue_card(&claims, &key(KeyRole::Card)).map(drop);
    let weak = DeviceKey::Ed25519([0; 32]);
    let beyond = StatusRef { idx: 1 << 53, uri: "urn:pc:s1".to_owned() };
    let mut late = claims(None);
    late.iat = NOW + 1;
    assert_eq!(full_hour(late.iat), NOW);
    assert_eq!(issue(late), Err(IssueError::NotFullHour));
    let mut over = claims(None);
    over.exp = NOW;
    assert_eq!(issue(over), Err(IssueError::Range));
    let mut far = claims(None);
    far.status = beyond;
    assert_eq!(issue(far), Err(IssueError::Range));
    let mut unsafe_key = claims(None);
    unsafe_key.cnf = Some(weak);
    assert_eq!(issue(unsafe_key), Err(IssueError::Key));

    let [phone, _] = phones();
    let card = issue_card(&claims(Some(&phone)), &key(KeyRole::Card)).unwrap();
    for digits in ["", "12a", "12345678901234567"] {
        let proof = ProofClaims { iat: NOW, challenge: Some(digits.to_owned()), ..ProofClaims::default() };
        assert_eq!(present(&card, &proof, &phone), Err(IssueError::Challenge));
    }
}

fn at(moment: u64, seconds_ago: u64) -> Verdict {
    let [phone, _] = phones();
    let proof = ProofClaims { iat: moment - seconds_ago, ..ProofClaims::default() };
    let till = Till::new();
    let context = Context {
        now: moment,
        trust: Ok(&till.trust),
        status: StatusSource::IssuerTables,
        challenge: None,
        wants: Wants::Accrual,
        seen: &|_| false,
    };
    verify(&to_text(&shown(&phone, &proof)), &context)
}

#[test]
fn a_refusal_tells_how_old_the_code_is_and_whose() {
    let verdict = at(NOW + 600, 120);
    assert_eq!((verdict.code, verdict.accepted), (VerdictCode::ProofStale, false));
    assert_eq!(verdict.proof.as_ref().unwrap().skew_seconds, -120);
    assert_eq!(verdict.number().unwrap().as_str(), "079927398713");
    assert!(verdict.allowed.words().is_empty());
}

#[test]
fn the_issuer_verifies_without_a_list() {
    let verdict = at(NOW + 600, 3);
    assert_eq!((verdict.code, verdict.warning, verdict.status_iat), (VerdictCode::Accepted, None, None));
}

/// As many bytes that do not compress.
fn incompressible(length: usize) -> StatusBits {
    let blocks = (0_u32..).flat_map(|block| Sha256::digest(block.to_be_bytes()));
    StatusBits::from_packed(blocks.take(length).collect())
}

#[test]
fn a_status_list_of_more_than_a_mebibyte_is_not_read() {
    let till = Till::new();
    let list = |length| {
        let token = status_list_of(incompressible(length)).sign(&key(KeyRole::Status)).unwrap();
        (
            token.len() <= constants::MAX_STATUS_TOKEN_BYTES,
            StatusList::load(&token, &till.trust, NOW, None).err(),
        )
    };
    assert_eq!(list(constants::MAX_STATUS_TOKEN_BYTES - 1000), (true, None));
    assert_eq!(list(constants::MAX_STATUS_TOKEN_BYTES), (false, Some(VerdictCode::StatusBad)));
}
