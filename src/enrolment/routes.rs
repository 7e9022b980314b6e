//! Activation, and the member's own face over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::Cookie;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{MemberProfile, PROFCARDS_TEXT_VERSION, PhoneCard, moving, store};
use crate::app::{App, AppState};
use crate::auth::codes::Code;
use crate::auth::store::SessionOwner;
use crate::auth::{Face, MemberPhone, forget_cookie, make_cookie, member_audience, start_session};
use crate::cards::{self, Order};
use crate::error::{Error, Problem, Result};
use crate::http::extract::{ClientAddress, Json};
use crate::http::limits;
use crate::notices::{By, Kind};
use crate::{ledger, live, members, notices, sync};

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(check))
        .routes(routes!(enrol))
        .routes(routes!(profile))
        .routes(routes!(renew_card))
        .routes(routes!(change_consent))
        .routes(routes!(sign_out))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TypedCode {
    pub code: String,
    pub birth_date: NaiveDate,
}

/// Counts an attempt at one of the doors that open to a typed code.
pub(super) async fn count_code(
    app: &AppState,
    address: &ClientAddress,
    form: &TypedCode,
    door: &limits::Door,
) -> Result<limits::Attempt> {
    let code = Code::parse(&form.code).map(|code| code.to_string());
    limits::attempt_at(app, door, address, code.as_deref()).await
}

/// The hash under which the typed code is stored.
pub(super) fn hash_code(app: &AppState, form: &TypedCode) -> Result<[u8; 32]> {
    let code = Code::parse(&form.code).ok_or(Error::ActivationRefused)?;
    Ok(code.stored_hash(&app.secret, "activation-hash"))
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActivationOffer {
    /// base64url of 32 bytes; the phone signs them.
    challenge: String,
    first_name: String,
    organisation_name: String,
    /// Enrolling this phone ends another one.
    replaces_phone: bool,
    /// The member has agreed to the cashback programme already: that is asked once, and taken back in the profile.
    takes_part: bool,
    /// How long the card will not pay on this phone; not at all where the other phone, which pays itself, has agreed to the move.
    redemption_wait_hours: i64,
}

/// Check a code and birth date; answers what the phone must sign.
#[utoipa::path(post, path = "/api/activation/check", tag = "member", request_body = TypedCode, responses(
    (status = 200, body = ActivationOffer), (status = 403, body = Problem), (status = 429, body = Problem)))]
async fn check(
    State(app): State<AppState>,
    address: ClientAddress,
    jar: CookieJar,
    Json(form): Json<TypedCode>,
) -> Result<(CookieJar, Json<ActivationOffer>)> {
    let attempt = count_code(&app, &address, &form, &limits::ACTIVATION).await?;
    let offered = offer_challenge(&app, &form).await;
    let (challenge, offer) = attempt.judged(offered).await?;
    Ok((jar.add(challenge_cookie(&app, &challenge)), Json(offer)))
}

async fn offer_challenge(app: &AppState, form: &TypedCode) -> Result<([u8; 32], ActivationOffer)> {
    let code_hash = hash_code(app, form)?;
    let now = app.clock.now();
    let usable =
        store::use_code(&app.db, &code_hash, form.birth_date, now).await?.ok_or(Error::ActivationRefused)?;
    limits::spend(app, limits::CHALLENGES_PER_CODE, &usable.id.to_string()).await?;
    let challenge = app.random.bytes::<32>();
    store::insert_challenge(&app.db, &challenge, usable.id, now).await?;
    let mut conn = app.db.acquire().await?;
    let wait = app.config.redemption_wait();
    let redeems_from = moving::redeems_from_of_next(&mut conn, usable.membership_id, wait, now).await?;
    let offer = ActivationOffer {
        challenge: BASE64_URL_SAFE_NO_PAD.encode(challenge),
        first_name: usable.first_name,
        organisation_name: usable.organisation_name,
        replaces_phone: usable.replaces_phone,
        takes_part: store::takes_part(&mut conn, usable.membership_id).await?,
        redemption_wait_hours: whole_hours(redeems_from - now),
    };
    Ok((challenge, offer))
}

/// A part of an hour is one.
fn whole_hours(time: TimeDelta) -> i64 {
    (time + TimeDelta::seconds(3_599)).num_hours()
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Enrolment {
    /// As the check answered it.
    challenge: String,
    /// base64url of the `COSE_Key` (Ed25519 or P-256) in its deterministic form.
    public_key: String,
    /// base64url of the signature over `"PC-ENROL-1" 00 challenge`.
    signature: String,
    /// The consents that the member gave, each by an act of its own.
    consents: Vec<GivenConsent>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GivenConsent {
    kind: String,
    text_version: String,
}

/// Names the cookie of the browser that was given a challenge.
const CHALLENGE_COOKIE: &str = "pc_challenge";
/// The most consents in one enrolment: as many as there are kinds.
const MAX_CONSENTS: usize = 4;

/// Enrol this phone: prove its key, receive the card and a session. A repeated request gets the same phone and card.
#[utoipa::path(post, path = "/api/activation/enrol", tag = "member", request_body = Enrolment, responses(
    (status = 201, body = MemberProfile), (status = 403, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
async fn enrol(
    State(app): State<AppState>,
    address: ClientAddress,
    jar: CookieJar,
    Json(form): Json<Enrolment>,
) -> Result<(StatusCode, CookieJar, Json<MemberProfile>)> {
    let attempt = limits::attempt_at(&app, &limits::ENROL, &address, None).await?;
    let enrolled = enrol_phone(&app, &form, jar).await;
    let (jar, profile) = attempt.judged(enrolled).await?;
    live::wake(&app, &member_audience(profile.member_id)).await;
    Ok((StatusCode::CREATED, jar, Json(profile)))
}

async fn enrol_phone(app: &AppState, form: &Enrolment, jar: CookieJar) -> Result<(CookieJar, MemberProfile)> {
    let challenge: [u8; 32] =
        decode("challenge", &form.challenge)?.try_into().map_err(|_| Error::ActivationRefused)?;
    let public_key = decode("publicKey", &form.public_key)?;
    let key = super::check_possession(&public_key, &challenge, &decode("signature", &form.signature)?)?;
    check_consents(&form.consents)?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let open = store::lock_challenge(&mut tx, &challenge, now).await?.ok_or(Error::ActivationRefused)?;
    let device_id = match open.device_id {
        // The reply to the first request was lost: the same phone asks again, by the browser that was given the challenge.
        // Whoever has got hold of the request alone is given no session for it.
        Some(device_id)
            if open.device_key.as_ref() == Some(&public_key) && was_given(app, &jar, &challenge) =>
        {
            device_id
        }
        Some(_) => return Err(Error::ActivationRefused),
        None if open.code_used => return Err(Error::ActivationRefused),
        None => {
            let device_id = app.random.uuid();
            let replaces = store::had_phone(&mut tx, open.membership_id).await?;
            let wait = app.config.redemption_wait();
            let redeems_from = moving::redeems_from_of_next(&mut tx, open.membership_id, wait, now).await?;
            cards::retire_phone(&mut tx, open.membership_id, "replaced", now).await?;
            store::insert_device(&mut tx, device_id, &open, &challenge, &public_key, redeems_from, now)
                .await?;
            tracing::info!(activation = %open.activation_id, membership = %open.membership_id, device = %device_id, replaces, %redeems_from, "a phone is enrolled");
            let order = Order {
                membership_id: open.membership_id,
                key: Some(&key),
                device_id: Some(device_id),
                sample: false,
            };
            cards::issue(app, &mut tx, &order, now).await?;
            let kind = if replaces { Kind::PhoneReplaced } else { Kind::PhoneEnrolled };
            notices::tell(app, &mut tx, open.membership_id, &kind, By::Member, now).await?;
            let person_id = store::person_of(&mut tx, open.membership_id).await?;
            for consent in &form.consents {
                let id = app.random.uuid();
                members::store::give_consent(
                    &mut tx,
                    id,
                    person_id,
                    &consent.kind,
                    &consent.text_version,
                    "app",
                    now,
                )
                .await?;
            }
            sync::store::record_change(&mut tx, &member_audience(open.membership_id), "profile", "me", now)
                .await?;
            device_id
        }
    };
    let jar = start_session(app, &mut tx, jar, SessionOwner::Device(device_id), now).await?;
    let balance = ledger::store::balance(&mut tx, open.membership_id).await?;
    let profile =
        store::profile(&mut tx, open.membership_id, device_id, &app.config.union_name, balance.shown(), now)
            .await?;
    tx.commit().await?;
    Ok((jar, profile))
}

/// Marks the browser that was given a challenge, for as long as the challenge is kept.
fn challenge_cookie(app: &App, challenge: &[u8; 32]) -> Cookie<'static> {
    let mac = BASE64_URL_SAFE_NO_PAD.encode(app.secret.mac("challenge-given", &[challenge]));
    make_cookie(app, CHALLENGE_COOKIE, mac, super::ANSWERED_CHALLENGE_DAYS)
}

/// Whether this browser was given the challenge.
fn was_given(app: &App, jar: &CookieJar, challenge: &[u8; 32]) -> bool {
    let given = challenge_cookie(app, challenge);
    jar.get(given.name()).is_some_and(|held| held.value() == given.value())
}

fn decode(field: &'static str, text: &str) -> Result<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::field(field, "encoding-invalid"))
}

fn check_consents(given: &[GivenConsent]) -> Result<()> {
    if given.len() > MAX_CONSENTS {
        return Err(Error::field("consents", "too-many"));
    }
    given.iter().try_for_each(|consent| check_consent(&consent.kind, &consent.text_version))
}

/// Only the text that the app shows now can be agreed to, and only what the app may ask for.
fn check_consent(kind: &str, text_version: &str) -> Result<()> {
    if kind != "profcards" {
        return Err(Error::field("kind", "unknown-consent"));
    }
    if text_version != PROFCARDS_TEXT_VERSION {
        return Err(Error::field("textVersion", "text-outdated"));
    }
    Ok(())
}

pub(super) async fn profile_of(app: &AppState, phone: &MemberPhone) -> Result<MemberProfile> {
    let balance = ledger::cached_balance(app, phone.membership_id).await?;
    let mut conn = app.db.acquire().await?;
    let union_name = &app.config.union_name;
    store::profile(&mut conn, phone.membership_id, phone.device_id, union_name, balance, app.clock.now())
        .await
}

/// The member's own data, card and balance.
#[utoipa::path(get, path = "/api/member/profile", tag = "member", security(("pc_member" = [])), responses(
    (status = 200, body = MemberProfile), (status = 401, body = Problem)))]
async fn profile(State(app): State<AppState>, phone: MemberPhone) -> Result<Json<MemberProfile>> {
    Ok(Json(profile_of(&app, &phone).await?))
}

/// The phone's card; a newer one when it is a month old.
#[utoipa::path(post, path = "/api/member/card", tag = "member", security(("pc_member" = [])), request_body = Nothing,
    responses((status = 200, body = PhoneCard), (status = 401, body = Problem), (status = 409, body = Problem)))]
async fn renew_card(
    State(app): State<AppState>,
    phone: MemberPhone,
    Json(Nothing {}): Json<Nothing>,
) -> Result<Json<PhoneCard>> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    // One request at a time, so that two tabs do not issue two cards, nor a renewal what a change has just put right.
    members::store::lock(&mut tx, &[phone.membership_id]).await?;
    let held = cards::store::card_of_device(&mut tx, phone.device_id)
        .await?
        .ok_or(Error::Conflict("card-revoked"))?;
    // While the membership rests nothing is issued; the held card is suspended and stays.
    let card = if held.is_due(now) && store::is_active(&mut tx, phone.membership_id).await? {
        let cose_key = store::device_key(&mut tx, phone.device_id).await?;
        let key = profcards_card::DeviceKey::from_cose_key(&cose_key).map_err(anyhow::Error::from)?;
        let order = Order {
            membership_id: phone.membership_id,
            key: Some(&key),
            device_id: Some(phone.device_id),
            sample: false,
        };
        cards::issue(&app, &mut tx, &order, now).await?
    } else {
        held
    };
    tx.commit().await?;
    Ok(Json(card.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConsentChange {
    /// `profcards`.
    kind: String,
    given: bool,
    text_version: String,
}

/// Give or withdraw one consent.
#[utoipa::path(post, path = "/api/member/consents", tag = "member", security(("pc_member" = [])),
    request_body = ConsentChange, responses(
    (status = 200, body = MemberProfile), (status = 401, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
async fn change_consent(
    State(app): State<AppState>,
    phone: MemberPhone,
    Json(change): Json<ConsentChange>,
) -> Result<Json<MemberProfile>> {
    // An app that still shows an older text can always withdraw, but not agree.
    let text_version = if change.given { change.text_version.as_str() } else { PROFCARDS_TEXT_VERSION };
    check_consent(&change.kind, text_version)?;
    limits::spend(&app, limits::CONSENTS_PER_MEMBER, &phone.membership_id.to_string()).await?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let person_id = store::person_of(&mut tx, phone.membership_id).await?;
    if change.given {
        let id = app.random.uuid();
        members::store::give_consent(&mut tx, id, person_id, &change.kind, &change.text_version, "app", now)
            .await?;
    } else {
        members::store::withdraw_consent(&mut tx, person_id, &change.kind, now).await?;
    }
    sync::store::record_change(&mut tx, &member_audience(phone.membership_id), "profile", "me", now).await?;
    tx.commit().await?;
    Ok(Json(profile_of(&app, &phone).await?))
}

/// Sign this phone out: its card is revoked and its session ends.
#[utoipa::path(delete, operation_id = "member_sign_out", path = "/api/member/session", tag = "member", security(("pc_member" = [])), responses(
    (status = 204), (status = 401, body = Problem)))]
async fn sign_out(
    State(app): State<AppState>,
    phone: MemberPhone,
    jar: CookieJar,
) -> Result<(CookieJar, StatusCode)> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    members::store::lock(&mut tx, &[phone.membership_id]).await?;
    // Another phone may have taken this one's place meanwhile; it stays.
    if store::active_phone(&mut tx, phone.membership_id).await? == Some(phone.device_id) {
        cards::retire_phone(&mut tx, phone.membership_id, "signed-out", now).await?;
        notices::tell(&app, &mut tx, phone.membership_id, &Kind::SignedOut, By::Member, now).await?;
    }
    crate::auth::store::close_session(&mut tx, &phone.token_hash).await?;
    tx.commit().await?;
    live::wake(&app, &member_audience(phone.membership_id)).await;
    Ok((jar.add(forget_cookie(&app, Face::Member)), StatusCode::NO_CONTENT))
}
