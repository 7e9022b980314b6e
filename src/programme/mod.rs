//! ПрофКардс, the programme: [`partners`] with their outlets and tills, the [`offers`] that they make, the [`ledger`] in which purchases
//! and balances are booked, and the [`vendors`]' servers that ask about cards.

pub mod ledger;
pub mod offers;
pub mod partners;
pub mod tills;
pub mod vendors;
