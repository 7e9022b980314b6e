//! The member's own face over HTTP: what it shows, the card's renewal, consents, and the end of its session.

use axum::extract::State;
use axum::http::StatusCode;
use axum_extra::extract::CookieJar;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::activation::check_consent;
use super::profile::{MemberProfile, PhoneCard, profile_of};
use crate::access::rights::Action;
use crate::access::{self, EndReason, Face, MemberPhone, forget_cookie, limits, member_audience};
use crate::act::audit::Entry;
use crate::act::change_log::{Entity, ME, record_change};
use crate::act::notices::{Initiator, NoticeKind};
use crate::act::{self, ActSpec, notices};
use crate::base::code::Code;
use crate::base::error::{Error, Problem, Result};
use crate::base::extract::{EmptyBody, Json};
use crate::base::words::chosen;
use crate::cards::enrolment::{PROFCARDS_TEXT_VERSION, store};
use crate::cards::{self, CardOrder, Issuer};
use crate::registry::members;
use crate::registry::members::consents::{self, Consent, ConsentChannel, ConsentKind};

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new()
        .routes(routes!(profile))
        .routes(routes!(renew_card))
        .routes(routes!(change_consent))
        .routes(routes!(sign_out))
}

/// The member's own data, card and balance.
#[utoipa::path(get, path = "/api/member/profile", tag = "member", security(("pc_member" = [])), responses(
    (status = 200, body = MemberProfile), (status = 401, body = Problem)))]
async fn profile(State(issuer): State<Issuer>, phone: MemberPhone) -> Result<Json<MemberProfile>> {
    Ok(Json(profile_of(&issuer, &phone).await?))
}

/// The phone's card; a newer one when it is a month old.
#[utoipa::path(post, path = "/api/member/card", tag = "member", security(("pc_member" = [])), request_body = EmptyBody,
    responses((status = 200, body = PhoneCard), (status = 401, body = Problem), (status = 409, body = Problem)))]
async fn renew_card(
    State(issuer): State<Issuer>,
    phone: MemberPhone,
    Json(EmptyBody {}): Json<EmptyBody>,
) -> Result<Json<PhoneCard>> {
    let spec = ActSpec::by_phone(&issuer, &phone, Action::RenewCard);
    let (issuer, phone) = (&issuer, &phone);
    let card = act::perform(issuer, spec, |mut act| async move {
        let now = act.now();
        // One request at a time, so that two tabs do not issue two cards, nor a renewal what a change has just put right.
        members::store::lock(act.conn(), &[phone.membership_id]).await?;
        let held = cards::store::card_of_device(act.conn(), phone.device_id).await?;
        let held = held.ok_or(Error::Conflict(Code::CardRevoked))?;
        // While the membership rests nothing is issued; the held card is suspended and stays.
        if !held.is_due(now) || !store::is_active(act.conn(), phone.membership_id).await? {
            act.record_nothing();
            return act.commit(held);
        }
        let cose_key = store::device_key(act.conn(), phone.device_id).await?;
        let key = profcards_card::DeviceKey::from_cose_key(&cose_key).map_err(anyhow::Error::from)?;
        let (membership_id, device_id) = (phone.membership_id, Some(phone.device_id));
        let order = CardOrder { membership_id, key: Some(&key), device_id, sample: false };
        act.record(Entry::of_member(membership_id));
        let card = cards::issue(issuer, act.conn(), &order, now).await?;
        act.commit(card)
    });
    Ok(Json(card.await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConsentChange {
    #[serde(deserialize_with = "chosen")]
    #[schema(value_type = ConsentKind)]
    kind: Option<ConsentKind>,
    given: bool,
    text_version: String,
}

/// Give or withdraw one consent.
#[utoipa::path(post, path = "/api/member/consents", tag = "member", security(("pc_member" = [])),
    request_body = ConsentChange, responses(
    (status = 200, body = MemberProfile), (status = 401, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
async fn change_consent(
    State(issuer): State<Issuer>,
    phone: MemberPhone,
    Json(change): Json<ConsentChange>,
) -> Result<Json<MemberProfile>> {
    // An app that still shows an older text can always withdraw, but not agree.
    let text_version = if change.given { change.text_version.as_str() } else { PROFCARDS_TEXT_VERSION };
    let kind = check_consent(change.kind, text_version)?;
    limits::consume(&issuer, limits::CONSENTS_PER_MEMBER, &phone.membership_id.to_string()).await?;
    let spec = ActSpec::by_phone(&issuer, &phone, Action::ChangeConsent);
    let (issuer, phone, change) = (&issuer, &phone, &change);
    let changed = act::perform(issuer, spec, |mut act| async move {
        let now = act.now();
        let person_id = store::person_of(act.conn(), phone.membership_id).await?;
        if change.given {
            let text_version = change.text_version.clone();
            let consent = Consent { kind, text_version, channel: ConsentChannel::App, given_at: now };
            consents::store::give_consent(act.conn(), issuer.random.uuid(), person_id, &consent).await?;
        } else {
            consents::store::withdraw_consent(act.conn(), person_id, kind, now).await?;
        }
        record_change(act.conn(), &member_audience(phone.membership_id), Entity::Profile, ME, now).await?;
        let verb = if change.given { "given" } else { "withdrawn" };
        act.record(Entry::of_member(phone.membership_id).because(format!("{verb} {}", kind.as_str())));
        act.commit(())
    });
    changed.await?;
    Ok(Json(profile_of(issuer, phone).await?))
}

/// Sign this phone out: its card is revoked and its session ends.
#[utoipa::path(delete, operation_id = "member_sign_out", path = "/api/member/session", tag = "member", security(("pc_member" = [])), responses(
    (status = 204), (status = 401, body = Problem)))]
async fn sign_out(
    State(issuer): State<Issuer>,
    phone: MemberPhone,
    jar: CookieJar,
) -> Result<(CookieJar, StatusCode)> {
    let spec = ActSpec::by_phone(&issuer, &phone, Action::SignOutPhone);
    let (issuer, phone) = (&issuer, &phone);
    let ended = act::perform(issuer, spec, |mut act| async move {
        let (now, membership_id) = (act.now(), phone.membership_id);
        members::store::lock(act.conn(), &[membership_id]).await?;
        // Another phone may have taken this one's place meanwhile; it stays.
        if store::active_phone(act.conn(), membership_id).await? == Some(phone.device_id) {
            cards::retire_phone(act.conn(), membership_id, EndReason::SignedOut, now).await?;
            notices::notify_member(
                issuer,
                act.conn(),
                membership_id,
                NoticeKind::SignedOut,
                Initiator::Member,
                now,
            )
            .await?;
        }
        access::store::close_session(act.conn(), &phone.token_hash).await?;
        act.record(Entry::of_member(membership_id));
        act.wake(member_audience(membership_id));
        act.commit(())
    });
    ended.await?;
    Ok((jar.add(forget_cookie(issuer, Face::Member)), StatusCode::NO_CONTENT))
}
