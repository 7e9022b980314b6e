//! The few CBOR habits that the format needs: one writer that cannot fail, one reader of maps in canonical order.
//!
//! The reader forgives some long forms on purpose; every caller writes what it read once more and compares the bytes,
//! and that comparison, not the reader, is what gives each meaning exactly one byte string.

use std::convert::Infallible;

use minicbor::{Decoder, Encoder, decode, encode};

use crate::constants::MAX_UINT;

/// The bytes are not in the format's strict form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not in the strict form")]
pub struct FormatError;

impl From<decode::Error> for FormatError {
    fn from(_: decode::Error) -> Self {
        Self
    }
}

pub(crate) type Writer = Encoder<Vec<u8>>;
pub(crate) type Written = Result<(), encode::Error<Infallible>>;

/// The bytes that `write` puts down.
pub(crate) fn encoded(write: impl FnOnce(&mut Writer) -> Written) -> Vec<u8> {
    let mut writer = Encoder::new(Vec::with_capacity(256));
    write(&mut writer).expect("a vector takes every byte");
    writer.into_writer()
}

/// An unsigned integer that every implementation holds exactly.
pub(crate) fn uint(d: &mut Decoder) -> Result<u64, FormatError> {
    let value = d.u64()?;
    ensure(value <= MAX_UINT)?;
    Ok(value)
}

/// A signed integer that every implementation holds exactly: a label that a message names for its algorithm.
pub(crate) fn int(d: &mut Decoder) -> Result<i64, FormatError> {
    let value = d.i64()?;
    ensure(value.unsigned_abs() <= MAX_UINT)?;
    Ok(value)
}

pub(crate) fn array_of(d: &mut Decoder, length: u64) -> Result<(), FormatError> {
    ensure(d.array()? == Some(length))
}

pub(crate) fn array_length(d: &mut Decoder) -> Result<u64, FormatError> {
    d.array()?.ok_or(FormatError)
}

pub(crate) fn bytes_of<const N: usize>(d: &mut Decoder) -> Result<[u8; N], FormatError> {
    d.bytes()?.try_into().map_err(|_| FormatError)
}

pub(crate) fn at_end(d: &Decoder) -> Result<(), FormatError> {
    ensure(d.position() == d.input().len())
}

pub(crate) fn ensure(holds: bool) -> Result<(), FormatError> {
    if holds { Ok(()) } else { Err(FormatError) }
}

/// Reads a map whose labels come in canonical order; whoever asks for labels in that order sees duplicates and strangers fail.
pub(crate) struct MapReader<'d, 'b> {
    pub(crate) d: &'d mut Decoder<'b>,
    left: u64,
}

impl<'d, 'b> MapReader<'d, 'b> {
    pub(crate) fn open(d: &'d mut Decoder<'b>) -> Result<Self, FormatError> {
        let left = d.map()?.ok_or(FormatError)?;
        Ok(Self { d, left })
    }

    /// The decoder, standing at the value of `label`, which must be the next one.
    pub(crate) fn required(&mut self, label: i64) -> Result<&mut Decoder<'b>, FormatError> {
        self.take()?;
        ensure(self.d.i64()? == label)?;
        Ok(self.d)
    }

    pub(crate) fn required_text(&mut self, label: &str) -> Result<&mut Decoder<'b>, FormatError> {
        self.take()?;
        ensure(self.d.str()? == label)?;
        Ok(self.d)
    }

    /// As [`Self::required`], or nothing where another label, or none, is next.
    pub(crate) fn optional(&mut self, label: i64) -> Result<Option<&mut Decoder<'b>>, FormatError> {
        let start = self.d.position();
        if self.left == 0 || self.d.i64()? != label {
            self.d.set_position(start);
            return Ok(None);
        }
        self.left -= 1;
        Ok(Some(self.d))
    }

    pub(crate) fn close(self) -> Result<(), FormatError> {
        ensure(self.left == 0)
    }

    fn take(&mut self) -> Result<(), FormatError> {
        self.left = self.left.checked_sub(1).ok_or(FormatError)?;
        Ok(())
    }
}
