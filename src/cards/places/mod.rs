//! Places on the status lists: every card takes the next number, and a keyed permutation hides from outsiders in which
//! order the places of a list were given.

pub mod store;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use crate::base::error::{Error, Result};
use crate::cards::Issuer;
use crate::cards::lists::{self, CAPACITY, POSITION_BITS};

/// Bits of the low part; a position is split into a high and a low one.
const LOW_BITS: u32 = 11;
/// Rounds of the permutation: as many as NIST's format-preserving encryption has for so small a domain.
const ROUNDS: u8 = 10;

/// A place that was taken for one card, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The place's number, which grows with each card.
    pub number: i64,
    /// The list.
    pub list_n: i32,
    /// The index on the list.
    pub idx: i32,
}

/// Takes places. They are never given again, whether their transaction commits or not.
pub async fn take(issuer: &Issuer, conn: &mut PgConnection, count: usize) -> Result<Vec<Place>> {
    let count = i32::try_from(count).context("so many places are not taken at once")?;
    let numbers = store::next_places(&mut *conn, count).await?;
    let mut places = Vec::with_capacity(numbers.len());
    let mut open: Option<(i32, [u8; 32])> = None;
    for number in numbers {
        let list_n = i32::try_from(number >> POSITION_BITS).context("there are no more lists")?;
        let key = match open {
            Some((n, key)) if n == list_n => key,
            _ => open_list(issuer, conn, list_n).await?,
        };
        open = Some((list_n, key));
        let position = u32::try_from(number & i64::from(CAPACITY - 1)).context("a position is a position")?;
        let idx = i32::try_from(index_of(&key, position)).context("an index is a position")?;
        places.push(Place { number, list_n, idx });
    }
    Ok(places)
}

/// Leaves out the next places and publishes them as revoked: cards that were issued after a dump, which this database was loaded from,
/// may bear them. Where they reach a list that the dump does not know, the whole of it is void, as the key by which its places were
/// given is lost.
pub async fn void_next(issuer: &Issuer, conn: &mut PgConnection, count: usize) -> Result<()> {
    let newest_known = lists::store::newest_list(&mut *conn).await?;
    let places = take(issuer, &mut *conn, count).await?;
    let (known, unknown): (Vec<_>, Vec<_>) =
        places.into_iter().partition(|place| place.list_n <= newest_known);
    let (lists, indices): (Vec<_>, Vec<_>) = known.iter().map(|place| (place.list_n, place.idx)).unzip();
    store::void_places(&mut *conn, &lists, &indices).await?;
    if let Some(last) = unknown.last() {
        for n in newest_known + 1..=last.list_n {
            open_list(issuer, &mut *conn, n).await?;
            store::void_list(&mut *conn, n).await?;
        }
        store::begin_places_at(conn, i64::from(last.list_n + 1) << POSITION_BITS).await?;
    }
    Ok(())
}

/// The key of list `n`, which is opened if it was not; only a list that verifiers know of may take cards.
async fn open_list(issuer: &Issuer, conn: &mut PgConnection, n: i32) -> Result<[u8; 32]> {
    if !lists::is_declared(issuer, n) {
        return Err(Error::Internal(anyhow::anyhow!(
            "all status lists that the trust list declares are full: sign a new trust list with the root, which then names list {n} too"
        )));
    }
    let key = store::open_list(conn, n, &lists::uri(n), CAPACITY, &issuer.random.bytes(), issuer.clock.now())
        .await?;
    let key = key.with_context(|| format!("status list {n} was not opened for numbered places"))?;
    Ok(key.try_into().map_err(|_| anyhow::anyhow!("the key of status list {n} is damaged"))?)
}

/// The index of a position on its list: a Feistel network over two parts of unequal width, so every position has an
/// index of its own.
fn index_of(key: &[u8; 32], position: u32) -> u32 {
    let low_mask = (1 << LOW_BITS) - 1;
    let (mut high, mut low) = (position >> LOW_BITS, position & low_mask);
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            high ^= scramble(key, round, low) & ((1 << (POSITION_BITS - LOW_BITS)) - 1);
        } else {
            low ^= scramble(key, round, high) & low_mask;
        }
    }
    high << LOW_BITS | low
}

/// The inputs have one length and fill one block, so a plain keyed hash is a good enough function.
fn scramble(key: &[u8; 32], round: u8, part: u32) -> u32 {
    let mut hash = Sha256::new();
    hash.update(key);
    hash.update([round]);
    hash.update(part.to_be_bytes());
    let digest = hash.finalize();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_position_has_an_index_of_its_own() {
        let mut taken = vec![false; 1 << POSITION_BITS];
        for position in 0..1 << POSITION_BITS {
            let idx = index_of(&[7; 32], position) as usize;
            assert!(!std::mem::replace(&mut taken[idx], true), "two positions have index {idx}");
        }
    }

    proptest! {
        #[test]
        fn indices_lie_on_the_list_and_differ(key: [u8; 32], a in 0u32..1 << POSITION_BITS, b in 0u32..1 << POSITION_BITS) {
            let (first, second) = (index_of(&key, a), index_of(&key, b));
            prop_assert!(first < 1 << POSITION_BITS);
            prop_assert_eq!(first == second, a == b);
        }

        #[test]
        fn neighbours_do_not_stay_together(key: [u8; 32], start in 0u32..(1 << POSITION_BITS) - 256) {
            let indices: Vec<u32> = (start..start + 256).map(|position| index_of(&key, position)).collect();
            // Of 255 steps between uniform places, about half go down; a visible order would make it none or all.
            let down = indices.windows(2).filter(|pair| pair[1] < pair[0]).count();
            prop_assert!((70..=185).contains(&down), "{} of 255 steps go down", down);
        }
    }
}
