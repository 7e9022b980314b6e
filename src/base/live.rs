//! Wake-up calls to open pages: "something of yours changed, pull now". They carry no data and may be lost; the page
//! also asks on its own. Redis carries them between instances; without it each instance wakes its own pages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::PubSub;
use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

use crate::base::Base;
use crate::base::error::{Error, Result};
use crate::base::random::Random;

const CHANNEL: &str = "profcards:live";
/// The most pages of one audience that listen at once: a browser opens six connections to a host.
pub const MAX_LISTENERS_PER_AUDIENCE: usize = 6;
/// Seconds after which a page that found no room may ask for the stream again; meanwhile it pulls on its own.
const REFUSED_SECONDS: u32 = 60;
/// The delay before Redis is asked for a new subscription.
const RESUBSCRIBE_DELAY: Duration = Duration::from_secs(2);
const TIMEOUTS: Timeouts = Timeouts { answer: Duration::from_secs(5), silence: Duration::from_mins(1) };

/// The limits of waiting for Redis. A connection that has died without a word, as behind a firewall, is silent for
/// ever.
#[derive(Clone, Copy)]
struct Timeouts {
    /// The longest wait for an answer.
    answer: Duration,
    /// The longest silence before Redis is asked whether it is still there.
    silence: Duration,
}

/// The calls as this instance's pages hear them.
pub struct Live {
    instance: Uuid,
    max_listeners: usize,
    switchboard: Arc<Mutex<Switchboard>>,
}

/// The pages that listen, by audience. A call goes to the pages of its audience alone, however many others there are.
#[derive(Default)]
struct Switchboard {
    audiences: HashMap<String, watch::Sender<()>>,
    listeners: usize,
    is_closed: bool,
}

/// A page that listens; its slot is free again when it is dropped.
pub struct Listener {
    audience: String,
    calls: watch::Receiver<()>,
    switchboard: Arc<Mutex<Switchboard>>,
}

impl Live {
    /// A switchboard without listeners, and room for so many.
    pub fn new(random: &Random, max_listeners: usize) -> Self {
        Self { instance: random.uuid(), max_listeners, switchboard: Arc::default() }
    }

    /// Begins to listen to the calls to an audience.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] where too many listen already, [`Error::Unavailable`] while the instance stops.
    pub fn listen(&self, audience: &str) -> Result<Listener> {
        let mut switchboard = lock(&self.switchboard);
        if switchboard.is_closed {
            return Err(Error::Unavailable(anyhow::anyhow!("the instance is being stopped")));
        }
        let of_audience = switchboard.audiences.get(audience).map_or(0, watch::Sender::receiver_count);
        if of_audience >= MAX_LISTENERS_PER_AUDIENCE || switchboard.listeners >= self.max_listeners {
            metrics::counter!("profcards_limited_total", "limit" => "listeners").increment(1);
            return Err(Error::TooManyAttempts { retry_after_seconds: REFUSED_SECONDS });
        }
        switchboard.listeners += 1;
        let calls = switchboard
            .audiences
            .entry(audience.to_owned())
            .or_insert_with(|| watch::channel(()).0)
            .subscribe();
        Ok(Listener { audience: audience.to_owned(), calls, switchboard: self.switchboard.clone() })
    }

    /// The number of pages that listen.
    pub fn listeners(&self) -> usize {
        lock(&self.switchboard).listeners
    }

    /// Ends every stream, and takes no more.
    pub fn close(&self) {
        let mut switchboard = lock(&self.switchboard);
        switchboard.is_closed = true;
        switchboard.audiences.clear();
    }

    fn call(&self, audience: &str) {
        if let Some(calls) = lock(&self.switchboard).audiences.get(audience) {
            calls.send_replace(());
        }
    }
}

fn lock(switchboard: &Mutex<Switchboard>) -> MutexGuard<'_, Switchboard> {
    switchboard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listener {
    /// Waits for a call; several at once are one. `false` when there will be none any more.
    pub async fn called(&mut self) -> bool {
        self.calls.changed().await.is_ok()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut switchboard = lock(&self.switchboard);
        switchboard.listeners -= 1;
        // This page is still among the receivers.
        if switchboard.audiences.get(&self.audience).is_some_and(|calls| calls.receiver_count() <= 1) {
            switchboard.audiences.remove(&self.audience);
        }
    }
}

/// Wakes the pages of `audience`, here and on the other instances.
pub async fn wake(base: &Base, audience: &str) {
    base.live.call(audience);
    base.cache.publish(CHANNEL, &format!("{} {audience}", base.live.instance)).await;
}

/// Passes other instances' calls on to this one's pages, for as long as the instance runs.
pub async fn relay(base: Base) {
    let Some(url) = base.config.redis_url.clone() else { return };
    loop {
        if let Err(error) = relay_until_lost(&base.live, &url, TIMEOUTS).await {
            tracing::debug!(%error, "live updates from other instances are interrupted");
        }
        tokio::time::sleep(RESUBSCRIBE_DELAY).await;
    }
}

async fn relay_until_lost(live: &Live, url: &str, timeouts: Timeouts) -> anyhow::Result<()> {
    let (mut asking, mut calls) = timeout(timeouts.answer, subscribe(url)).await??.split();
    let own = live.instance.to_string();
    loop {
        match timeout(timeouts.silence, calls.next()).await {
            Ok(Some(call)) => {
                let text: String = call.get_payload()?;
                if let Some((instance, audience)) = text.split_once(' ')
                    && instance != own
                {
                    live.call(audience);
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => timeout(timeouts.answer, asking.ping::<redis::Value>()).await?.map(drop)?,
        }
    }
}

async fn subscribe(url: &str) -> redis::RedisResult<PubSub> {
    let mut subscription = redis::Client::open(url)?.get_async_pubsub().await?;
    subscription.subscribe(CHANNEL).await?;
    Ok(subscription)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;
    use tokio::time::error::Elapsed;

    use super::*;

    fn switchboard(max_listeners: usize) -> Live {
        Live::new(&Random::seeded(1), max_listeners)
    }

    #[tokio::test]
    async fn a_call_reaches_its_audience_alone_and_leaves_nothing_behind() {
        let live = switchboard(10);
        let (mut mine, mut other) = (live.listen("a").unwrap(), live.listen("b").unwrap());
        live.call("a");
        live.call("a");
        live.call("nobody");
        assert!(mine.called().await);
        assert!(!other.calls.has_changed().unwrap());
        live.call("b");
        assert!(other.called().await);
        drop((mine, other));
        assert_eq!(live.listeners(), 0);
        assert!(lock(&live.switchboard).audiences.is_empty());
    }

    #[test]
    fn listeners_are_counted_for_each_audience_and_altogether() {
        let live = switchboard(MAX_LISTENERS_PER_AUDIENCE + 1);
        let mut held: Vec<_> = (0..MAX_LISTENERS_PER_AUDIENCE).map(|_| live.listen("a").unwrap()).collect();
        assert!(matches!(live.listen("a"), Err(Error::TooManyAttempts { .. })));
        held.push(live.listen("b").unwrap());
        assert!(matches!(live.listen("c"), Err(Error::TooManyAttempts { .. })));
        held.remove(0);
        held.push(live.listen("a").unwrap());
        assert_eq!(live.listeners(), held.len());
    }

    #[tokio::test]
    async fn who_listens_when_the_instance_stops_is_let_go() {
        let live = switchboard(1);
        let mut page = live.listen("a").unwrap();
        live.close();
        assert!(!page.called().await);
        assert!(matches!(live.listen("a"), Err(Error::Unavailable(_))));
        drop(page);
        assert_eq!(live.listeners(), 0);
    }

    const SUBSCRIBED: &str = "*3\r\n$9\r\nsubscribe\r\n$14\r\nprofcards:live\r\n:1\r\n";
    const CALLED: &str = "*3\r\n$7\r\nmessage\r\n$14\r\nprofcards:live\r\n$7\r\nother a\r\n";
    const PONG: &str = "*2\r\n$4\r\npong\r\n$0\r\n\r\n";

    /// Redis as far as a subscription needs it. It answers so many pings, and to the next it says nothing, or hangs up.
    async fn fake_redis(pings: usize, hangs_up: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut reading, mut writing) = listener.accept().await.unwrap().0.into_split();
            let (mut lines, mut left) = (BufReader::new(&mut reading).lines(), pings);
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = match line.as_str() {
                    "SETINFO" => "+OK\r\n".to_owned(),
                    "SUBSCRIBE" => format!("{SUBSCRIBED}{CALLED}"),
                    "PING" if left == 0 && hangs_up => return,
                    "PING" if left > 0 => {
                        left -= 1;
                        PONG.to_owned()
                    }
                    _ => continue,
                };
                writing.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        url
    }

    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn a_subscription_that_died_without_a_word_is_found_out() {
        let live = switchboard(10);
        let mut page = live.listen("a").unwrap();
        // As long as it answers it is kept: only the end of the connection ends it.
        let url = fake_redis(3, true).await;
        let timeouts = Timeouts { answer: LONG, silence: SHORT };
        let ended = timeout(LONG, relay_until_lost(&live, &url, timeouts)).await.expect("it ends");
        assert!(ended.is_err_and(|error| error.downcast_ref::<Elapsed>().is_none()), "by the hanging up");
        assert!(page.called().await, "a call came through it");
        let url = fake_redis(0, false).await;
        let timeouts = Timeouts { answer: SHORT * 50, silence: SHORT };
        let ended = timeout(LONG, relay_until_lost(&live, &url, timeouts)).await.expect("it ends");
        assert!(ended.unwrap_err().downcast_ref::<Elapsed>().is_some());
    }

    #[tokio::test]
    async fn a_redis_that_takes_the_connection_and_says_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let timeouts = Timeouts { answer: SHORT, silence: LONG };
        assert!(
            timeout(LONG, relay_until_lost(&switchboard(10), &url, timeouts))
                .await
                .expect("it ends")
                .is_err()
        );
    }
}
