//! Searching the record: by the member whom an entry is about, or by the account that acted.

use std::fmt::{Display, Formatter};

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::base::error::Result;
use crate::base::ids::MembershipId;

/// The most members that a line names; of more it says how many.
const NAMED_MEMBERS: usize = 3;

/// An act as the log has it.
#[derive(Debug)]
pub struct FoundAct {
    at: DateTime<Utc>,
    actor: String,
    login: Option<String>,
    action: String,
    members: Vec<MembershipId>,
    subject: Option<String>,
    reason: Option<String>,
    fields: Vec<String>,
}

impl Display for FoundAct {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let actor = self.login.as_ref().unwrap_or(&self.actor);
        write!(f, "{} {actor} {}", self.at.format("%Y-%m-%d %H:%M:%S"), self.action)?;
        if self.members.len() > NAMED_MEMBERS {
            write!(f, " {} members", self.members.len())?;
        } else {
            for member in &self.members {
                write!(f, " member:{member}")?;
            }
        }
        for part in [&self.subject, &self.reason].into_iter().flatten() {
            write!(f, " {part}")?;
        }
        if self.fields.is_empty() { Ok(()) } else { write!(f, " [{}]", self.fields.join(", ")) }
    }
}

/// The acts on a member, or those of an account, the newest first.
pub async fn acts(
    db: &PgPool,
    membership_id: Option<MembershipId>,
    login: Option<&str>,
    limit: i64,
) -> Result<Vec<FoundAct>> {
    Ok(sqlx::query_as!(
        FoundAct,
        r#"select e.at, e.actor, a.login as "login?", e.action, e.members as "members: Vec<MembershipId>", e.subject, e.reason, e.fields
           from audit_entry e left join account a on 'staff:' || a.id = e.actor
           where ($1::uuid is null or e.members @> array[$1])
             and ($2::text is null or e.actor = 'cli:' || $2
                  or e.actor = 'staff:' || (select id from account where login = lower($2)))
           order by e.id desc limit $3"#,
        membership_id as Option<MembershipId>,
        login,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// A reading: an account was shown a member's data, or a page of a list.
#[derive(Debug)]
pub struct FoundRead {
    at: DateTime<Utc>,
    reader: String,
    login: Option<String>,
    member: Option<MembershipId>,
    shown: Option<i32>,
    filter: Option<String>,
}

impl Display for FoundRead {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let reader = self.login.as_ref().unwrap_or(&self.reader);
        write!(f, "{} {reader}", self.at.format("%Y-%m-%d %H:%M"))?;
        match (self.member, self.shown, &self.filter) {
            (Some(member), ..) => write!(f, " member:{member}"),
            (None, Some(shown), Some(filter)) => write!(f, " a list of {shown}: {filter}"),
            _ => Ok(()),
        }
    }
}

/// The readings of a member's data, lists that named the member among them, or those of an account, the newest first.
pub async fn reads(
    db: &PgPool,
    membership_id: Option<MembershipId>,
    login: Option<&str>,
    limit: i64,
) -> Result<Vec<FoundRead>> {
    Ok(sqlx::query_as!(
        FoundRead,
        r#"with whose as (select 'staff:' || id as reader from account where login = lower($2))
           select seen.at as "at!", seen.reader as "reader!", a.login as "login?", seen.member as "member?: MembershipId", seen.shown as "shown?",
                  seen.filter as "filter?"
           from (
               select quarter as at, reader, membership_id as member, null::integer as shown, null::text as filter
               from audit_read
               where ($1::uuid is null or membership_id = $1) and ($2::text is null or reader in (select reader from whose))
               union all
               select at, reader, null, cardinality(members), filter from audit_page
               where ($1::uuid is null or members @> array[$1]) and ($2::text is null or reader in (select reader from whose))
           ) seen left join account a on 'staff:' || a.id = seen.reader
           order by seen.at desc limit $3"#,
        membership_id as Option<MembershipId>,
        login,
        limit
    )
    .fetch_all(db)
    .await?)
}
