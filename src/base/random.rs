//! The one source of randomness: keys, codes, indices and ids are drawn here, so that a test can seed them.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _, TryRng as _};
use uuid::Uuid;

/// The source of random bytes: the operating system, or a seed that a test chose.
#[derive(Clone, Debug)]
pub enum Random {
    /// The operating system's generator.
    System,
    /// A reproducible generator; never for a server that people use.
    Seeded(Arc<Mutex<StdRng>>),
}

impl Random {
    /// A reproducible source.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// `N` random bytes.
    ///
    /// # Panics
    /// If the operating system has no randomness to give: nothing that we issue then would be safe.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            Self::System => {
                SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
            }
            Self::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes),
        }
        bytes
    }

    /// A uniform number below `bound` (which must not be zero), by rejection.
    pub fn below(&self, bound: u32) -> u32 {
        let zone = u32::MAX - u32::MAX % bound;
        loop {
            let value = u32::from_be_bytes(self.bytes());
            if value < zone {
                return value % bound;
            }
        }
    }

    /// A random UUID (version 4).
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }
}
