//! The shape of a vector, as `vectors/README.md` describes it.

use serde::{Deserialize, Serialize};

/// One verification and how it must end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vector {
    pub name: String,
    pub token: String,
    pub now: u64,
    pub roots: Vec<String>,
    pub trust_list: Option<String>,
    pub status_lists: Vec<String>,
    pub held: Held,
    pub challenge: Option<String>,
    pub wants: String,
    pub amount_kopecks: Option<u64>,
    pub expect: Expect,
}

/// What the verifier knew before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Held {
    pub trust_seq: Option<u64>,
    pub status_iat: Option<u64>,
    pub proof_ids: Vec<String>,
}

/// How the verification must end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expect {
    pub accepted: bool,
    pub code: String,
    pub warning: Option<String>,
    pub allowed: Vec<String>,
    pub number: Option<String>,
    pub class: Option<String>,
    pub proof_id: Option<String>,
}

impl Expect {
    pub fn refused(code: &str) -> Self {
        Self {
            accepted: false,
            code: code.to_owned(),
            warning: None,
            allowed: vec![],
            number: None,
            class: None,
            proof_id: None,
        }
    }

    pub fn warned(self, warning: &str) -> Self {
        Self { warning: Some(warning.to_owned()), ..self }
    }

    pub fn with_redemption(self) -> Self {
        Self { allowed: ["discount", "accrual", "redemption"].map(str::to_owned).to_vec(), ..self }
    }

    pub fn without_redemption(self) -> Self {
        Self { allowed: vec!["discount".to_owned(), "accrual".to_owned()], ..self }
    }
}
