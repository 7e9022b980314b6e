//! Cards that must be accepted: each class, each algorithm, and the outermost seconds and sizes.

use super::lists::trust_list;
use super::raw::{array, text, uint};
use super::vector::{Held, Vector};
use super::world::{
    Card, NOW, Showing, card_key_19, paper_accepted, phone, phone_p256, second_root, showing_accepted,
    trusting,
};

pub fn vectors() -> Vec<Vector> {
    let ed25519 = Showing::of(&Card::phone(&phone()).build(), &phone());
    let p256 = Showing::of(&Card::phone(&phone_p256()).build(), &phone_p256());
    let newer_key = Card::phone(&phone()).signed_by(&card_key_19()).build();
    let newer_key_p256 = Card::phone(&phone_p256()).signed_by(&card_key_19()).build();
    let paper = Card::paper().build();
    let longest_name = array(&[text("Преображенск… А."), uint(99), uint(3)]);
    let named = |name: &str| Card::paper().with(-65537, array(&[text(name), uint(77), uint(1)])).build();
    let from_second_root = trust_list().secretly_signed_by(&second_root());
    vec![
        showing_accepted("phone, Ed25519, issuer -8", &ed25519),
        showing_accepted("phone, P-256, issuer -8", &p256),
        showing_accepted("phone, Ed25519, issuer -19", &Showing::of(&newer_key, &phone())),
        showing_accepted("phone, P-256, issuer -19", &Showing::of(&newer_key_p256, &phone_p256())),
        paper_accepted("paper, issuer -8", &paper),
        paper_accepted("paper, issuer -19", &Card::paper().signed_by(&card_key_19()).build()),
        showing_accepted("with a limit to spend", &ed25519.clone().spending_at_most(150_000)),
        paper_accepted(
            "the longest name, the highest region",
            &Card::paper().with(-65537, longest_name).build(),
        ),
        paper_accepted("a name of sixteen Cyrillic letters", &named("Константинополец")),
        paper_accepted("a name of sixteen letters of four bytes", &named(&"𐐀".repeat(16))),
        showing_accepted("a challenge of sixteen digits", &ed25519.clone().answering("1234567890123456")),
        paper_accepted("the first place of the status list", &Card::paper().with_idx(0).build()),
        paper_accepted("the last place of the status list", &Card::paper().with_idx(1_199_999).build()),
        trusting(&from_second_root, paper_accepted("trust list under the second pinned root", &paper)),
        Vector {
            held: Held { trust_seq: Some(7), status_iat: Some(NOW - 3600), proof_ids: vec![] },
            ..paper_accepted("the very lists that are held already", &paper)
        },
    ]
}
