//! Browsers in which somebody was signed in before. Such a browser keeps a mark for each of its last few logins, which only this
//! instance can make; it opens nothing, but the browser's failures with that login are counted apart from those of strangers.

use axum_extra::extract::CookieJar;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::make_cookie;
use crate::base::Base;

const COOKIE: &str = "pc_known";
/// The cookie's life: as long as browsers keep one.
const COOKIE_DAYS: i64 = 400;
/// Logins that one browser is known for: the chairs who share a computer.
const MAX_LOGINS: usize = 5;
/// The lengths of a browser's name (16 bytes) and of a mark (32 bytes) in base 64.
const NAME_CHARS: usize = 22;
const MARK_CHARS: usize = 43;

/// The content of the cookie: `NAME.MARK.MARK…`, the mark of the newest login first.
struct KnownBrowser {
    browser: String,
    marks: Vec<String>,
}

impl KnownBrowser {
    fn read(base: &Base, jar: &CookieJar) -> Option<Self> {
        let cookie = jar.get(&super::cookie_name(base, COOKIE))?;
        let mut parts = cookie.value().split('.');
        let browser = parts.next().filter(|name| is_base64(name, NAME_CHARS))?.to_owned();
        let marks = parts.filter(|mark| is_base64(mark, MARK_CHARS)).take(MAX_LOGINS);
        Some(Self { marks: marks.map(str::to_owned).collect(), browser })
    }

    fn draw(base: &Base) -> Self {
        Self { browser: BASE64_URL_SAFE_NO_PAD.encode(base.random.bytes::<16>()), marks: Vec::new() }
    }
}

fn is_base64(text: &str, chars: usize) -> bool {
    text.len() == chars
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Names the browser together with this login, if it is one of the last that were signed in there. Each has failures of its
/// own: whoever shares the computer locks nobody out either.
pub fn counter_name(base: &Base, jar: &CookieJar, login: &str) -> Option<String> {
    let KnownBrowser { browser, marks } = KnownBrowser::read(base, jar)?;
    marks.contains(&mark_of(base, &browser, login)).then(|| format!("{browser} {login}"))
}

/// Marks the browser as one that knows this login, and still those before it.
pub fn remember(base: &Base, jar: CookieJar, login: &str) -> CookieJar {
    let KnownBrowser { browser, mut marks } =
        KnownBrowser::read(base, &jar).unwrap_or_else(|| KnownBrowser::draw(base));
    let mark = mark_of(base, &browser, login);
    marks.retain(|held| *held != mark);
    marks.insert(0, mark);
    marks.truncate(MAX_LOGINS);
    jar.add(make_cookie(base, COOKIE, format!("{browser}.{}", marks.join(".")), COOKIE_DAYS))
}

fn mark_of(base: &Base, browser: &str, login: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(base.secret.mac("known-browser", &[browser.as_bytes(), login.as_bytes()]))
}
