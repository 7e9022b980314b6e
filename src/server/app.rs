//! What a running instance consists of, made once and shared by every request. No rules live here.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::assets::Shell;
use super::connections::ConnectionLimits;
use super::health::WriteProbe;
use crate::base::Base;
use crate::base::clock::Clock;
use crate::base::config::Config;
use crate::base::random::Random;
use crate::cards::Issuer;

/// One instance: an issuer of cards that is asked over HTTP. A clone is another handle to the same.
#[derive(Clone)]
pub struct App {
    issuer: Issuer,
    /// The limits of its connections.
    pub bounds: ConnectionLimits,
    /// The probe that tells whether the database takes what is written.
    pub write_probe: Arc<WriteProbe>,
    /// Whether it was told to stop: it still answers then, and says that no more should be sent to it.
    pub is_stopping: Arc<AtomicBool>,
    /// The file about this instance that the PWA precaches.
    pub shell: Arc<Shell>,
}

impl Deref for App {
    type Target = Issuer;

    fn deref(&self) -> &Issuer {
        &self.issuer
    }
}

impl App {
    /// Connects, migrates, makes or loads the instance's keys and its first trust list.
    pub async fn start(config: Config, clock: Clock, random: Random) -> anyhow::Result<Self> {
        let bounds = ConnectionLimits::of(&config);
        let issuer = Issuer::open(Base::open(config, clock, random, bounds.listeners).await?).await?;
        Ok(Self {
            bounds,
            write_probe: Arc::default(),
            is_stopping: Arc::default(),
            shell: Arc::new(Shell::new(&issuer.config, &issuer.keys)),
            issuer,
        })
    }
}
