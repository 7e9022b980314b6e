//! Stage 12: one showing, one purchase.

use p256::ecdsa::Signature;
use p256::elliptic_curve::{PrimeField as _, ops::Reduce, point::AffineCoordinates as _};
use p256::{ProjectivePoint, Scalar, U256};

use super::raw::{qr, sha256};
use super::vector::{Expect, Held, Vector};
use super::world::{
    Card, IDX_REVOKED, NOW, Showing, paper_accepted, phone, phone_p256, showing_accepted, vector,
};

pub fn vectors() -> Vec<Vector> {
    let card = Card::phone(&phone()).build();
    let showing = Showing::of(&card, &phone());
    let p256 = Showing::of(&Card::phone(&phone_p256()).build(), &phone_p256());
    let replayed = |name, token: &[u8], identity| {
        holding(&[identity], vector(name, qr(token), Expect::refused("replayed")))
    };
    let revoked = Showing::of(&Card::phone(&phone()).with_idx(IDX_REVOKED).build(), &phone());
    let paper = Card::paper().build();
    let paper_hash = hex::encode(sha256(&paper));
    let earlier = Showing::at(NOW - 18, &card, &phone()).identity();
    vec![
        replayed("the same showing again", &showing.build(), showing.identity()),
        replayed("the same showing again, P-256", &p256.build(), p256.identity()),
        replayed("the same showing under another signature", &signed_otherwise(&p256), p256.identity()),
        holding(
            &[revoked.identity()],
            vector("revoked, and shown before", qr(&revoked.build()), Expect::refused("revoked")),
        ),
        holding(&[earlier], showing_accepted("the next showing of the same card", &showing)),
        holding(&[paper_hash], paper_accepted("paper has no proof to replay", &paper)),
    ]
}

fn holding(proof_ids: &[String], vector: Vector) -> Vector {
    Vector { held: Held { proof_ids: proof_ids.to_vec(), ..Held::default() }, ..vector }
}

/// The phone may sign the same words anew: another nonce, another signature, the same proof.
fn signed_otherwise(showing: &Showing) -> Vec<u8> {
    let profcards_card::DeviceSigningKey::P256(key) = phone_p256() else {
        unreachable!("it is a P-256 phone")
    };
    let nonce = Scalar::from(0x00c0_ffee_u64);
    let hash = <Scalar as Reduce<U256>>::reduce_bytes(&sha256(&showing.signed_bytes()).into());
    let r = <Scalar as Reduce<U256>>::reduce_bytes(&(ProjectivePoint::GENERATOR * nonce).to_affine().x());
    let s = nonce.invert().expect("not zero") * (hash + r * key.as_nonzero_scalar().as_ref());
    let signature = Signature::from_scalars(r.to_repr(), s.to_repr()).expect("both are scalars");
    let signature = signature.normalize_s().unwrap_or(signature);
    let token = showing.build_with(&signature.to_bytes());
    assert_ne!(token, showing.build());
    token
}
