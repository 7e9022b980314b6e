//! The issuer, which can sign cards and knows what was published: the keys and lists of this instance, on top of what
//! every feature takes.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;

use super::keys::KeyRing;
use super::lists::PublishedLists;
use crate::base::Base;

/// An instance that issues cards. A clone is another handle to the same.
#[derive(Clone)]
pub struct Issuer {
    base: Base,
    /// The keys that sign cards and lists.
    pub keys: Arc<KeyRing>,
    /// The status lists as last published.
    pub lists: Arc<PublishedLists>,
}

impl Deref for Issuer {
    type Target = Base;

    fn deref(&self) -> &Base {
        &self.base
    }
}

/// Who is signed in is asked of the base, also where cards are issued.
impl FromRef<Issuer> for Base {
    fn from_ref(issuer: &Issuer) -> Self {
        issuer.base.clone()
    }
}

impl Issuer {
    /// Makes or loads the instance's keys and its first trust list.
    pub async fn open(base: Base) -> anyhow::Result<Self> {
        let keys = KeyRing::open(&base.config, &base.db_jobs, &base.clock, &base.random).await?;
        Ok(Self { keys: Arc::new(keys), lists: Arc::default(), base })
    }
}
