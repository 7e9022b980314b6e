//! People and their membership: what is entered once and everything else is made from. The rules for names, phones and
//! dates are here, without I/O.

pub mod consents;
pub mod names;
pub(crate) mod person_form;
pub mod routes;
pub mod store;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::consents::{Consent, ConsentChannel, ConsentKind};
use self::person_form::{Faults, PersonFields, TypedPersonFields, consent_fault, is_too_young};
use crate::base::code::FieldCode;
use crate::base::error::{Error, Result};
use crate::base::ids::{CardId, MembershipId, OrganisationId};
use crate::base::pages::{Counted, Page};
use crate::base::secret::InstanceSecret;
use crate::base::words::{number_enum, word_enum};

word_enum! {
    /// The status of a membership.
    pub enum MembershipStatus in "membership.status" {
        /// The membership is in force.
        Active = "active",
        /// The membership is suspended, and so are its cards.
        Suspended = "suspended",
        /// The member has left (вышел).
        Left = "left",
        /// The member was expelled (исключён).
        Expelled = "expelled",
        /// The membership ended otherwise.
        Ended = "ended",
    }
}

impl MembershipStatus {
    /// Whether the member is on the register.
    pub fn is_registered(self) -> bool {
        matches!(self, Self::Active | Self::Suspended)
    }
}

word_enum! {
    /// The sex, which the declension of names needs.
    pub enum Sex in "person.sex" {
        /// Female (женский).
        Female = "f",
        /// Male (мужской).
        Male = "m",
    }
}

number_enum! {
    /// The category of a member: what the member does.
    pub enum Category in "engagement.category" {
        /// The member works.
        Working = 1,
        /// The member studies.
        Student = 2,
        /// A pensioner who no longer works.
        Pensioner = 3,
    }
}

impl From<profcards_card::Category> for Category {
    fn from(shown: profcards_card::Category) -> Self {
        match shown {
            profcards_card::Category::Working => Self::Working,
            profcards_card::Category::Student => Self::Student,
            profcards_card::Category::Pensioner => Self::Pensioner,
        }
    }
}

impl From<Category> for profcards_card::Category {
    fn from(category: Category) -> Self {
        match category {
            Category::Working => Self::Working,
            Category::Student => Self::Student,
            Category::Pensioner => Self::Pensioner,
        }
    }
}

word_enum! {
    /// The form in which a card is held.
    pub enum CardClass in "card.class" {
        /// The card is on a phone.
        Phone = "phone",
        /// The card is on paper.
        Paper = "paper",
    }
}

impl From<profcards_card::CardClass> for CardClass {
    fn from(class: profcards_card::CardClass) -> Self {
        match class {
            profcards_card::CardClass::Phone => Self::Phone,
            profcards_card::CardClass::Paper => Self::Paper,
        }
    }
}

word_enum! {
    /// The best valid one of a member's cards.
    pub enum BestCard in "card.class" {
        /// The best valid card is on a phone.
        Phone = "phone",
        /// The best valid card is on paper.
        Paper = "paper",
        /// The member has no valid card.
        None = "none",
    }
}

word_enum! {
    /// The state of a card.
    pub enum CardState in "card.status" {
        /// The card is valid.
        Valid = "valid",
        /// The card was revoked.
        Revoked = "revoked",
        /// The card is suspended with the membership.
        Suspended = "suspended",
        /// The card has expired.
        Expired = "expired",
        /// A newer card has replaced the card.
        Superseded = "superseded",
    }
}

/// The most members in one request.
const MAX_CHOSEN: usize = 200;

/// Refuses what is no choice of members for one act: nobody, too many, somebody twice.
pub fn check_chosen(ids: &[MembershipId]) -> Result<()> {
    let code = match ids.len() {
        0 => FieldCode::Required,
        count if count > MAX_CHOSEN => FieldCode::TooMany,
        count if ids.iter().collect::<BTreeSet<_>>().len() < count => FieldCode::Repeated,
        _ => return Ok(()),
    };
    Err(Error::field("memberIds", code))
}

/// The stored answer of an act on one member.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberRef {
    /// The membership.
    pub member_id: MembershipId,
}

/// A new member, as a chairperson enters them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMember {
    /// The fields of the person.
    #[serde(flatten)]
    pub person: TypedPersonFields,
    /// The day of the decision to admit.
    pub joined_on: NaiveDate,
    /// The day on which the paper consent to processing was signed, if it was.
    #[serde(default)]
    pub processing_consent_on: Option<NaiveDate>,
    /// Whether somebody has looked, and says that the member there with this name and birth date is another person.
    #[serde(default)]
    pub is_another_person: bool,
}

/// A new member whose form was checked.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The fields of the person.
    pub person: PersonFields,
    /// The day of the decision to admit.
    pub joined_on: NaiveDate,
    /// The day on which the paper consent to processing was signed, if it was.
    pub processing_consent_on: Option<NaiveDate>,
    /// Whether somebody has looked, and says that the member there with this name and birth date is another person.
    pub is_another_person: bool,
}

impl NewMember {
    /// Tidies what was typed and refuses what cannot be accepted, field by field; `latest` is the latest day that it
    /// can be anywhere now.
    pub fn checked(&self, latest: NaiveDate) -> Result<Admission> {
        let &Self { joined_on, processing_consent_on, is_another_person, .. } = self;
        let birth_date = self.person.birth_date;
        let (person, mut faults) = match self.person.checked(latest) {
            Ok(person) => (Some(person), Faults::new()),
            Err(faults) => (None, faults),
        };
        if joined_on > latest {
            faults.insert("joinedOn", FieldCode::InTheFuture);
        } else if joined_on < birth_date {
            faults.insert("joinedOn", FieldCode::BeforeBirth);
        } else if is_too_young(birth_date, joined_on) {
            faults.entry("birthDate").or_insert(FieldCode::TooYoungWhenJoined);
        }
        let fault = processing_consent_on.and_then(|day| consent_fault(day, birth_date, latest));
        faults.extend(fault.map(|code| ("processingConsentOn", code)));
        match person {
            Some(person) if faults.is_empty() => {
                Ok(Admission { person, joined_on, processing_consent_on, is_another_person })
            }
            _ => Err(Error::InvalidInput(faults)),
        }
    }
}

/// A member in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberSummary {
    /// The membership.
    pub id: MembershipId,
    /// The surname (фамилия).
    pub last_name: String,
    /// The first name (имя).
    pub first_name: String,
    /// The middle name (отчество).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    /// The membership number, twelve digits.
    pub number: String,
    /// The member's category.
    pub category: Category,
    /// The position (должность).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// The organisation in which the member is registered.
    pub organisation_id: OrganisationId,
    /// The organisation's short name.
    pub organisation_name: String,
    /// The best valid card.
    pub card: BestCard,
    /// Whether a consent to processing is on record.
    pub processing_consent: bool,
    /// The membership's status.
    pub status: MembershipStatus,
}

/// A page of a list of members.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberPage {
    /// In the order of their names.
    #[serde(flatten)]
    pub page: Page<MemberSummary>,
    /// How many there are on all pages.
    pub found: Counted,
    /// The same figure for apps of earlier releases, which know of no limit and read on while they have fewer rows:
    /// where counting stopped it is more than they have.
    pub total: i64,
}

/// The position up to which a list of members was read. It is good for as long as the last member has the name that it was
/// made with: by another one the list would go on from another place.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ReadUpTo {
    /// The last member shown.
    pub last: MembershipId,
    /// The tag of that member's name, as [`name_tag`] gives it. Where an earlier release has left it out, the list begins anew.
    #[serde(default)]
    pub name_tag: u64,
    /// The number of members shown so far.
    pub shown: u32,
}

/// What tells this instance, and nobody else, whether a member still has the name by which a list was read: a cursor stands
/// in addresses, where no name may be guessed from it.
fn name_tag(secret: &InstanceSecret, search_name: &str, member_id: MembershipId) -> u64 {
    let mac = secret.mac("list-name", &[search_name.as_bytes(), member_id.0.as_bytes()]);
    mac.iter().take(8).fold(0, |tag, byte| tag << 8 | u64::from(*byte))
}

/// One member, with what a chairperson needs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberDetail {
    /// The part that lists show too.
    #[serde(flatten)]
    pub summary: MemberSummary,
    /// The sex on record.
    pub sex: Sex,
    /// The day of birth.
    pub birth_date: NaiveDate,
    /// The phone number: `+7` and ten digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The day of the decision to admit.
    pub joined_on: NaiveDate,
    /// The phone that holds the member's card.
    pub enrolled_phone: Option<EnrolledPhone>,
    /// The consents in force.
    pub consents: Vec<MemberConsent>,
    /// All cards, newest first.
    pub cards: Vec<MemberCard>,
    /// The newest activation code, if one was printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// A phone that is enrolled now.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrolledPhone {
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub enrolled_at: DateTime<Utc>,
}

/// A consent in force.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberConsent {
    /// The kind of consent.
    pub kind: ConsentKind,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub given_at: DateTime<Utc>,
    /// The way in which the consent was given.
    pub channel: ConsentChannel,
}

impl From<Consent> for MemberConsent {
    fn from(consent: Consent) -> Self {
        Self { kind: consent.kind, given_at: consent.given_at, channel: consent.channel }
    }
}

/// A card that was issued to the member.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberCard {
    /// The card.
    pub id: CardId,
    /// The form in which the card is held.
    pub class: CardClass,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub issued_at: DateTime<Utc>,
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub expires_at: DateTime<Utc>,
    /// The card's state.
    pub state: CardState,
}

/// The newest activation code and what became of it. The code itself is on the printed sheet only.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Activation {
    /// Unix seconds.
    #[serde(with = "chrono::serde::ts_seconds")]
    #[schema(value_type = i64)]
    pub expires_at: DateTime<Utc>,
    /// Whether a phone was enrolled with it.
    pub used: bool,
}
