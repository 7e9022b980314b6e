//! A partner's till: paired over HTTP, it hands in what it recorded.

use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Client, Reply, TestApp, next_id, settled};

/// A paired till. Its clock is the caller's business.
pub struct Till {
    pub client: Client,
    pub client_id: Uuid,
    pub terminal: Uuid,
    seq: AtomicI64,
    op_no: AtomicI64,
}

impl Till {
    /// Pairs a new till with the outlet.
    pub async fn pair(app: &TestApp) -> Self {
        Self::pair_as(app, next_id()).await
    }

    /// Pairs the browser that goes by this id.
    pub async fn pair_as(app: &TestApp, client_id: Uuid) -> Self {
        let client = app.anonymous();
        let pairing = json!({ "code": app.pairing_code().await, "clientId": client_id });
        let state = client.post("/api/till/pairing", &pairing).await.json(201);
        Self {
            client,
            client_id,
            terminal: state["terminalId"].as_str().unwrap().parse().unwrap(),
            seq: AtomicI64::new(1),
            op_no: AtomicI64::new(1),
        }
    }

    pub fn next_op_no(&self) -> i64 {
        self.op_no.fetch_add(1, Ordering::Relaxed)
    }

    /// A mutation under a new id.
    pub fn mutation(&self, name: &str, args: &Value, at: u64) -> Value {
        let seq = self.seq.fetch_add(1, Ordering::Relaxed);
        json!({ "id": next_id(), "seq": seq, "name": name, "args": args, "at": at })
    }

    /// A purchase under a new operation number.
    pub fn purchase(&self, token: &str, amount_kopecks: i64, at: u64) -> Value {
        let args = json!({ "token": token, "amountKopecks": amount_kopecks, "opNo": self.next_op_no() });
        self.mutation("purchase.record", &args, at)
    }

    /// Asks for the digits of an operation.
    pub async fn ask_digits(&self, op_no: i64) -> Reply {
        let body = json!({ "opNo": op_no, "amountKopecks": 1_000_00 });
        self.client.post("/api/till/redemption-challenge", &body).await
    }

    /// The digits that this till shows for an operation from now on.
    pub async fn digits(&self, op_no: i64) -> String {
        self.ask_digits(op_no).await.json(200)["digits"].as_str().unwrap().to_owned()
    }

    /// A purchase under this operation number, a part of it paid from the balance.
    pub fn redemption(&self, token: &str, op_no: i64, amount: i64, redeem: i64, at: u64) -> Value {
        let args = json!({ "token": token, "amountKopecks": amount, "redeemKopecks": redeem, "opNo": op_no });
        self.mutation("purchase.record", &args, at)
    }

    /// Takes back what a mutation recorded.
    pub fn cancellation(&self, purchase: &Value, at: u64) -> Value {
        let args = json!({ "mutationId": purchase["id"], "opNo": self.next_op_no() });
        self.mutation("purchase.cancel", &args, at)
    }

    /// A push's body, the till's clock showing `client_time`.
    pub fn push_body(mutations: &[Value], client_time: u64) -> Value {
        json!({
            "face": "till", "schema": 1, "clientTime": client_time, "mutations": mutations,
        })
    }

    /// Pushes; answers everything that came back.
    pub async fn push(&self, mutations: &[Value], client_time: u64) -> Value {
        self.client.post("/api/sync/push", &Self::push_body(mutations, client_time)).await.json(200)
    }

    /// Pushes one mutation at its own time; answers its answer.
    pub async fn send(&self, mutation: &Value) -> Value {
        let pushed = self.push(std::slice::from_ref(mutation), mutation["at"].as_u64().unwrap()).await;
        assert_eq!(pushed["answers"][0]["id"], mutation["id"]);
        pushed["answers"][0].clone()
    }

    /// The mutation is booked; answers its result.
    #[track_caller]
    pub fn applied(&self, mutation: &Value) -> impl Future<Output = Value> {
        let location = std::panic::Location::caller();
        async move {
            let answer = self.send(mutation).await;
            assert_eq!(answer["status"], "applied", "{answer} at {location}");
            answer["result"].clone()
        }
    }

    /// The mutation is refused for good with this code.
    #[track_caller]
    pub fn refused(&self, mutation: &Value, code: &str) -> impl Future<Output = ()> {
        let location = std::panic::Location::caller();
        async move {
            let answer = self.send(mutation).await;
            assert_eq!(
                (&answer["status"], &answer["code"]),
                (&json!("rejected"), &json!(code)),
                "at {location}"
            );
        }
    }

    /// Pulls from a cursor, or everything, until nothing waits.
    pub async fn pull(&self, cursor: &str) -> Value {
        let path = format!("/api/sync/pull?face=till&schema=1&cursor={cursor}");
        settled(async || self.client.get(&path).await.json(200)).await
    }
}
