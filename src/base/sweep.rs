//! How much one round of housekeeping may do. A round that would end more than half of what there is has a wrong clock or a
//! wrong rule behind it more often than a reason, so it stops, tells, and leaves the decision to a person.

use anyhow::anyhow;

use crate::base::error::Error;

/// Rows that one statement removes: few enough to be gone before anybody waits for them.
pub const BATCH: i64 = 5_000;

/// The number of rows that is never too large for one round: in a small table all are often due at once.
const FEW: i64 = 1_000;

/// The steps that have a bound, by the names under which the log tells of them.
pub const STEPS: [&str; 5] = ["confirm", "sessions", "notices", "lookups", "changes"];

/// The rows of a table that a round is about to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueRows {
    /// Rows whose time has come.
    pub due: i64,
    /// Rows that stay; not counted beyond `due`.
    pub left: i64,
}

/// The bound of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At most half of what there is.
    Half,
    /// Whatever is due: a person has looked.
    None,
}

/// The steps that are done without a bound, because a person has looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiftedSteps {
    /// No step.
    Nothing,
    /// This one of [`STEPS`].
    Only(&'static str),
    /// Every step.
    Everything,
}

impl LiftedSteps {
    /// The bound of a step.
    pub fn bound(self, step: &str) -> Bound {
        match self {
            Self::Everything => Bound::None,
            Self::Only(lifted) if lifted == step => Bound::None,
            Self::Only(_) | Self::Nothing => Bound::Half,
        }
    }
}

/// Reads which steps somebody lifts: a name, or `all`.
pub fn parse_lifted_steps(text: &str) -> Result<LiftedSteps, String> {
    let named = STEPS.iter().find(|step| **step == text).map(|step| LiftedSteps::Only(step));
    let lifted = if text == "all" { Some(LiftedSteps::Everything) } else { named };
    lifted.ok_or_else(|| format!("the steps are {}; or all", STEPS.join(", ")))
}

impl Bound {
    /// Checks whether a round may remove so many rows.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they are too many for one round.
    pub fn check(self, rows: DueRows) -> crate::base::error::Result<()> {
        let DueRows { due, left } = rows;
        if self == Self::None || due <= FEW || due <= left {
            return Ok(());
        }
        Err(Error::Unavailable(anyhow!(
            "{due} rows are due and only {left} would stay, which is far more than a usual round: nothing was done; when it is \
             right, `profcards housekeeping --anyway STEP` does it"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_removes_no_more_than_half_of_a_table_unless_it_is_small_or_allowed() {
        for (due, left, fits) in
            [(0, 0, true), (1_000, 0, true), (1_001, 1_000, false), (1_001, 1_001, true), (200_000, 3, false)]
        {
            let rows = DueRows { due, left };
            assert_eq!(Bound::Half.check(rows).is_ok(), fits, "{rows:?}");
            assert!(Bound::None.check(rows).is_ok());
        }
    }

    #[test]
    fn lifting_the_bound_of_one_step_lifts_no_other() {
        let lifted = parse_lifted_steps("changes").unwrap();
        assert_eq!((lifted.bound("changes"), lifted.bound("confirm")), (Bound::None, Bound::Half));
        assert_eq!(parse_lifted_steps("all").unwrap().bound("confirm"), Bound::None);
        assert!(parse_lifted_steps("cards").unwrap_err().contains("confirm, sessions"));
    }
}
