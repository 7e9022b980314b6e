//! Activation over HTTP: a typed code and a birth date become an enrolled phone with a card and a session.

use axum::extract::State;
use axum::http::StatusCode;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::Cookie;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use profcards_card::DeviceKey;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::profile::{MemberProfile, profile};
use crate::access::codes::AccessCode;
use crate::access::rights::Action;
use crate::access::store::SessionOwner;
use crate::access::{EndReason, limits, make_cookie, member_audience, start_session};
use crate::act::audit::Entry;
use crate::act::change_log::{Entity, ME, record_change};
use crate::act::notices::{Initiator, NoticeKind};
use crate::act::{self, ActSpec, notices};
use crate::base::Base;
use crate::base::code::FieldCode;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{ClientAddress, Json};
use crate::base::ids::{DeviceId, MembershipId};
use crate::base::words::chosen;
use crate::cards::enrolment::{
    ANSWERED_CHALLENGE_DAYS, PROFCARDS_TEXT_VERSION, check_possession, moving, store,
};
use crate::cards::{self, CardOrder, Issuer};
use crate::programme::ledger;
use crate::registry::members::consents::{self, Consent, ConsentChannel, ConsentKind};

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new().routes(routes!(check)).routes(routes!(enrol))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TypedCode {
    pub code: String,
    pub birth_date: NaiveDate,
}

/// Counts an attempt at one of the doors that open to a typed code.
pub(super) async fn count_code(
    base: &Base,
    address: &ClientAddress,
    form: &TypedCode,
    door: &limits::Door,
) -> Result<limits::Attempt> {
    let code = AccessCode::parse(&form.code).map(|code| code.to_string());
    limits::attempt_at(base, door, address, code.as_deref()).await
}

/// The hash under which the typed code is stored.
pub(super) fn hash_code(base: &Base, form: &TypedCode) -> Result<[u8; 32]> {
    let code = AccessCode::parse(&form.code).ok_or(Error::ActivationRefused)?;
    Ok(code.stored_hash(&base.secret, "activation-hash"))
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActivationOffer {
    /// The challenge that the phone signs: base64url of 32 bytes.
    challenge: String,
    /// The id of the membership, by which a phone tells whose card it holds.
    member_id: MembershipId,
    first_name: String,
    organisation_name: String,
    /// Whether enrolling this phone ends another one.
    replaces_phone: bool,
    /// Whether the member has agreed to the cashback programme already: that is asked once, and taken back in the
    /// profile.
    takes_part: bool,
    /// Hours for which the card will not pay on this phone; 0 where the other phone, which pays itself, has agreed to
    /// the move.
    redemption_wait_hours: i64,
}

/// Check a code and birth date; answers what the phone must sign.
#[utoipa::path(post, path = "/api/activation/check", tag = "member", request_body = TypedCode, responses(
    (status = 200, body = ActivationOffer), (status = 403, body = Problem), (status = 429, body = Problem)))]
async fn check(
    State(issuer): State<Issuer>,
    address: ClientAddress,
    jar: CookieJar,
    Json(form): Json<TypedCode>,
) -> Result<(CookieJar, Json<ActivationOffer>)> {
    let attempt = count_code(&issuer, &address, &form, &limits::ACTIVATION).await?;
    let offered = offer_challenge(&issuer, &form).await;
    let (challenge, offer) = attempt.judged(offered).await?;
    Ok((jar.add(challenge_cookie(&issuer, &challenge)), Json(offer)))
}

async fn offer_challenge(issuer: &Issuer, form: &TypedCode) -> Result<([u8; 32], ActivationOffer)> {
    let code_hash = hash_code(issuer, form)?;
    let now = issuer.clock.now();
    let usable = store::find_usable_code(&issuer.db, &code_hash, form.birth_date, now)
        .await?
        .ok_or(Error::ActivationRefused)?;
    limits::consume(issuer, limits::CHALLENGES_PER_CODE, &usable.id.to_string()).await?;
    let challenge = issuer.random.bytes::<32>();
    store::insert_challenge(&issuer.db, &challenge, usable.id, now).await?;
    let mut conn = issuer.db.acquire().await?;
    let wait = issuer.config.redemption_wait();
    let redeems_from = moving::next_phone_redeems_from(&mut conn, usable.membership_id, wait, now).await?;
    let offer = ActivationOffer {
        challenge: BASE64_URL_SAFE_NO_PAD.encode(challenge),
        member_id: usable.membership_id,
        first_name: usable.first_name,
        organisation_name: usable.organisation_name,
        replaces_phone: usable.replaces_phone,
        takes_part: consents::store::takes_part(&mut conn, usable.membership_id).await?,
        redemption_wait_hours: whole_hours(redeems_from - now),
    };
    Ok((challenge, offer))
}

/// The time in whole hours; a part of an hour counts as one.
fn whole_hours(time: TimeDelta) -> i64 {
    (time + TimeDelta::seconds(3_599)).num_hours()
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Enrolment {
    /// The challenge, as the check answered it.
    challenge: String,
    /// The phone's public key: base64url of the `COSE_Key` (Ed25519 or P-256) in its deterministic form.
    public_key: String,
    /// The proof of possession: base64url of the signature over `"PC-ENROL-1" 00 challenge`.
    signature: String,
    /// The consents that the member gave, each by an act of its own.
    consents: Vec<GivenConsent>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GivenConsent {
    #[serde(deserialize_with = "chosen")]
    #[schema(value_type = ConsentKind)]
    kind: Option<ConsentKind>,
    text_version: String,
}

/// The name of the cookie that marks the browser which was given a challenge.
const CHALLENGE_COOKIE: &str = "pc_challenge";
/// The most consents in one enrolment: as many as there are kinds.
const MAX_CONSENTS: usize = 4;

/// Enrol this phone: prove its key, receive the card and a session. A repeated request gets the same phone and card.
#[utoipa::path(post, path = "/api/activation/enrol", tag = "member", request_body = Enrolment, responses(
    (status = 201, body = MemberProfile), (status = 403, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
async fn enrol(
    State(issuer): State<Issuer>,
    address: ClientAddress,
    jar: CookieJar,
    Json(form): Json<Enrolment>,
) -> Result<(StatusCode, CookieJar, Json<MemberProfile>)> {
    let attempt = limits::attempt_at(&issuer, &limits::ENROL, &address, None).await?;
    let enrolled = enrol_phone(&issuer, &form, jar).await;
    let (jar, profile) = attempt.judged(enrolled).await?;
    Ok((StatusCode::CREATED, jar, Json(profile)))
}

async fn enrol_phone(
    issuer: &Issuer,
    form: &Enrolment,
    jar: CookieJar,
) -> Result<(CookieJar, MemberProfile)> {
    let challenge: [u8; 32] =
        decode("challenge", &form.challenge)?.try_into().map_err(|_| Error::ActivationRefused)?;
    let public_key = decode("publicKey", &form.public_key)?;
    let key = check_possession(&public_key, &challenge, &decode("signature", &form.signature)?)?;
    let consents = check_consents(&form.consents)?;
    // Whose act it is stands in the challenge, which the act itself locks.
    let membership_id =
        store::member_of_challenge(&issuer.db, &challenge).await?.ok_or(Error::ActivationRefused)?;
    let spec = ActSpec::by_member(issuer, membership_id, Action::EnrolPhone);
    let (key, public_key, challenge, jar, consents) = (&key, &public_key, &challenge, &jar, &consents);
    act::perform(issuer, spec, |mut act| async move {
        let now = act.now();
        let open =
            store::lock_challenge(act.conn(), challenge, now).await?.ok_or(Error::ActivationRefused)?;
        let device_id = match open.device_id {
            // The reply to the first request was lost: the same phone asks again, by the browser that was given the challenge.
            // Whoever has got hold of the request alone is given no session for it.
            Some(device_id)
                if open.device_key.as_ref() == Some(public_key) && was_given(issuer, jar, challenge) =>
            {
                act.record_nothing();
                device_id
            }
            Some(_) => return Err(Error::ActivationRefused),
            None if open.code_used => return Err(Error::ActivationRefused),
            None => {
                let device_id = DeviceId(issuer.random.uuid());
                let new = NewPhone { device_id, key, public_key, challenge };
                record_enrolment(issuer, act.conn(), &open, &new, consents, now).await?;
                act.record(Entry::of_member(membership_id));
                device_id
            }
        };
        act.wake(member_audience(membership_id));
        let owner = SessionOwner::Device(device_id);
        let jar = start_session(issuer, act.conn(), jar.clone(), owner, now).await?;
        let balance = ledger::store::balance(act.conn(), membership_id).await?.shown();
        let union_name = &issuer.config.union_name;
        let profile = profile(act.conn(), membership_id, device_id, union_name, balance, now).await?;
        act.commit((jar, profile))
    })
    .await
}

/// A phone that has just proved its key.
struct NewPhone<'a> {
    device_id: DeviceId,
    key: &'a DeviceKey,
    public_key: &'a [u8],
    challenge: &'a [u8; 32],
}

/// Makes the phone the member's, in place of the one before it: with a card, a notice, and the consents that were
/// given.
async fn record_enrolment(
    issuer: &Issuer,
    conn: &mut PgConnection,
    open: &store::OpenChallenge,
    new: &NewPhone<'_>,
    consents: &[ConsentKind],
    now: DateTime<Utc>,
) -> Result<()> {
    let (membership_id, device_id) = (open.membership_id, new.device_id);
    let replaces = store::had_phone(&mut *conn, membership_id).await?;
    let wait = issuer.config.redemption_wait();
    let redeems_from = moving::next_phone_redeems_from(&mut *conn, membership_id, wait, now).await?;
    cards::retire_phone(&mut *conn, membership_id, EndReason::Replaced, now).await?;
    store::insert_device(&mut *conn, device_id, open, new.challenge, new.public_key, redeems_from, now)
        .await?;
    tracing::info!(activation = %open.activation_id, membership = %membership_id, device = %device_id, replaces, %redeems_from, "a phone is enrolled");
    let order = CardOrder { membership_id, key: Some(new.key), device_id: Some(device_id), sample: false };
    cards::issue(issuer, &mut *conn, &order, now).await?;
    let kind = if replaces { NoticeKind::PhoneReplaced } else { NoticeKind::PhoneEnrolled };
    notices::notify_member(issuer, &mut *conn, membership_id, kind, Initiator::Member, now).await?;
    let person_id = store::person_of(&mut *conn, membership_id).await?;
    for kind in consents.iter().copied() {
        let text_version = PROFCARDS_TEXT_VERSION.to_owned();
        let consent = Consent { kind, text_version, channel: ConsentChannel::App, given_at: now };
        consents::store::give_consent(&mut *conn, issuer.random.uuid(), person_id, &consent).await?;
    }
    record_change(conn, &member_audience(membership_id), Entity::Profile, ME, now).await
}

/// Marks the browser that was given a challenge, for as long as the challenge is kept.
fn challenge_cookie(issuer: &Issuer, challenge: &[u8; 32]) -> Cookie<'static> {
    let mac = BASE64_URL_SAFE_NO_PAD.encode(issuer.secret.mac("challenge-given", &[challenge]));
    make_cookie(issuer, CHALLENGE_COOKIE, mac, ANSWERED_CHALLENGE_DAYS)
}

/// Whether this browser was given the challenge.
fn was_given(issuer: &Issuer, jar: &CookieJar, challenge: &[u8; 32]) -> bool {
    let given = challenge_cookie(issuer, challenge);
    jar.get(given.name()).is_some_and(|held| held.value() == given.value())
}

fn decode(field: &'static str, text: &str) -> Result<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::field(field, FieldCode::EncodingInvalid))
}

fn check_consents(given: &[GivenConsent]) -> Result<Vec<ConsentKind>> {
    if given.len() > MAX_CONSENTS {
        return Err(Error::field("consents", FieldCode::TooMany));
    }
    given.iter().map(|consent| check_consent(consent.kind, &consent.text_version)).collect()
}

/// Only the text that the app shows now can be agreed to, and only what the app may ask for.
pub(super) fn check_consent(kind: Option<ConsentKind>, text_version: &str) -> Result<ConsentKind> {
    let kind = kind.filter(|kind| *kind == ConsentKind::Profcards);
    let kind = kind.ok_or(Error::field("kind", FieldCode::UnknownConsent))?;
    if text_version != PROFCARDS_TEXT_VERSION {
        return Err(Error::field("textVersion", FieldCode::TextOutdated));
    }
    Ok(kind)
}
