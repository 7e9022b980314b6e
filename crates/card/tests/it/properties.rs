//! Properties: nothing but the issued bytes is accepted, everything written is read back, nothing makes a reader panic.

use proptest::{collection::vec, option, prelude::*};

use profcards_card::{
    CardClaims, Category, DeviceKey, DeviceSigningKey, MembershipNumber, ProofClaims, Shown, StatusList,
    StatusRef, Token, VerdictCode, constants, from_text, short_name, to_text,
};

use crate::union::{NOW, Till, load_trust, status_list, trust_list, valid_tokens};

#[test]
fn no_flipped_bit_is_accepted() {
    let till = Till::new();
    for token in valid_tokens() {
        for bit in 0..token.len() * 8 {
            let mut changed = token.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!till.verify(&to_text(&changed)).accepted, "bit {bit}");
        }
    }
}

#[test]
fn no_shortened_or_lengthened_token_is_accepted() {
    let till = Till::new();
    for token in valid_tokens() {
        for length in 0..token.len() {
            assert!(!till.verify(&to_text(&token[..length])).accepted, "{length} bytes");
        }
        for byte in 0..=u8::MAX {
            let longer = [&token[..], &[byte]].concat();
            assert_eq!(till.verify(&to_text(&longer)).code, VerdictCode::Malformed);
        }
    }
}

#[test]
fn no_flipped_bit_of_a_list_is_loaded() {
    let till = Till::new();
    let (trust, status) = (trust_list(), status_list());
    for bit in 0..trust.len() * 8 {
        let mut changed = trust.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(load_trust(&changed).err(), Some(VerdictCode::TrustListBad), "bit {bit}");
    }
    for bit in 0..status.len() * 8 {
        let mut changed = status.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let loaded = StatusList::load(&changed, &till.trust, NOW, None);
        assert_eq!(loaded.err(), Some(VerdictCode::StatusBad), "bit {bit}");
    }
}

fn any_uint() -> impl Strategy<Value = u64> {
    // Each length of a CBOR integer is as likely as the others.
    prop_oneof![0..24_u64, 24..0x100_u64, 0x100..0x1_0000_u64, 0x1_0000..=constants::MAX_UINT]
}

fn any_key() -> impl Strategy<Value = DeviceKey> {
    (any::<[u8; 32]>(), any::<bool>()).prop_map(|(secret, p256)| {
        let p256 = p256.then(|| DeviceSigningKey::p256(&secret).ok()).flatten();
        p256.unwrap_or_else(|| DeviceSigningKey::ed25519(&secret)).public_key()
    })
}

fn any_claims() -> impl Strategy<Value = CardClaims> {
    let shown = ("\\PC{1,16}", 0..=99_u8, 1..=3_u64);
    (0..99_999_999_999_u64, any_uint(), any_uint(), option::of(any_key()), any_uint(), "\\PC{0,60}", shown)
        .prop_map(|(body, exp, iat, cnf, idx, uri, (name, region, category))| CardClaims {
            number: MembershipNumber::from_body(&format!("{body:011}")).unwrap(),
            exp,
            iat,
            cnf,
            status: StatusRef { uri, idx },
            shown: Shown::new(name, region, Category::from_value(category).unwrap()).unwrap(),
        })
}

proptest! {
    #[test]
    fn a_changed_byte_is_never_accepted(which in 0..3_usize, place in any::<prop::sample::Index>(), value: u8) {
        let mut token = valid_tokens().swap_remove(which);
        let place = place.index(token.len());
        prop_assume!(token[place] != value);
        token[place] = value;
        prop_assert!(!Till::new().verify(&to_text(&token)).accepted);
    }

    #[test]
    fn a_changed_character_is_never_accepted(which in 0..3_usize, place in any::<prop::sample::Index>(), to: char) {
        let text = to_text(&valid_tokens().swap_remove(which));
        let mut characters: Vec<char> = text.chars().collect();
        let place = place.index(characters.len());
        prop_assume!(characters[place] != to);
        characters[place] = to;
        let changed: String = characters.into_iter().collect();
        prop_assert!(!Till::new().verify(&changed).accepted);
    }

    #[test]
    fn card_claims_round_trip(claims in any_claims()) {
        prop_assert_eq!(CardClaims::decode(&claims.encode()), Ok(claims));
    }

    #[test]
    fn proof_claims_round_trip(
        iat in any_uint(), challenge in option::of("[0-9]{1,16}"), most in option::of(any_uint()),
    ) {
        let claims = ProofClaims { iat, challenge, max_redemption_kopecks: most };
        prop_assert_eq!(ProofClaims::decode(&claims.encode()), Ok(claims));
    }

    #[test]
    fn keys_round_trip(key in any_key()) {
        prop_assert_eq!(DeviceKey::from_cose_key(&key.to_cose_key()), Ok(key));
    }

    #[test]
    fn text_round_trips(bytes in vec(any::<u8>(), 1..1300)) {
        prop_assert_eq!(from_text(&to_text(&bytes)), Some(bytes));
    }

    #[test]
    fn a_text_that_is_read_is_the_only_text_of_its_bytes(body in "[0-9A-Z $%*+./:-]{0,40}") {
        let text = format!("PC1:{body}");
        if let Some(bytes) = from_text(&text) {
            prop_assert_eq!(to_text(&bytes), text);
        }
    }

    #[test]
    fn readers_take_anything(bytes in vec(any::<u8>(), 0..600)) {
        let till = Till::new();
        prop_assert!(Token::parse(&bytes).is_err());
        prop_assert!(DeviceKey::from_cose_key(&bytes).is_err());
        prop_assert!(load_trust(&bytes).is_err());
        prop_assert!(StatusList::load(&bytes, &till.trust, NOW, None).is_err());
        let _ = (CardClaims::decode(&bytes).is_err(), ProofClaims::decode(&bytes).is_err());
    }

    #[test]
    fn any_person_has_a_short_name(last in "\\PC{1,40}", first in "\\PC{0,20}", middle in option::of("\\PC{0,20}")) {
        prop_assume!(!last.trim().is_empty());
        let name = short_name(&last, &first, middle.as_deref());
        prop_assert!(Shown::new(name, 77, Category::Working).is_ok());
    }
}
