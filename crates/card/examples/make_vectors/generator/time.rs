//! Stage 6: the card's own time.

use super::raw::uint;
use super::vector::Vector;
use super::world::{Card, HOUR, NOW, Showing, paper_accepted, phone, refused};

pub fn vectors() -> Vec<Vector> {
    let issued_at = |iat| Card::paper().with(6, uint(iat)).build();
    let ends_at = |exp| Card::paper().with(4, uint(exp)).build();
    let expired_phone = Showing::of(&Card::phone(&phone()).with(4, uint(NOW - HOUR)).build(), &phone());
    let backwards = Card::paper().with(6, uint(NOW + 61)).with(4, uint(NOW)).build();
    vec![
        refused("issued 61 seconds from now", &issued_at(NOW + 61), "not-yet-valid"),
        paper_accepted("issued 60 seconds from now", &issued_at(NOW + 60)),
        refused("issued in an hour", &issued_at(NOW + HOUR), "not-yet-valid"),
        refused("ends this second", &ends_at(NOW), "expired"),
        paper_accepted("ends in the next second", &ends_at(NOW + 1)),
        refused("ended long ago", &ends_at(NOW - 3000), "expired"),
        refused("expired and freshly shown", &expired_phone.build(), "expired"),
        refused(
            "expired and its proof stripped",
            &Card::phone(&phone()).with(4, uint(NOW)).build(),
            "expired",
        ),
        refused("not yet valid and over already", &backwards, "not-yet-valid"),
    ]
}
