//! A seeded walk through everything that happens to a member's cashback, beside a model of a few lines that says what
//! must come of each step.

use chrono::NaiveDate;
use profcards::base::random::Random;
use profcards::programme::ledger::store::balance;
use serde_json::{Value, json};

use super::support::{DAY_SECONDS, Phone, TestApp, Till, entity, next_id};

const STEPS: u32 = 160;
/// A till may hand in what is no older than 35 days; within them every step's outcome is known.
const MAX_DAYS: i64 = 32;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Pending,
    Available,
    Cancelled,
}

struct Purchase {
    mutation: Value,
    result: Value,
    member: usize,
    accrual: i64,
    redeemed: i64,
    state: State,
    confirm_on: NaiveDate,
}

struct Member {
    phone: Phone,
    revoked: bool,
    takes_part: bool,
}

struct Walk {
    app: TestApp,
    till: Till,
    random: Random,
    members: Vec<Member>,
    purchases: Vec<Purchase>,
    days: i64,
}

/// The offer lets so much of a purchase be paid from the balance, in percent.
const REDEEM_PERCENT: i64 = 30;

/// What the offer of the small union brings for what was left to pay.
fn expected_accrual(amount: i64) -> i64 {
    if amount < 100_00 { 0 } else { (amount * 3 / 100).min(500_00) }
}

impl Walk {
    async fn begin(seed: u64) -> Self {
        let app = TestApp::start().await;
        let mut members = Vec::new();
        for name in ["Иванова Мария Петровна", "Петрова Анна Сергеевна", "Сидорова Ольга Ивановна"]
        {
            let phone = Phone::activate(&app, app.member(name).await).await;
            members.push(Member { phone, revoked: false, takes_part: true });
        }
        let till = Till::pair(&app).await;
        Self { app, till, random: Random::seeded(seed), members, purchases: Vec::new(), days: 0 }
    }

    fn below(&self, bound: usize) -> usize {
        self.random.below(u32::try_from(bound).unwrap()) as usize
    }

    async fn step(&mut self) {
        // Each step has a second of its own, so that "before" and "after" are never a tie.
        self.app.advance(1);
        match self.below(100) {
            0..30 => self.buy().await,
            30..45 => self.redeem().await,
            45..55 => self.retry().await,
            55..60 => self.change_the_amount().await,
            60..65 => self.replay().await,
            65..82 => self.cancel().await,
            82..90 => self.let_days_pass().await,
            90..95 => self.lose_or_get_a_phone().await,
            _ => self.change_mind().await,
        }
    }

    async fn buy(&mut self) {
        let (now, which) = (self.app.now(), self.below(self.members.len()));
        let amount = 1 + i64::try_from(self.below(2_000_000)).unwrap();
        let mutation = self.till.purchase(&self.members[which].phone.token(now), amount, now);
        if let Some(code) = self.why_refused(which) {
            return self.till.refused(&mutation, code).await;
        }
        self.book(mutation, which, amount, 0).await;
    }

    fn why_refused(&self, which: usize) -> Option<&'static str> {
        let member = &self.members[which];
        if member.revoked {
            return Some("revoked");
        }
        (!member.takes_part).then_some("not-in-programme")
    }

    /// Pays a part from the balance: as much as may be, or a little more than that.
    async fn redeem(&mut self) {
        let (now, which) = (self.app.now(), self.below(self.members.len()));
        let below = |bound| 1 + i64::try_from(self.below(bound)).unwrap();
        let (amount, allowed, wish) = (below(300_000), below(100_000), below(60_000));
        let op_no = self.till.next_op_no();
        let digits = self.till.digits(op_no).await;
        let token = self.members[which].phone.redeeming(now, &digits, allowed.unsigned_abs());
        let mutation = self.till.redemption(&token, op_no, amount, wish, now);
        let agreed = allowed.min(amount * REDEEM_PERCENT / 100);
        let (available, _) = self.sums(which);
        let refused = self.why_refused(which);
        let limit = json!({ "token": token, "opNo": op_no, "amountKopecks": amount });
        let limit = self.till.client.post("/api/till/redemption-limit", &limit).await;
        if let Some(code) = refused {
            limit.refused(422, code);
            return self.till.refused(&mutation, code).await;
        }
        assert_eq!(limit.json(200), json!({ "maxKopecks": agreed.min(available) }));
        if wish > agreed {
            return self.till.refused(&mutation, "redemption-too-much").await;
        }
        if wish > available {
            return self.till.refused(&mutation, "balance-too-low").await;
        }
        self.book(mutation, which, amount, wish).await;
    }

    async fn book(&mut self, mutation: Value, which: usize, amount: i64, redeemed: i64) {
        let result = self.till.applied(&mutation).await;
        let accrual = expected_accrual(amount - redeemed);
        assert_eq!(result["accrualKopecks"], accrual);
        assert_eq!(result["payableKopecks"], amount - redeemed);
        let confirm_on = profcards::base::clock::days_after(self.app.app.clock.today(), 14);
        assert_eq!(result["confirmOn"], json!(confirm_on));
        self.purchases.push(Purchase {
            mutation,
            result,
            member: which,
            accrual,
            redeemed,
            state: State::Pending,
            confirm_on,
        });
    }

    fn any_purchase(&self) -> Option<usize> {
        (!self.purchases.is_empty()).then(|| self.below(self.purchases.len()))
    }

    async fn retry(&self) {
        let Some(which) = self.any_purchase() else { return };
        let purchase = &self.purchases[which];
        let answer = self.till.send(&purchase.mutation).await;
        assert_eq!((&answer["status"], &answer["result"]), (&json!("duplicate"), &purchase.result));
    }

    async fn change_the_amount(&self) {
        let Some(which) = self.any_purchase() else { return };
        let mut other = self.purchases[which].mutation.clone();
        other["args"]["amountKopecks"] = json!(1 + other["args"]["amountKopecks"].as_i64().unwrap());
        self.till.refused(&other, "idempotency-conflict").await;
    }

    async fn replay(&self) {
        let Some(which) = self.any_purchase() else { return };
        let mut again = self.purchases[which].mutation.clone();
        again["id"] = json!(next_id());
        let redeemed = self.purchases[which].redeemed > 0;
        // Who has left is booked nothing, whatever it is dated.
        let has_left = !self.members[self.purchases[which].member].takes_part;
        let refusal = if has_left { "not-in-programme" } else { "replayed" };
        if redeemed {
            // The code is seconds or days old by now, and its digits may be forgotten.
            let answer = self.till.send(&again).await;
            let code = answer["code"].as_str().unwrap();
            assert!([refusal, "redemption-offline", "challenge-over"].contains(&code), "{answer}");
        }
        again["id"] = json!(next_id());
        again["args"]["opNo"] = json!(self.till.next_op_no());
        // For this number no digits were asked for.
        self.till.refused(&again, if redeemed { "challenge-over" } else { refusal }).await;
    }

    async fn cancel(&mut self) {
        let Some(which) = self.any_purchase() else { return };
        let cancellation = self.till.cancellation(&self.purchases[which].mutation, self.app.now());
        match self.purchases[which].state {
            State::Pending => {
                self.till.applied(&cancellation).await;
                self.purchases[which].state = State::Cancelled;
            }
            State::Cancelled => self.till.refused(&cancellation, "already-cancelled").await,
            State::Available => self.till.refused(&cancellation, "cancel-too-late").await,
        }
    }

    async fn let_days_pass(&mut self) {
        let days = 1 + i64::try_from(self.below(4)).unwrap();
        if self.days + days > MAX_DAYS {
            return;
        }
        self.days += days;
        self.app.advance(days * DAY_SECONDS);
        self.app.housekeeping().await;
        let today = self.app.app.clock.today();
        for purchase in self.purchases.iter_mut().filter(|purchase| purchase.confirm_on <= today) {
            if purchase.state == State::Pending {
                purchase.state = State::Available;
            }
        }
    }

    async fn lose_or_get_a_phone(&mut self) {
        let which = self.below(self.members.len());
        let id = self.members[which].phone.member;
        if self.members[which].revoked {
            let phone = Phone::activate(&self.app, id).await;
            self.members[which] = Member { phone, revoked: false, takes_part: true };
        } else {
            self.app.revoke(id).await;
            self.members[which].revoked = true;
        }
    }

    async fn change_mind(&mut self) {
        let which = self.below(self.members.len());
        let member = &mut self.members[which];
        if !member.revoked {
            member.takes_part = !member.takes_part;
            member.phone.consent(member.takes_part).await;
        }
    }

    /// The member's sums as the model has them.
    fn sums(&self, member: usize) -> (i64, i64) {
        let sum = |state| -> i64 {
            let own =
                self.purchases.iter().filter(|purchase| purchase.member == member && purchase.state == state);
            own.map(|purchase| purchase.accrual).sum()
        };
        let spent = self.purchases.iter().filter(|one| one.member == member && one.state != State::Cancelled);
        let redeemed: i64 = spent.map(|purchase| purchase.redeemed).sum();
        (sum(State::Available) - redeemed, sum(State::Pending))
    }

    async fn compare(&self) {
        let mut conn = self.app.app.db.acquire().await.unwrap();
        for (which, member) in self.members.iter().enumerate() {
            let booked = balance(&mut conn, member.phone.member.into()).await.unwrap().shown();
            let sums = self.sums(which);
            assert_eq!((booked.available_kopecks.0, booked.pending_kopecks.0), sums);
            if !member.revoked {
                let pulled = member.phone.pull("").await;
                let seen = &entity(&pulled, "balance").unwrap()["availableKopecks"];
                assert_eq!(*seen, sums.0);
            }
        }
        let audit = self.app.audit().await;
        let ended = self.purchases.iter().filter(|purchase| purchase.state != State::Pending).count();
        assert_eq!(audit.postings, i64::try_from(self.purchases.len() + ended).unwrap());
    }
}

async fn walk(seed: u64) {
    let mut walk = Walk::begin(seed).await;
    for step in 1..=STEPS {
        walk.step().await;
        if step % 20 == 0 {
            walk.compare().await;
        }
    }
    let reached = |state| walk.purchases.iter().any(|purchase| purchase.state == state);
    assert!(reached(State::Available) && reached(State::Cancelled), "the walk went nowhere");
    assert!(walk.purchases.iter().any(|purchase| purchase.redeemed > 0), "the walk paid nothing");
}

#[tokio::test]
async fn the_books_match_the_model_after_a_first_random_walk() {
    walk(1).await;
}

#[tokio::test]
async fn the_books_match_the_model_after_a_second_random_walk() {
    walk(2).await;
}

#[tokio::test]
async fn the_books_match_the_model_after_a_third_random_walk() {
    walk(3).await;
}
