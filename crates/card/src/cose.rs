//! The frame of everything signed: a tagged `COSE_Sign1` with an empty unprotected map.
//!
//! Knows nothing of what is inside, and of keys only that signatures are 64 bytes.

use minicbor::{Decoder, data::Tag};

use crate::cbor::{FormatError, Writer, Written, array_of, encoded, ensure};
use crate::constants::{SIGNATURE_BYTES, SIGNATURE_CONTEXT, TAG_COSE_SIGN1};

/// A signature of either algorithm.
pub type Signature = [u8; SIGNATURE_BYTES];

/// The parts of a `COSE_Sign1`, as they stand in its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sign1<'a> {
    pub(crate) protected: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) signature: Signature,
}

impl<'a> Sign1<'a> {
    /// Reads a whole message: nothing before it, nothing after it, no other way to write it.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let message = Self::read(&mut Decoder::new(bytes))?;
        ensure(message.encode() == bytes)?;
        Ok(message)
    }

    /// Reads a message that more follows; the caller cuts its bytes out and parses those.
    pub(crate) fn read(d: &mut Decoder<'a>) -> Result<Self, FormatError> {
        ensure(d.tag()? == Tag::new(TAG_COSE_SIGN1))?;
        array_of(d, 4)?;
        let protected = d.bytes()?;
        ensure(d.map()? == Some(0))?;
        let payload = d.bytes()?;
        let signature = d.bytes()?.try_into().map_err(|_| FormatError)?;
        Ok(Self { protected, payload, signature })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        encoded(|e| {
            e.tag(Tag::new(TAG_COSE_SIGN1))?.array(4)?;
            e.bytes(self.protected)?.map(0)?.bytes(self.payload)?.bytes(&self.signature)?.ok()
        })
    }

    pub(crate) fn signed_bytes(&self) -> Vec<u8> {
        signed_bytes(self.protected, self.payload)
    }
}

/// The `Sig_structure` of RFC 9052: the bytes that a signature is over.
pub(crate) fn signed_bytes(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    encoded(|e| e.array(4)?.str(SIGNATURE_CONTEXT)?.bytes(protected)?.bytes(&[])?.bytes(payload)?.ok())
}

/// Signs and frames; `sign` gets the `Sig_structure`.
pub(crate) fn sign1(protected: &[u8], payload: &[u8], sign: impl FnOnce(&[u8]) -> Signature) -> Vec<u8> {
    let signature = sign(&signed_bytes(protected, payload));
    Sign1 { protected, payload, signature }.encode()
}

/// The bytes of a protected header, written by `entries` into a map of `length`.
pub(crate) fn header(length: u64, entries: impl FnOnce(&mut Writer) -> Written) -> Vec<u8> {
    encoded(|e| {
        e.map(length)?;
        entries(e)
    })
}
