//! `keys trust-list` and `keys export-public`: what travels to a root and back, and what is refused of it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use profcards_card::constants::CARD_IAT_LEEWAY_SECONDS;
use profcards_card::{TrustListClaims, TrustedKey};

use super::{DAY_SECONDS, Instance, Root, TrustListArgs, day, moment, now_seconds, read_if_present};
use crate::base::config::Config;
use crate::base::files;
use crate::cards::keys::file::HeldKey;
use crate::cards::keys::{KeyFiles, SignedTrustList, TrustRequest, current_signing_key, roots, store};

pub(super) async fn run(instance: &Instance, args: &TrustListArgs) -> anyhow::Result<i32> {
    let now_seconds = now_seconds();
    if let Some(path) = &args.install {
        return install(instance, path, args.early, now_seconds).await;
    }
    let root = args.root.open(&instance.config)?;
    let held = KeyFiles::of(&instance.config)?.read()?;
    let Some(out) = &args.out else {
        instance.renew_trust_list(&held, root.as_ref(), now_seconds).await?;
        return Ok(0);
    };
    let root = root.context("no root is here: give --root")?;
    files::write_public(out, &instance.request(&held, now_seconds).await?.sign(&root, now_seconds)?)?;
    Ok(0)
}

/// Puts a signed list in force, unless it would do harm that no later list can undo.
async fn install(instance: &Instance, path: &Path, early: bool, now_seconds: u64) -> anyhow::Result<i32> {
    let signed = SignedTrustList::read(path, &roots::pinned(&instance.config)?)?;
    let claims = signed.list.claims();
    check_dates(claims, now_seconds)?;
    // No key may be revoked between this look and the end.
    let _alone = KeyFiles::of(&instance.config)?.lock()?;
    let held = read_if_present(&instance.config)?;
    let revoked = store::revoked_keys(&instance.db).await?;
    let destroyed = |key: &TrustedKey| {
        held.iter().any(|held| held.secret.is_none() && held.public.public_key == key.public_key)
    };
    if let Some(key) = claims.keys.iter().find(|key| destroyed(key) || revoked.contains(&key.public_key)) {
        bail!("this trust list names {}, which was revoked: have a new export-public signed", key.kid);
    }
    if !early && let Some(in_force) = instance.trust_list().await? {
        check_lead_time(claims, &in_force, &held, &revoked, now_seconds)?;
    }
    instance.put_in_force(&signed, now_seconds).await?;
    let wanted = instance.request(&held, now_seconds).await?;
    if !wanted.is_satisfied_by(claims) {
        for key in wanted.keys_missing_from(claims) {
            eprintln!("It does not name {key}");
        }
        eprintln!("It does not say what this server asks for now: have a new export-public signed");
    }
    Ok(0)
}

/// Verifiers take the newest moment that the issuer signed for the least that the time can be, and never go back.
fn check_dates(claims: &TrustListClaims, now_seconds: u64) -> anyhow::Result<()> {
    let ahead = claims.iat.saturating_sub(now_seconds);
    ensure!(
        ahead <= CARD_IAT_LEEWAY_SECONDS,
        "this trust list says that it was signed {}, and here it is {}: the clock where the root is kept is {} ahead of this \
         server's. Tills would take the later time for the present and call every card ended. Put right the clock that \
         is wrong, and sign again",
        moment(claims.iat),
        moment(now_seconds),
        duration_text(ahead)
    );
    ensure!(now_seconds < claims.exp, "this trust list has ended: it was signed {}", moment(claims.iat));
    Ok(())
}

/// Whether a key would take over while tills may hold the list in force, which does not name it: they go on with that until it
/// ends, and refuse what the key signed. Where no other key can sign, cards that some tills refuse are better than none.
pub(super) fn takes_over_too_soon(
    key: &TrustedKey,
    in_force: &SignedTrustList,
    held: &[HeldKey],
    revoked: &BTreeSet<[u8; 32]>,
    now_seconds: u64,
) -> bool {
    !in_force.names(key)
        && key.nbf < in_force.list.claims().exp
        && current_signing_key(held, key.role, in_force, revoked, now_seconds)
            .is_some_and(|signs| key.nbf >= signs.public.nbf)
}

fn check_lead_time(
    claims: &TrustListClaims,
    in_force: &SignedTrustList,
    held: &[HeldKey],
    revoked: &BTreeSet<[u8; 32]>,
    now_seconds: u64,
) -> anyhow::Result<()> {
    if let Some(key) =
        claims.keys.iter().find(|key| takes_over_too_soon(key, in_force, held, revoked, now_seconds))
    {
        bail!(
            "this trust list lets {} {} take over on {}, and until {} tills may hold the list in force, which does not name \
             it: take it back with keys revoke and rotate with a longer --in-days, or install with --early where that is meant",
            key.role.as_str(),
            key.kid,
            day(key.nbf),
            day(in_force.list.claims().exp)
        );
    }
    Ok(())
}

fn duration_text(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / DAY_SECONDS),
    }
}

pub(super) async fn export_public(instance: &Instance, out: Option<&Path>) -> anyhow::Result<i32> {
    let held = KeyFiles::of(&instance.config)?.read()?;
    let text = serde_json::to_string_pretty(&instance.request(&held, now_seconds()).await?)?;
    match out {
        Some(path) => files::write_public(path, format!("{text}\n").as_bytes())?,
        None => println!("{text}"),
    }
    Ok(0)
}

/// Signs a request where the root is kept, and shows what is signed.
pub(super) fn sign_request(config: &Config, request: &Path, out: &Path, root: &Root) -> anyhow::Result<i32> {
    let request: TrustRequest =
        serde_json::from_str(&files::read_text(request)?).context("this is no request of export-public")?;
    eprintln!("{}, trust list {}:", request.issuer, request.seq);
    // For whoever holds the root to compare.
    for TrustedKey { kid, public_key, role, nbf, exp, .. } in request.trusted_keys()? {
        let (role, key) = (role.as_str(), hex::encode(public_key));
        eprintln!("  {kid} {role:6} {key} valid {} – {}", day(nbf), day(exp));
    }
    let root = root.open(config)?.context("no root is here: give --root")?;
    files::write_public(out, &request.sign(&root, now_seconds())?)?;
    eprintln!("Signed. On the server: profcards keys trust-list --install FILE");
    Ok(0)
}
