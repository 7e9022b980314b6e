//! Files of private keys: which keys there are, their roles and validity, and their secrets, sealed or (in development) bare.
//! Who trusts a key and which key signs now is not decided here.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use profcards_card::constants::{CARD_IAT_STEP_SECONDS, PAPER_CARD_SECONDS};
use profcards_card::{IssuerAlg, IssuerSigningKey, KeyRole, Kid, TrustedKey, full_hour, kid_of};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::seal::{Passphrase, Seal, Sealer};
use crate::base::files;
use crate::base::random::Random;
use crate::cards::MAX_OFFLINE_DAYS;

/// A new issuer key signs for two years; what it signed may live on for as long as the longest card.
const KEY_SIGNS_SECONDS: u64 = 2 * 365 * 24 * 3600;
const FORMAT: &str = "profcards-keys-1";

/// A file as it lies on the disk.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyFile {
    format: String,
    /// The seal of the secrets; absent where they lie bare.
    #[serde(skip_serializing_if = "Option::is_none")]
    seal: Option<Seal>,
    keys: Vec<StoredKey>,
}

/// A key in a file. Times are Unix seconds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredKey {
    /// The key's short name, for people who read the file.
    kid: String,
    role: String,
    /// The COSE algorithm label.
    alg: i64,
    #[serde(with = "hex")]
    public_key: [u8; 32],
    nbf: u64,
    exp: u64,
    /// The secret in hex: sealed, or the bare seed. Absent once the key was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// The form of the first files: an array of bare keys.
#[derive(Deserialize)]
struct FirstForm {
    role: String,
    alg: i64,
    #[serde(with = "hex")]
    secret: [u8; 32],
    nbf: u64,
    exp: u64,
}

/// A key as the server holds it.
#[derive(Clone)]
pub struct HeldKey {
    /// The public key with its role and validity, as verifiers are told them.
    pub public: TrustedKey,
    /// Its Ed25519 seed; destroyed when the key is revoked.
    pub secret: Option<Zeroizing<[u8; 32]>>,
}

impl HeldKey {
    /// A new key, valid from the full hour before `from`: a card's `iat` is rounded down to the hour, and another instance's
    /// clock may be a little behind.
    pub fn generate(role: KeyRole, from: u64, random: &Random) -> Self {
        let secret = Zeroizing::new(random.bytes());
        let key = IssuerSigningKey::from_secret(&secret, role, IssuerAlg::EdDsa);
        let nbf = full_hour(from).saturating_sub(CARD_IAT_STEP_SECONDS);
        let public = TrustedKey::of(&key, nbf, nbf + KEY_SIGNS_SECONDS + PAPER_CARD_SECONDS);
        Self { public, secret: Some(secret) }
    }

    /// The key ready to sign, unless it was revoked.
    pub fn signing_key(&self) -> Option<IssuerSigningKey> {
        let secret = self.secret.as_ref()?;
        Some(IssuerSigningKey::from_secret(secret, self.public.role, self.public.alg))
    }

    /// Whether what it signs at `now_seconds` would be believed for as long as the longest card lives.
    pub fn may_sign_at(&self, now_seconds: u64) -> bool {
        self.secret.is_some()
            && self.public.nbf <= full_hour(now_seconds)
            && now_seconds <= self.signs_until()
    }

    /// The last moment at which it may sign.
    pub fn signs_until(&self) -> u64 {
        self.public.exp.saturating_sub(PAPER_CARD_SECONDS)
    }

    /// Whether something that it signed may still have to be verified: a purchase of the key's last day may be handed in as
    /// late as any other.
    pub fn is_needed_at(&self, now_seconds: u64) -> bool {
        now_seconds < self.public.exp + MAX_OFFLINE_DAYS.cast_unsigned() * 24 * 3600
    }
}

/// Reads a file, which only its owner may be able to read; with `must_be_sealed`, bare secrets are refused.
pub fn read(
    path: &Path,
    passphrase: Option<&Passphrase>,
    must_be_sealed: bool,
) -> anyhow::Result<Vec<HeldKey>> {
    let text = Zeroizing::new(files::read_private(path)?);
    let damaged = || format!("{} is damaged", path.display());
    let file = match serde_json::from_str::<Vec<FirstForm>>(&text) {
        Ok(keys) => {
            KeyFile { format: FORMAT.into(), seal: None, keys: from_first_form(keys).with_context(damaged)? }
        }
        Err(_) => serde_json::from_str::<KeyFile>(&text).with_context(damaged)?,
    };
    ensure!(file.format == FORMAT, "{} has an unknown format: {}", path.display(), file.format);
    let sealer = match (&file.seal, passphrase) {
        (Some(seal), Some(passphrase)) => Some(seal.sealer(passphrase)?),
        (Some(_), None) => bail!(
            "{} is sealed: give its passphrase by PROFCARDS_KEY_PASSPHRASE_FILE or PROFCARDS_KEY_PASSPHRASE",
            path.display()
        ),
        (None, _) => None,
    };
    ensure!(
        sealer.is_some() || !must_be_sealed,
        "{} holds its secrets unsealed, which is for development only",
        path.display()
    );
    let open = |key: &StoredKey| key.open(sealer.as_ref());
    file.keys.iter().map(open).collect::<anyhow::Result<_>>().with_context(damaged)
}

/// Writes a file whole, sealed when there is a passphrase.
pub fn write(
    path: &Path,
    keys: &[HeldKey],
    passphrase: Option<&Passphrase>,
    random: &Random,
) -> anyhow::Result<()> {
    let seal = passphrase.map(|_| Seal::new(random));
    let sealer = match (&seal, passphrase) {
        (Some(seal), Some(passphrase)) => Some(seal.sealer(passphrase)?),
        _ => None,
    };
    let keys = keys
        .iter()
        .map(|key| StoredKey::of(key, sealer.as_ref(), random))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let file = KeyFile { format: FORMAT.into(), seal, keys };
    files::write_private(path, Zeroizing::new(serde_json::to_string_pretty(&file)?).as_bytes())
}

fn from_first_form(keys: Vec<FirstForm>) -> anyhow::Result<Vec<StoredKey>> {
    let forward = |key: FirstForm| {
        let role = KeyRole::from_word(&key.role).context("unknown key role")?;
        let alg = IssuerAlg::from_label(key.alg).context("unknown key algorithm")?;
        let signing = IssuerSigningKey::from_secret(&key.secret, role, alg);
        let public = TrustedKey::of(&signing, key.nbf, key.exp);
        StoredKey::of(&HeldKey { public, secret: Some(Zeroizing::new(key.secret)) }, None, &Random::System)
    };
    keys.into_iter().map(forward).collect()
}

impl StoredKey {
    fn of(key: &HeldKey, sealer: Option<&Sealer>, random: &Random) -> anyhow::Result<Self> {
        let public = &key.public;
        let mut stored = Self {
            kid: public.kid.to_string(),
            role: public.role.as_str().into(),
            alg: public.alg.label(),
            public_key: public.public_key,
            nbf: public.nbf,
            exp: public.exp,
            secret: None,
        };
        if let Some(secret) = &key.secret {
            stored.secret = Some(match sealer {
                Some(sealer) => hex::encode(sealer.seal(secret, &stored.belongs_to(), random)?),
                None => hex::encode(**secret),
            });
        }
        Ok(stored)
    }

    /// The text to which the seal binds the secret.
    fn belongs_to(&self) -> Vec<u8> {
        format!(
            "{FORMAT} {} {} {} {} {}",
            self.role,
            self.alg,
            hex::encode(self.public_key),
            self.nbf,
            self.exp
        )
        .into_bytes()
    }

    fn open(&self, sealer: Option<&Sealer>) -> anyhow::Result<HeldKey> {
        let role = KeyRole::from_word(&self.role).context("unknown key role")?;
        let alg = IssuerAlg::from_label(self.alg).context("unknown key algorithm")?;
        let kid: Kid = kid_of(&self.public_key);
        let public = TrustedKey { kid, public_key: self.public_key, role, alg, nbf: self.nbf, exp: self.exp };
        let Some(secret) = &self.secret else { return Ok(HeldKey { public, secret: None }) };
        let bytes = Zeroizing::new(hex::decode(secret)?);
        let secret = match sealer {
            Some(sealer) => sealer.open(&bytes, &self.belongs_to())?,
            None => Zeroizing::new(bytes.as_slice().try_into().context("a key has a wrong length")?),
        };
        let signing = IssuerSigningKey::from_secret(&secret, role, alg);
        ensure!(signing.public_key() == self.public_key, "a public key is not that of its secret");
        Ok(HeldKey { public, secret: Some(secret) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase() -> Passphrase {
        Passphrase::new("тихая гавань у моря".into())
    }

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("profcards-keys-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_sealed_file_gives_its_keys_back_to_the_passphrase_alone() {
        let (random, folder) = (Random::seeded(1), folder("sealed"));
        let path = folder.join("issuer.json");
        let mut keys =
            [KeyRole::Card, KeyRole::Status].map(|role| HeldKey::generate(role, 7200, &random)).to_vec();
        keys[1].secret = None;
        write(&path, &keys, Some(&passphrase()), &random).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&hex::encode(**keys[0].secret.as_ref().unwrap())));
        let read_back = read(&path, Some(&passphrase()), true).unwrap();
        assert_eq!(read_back[0].public, keys[0].public);
        assert_eq!(read_back[0].secret, keys[0].secret);
        assert!(read_back[1].secret.is_none());
        assert!(read(&path, None, false).is_err());
        assert!(read(&path, Some(&Passphrase::new("тихая гавань у реки".into())), true).is_err());
        // A longer validity is a change like any other.
        std::fs::write(&path, text.replace(&keys[0].public.exp.to_string(), "99999999999")).unwrap();
        assert!(read(&path, Some(&passphrase()), true).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn bare_files_and_files_that_others_can_read_are_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let (random, folder) = (Random::seeded(1), folder("bare"));
        let path = folder.join("issuer.json");
        write(&path, &[HeldKey::generate(KeyRole::Card, 7200, &random)], None, &random).unwrap();
        assert_eq!(read(&path, None, false).unwrap().len(), 1);
        assert!(read(&path, None, true).is_err_and(|error| error.to_string().contains("unsealed")));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path, None, false).is_err_and(|error| error.to_string().contains("chmod 600")));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn key_files_of_the_first_format_are_still_read() {
        let folder = folder("first");
        let path = folder.join("issuer.json");
        let secret = "07".repeat(32);
        let text = format!(r#"[{{"role":"card","alg":-8,"secret":"{secret}","nbf":0,"exp":9}}]"#);
        files::write_private(&path, text.as_bytes()).unwrap();
        let keys = read(&path, None, false).unwrap();
        assert_eq!(keys[0].secret.as_deref(), Some(&[7; 32]));
        assert_eq!((keys[0].public.nbf, keys[0].public.exp), (0, 9));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
