//! `keys list`: the pinned roots and the instance's keys, and how each stands with the trust list in force.

use std::collections::BTreeSet;
use std::io::Write as _;

use profcards_card::{IssuerAlg, KeyRole, TrustedKey, kid_of};
use serde::Serialize;

use super::{Instance, day, moment, now_seconds, read_if_present};
use crate::base::clock::from_unix_seconds;
use crate::base::words::word_enum;
use crate::cards::keys::file::HeldKey;
use crate::cards::keys::{SignedTrustList, current_signing_key, is_revoked, roots, store};

word_enum! {
    /// The standing of a key by the trust list in force.
    enum State {
        /// A root that this program pins.
        Pinned = "pinned",
        /// The key signs now.
        Signs = "signs",
        /// The key's time has not come yet.
        Waits = "waits",
        /// What the key has signed is trusted, but it is not the one that signs now.
        Trusted = "trusted",
        /// The list does not name the key.
        Unlisted = "unlisted",
        /// The key's time is over.
        Ended = "ended",
        /// The key was revoked.
        Revoked = "revoked",
    }
}

/// A key as anyone may know it.
#[derive(Serialize)]
struct Listed {
    /// Hex of the first four bytes of the key's COSE thumbprint (RFC 9679).
    kid: String,
    /// The word of the key's [`KeyRole`].
    role: &'static str,
    /// The COSE algorithm's name.
    alg: &'static str,
    /// Hex of the 32 bytes.
    public_key: String,
    state: State,
    /// Unix seconds; absent for a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    /// Unix seconds; absent for a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    /// Living cards that a card key has signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    living_cards: Option<i64>,
}

pub(super) async fn run(instance: &Instance, json: bool) -> anyhow::Result<i32> {
    let now_seconds = now_seconds();
    let trust = instance.trust_list().await?;
    let revoked = store::revoked_keys(&instance.db).await?;
    let held = read_if_present(&instance.config)?;
    let mut listed: Vec<_> = roots::pinned(&instance.config)?.iter().map(listed_root).collect();
    for key in &held {
        let public = &key.public;
        listed.push(Listed {
            kid: public.kid.to_string(),
            role: public.role.as_str(),
            alg: algorithm(public),
            public_key: hex::encode(public.public_key),
            state: state_of(key, &held, trust.as_ref(), &revoked, now_seconds),
            nbf: Some(public.nbf),
            exp: Some(public.exp),
            living_cards: living_cards(instance, public, now_seconds).await?,
        });
    }
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&listed)?)?;
        return Ok(0);
    }
    for key in listed {
        let life = key.nbf.zip(key.exp).map(|(nbf, exp)| format!(" {} – {}", day(nbf), day(exp)));
        let cards = key.living_cards.map(|count| format!("  living cards: {count}"));
        let (life, cards) = (life.unwrap_or_default(), cards.unwrap_or_default());
        writeln!(
            out,
            "{} {:6} {:7} {} {:8}{life}{cards}",
            key.kid,
            key.role,
            key.alg,
            key.public_key,
            key.state.as_str()
        )?;
    }
    if let Some(trust) = trust {
        let claims = trust.list.claims();
        writeln!(out, "trust list {}, signed {}, ends {}", claims.seq, moment(claims.iat), day(claims.exp))?;
    }
    Ok(0)
}

async fn living_cards(
    instance: &Instance,
    key: &TrustedKey,
    now_seconds: u64,
) -> anyhow::Result<Option<i64>> {
    if key.role != KeyRole::Card {
        return Ok(None);
    }
    Ok(Some(store::living_cards(&instance.db, &key.kid.0, from_unix_seconds(now_seconds)).await?))
}

fn listed_root(root: &[u8; 32]) -> Listed {
    Listed {
        kid: kid_of(root).to_string(),
        role: KeyRole::Root.as_str(),
        alg: "EdDSA",
        public_key: hex::encode(root),
        state: State::Pinned,
        nbf: None,
        exp: None,
        living_cards: None,
    }
}

fn algorithm(key: &TrustedKey) -> &'static str {
    match key.alg {
        IssuerAlg::EdDsa => "EdDSA",
        IssuerAlg::Ed25519 => "Ed25519",
    }
}

fn state_of(
    key: &HeldKey,
    all: &[HeldKey],
    trust: Option<&SignedTrustList>,
    revoked: &BTreeSet<[u8; 32]>,
    now_seconds: u64,
) -> State {
    if is_revoked(key, revoked) {
        return State::Revoked;
    }
    if key.public.exp <= now_seconds {
        return State::Ended;
    }
    let Some(trust) = trust.filter(|trust| trust.names(&key.public)) else { return State::Unlisted };
    match current_signing_key(all, key.public.role, trust, revoked, now_seconds) {
        Some(other) if other.public == key.public => State::Signs,
        _ if key.public.nbf > now_seconds => State::Waits,
        _ => State::Trusted,
    }
}
