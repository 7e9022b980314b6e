//! Making a trust list: what the server asks a root to sign, as a file that travels to wherever the root is kept, and what
//! comes back. A root may be on another machine; only the development root is at hand.

use std::path::Path;

use anyhow::{Context as _, ensure};
use profcards_card::constants::TRUST_LIST_SECONDS;
use profcards_card::{
    IssuerAlg, IssuerSigningKey, KeyRole, ListLocation, Policy, TrustList, TrustListClaims, TrustedKey,
    kid_of,
};
use serde::{Deserialize, Serialize};

const FORMAT: &str = "profcards-trust-request-1";

/// A trust list as published and as loaded.
#[derive(Debug)]
pub struct SignedTrustList {
    /// The COSE bytes.
    pub cose: Vec<u8>,
    /// The list, checked.
    pub list: TrustList,
}

impl SignedTrustList {
    /// Checks a list with the pinned roots.
    pub fn load(cose: Vec<u8>, roots: &[[u8; 32]]) -> anyhow::Result<Self> {
        let list = TrustList::load(&cose, roots, None)
            .ok()
            .context("the trust list is refused: it is damaged, or no root that pins.json named when this program started has signed it")?;
        Ok(Self { cose, list })
    }

    /// The list in a file.
    pub fn read(path: &Path, roots: &[[u8; 32]]) -> anyhow::Result<Self> {
        let cose = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::load(cose, roots).with_context(|| path.display().to_string())
    }

    /// The list's number.
    pub fn seq(&self) -> u64 {
        self.list.claims().seq
    }

    /// Whether it names this key, with the same role and validity.
    pub fn names(&self, key: &TrustedKey) -> bool {
        self.list.claims().keys.contains(key)
    }
}

/// The request for a root to sign. Public in every part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustRequest {
    format: String,
    /// The issuer of the cards.
    pub issuer: String,
    /// The number of the list to be.
    pub seq: u64,
    keys: Vec<RequestedKey>,
    lists: Vec<RequestedList>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RequestedKey {
    kid: String,
    role: String,
    /// The COSE algorithm label.
    alg: i64,
    #[serde(with = "hex")]
    public_key: [u8; 32],
    nbf: u64,
    exp: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RequestedList {
    uri: String,
    path: String,
}

impl TrustRequest {
    /// A request for these keys and lists.
    pub fn new<'a>(
        issuer: &str,
        seq: u64,
        keys: impl IntoIterator<Item = &'a TrustedKey>,
        lists: Vec<ListLocation>,
    ) -> Self {
        Self {
            format: FORMAT.into(),
            issuer: issuer.into(),
            seq,
            keys: keys.into_iter().map(RequestedKey::of).collect(),
            lists: lists.into_iter().map(|list| RequestedList { uri: list.uri, path: list.path }).collect(),
        }
    }

    /// Whether `list` says what is asked for, apart from its number and its dates.
    pub fn is_satisfied_by(&self, list: &TrustListClaims) -> bool {
        let lists = list.lists.clone();
        Self::new(&list.iss, self.seq, &list.keys, lists) == *self && list.policy == Policy::default()
    }

    /// Role and short name of each key that is asked for and that `list` does not name.
    pub fn keys_missing_from(&self, list: &TrustListClaims) -> impl Iterator<Item = String> {
        let unnamed = |key: &&RequestedKey| list.keys.iter().all(|named| RequestedKey::of(named) != **key);
        self.keys.iter().filter(unnamed).map(|key| format!("{} {}", key.role, key.kid))
    }

    /// Signs the list, valid for a month from `now_seconds`.
    pub fn sign(&self, root: &IssuerSigningKey, now_seconds: u64) -> anyhow::Result<Vec<u8>> {
        ensure!(self.format == FORMAT, "unknown kind of request: {}", self.format);
        let claims = TrustListClaims {
            iss: self.issuer.clone(),
            exp: now_seconds + TRUST_LIST_SECONDS,
            iat: now_seconds,
            seq: self.seq,
            keys: self.trusted_keys()?,
            lists: self
                .lists
                .iter()
                .map(|list| ListLocation { uri: list.uri.clone(), path: list.path.clone() })
                .collect(),
            policy: Policy::default(),
        };
        claims.sign(root).context("the root does not sign this trust list")
    }

    /// The keys that are to be believed.
    ///
    /// # Errors
    /// When one is not what it says.
    pub fn trusted_keys(&self) -> anyhow::Result<Vec<TrustedKey>> {
        self.keys.iter().map(RequestedKey::trusted).collect()
    }
}

impl RequestedKey {
    fn of(key: &TrustedKey) -> Self {
        Self {
            kid: key.kid.to_string(),
            role: key.role.as_str().into(),
            alg: key.alg.label(),
            public_key: key.public_key,
            nbf: key.nbf,
            exp: key.exp,
        }
    }

    fn trusted(&self) -> anyhow::Result<TrustedKey> {
        let role = KeyRole::from_word(&self.role).context("unknown key role")?;
        let alg = IssuerAlg::from_label(self.alg).context("unknown key algorithm")?;
        let kid = kid_of(&self.public_key);
        ensure!(kid.to_string() == self.kid, "the request names key {} wrongly", self.kid);
        Ok(TrustedKey { kid, public_key: self.public_key, role, alg, nbf: self.nbf, exp: self.exp })
    }
}
