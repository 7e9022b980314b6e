//! Pages of a list: every list of the API that can grow is read by these. (What phones and tills pull is no list but a log, and has a
//! cursor of its own, in `act::change_log`.)

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// The number up to which a list's rows are counted. Nobody acts on a larger figure of a list: people are chosen by two
/// hundred at most, and who finds more searches on. An exact one would go through all that there is, for every page.
pub const COUNTED_AT_MOST: i64 = 200;

/// The number of rows of a page unless the request asks for another one.
const PAGE_LENGTH: u16 = 50;
/// The largest number of rows of a page.
const MAX_PAGE_LENGTH: u16 = 200;

/// The version with which every cursor begins. A cursor of another form is refused, and its reader begins anew.
const CURSOR_VERSION: &str = "1.";
/// The longest cursor that is read; one holds an id and a figure or two.
const MAX_CURSOR_CHARS: usize = 200;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows of the page, in the list's order.
    pub items: Vec<T>,
    /// The cursor that asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The page made of its rows and, if there are more, one row beyond; `position` gives the position behind a row,
    /// where the next page begins.
    pub fn cut<P: Serialize>(mut rows: Vec<T>, length: Length, position: impl Fn(&T) -> P) -> Self {
        let is_last = rows.len() <= length.rows();
        rows.truncate(length.rows());
        let end = rows.last().filter(|_| !is_last);
        Self { next_cursor: end.map(|row| Cursor(position(row)).to_text()), items: rows }
    }

    /// The same page of other rows.
    pub fn map<U>(self, row: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(row).collect(), next_cursor: self.next_cursor }
    }
}

/// The number of rows of a page that a request asks for: fifty if it says nothing, at most two hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "u16")]
pub struct Length(u16);

impl From<u16> for Length {
    fn from(asked: u16) -> Self {
        Self(asked.clamp(1, MAX_PAGE_LENGTH))
    }
}

impl Default for Length {
    fn default() -> Self {
        Self(PAGE_LENGTH)
    }
}

impl Length {
    /// The page's rows.
    pub fn rows(self) -> usize {
        usize::from(self.0)
    }

    /// The number of rows to read: one more than the page holds, which tells whether there is another page.
    pub fn and_one(self) -> i64 {
        i64::from(self.0) + 1
    }
}

/// The place where a page begins: behind the rows of the page before. To clients it is a text without a meaning. It
/// stands in addresses, so what it holds is an id, never a name. Where rows can move, a keyed hash beside the id tells
/// whether the row still stands at that place; if not, the reader begins anew ([`Code::SyncStartOver`](super::code::Code)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor<P>(pub P);

impl<P: Serialize> Cursor<P> {
    /// The cursor's text, as it stands in an address.
    pub fn to_text(&self) -> String {
        let json = serde_json::to_vec(&self.0).unwrap_or_default();
        format!("{CURSOR_VERSION}{}", BASE64_URL_SAFE_NO_PAD.encode(json))
    }
}

impl<'de, P: DeserializeOwned> Deserialize<'de> for Cursor<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = || {
            let encoded = text.strip_prefix(CURSOR_VERSION).filter(|_| text.len() <= MAX_CURSOR_CHARS)?;
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
        };
        read().map(Self).ok_or_else(|| D::Error::custom("unreadable cursor"))
    }
}

/// The number of rows of a list, as far as they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// The number of rows, or the limit at which counting stopped.
    pub value: i64,
    /// Whether counting stopped there, so that there are more rows than that.
    pub is_limit: bool,
}

impl Counted {
    /// The number of rows at which a query stops counting.
    pub const UP_TO: i64 = COUNTED_AT_MOST + 1;

    /// The figure to show for the rows that a query has counted.
    pub fn of(rows: i64) -> Self {
        Self { value: rows.min(COUNTED_AT_MOST), is_limit: rows > COUNTED_AT_MOST }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_ends_where_the_next_one_begins() {
        let page = Page::cut(vec![1, 2, 3], Length::from(2), |row| (*row, "x"));
        assert_eq!(page.items, [1, 2]);
        let read: Cursor<(u8, String)> = serde_json::from_value(json!(page.next_cursor)).unwrap();
        assert_eq!(read, Cursor((2, "x".to_owned())));
        let last = Page::cut(vec![3], Length::from(2), |row| *row);
        assert_eq!((last.items.len(), last.next_cursor), (1, None));
    }

    #[test]
    fn a_length_is_never_nothing_and_never_more_than_a_page_holds() {
        assert_eq!([0, 7, 60_000].map(|asked| Length::from(asked).rows()), [1, 7, 200]);
        assert_eq!((Length::default().rows(), Length::default().and_one()), (50, 51));
    }

    #[test]
    fn no_garbage_is_a_cursor() {
        let long = format!("1.{}", BASE64_URL_SAFE_NO_PAD.encode(" ".repeat(300) + "7"));
        for text in ["", "7", "1.", "1.%", "2.Nw", "1.IjciI", "1.bnVsbA", &long] {
            assert!(serde_json::from_value::<Cursor<u8>>(json!(text)).is_err(), "{text}");
        }
        assert_eq!(serde_json::from_value::<Cursor<u8>>(json!("1.Nw")).unwrap(), Cursor(7));
    }

    #[test]
    fn counting_stops_at_the_limit() {
        assert_eq!(Counted::of(200), Counted { value: 200, is_limit: false });
        assert_eq!(Counted::of(201), Counted { value: 200, is_limit: true });
    }
}
