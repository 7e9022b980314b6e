//! One of a few: states, kinds and reasons as enums, with the word (or the small number) by which the database, the wire and the app know
//! each. What the database holds and no enum names is an error that says in which column it stands.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// An enum whose variants have a word each. With `in "table.column"` it is what that column of text holds.
macro_rules! word_enum {
    ($(#[$attr:meta])* $vis:vis enum $name:ident in $column:literal {
        $($(#[$about:meta])* $variant:ident = $word:tt,)+
    }) => {
        $crate::base::words::word_enum! { $(#[$attr])* $vis enum $name { $($(#[$about])* $variant = $word,)+ } }

        $crate::base::words::stored! { $name, &str, $column: $($variant = $word,)+ }
    };
    ($(#[$attr:meta])* $vis:vis enum $name:ident { $($(#[$about:meta])* $variant:ident = $word:tt,)+ }) => {
        $(#[$attr])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        $vis enum $name {
            $($(#[$about])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// The variant's word.
            $vis fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

/// An enum whose variants have a small number each: what a `smallint` column holds, and what the wire says.
macro_rules! number_enum {
    ($(#[$attr:meta])* $vis:vis enum $name:ident in $column:literal {
        $($(#[$about:meta])* $variant:ident = $number:tt,)+
    }) => {
        $(#[$attr])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(into = "i16", try_from = "i16")]
        $vis enum $name {
            $($(#[$about])* $variant = $number,)+
        }

        impl From<$name> for i16 {
            fn from(one: $name) -> Self {
                one as Self
            }
        }

        impl TryFrom<i16> for $name {
            type Error = String;

            fn try_from(number: i16) -> Result<Self, String> {
                match number {
                    $($number => Ok(Self::$variant),)+
                    _ => Err(format!("{number} is none of {:?}", [$($number),+])),
                }
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::Integer)
                    .description(Some(concat!($(stringify!($number), ": ", stringify!($variant), "; "),+)))
                    .enum_values(Some([$($number),+]))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        $crate::base::words::stored! { $name, i16, $column: $($variant = $number,)+ }
    };
}

/// The reading and writing of an enum's column.
macro_rules! stored {
    ($name:ident, $stored:ty, $column:literal: $($variant:ident = $value:tt,)+) => {
        impl sqlx::Type<sqlx::Postgres> for $name {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <$stored as sqlx::Type<sqlx::Postgres>>::type_info()
            }

            fn compatible(column: &sqlx::postgres::PgTypeInfo) -> bool {
                <$stored as sqlx::Type<sqlx::Postgres>>::compatible(column)
            }
        }

        impl sqlx::postgres::PgHasArrayType for $name {
            fn array_type_info() -> sqlx::postgres::PgTypeInfo {
                <$stored as sqlx::postgres::PgHasArrayType>::array_type_info()
            }
        }

        impl sqlx::Encode<'_, sqlx::Postgres> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut sqlx::postgres::PgArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                let stored: $stored = match self {
                    $(Self::$variant => $value,)+
                };
                <$stored as sqlx::Encode<'_, sqlx::Postgres>>::encode_by_ref(&stored, buffer)
            }
        }

        impl<'r> sqlx::Decode<'r, sqlx::Postgres> for $name {
            fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                match <$stored as sqlx::Decode<'_, sqlx::Postgres>>::decode(value)? {
                    $($value => Ok(Self::$variant),)+
                    unknown => Err(format!("{} holds {unknown:?}, which nobody here knows", $column).into()),
                }
            }
        }
    };
}

pub(crate) use {number_enum, stored, word_enum};

/// Reads a field of a form in which something is to be chosen: what is none of the choices is no choice, so that it can be refused by
/// the field's name, like any other that is filled in wrongly.
pub fn chosen<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let typed = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(typed).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utoipa::PartialSchema as _;

    word_enum! {
        /// A tide.
        enum Tide {
            /// Rising.
            HighWater = "high-water",
            /// Falling.
            Ebb = "ebb",
        }
    }

    number_enum! {
        /// A floor.
        enum Floor in "house.floor" {
            /// Below.
            Cellar = 0,
            /// Above.
            Attic = 9,
        }
    }

    #[test]
    fn the_wire_says_the_word_or_the_number() {
        assert_eq!(json!([Tide::HighWater, Tide::Ebb, Floor::Attic]), json!(["high-water", "ebb", 9]));
        assert_eq!(serde_json::from_value::<Tide>(json!("ebb")).unwrap(), Tide::Ebb);
        assert_eq!(Tide::HighWater.as_str(), "high-water");
        assert_eq!(serde_json::from_value::<Floor>(json!(0)).unwrap(), Floor::Cellar);
        assert!(serde_json::from_value::<Tide>(json!("HighWater")).is_err());
        assert!(serde_json::from_value::<Floor>(json!(1)).is_err());
    }

    #[test]
    fn the_description_names_every_choice() {
        assert_eq!(serde_json::to_value(Tide::schema()).unwrap()["enum"], json!(["high-water", "ebb"]));
        assert_eq!(serde_json::to_value(Floor::schema()).unwrap()["enum"], json!([0, 9]));
    }
}
