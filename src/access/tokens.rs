//! What a signed-in browser keeps in its cookie: 256 random bits, and a mark that only this instance can make. Whoever makes a token
//! up is refused for the mark, at no cost to the connections on which tills depend. The mark opens nothing: the session is looked
//! up by the token's hash.

use axum_extra::extract::cookie::Cookie;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use super::{Face, make_cookie};
use crate::base::Base;

/// The random bytes of a token; one of a release before the marks has nothing else.
const DRAWN_BYTES: usize = 32;
/// A mark is the beginning of a MAC.
const MARK_BYTES: usize = 16;

/// A fresh session's secret: the cookie holds the token, the database only its hash.
pub struct SessionToken(String);

impl SessionToken {
    /// Draws a new token.
    pub fn new(base: &Base) -> Self {
        let drawn = base.random.bytes::<DRAWN_BYTES>();
        Self(BASE64_URL_SAFE_NO_PAD.encode([&drawn[..], &mark(base, &drawn)].concat()))
    }

    /// The hash that names a token in the database.
    pub fn hash(token: &str) -> [u8; 32] {
        Sha256::digest(token.as_bytes()).into()
    }

    /// The token's hash, which is all that the database keeps of it.
    pub fn stored_hash(&self) -> [u8; 32] {
        Self::hash(&self.0)
    }

    /// The cookie that signs the browser in.
    pub fn into_cookie(self, base: &Base, face: Face) -> Cookie<'static> {
        make_cookie(base, face.cookie(), self.0, face.session_days())
    }

    /// The connections on which the session of a token is to be looked up: these, if the token was drawn here. One without a mark
    /// may be of an earlier release, or made up by anybody: for it there are the strangers'. For what is neither there are none.
    pub fn connections_for<'a>(base: &'a Base, token: &str, own: &'a PgPool) -> Option<&'a PgPool> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (drawn, rest) = bytes.split_first_chunk::<DRAWN_BYTES>()?;
        match rest {
            [] => Some(&base.db_doors),
            marked if marked == mark(base, drawn) => Some(own),
            _ => None,
        }
    }
}

fn mark(base: &Base, drawn: &[u8; DRAWN_BYTES]) -> [u8; MARK_BYTES] {
    let mac = base.secret.mac("session-token", &[drawn]);
    std::array::from_fn(|n| mac[n])
}
