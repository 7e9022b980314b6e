//! Browsers in which somebody was signed in before. Such a browser keeps a mark that only this instance can make; it opens nothing,
//! but the browser's failures are counted apart from those of strangers.

use axum_extra::extract::CookieJar;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::make_cookie;
use crate::app::App;

const COOKIE: &str = "pc_known";
/// As long as browsers keep a cookie.
const DAYS: i64 = 400;

/// Names the browser, if this login was the last one that was signed in there.
pub fn of(app: &App, jar: &CookieJar, login: &str) -> Option<String> {
    let cookie = jar.get(&super::cookie_name(app, COOKIE))?;
    let (browser, mac) = cookie.value().split_once('.')?;
    (mac == mac_of(app, browser, login)).then(|| browser.to_owned())
}

/// Marks the browser as one that knows this login; it keeps its name.
pub fn remember(app: &App, jar: CookieJar, login: &str) -> CookieJar {
    let browser =
        of(app, &jar, login).unwrap_or_else(|| BASE64_URL_SAFE_NO_PAD.encode(app.random.bytes::<16>()));
    let mac = mac_of(app, &browser, login);
    jar.add(make_cookie(app, COOKIE, format!("{browser}.{mac}"), DAYS))
}

fn mac_of(app: &App, browser: &str, login: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(app.secret.mac("known-browser", &[browser.as_bytes(), login.as_bytes()]))
}
