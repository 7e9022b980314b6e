//! Connections: how many there may be, how long each may take for what, and how they end when the instance is told to stop.
//! What is asked over them is the router's business.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

use crate::base::config::Config;
use crate::base::extract::ClientAddress;

/// The most connections at once; no instance needs more.
const MAX_CONNECTIONS: usize = 8_192;
/// Files that are not connections: the databases', the app's, the log.
const OTHER_FILES: usize = 256;
/// The number of connections among which at most one is a page that only listens.
const LISTENERS_PART: usize = 2;
/// The most connections from one address, where no proxy stands between; a customer's whole IPv6 network is one
/// address.
const MAX_PER_ADDRESS: usize = 256;
/// The time within which a request's head must be there, also the next one's on the same connection.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// The same time behind a proxy, which keeps slow clients off and its own connections for a minute.
const HEAD_WITHIN_OF_PROXY: Duration = Duration::from_secs(75);
/// The time after which a client that takes no byte of an answer is gone.
const TAKEN_WITHIN: Duration = Duration::from_mins(1);
/// The longest head of a request, as cookies and proxies make it.
const MAX_HEAD_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 64;
/// The wait when no connection can be taken, as when all files are open.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// The limits of an instance's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The most altogether; more wait in the kernel's queue.
    pub connections: usize,
    /// The most from one address; more are closed at once. None behind a proxy, all of whose connections come from its
    /// own.
    pub per_address: Option<usize>,
    /// The most pages that only listen.
    pub listeners: usize,
    head_within: Duration,
}

impl ConnectionLimits {
    /// The limits that the number of files allows which the process may open; it is raised as far as the system lets
    /// it.
    pub fn of(config: &Config) -> Self {
        let connections = open_files().saturating_sub(OTHER_FILES).clamp(OTHER_FILES, MAX_CONNECTIONS);
        let is_behind_proxy = config.behind_proxy > 0;
        Self {
            connections,
            per_address: (!is_behind_proxy).then_some(MAX_PER_ADDRESS),
            listeners: connections / LISTENERS_PART,
            head_within: if is_behind_proxy { HEAD_WITHIN_OF_PROXY } else { HEAD_WITHIN },
        }
    }
}

fn open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised =
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).is_ok();
    let files = if raised { limit.maximum } else { limit.current };
    files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// Serves until `stop` is done; then takes no more connections, and ends with the last request.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: ConnectionLimits,
    stop: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(bounds.connections));
    let addresses = Addresses::default();
    let connections = GracefulShutdown::new();
    let accepting = async {
        loop {
            let Ok(slot) = slots.clone().acquire_owned().await else { return };
            let (stream, peer) = accept(&listener).await;
            let Some(address_slot) = AddressSlot::take(&addresses, peer.ip(), bounds.per_address) else {
                metrics::counter!("profcards_limited_total", "limit" => "connections-address").increment(1);
                continue;
            };
            let held = ConnectionSlots { _slot: slot, _address_slot: address_slot };
            tokio::spawn(serve_one(
                stream,
                peer,
                router.clone(),
                bounds.head_within,
                connections.watcher(),
                held,
            ));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop => {}
    }
    drop(listener);
    connections.shutdown().await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}

/// The slots that a connection takes up.
struct ConnectionSlots {
    _slot: OwnedSemaphorePermit,
    _address_slot: AddressSlot,
}

async fn serve_one(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    head_within: Duration,
    watcher: Watcher,
    _held: ConnectionSlots,
) {
    // Nothing that is asked for here gains by waiting for more bytes.
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(TAKEN_WITHIN));
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move { router.oneshot(request).await.map_err(|never: Infallible| never) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_within)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    // A client that went away, was too slow or spoke no HTTP is its own trouble.
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended");
    }
}

/// The number of connections of each address, by the key of its limits.
type Addresses = Arc<Mutex<HashMap<String, usize>>>;

/// One of the connections of an address.
struct AddressSlot {
    addresses: Addresses,
    key: String,
}

impl AddressSlot {
    fn take(addresses: &Addresses, address: IpAddr, most: Option<usize>) -> Option<Self> {
        let key = ClientAddress(address).limit_key();
        let mut taken = addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key.clone()).or_insert(0);
        if most.is_some_and(|most| *count >= most) {
            return None;
        }
        *count += 1;
        Some(Self { addresses: addresses.clone(), key })
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let mut taken = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_many_addresses_has_the_connections_of_one() {
        let addresses = Addresses::default();
        let take = |address: &str| AddressSlot::take(&addresses, address.parse().unwrap(), Some(2));
        let held = [take("2001:db8:0:1::1"), take("2001:db8:0:1:ffff::2")];
        assert!(held.iter().all(Option::is_some));
        assert!(take("2001:db8:0:1::3").is_none(), "a customer of IPv6 holds a whole /64");
        assert!(take("2001:db8:0:2::1").is_some());
        // One of version 4 is the same in the clothes of version 6.
        let old = [take("203.0.113.9"), take("::ffff:203.0.113.9")];
        assert!(old.iter().all(Option::is_some) && take("203.0.113.9").is_none());
        assert!(take("203.0.113.10").is_some());
        drop((held, old));
        assert!(take("2001:db8:0:1::3").is_some());
        assert!(addresses.lock().unwrap().is_empty(), "what is not held is not remembered");
    }
}
