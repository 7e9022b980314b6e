//! Stage 10: redemptions and the till's digits.

use super::lists::policy;
use super::vector::Vector;
use super::world::{Card, Showing, paper_accepted, phone, phone_p256, refused, showing_accepted, under};

pub fn vectors() -> Vec<Vector> {
    let plain = Showing::of(&Card::phone(&phone()).build(), &phone());
    let answering = plain.clone().answering("4271").spending_at_most(150_000);
    let p256 = Showing::of(&Card::phone(&phone_p256()).build(), &phone_p256()).answering("0042");
    let paper = Card::paper().build();
    let missing = |name| refused(name, &plain.build(), "challenge-missing");
    let wrong = |name| refused(name, &answering.build(), "challenge-wrong");
    vec![
        at("4271", redeeming(None, showing_accepted("the till's digits", &answering))),
        at("0042", redeeming(Some(100), showing_accepted("the till's digits, P-256", &p256))),
        at("4271", redeeming(None, missing("no digits"))),
        at("4271", redeeming(Some(1), missing("no digits, for one kopeck"))),
        at("4272", redeeming(None, wrong("another till's digits"))),
        at("04271", redeeming(None, wrong("the same number in other digits"))),
        redeeming(None, wrong("digits that this till never showed")),
        at("4272", showing_accepted("another till's digits do not matter to accruing", &answering)),
        at("4271", redeeming(None, paper_accepted("paper may not redeem and is not asked", &paper))),
        at("4271", redeeming(Some(150_001), showing_accepted("more than the member's limit", &answering))),
        below(at(
            "4272",
            redeeming(Some(50_000), {
                showing_accepted("another till's digits do not matter to what needs none", &answering)
            }),
        )),
        below(redeeming(Some(50_000), showing_accepted("just what needs no digits", &plain))),
        below(redeeming(Some(50_001), missing("one kopeck more"))),
        below(redeeming(None, missing("an amount not known yet"))),
        paper_may_redeem_up_to(
            50_000,
            redeeming(Some(50_000), {
                let vector = paper_accepted("paper pays what needs no digits", &paper);
                Vector { expect: vector.expect.clone().with_redemption(), ..vector }
            }),
        ),
        under(
            &policy(&[], 0),
            redeeming(Some(1), {
                let vector = showing_accepted("no class may redeem", &plain);
                Vector { expect: vector.expect.clone().without_redemption(), ..vector }
            }),
        ),
        paper_may_redeem_up_to(
            0,
            at("4271", redeeming(None, refused("paper cannot answer", &paper, "challenge-missing"))),
        ),
    ]
}

fn redeeming(amount_kopecks: Option<u64>, vector: Vector) -> Vector {
    Vector { wants: "redemption".to_owned(), amount_kopecks, ..vector }
}

fn at(digits: &str, vector: Vector) -> Vector {
    Vector { challenge: Some(digits.to_owned()), ..vector }
}

/// Under a policy that lets 500 roubles go without digits.
fn below(vector: Vector) -> Vector {
    under(&policy(&[1], 50_000), vector)
}

/// The classes of a policy have no order, and one named twice is named.
fn paper_may_redeem_up_to(kopecks: u64, vector: Vector) -> Vector {
    under(&policy(&[2, 1, 2], kopecks), vector)
}
