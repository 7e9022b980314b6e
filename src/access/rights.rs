//! Who may do what: roles × actions, in one table. Over which organisations a role reaches is the mandate's affair (`policy`).

use crate::base::words::word_enum;

word_enum! {
    /// The role of an account's mandate.
    pub enum MandateRole in "mandate.role" {
        /// Председатель of a primary organisation or of a part of it.
        Chair = "chair",
        /// Staff of a regional or territorial organisation.
        Regional = "regional",
    }
}

/// The role in which somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Председатель of a primary organisation or of a part of it.
    Chair,
    /// Staff of a regional or territorial organisation.
    Regional,
    /// A member, by the own phone or the printed sheet; no mandate has this role.
    Member,
    /// A paired till; no mandate has this role.
    Till,
    /// Whoever runs the instance, by a command, and the instance itself; no mandate has this role.
    Operator,
}

impl Role {
    /// The mandate by which somebody has this role; none where it needs none.
    pub fn mandate(self) -> Option<MandateRole> {
        match self {
            Self::Chair => Some(MandateRole::Chair),
            Self::Regional => Some(MandateRole::Regional),
            Self::Member | Self::Till | Self::Operator => None,
        }
    }
}

/// A type that stands for one action, so that a scope names what it was given for.
pub trait Permit: Copy {
    /// The action.
    const ACTION: Action;
}

/// An action that changes nothing: its scope may be found outside an act.
pub trait Reading: Permit {}

/// The table of rights. Each action has its type, its name in the log, and the roles that may do it: without them it
/// does not compile.
macro_rules! actions {
    ($($(#[$doc:meta])+ $action:ident $name:literal: $($role:ident)+;)+) => {
        /// What a signed-in account may be allowed to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])+ $action,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$action),+];

            /// The action's name in the log.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$action => $name,)+
                }
            }

            /// The roles that may do it.
            pub fn roles(self) -> &'static [Role] {
                match self {
                    $(Self::$action => &[$(Role::$role),+],)+
                }
            }
        }

        $(
            $(#[$doc])+
            #[derive(Clone, Copy, Debug)]
            pub struct $action;

            impl Permit for $action {
                const ACTION: Action = Action::$action;
            }
        )+
    };
}

actions! {
    /// See an organisation, its figures and what is directly below it.
    ReadOrganisation "organisation.read": Chair Regional;
    /// List and search the members of an organisation and of all below it.
    ListMembers "members.list": Chair Regional;
    /// See one member.
    ReadMember "member.read": Chair Regional;
    /// Enter a person.
    AddMember "member.add": Chair Regional;
    /// Correct a member's data.
    EditMember "member.edit": Chair Regional;
    /// Suspend, resume or end a membership.
    SetStatus "member.status": Chair Regional;
    /// Register a member in another organisation; needed over both.
    TransferMember "member.transfer": Chair Regional;
    /// Report that a member's phone is lost.
    ReportLostPhone "member.phone-lost": Chair Regional;
    /// Revoke every card of a member.
    RevokeCards "cards.revoke": Chair Regional;
    /// Print a member's sheet: a code for the phone and the paper card.
    PrintSheet "sheet.print": Chair Regional;
    /// Print paper cards for many members.
    PrintPaperCards "paper-cards.print": Chair Regional;
    /// Record consents that were signed on paper.
    RecordConsents "consents.record": Chair Regional;
    /// See the progress of a job that one has ordered.
    ReadJob "job.read": Chair Regional;
    /// Enrol a phone with the printed sheet.
    EnrolPhone "phone.enrol": Member;
    /// Fetch a newer card for the phone.
    RenewCard "card.renew": Member;
    /// Give or withdraw a consent in the app.
    ChangeConsent "consent.change": Member;
    /// Agree that another phone takes this one's place, or take that back.
    AgreeToMove "phone.move": Member;
    /// Report one's own phone lost.
    ReportOwnLoss "phone.lost": Member;
    /// Sign the phone out.
    SignOutPhone "phone.sign-out": Member;
    /// Mark notices as read.
    ReadNotices "notices.read": Member;
    /// Pair a browser with an outlet.
    PairTill "till.pair": Till;
    /// End a till.
    UnpairTill "till.unpair": Till Operator;
    /// Hand in a purchase; the journal is its record.
    RecordPurchase "purchase.record": Till;
    /// Take a purchase back; the journal is its record.
    CancelPurchase "purchase.cancel": Till;
    /// Decide on purchases that are held, or take a confirmed one back.
    DecidePurchase "purchase.decide": Operator;
    /// Make a code that pairs a till.
    MakePairingCode "pairing-code.make": Operator;
    /// Give a partner's server a key.
    MakePartnerKey "partner-key.make": Operator;
    /// Revoke a partner's key.
    RevokePartnerKey "partner-key.revoke": Operator;
    /// Issue many cards anew.
    ReissueCards "cards.reissue": Operator;
    /// Make a card or status key that takes over later.
    RotateKey "key.rotate": Operator;
    /// Trust a card or status key no more.
    RevokeKey "key.revoke": Operator;
    /// Put a trust list in force.
    InstallTrustList "trust-list.install": Operator;
    /// Confirm that the clock is right and that a step of housekeeping really has so much to do.
    LiftBound "housekeeping.anyway": Operator;
    /// Let a job that was set aside be tried again.
    RetryJob "job.retry": Operator;
    /// Let go of a job that is not to be done any more.
    DropJob "job.drop": Operator;
    /// Take up a database that was loaded from a dump.
    TakeUpDump "dump.take-up": Operator;
    /// Load the demo union.
    LoadDemo "demo.load": Operator;
    /// Make a code by which a demo member's phone is enrolled.
    MakeDemoCode "demo.code": Operator;
}

impl Reading for ReadOrganisation {}
impl Reading for ListMembers {}
impl Reading for ReadMember {}
impl Reading for ReadJob {}
