//! What a verifier downloads, checked with the pins of the app shell: the only way in which the tests look at a card.

use profcards_card::{
    Context, SignedCard, Status, StatusList, StatusLists, StatusRef, StatusSource, TrustList, Verdict, Wants,
    verify,
};
use serde_json::Value;

use super::{Client, TestApp};

/// The lists as published at one moment.
pub struct Held {
    pub trust: TrustList,
    pub status: StatusLists,
    now: u64,
}

/// The pins that the app shell carries.
pub async fn pins(client: &Client) -> Vec<[u8; 32]> {
    let shell: Value = client.get("/shell.json").await.json(200);
    let roots = shell["roots"].as_array().unwrap();
    roots.iter().map(|root| hex::decode(root.as_str().unwrap()).unwrap().try_into().unwrap()).collect()
}

/// The place that a card (its COSE bytes) has on the lists.
pub fn status_ref_of(card: &[u8]) -> StatusRef {
    SignedCard::parse(card).unwrap().claims.status
}

impl Held {
    /// Downloads the trust list and the first status list.
    pub async fn download(app: &TestApp) -> Self {
        let (client, now) = (app.anonymous(), app.now());
        let trust = client.get("/.well-known/profcards/trust-list").await;
        let trust = TrustList::load(&trust.body, &pins(&client).await, None).expect("the pins' trust list");
        let list = client.get("/.well-known/profcards/status/1").await;
        let mut status = StatusLists::default();
        status.add(StatusList::load(&list.body, &trust, now, None).expect("a status key's list"));
        Self { trust, status, now }
    }

    /// The same lists, looked at later.
    pub fn at(self, now: u64) -> Self {
        Self { now, ..self }
    }

    /// The verdict of an offline verifier now.
    pub fn verdict(&self, token: &str) -> Verdict {
        let context = Context {
            now: self.now,
            trust: Ok(&self.trust),
            status: StatusSource::Lists(&self.status),
            challenge: None,
            wants: Wants::Accrual,
            seen: &|_| false,
        };
        verify(token, &context)
    }

    /// How a card (its COSE bytes) stands on its list.
    pub fn status_of(&self, card: &[u8]) -> Status {
        let place = status_ref_of(card);
        self.status.find(&place.uri).unwrap().get(place.idx).unwrap()
    }
}
