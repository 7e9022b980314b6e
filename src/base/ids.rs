//! What rows are known by, a type for each kind of row, so that no id stands where another kind is meant. A query takes the inner value
//! (`id.0`, a list `ids as &[MembershipId]`), and names the type of a column where sqlx does not find it by itself.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$about:meta])* $name:ident($inner:ty);)+) => {$(
        $(#[$about])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema, sqlx::Type,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        #[schema(value_type = $inner)]
        pub struct $name(pub $inner);

        impl From<$inner> for $name {
            fn from(id: $inner) -> Self {
                Self(id)
            }
        }

        impl Display for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = <$inner as FromStr>::Err;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// An organisation of the union.
    OrganisationId(i64);
    /// A person, whatever their memberships.
    PersonId(Uuid);
    /// A membership: what the API calls a member.
    MembershipId(Uuid);
    /// An account of those who keep the register.
    AccountId(Uuid);
    /// A member's phone.
    DeviceId(Uuid);
    /// An activation code, and the sheet on which it is printed.
    ActivationId(Uuid);
    /// A card.
    CardId(Uuid);
    /// A notice to a member.
    NoticeId(Uuid);
    /// A partner.
    PartnerId(Uuid);
    /// A partner's shop.
    OutletId(Uuid);
    /// A till.
    TerminalId(Uuid);
    /// A key of a partner's server.
    PartnerKeyId(Uuid);
    /// A till's lookup of a typed card number.
    LookupId(Uuid);
    /// A purchase.
    PurchaseId(Uuid);
    /// A job.
    JobId(Uuid);
}
