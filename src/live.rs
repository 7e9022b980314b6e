//! Wake-up calls to open pages: "something of yours changed, pull now". They carry no data and may be lost; the page
//! also asks on its own. Redis carries them between instances; without it each instance wakes its own pages.

use tokio::sync::broadcast;
use uuid::Uuid;

use crate::app::AppState;
use crate::random::Random;

const CHANNEL: &str = "profcards:live";
/// A page that lags behind so many calls just pulls once.
const BUFFERED_CALLS: usize = 1_024;
/// How long to wait before asking Redis for a new subscription.
const RESUBSCRIBE_DELAY: std::time::Duration = std::time::Duration::from_secs(2);

/// The calls as this instance's pages hear them.
pub struct Live {
    instance: Uuid,
    calls: broadcast::Sender<String>,
}

impl Live {
    /// A switchboard without listeners.
    pub fn new(random: &Random) -> Self {
        Self { instance: random.uuid(), calls: broadcast::channel(BUFFERED_CALLS).0 }
    }

    /// Hears the audiences that changed, from now on.
    pub fn listen(&self) -> broadcast::Receiver<String> {
        self.calls.subscribe()
    }
}

/// Wakes the pages of `audience`, here and on the other instances.
pub async fn wake(app: &AppState, audience: &str) {
    // No listener is the ordinary case, not an error.
    let _ = app.live.calls.send(audience.to_owned());
    app.cache.publish(CHANNEL, &format!("{} {audience}", app.live.instance)).await;
}

/// Passes other instances' calls on to this one's pages, for as long as the instance runs.
pub async fn relay(app: AppState) {
    let Some(url) = app.config.redis_url.clone() else { return };
    loop {
        if let Err(error) = relay_until_lost(&app, &url).await {
            tracing::debug!(%error, "live updates from other instances are interrupted");
        }
        tokio::time::sleep(RESUBSCRIBE_DELAY).await;
    }
}

async fn relay_until_lost(app: &AppState, url: &str) -> redis::RedisResult<()> {
    use tokio_stream::StreamExt as _;

    let mut subscription = redis::Client::open(url)?.get_async_pubsub().await?;
    subscription.subscribe(CHANNEL).await?;
    let mut messages = subscription.into_on_message();
    let own = app.live.instance.to_string();
    while let Some(message) = messages.next().await {
        let text: String = message.get_payload()?;
        if let Some((instance, audience)) = text.split_once(' ')
            && instance != own
        {
            let _ = app.live.calls.send(audience.to_owned());
        }
    }
    Ok(())
}
