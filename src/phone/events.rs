//! The event stream of a member's open page.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{MemberPhone, member_audience, store};
use crate::base::Base;
use crate::base::error::{Problem, Result};
use crate::base::live::Listener;

/// The life of a stream; then the page opens another by itself, if its session has not ended meanwhile.
const STREAM_LASTS: Duration = Duration::from_hours(1);

/// The endpoints of this room.
pub fn router() -> OpenApiRouter<Base> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Server-sent events: `changed` means "pull now". They carry no data and may be lost.
#[utoipa::path(get, path = "/api/member/events", tag = "member", security(("pc_member" = [])), responses(
    (status = 200, content_type = "text/event-stream", body = String), (status = 401, body = Problem),
    (status = 429, body = Problem)))]
async fn events(State(base): State<Base>, phone: MemberPhone) -> Result<Response> {
    let listener = base.live.listen(&member_audience(phone.membership_id))?;
    let ends_at = tokio::time::Instant::now() + STREAM_LASTS;
    let page = OpenPage { base, token_hash: phone.token_hash, listener, ends_at, is_over: false };
    let calls = stream::unfold(page, async |mut page| {
        let event = page.next_call().await?;
        Some((Ok::<_, Infallible>(event), page))
    });
    let mut response = Sse::new(calls).keep_alive(KeepAlive::default()).into_response();
    // nginx would keep the calls back until its buffer is full.
    let unbuffered = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response.headers_mut().extend([unbuffered]);
    Ok(response)
}

/// An open page that listens.
struct OpenPage {
    base: Base,
    token_hash: [u8; 32],
    listener: Listener,
    ends_at: tokio::time::Instant,
    is_over: bool,
}

impl OpenPage {
    /// The next call to pull; none when the stream is over: its time is up, the instance stops, or the session has ended. Whoever
    /// ends a session calls its page, and that call is passed on as the last one: by its pull the page finds out what has happened.
    async fn next_call(&mut self) -> Option<Event> {
        if self.is_over
            || !tokio::time::timeout_at(self.ends_at, self.listener.called()).await.unwrap_or(false)
        {
            return None;
        }
        self.is_over = !self.is_signed_in().await;
        Some(Event::default().event("changed").data("{}"))
    }

    /// Whether the page's session is still open. Where the database does not answer, the pull that follows will tell.
    async fn is_signed_in(&self) -> bool {
        match store::member_session(&self.base.db, &self.token_hash, self.base.clock.now()).await {
            Ok(session) => session.is_some_and(|session| session.ended_reason.is_none()),
            Err(_) => true,
        }
    }
}
