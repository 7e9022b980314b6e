//! Every way in which a token is changed: blindly, in its text or in its bytes, and knowingly, in the frame that is not
//! signed and in the heads that CBOR lets one write in several ways. None of the results may ever be accepted.

use minicbor::Decoder;
use minicbor::data::Type;
use p256::ecdsa;
use profcards_card::{DeviceSigningKey, ProofClaims, from_text, to_text};

/// `SplitMix64`: the mutants of a seed are the same on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or_default()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..=self.below(most)).map(|_| self.byte()).collect()
    }

    fn one_of<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len())]
    }

    /// A stretch of `length`, at least one long.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        start..start + 1 + self.below((length - start).min(16))
    }
}

/// The token that is changed, taken apart.
pub struct Original {
    text: String,
    bytes: Vec<u8>,
    protected: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
    /// The card inside, where the token is a presentation.
    card: Option<Vec<u8>>,
}

impl Original {
    pub fn new(text: &str) -> Option<Self> {
        let bytes = from_text(text)?;
        let mut d = Decoder::new(&bytes);
        d.tag().and_then(|_| d.array()).ok()?;
        let protected = d.bytes().ok()?.to_vec();
        d.map().ok()?;
        let payload = d.bytes().ok()?.to_vec();
        let signature = d.bytes().ok()?.to_vec();
        let card = inner_card(&protected);
        Some(Self { text: text.to_owned(), bytes, protected, payload, signature, card })
    }

    /// The token with one of the four parts of its array replaced by these very bytes.
    fn with_part(&self, at: usize, replacement: &[u8]) -> Vec<u8> {
        let mut parts = [string(&self.protected), vec![0xa0], string(&self.payload), string(&self.signature)];
        parts[at] = replacement.to_vec();
        [vec![0xd2, 0x84], parts.concat()].concat()
    }
}

/// A message of these parts in the proper frame.
fn framed(protected: &[u8], payload: &[u8], signature: &[u8]) -> Vec<u8> {
    let parts = [string(protected), vec![0xa0], string(payload), string(signature)];
    [vec![0xd2, 0x84], parts.concat()].concat()
}

/// The card that a presentation's header holds as its second value.
fn inner_card(protected: &[u8]) -> Option<Vec<u8>> {
    let mut d = Decoder::new(protected);
    (d.map().ok()? == Some(3)).then_some(())?;
    d.skip().and_then(|()| d.skip()).and_then(|()| d.skip()).ok()?;
    let start = d.position();
    d.skip().ok()?;
    Some(protected[start..d.position()].to_vec())
}

type Kind = fn(&Original, &mut Random) -> Option<Vec<u8>>;

/// Kinds that change the text, and may make it no text at all.
const OF_TEXT: &[(&str, Kind)] = &[
    ("a character changed", |o, r| edited(o.text.as_bytes(), r, |byte, r| byte ^ (r.byte() | 1))),
    ("a character of the alphabet changed", |o, r| edited(o.text.as_bytes(), r, |_, r| r.one_of(ALPHABET))),
    ("a character inserted", |o, r| {
        let character = [r.one_of(ALPHABET)];
        Some(inserted(o.text.as_bytes(), r, &character))
    }),
    ("characters cut out", |o, r| Some(cut_out(o.text.as_bytes(), r))),
    ("the text's end cut off", |o, r| Some(o.text.as_bytes()[..r.below(o.text.len())].to_vec())),
    ("characters twice", |o, r| Some(repeated(o.text.as_bytes(), r))),
    ("characters swapped", |o, r| Some(swapped(o.text.as_bytes(), r))),
    ("lower case", |o, _| Some(o.text.to_lowercase().into_bytes())),
    ("one letter in lower case", |o, r| edited(o.text.as_bytes(), r, |byte, _| byte.to_ascii_lowercase())),
    ("white space around", |o, r| {
        let space = r.one_of(&[" ", "\t", "\r", "\u{a0}", "\u{feff}", "\0"]);
        let around =
            if r.below(2) == 0 { format!("{space}{}", o.text) } else { format!("{}{space}", o.text) };
        Some(around.into_bytes())
    }),
    ("spaces taken away", |o, _| Some(o.text.replace(' ', "").into_bytes())),
    ("a space as a plus or a code", |o, r| {
        Some(o.text.replacen(' ', r.one_of(&["+", "%20", "  "]), 1).into_bytes())
    }),
    ("another prefix", |o, r| {
        let prefix = r.one_of(&["", "PC2:", "PC1", "PC1::", "HC1:", "pc1:", "PC1:PC1:", "РС1:"]);
        Some(format!("{prefix}{}", &o.text[4..]).into_bytes())
    }),
    ("bytes that are no text", |o, r| {
        let foreign = r.bytes(4);
        Some(inserted(o.text.as_bytes(), r, &foreign))
    }),
    ("a NUL inside", |o, r| Some(inserted(o.text.as_bytes(), r, &[0]))),
    ("the last digits overflowing", |o, r| overflowing(&o.text, r)),
    ("the text twice", |o, _| Some(o.text.repeat(2).into_bytes())),
];

/// Kinds that change the token's bytes; they are then written as a text in the proper way.
const OF_BYTES: &[(&str, Kind)] = &[
    ("a bit flipped", |o, r| edited(&o.bytes, r, |byte, r| byte ^ 1 << r.below(8))),
    ("a byte changed", |o, r| edited(&o.bytes, r, |_, r| r.byte())),
    ("bytes inserted", |o, r| {
        let bytes = r.bytes(8);
        Some(inserted(&o.bytes, r, &bytes))
    }),
    ("bytes cut out", |o, r| Some(cut_out(&o.bytes, r))),
    ("the end cut off", |o, r| Some(o.bytes[..r.below(o.bytes.len())].to_vec())),
    ("the beginning cut off", |o, r| Some(o.bytes[r.below(o.bytes.len())..].to_vec())),
    ("bytes twice", |o, r| Some(repeated(&o.bytes, r))),
    ("bytes swapped", |o, r| Some(swapped(&o.bytes, r))),
    ("bytes zeroed", |o, r| {
        let mut bytes = o.bytes.clone();
        bytes[r.range(o.bytes.len())].fill(0);
        Some(bytes)
    }),
    ("trailing bytes", |o, r| Some([&o.bytes[..], &r.bytes(8)].concat())),
    ("the tag written otherwise", |o, r| {
        let tags: [&[u8]; 8] = [
            &[],
            &[0xd8, 18],
            &[0xd9, 0, 18],
            &[0xda, 0, 0, 0, 18],
            &[0xdb, 0, 0, 0, 0, 0, 0, 0, 18],
            &[0xd2, 0xd2],
            &[0xd8, 61, 0xd2],
            &[0xd1],
        ];
        Some([r.one_of(&tags), &o.bytes[1..]].concat())
    }),
    ("the array written otherwise", |o, r| {
        let heads: [&[u8]; 5] = [&[0x98, 4], &[0x99, 0, 4], &[0x83], &[0x85], &[0x9a, 0, 0, 0, 4]];
        Some([&[0xd2][..], r.one_of(&heads), &o.bytes[2..]].concat())
    }),
    ("the array without a length", |o, _| Some([&[0xd2, 0x9f], &o.bytes[2..], &[0xff]].concat())),
    ("a filled unprotected map", |o, r| {
        let kid = r.bytes(7);
        let filled = [&[0xa1, 4][..], &string(&kid)].concat();
        Some(o.with_part(1, &filled))
    }),
    ("the unprotected map written otherwise", |o, r| {
        let maps: [&[u8]; 6] = [&[0xb8, 0], &[0xb9, 0, 0], &[0xbf, 0xff], &[0xf6], &[0x80], &[0x40]];
        Some(o.with_part(1, r.one_of(&maps)))
    }),
    ("a string's length written otherwise", |o, r| {
        let (at, whole) = r.one_of(&[(0, &o.protected), (2, &o.payload), (3, &o.signature)]);
        Some(o.with_part(at, &long_string(whole, r)))
    }),
    ("a head in the header longer", |o, r| {
        let protected = with_long_head(&o.protected, r)?;
        Some(framed(&protected, &o.payload, &o.signature))
    }),
    ("a head in the claims longer", |o, r| {
        let payload = with_long_head(&o.payload, r)?;
        Some(framed(&o.protected, &payload, &o.signature))
    }),
    ("a label twice", |o, _| {
        let (count, rest) = o.payload.split_first()?;
        let first = item(rest)? + item(&rest[item(rest)?..])?;
        let payload = [&[count + 1], &rest[..first], rest].concat();
        Some(framed(&o.protected, &payload, &o.signature))
    }),
    ("the signature's other half turned", |o, _| {
        Some(framed(&o.protected, &o.payload, &twin(&o.signature)?))
    }),
    ("the signature's order added", |o, _| Some(framed(&o.protected, &o.payload, &plus_order(&o.signature)))),
    ("the halves of the signature swapped", |o, _| {
        Some(framed(&o.protected, &o.payload, &[&o.signature[32..], &o.signature[..32]].concat()))
    }),
    ("another signature", |o, r| {
        let signature: Vec<u8> = (0..64).map(|_| r.byte()).collect();
        Some(framed(&o.protected, &o.payload, &signature))
    }),
    ("no signature to speak of", |o, r| {
        let length = r.one_of(&[0, 63, 64, 65]);
        Some(framed(&o.protected, &o.payload, &vec![0; length]))
    }),
    ("header and claims swapped", |o, _| Some(framed(&o.payload, &o.protected, &o.signature))),
    ("the proof stripped", |o, _| o.card.clone()),
    ("the card inside as a byte string", |o, _| {
        let card = o.card.as_ref()?;
        let at = o.protected.windows(card.len()).position(|bytes| bytes == card)?;
        let protected = [&o.protected[..at], &string(card), &o.protected[at + card.len()..]].concat();
        Some(framed(&protected, &o.payload, &o.signature))
    }),
    ("a proof around the proof", |o, r| Some(around(&o.bytes, r))),
    ("a stranger's proof around the card", |o, r| Some(around(o.card.as_ref().unwrap_or(&o.bytes), r))),
];

/// How many kinds there are, so that a test can ask for each of them.
pub const KINDS: usize = OF_TEXT.len() + OF_BYTES.len();

/// A mutant of a kind drawn by lot; never the original, never with a line end in it.
pub fn mutant(original: &Original, random: &mut Random) -> Vec<u8> {
    loop {
        let kind = random.below(KINDS);
        if let Some(mutant) = mutant_of_kind(kind, original, random) {
            return mutant;
        }
    }
}

/// A mutant of this kind, unless the kind does not apply, or the lots fell so that nothing was changed.
pub fn mutant_of_kind(kind: usize, original: &Original, random: &mut Random) -> Option<Vec<u8>> {
    let text = match OF_TEXT.get(kind) {
        Some((_, change)) => change(original, random)?,
        None => to_text(&(OF_BYTES[kind - OF_TEXT.len()].1)(original, random)?).into_bytes(),
    };
    (text != original.text.as_bytes() && !text.contains(&b'\n')).then_some(text)
}

/// What a kind is called.
pub fn kind_name(kind: usize) -> &'static str {
    OF_TEXT.iter().chain(OF_BYTES).nth(kind).map_or("none", |(name, _)| name)
}

const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

// What makes the return type of these an option is the table above, in which other kinds may not apply.
#[expect(clippy::unnecessary_wraps)]
fn edited(bytes: &[u8], random: &mut Random, edit: impl Fn(u8, &mut Random) -> u8) -> Option<Vec<u8>> {
    let mut edited = bytes.to_vec();
    for _ in 0..=random.below(2) {
        let at = random.below(bytes.len());
        edited[at] = edit(edited[at], random);
    }
    Some(edited)
}

fn inserted(bytes: &[u8], random: &mut Random, what: &[u8]) -> Vec<u8> {
    let at = random.below(bytes.len() + 1);
    [&bytes[..at], what, &bytes[at..]].concat()
}

fn cut_out(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let range = random.range(bytes.len());
    [&bytes[..range.start], &bytes[range.end..]].concat()
}

fn repeated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let range = random.range(bytes.len());
    [&bytes[..range.end], &bytes[range.start..]].concat()
}

fn swapped(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut swapped = bytes.to_vec();
    swapped.swap(random.below(bytes.len()), random.below(bytes.len()));
    swapped
}

/// The last digits written as a larger number that a careless decoder cuts down to the same bytes.
fn overflowing(text: &str, random: &mut Random) -> Option<Vec<u8>> {
    let digits = &text.as_bytes()[4..];
    let group = if digits.len().is_multiple_of(3) { 3 } else { 2 };
    let modulus = if group == 3 { 1 << 16 } else { 1 << 8 };
    let (kept, last) = text.as_bytes().split_at(text.len() - group);
    let value = |character: &u8| ALPHABET.iter().position(|known| known == character);
    let number = last.iter().rev().try_fold(0, |number, digit| Some(number * 45 + value(digit)?))?;
    let room = (45_usize.pow(u32::try_from(group).ok()?) - 1 - number) / modulus;
    let mut number = number + modulus * (1 + random.below(room));
    let mut overflowing = kept.to_vec();
    for _ in 0..group {
        overflowing.push(ALPHABET[number % 45]);
        number /= 45;
    }
    (room > 0).then_some(overflowing)
}

/// A byte string with the shortest head.
fn string(bytes: &[u8]) -> Vec<u8> {
    let mut e = minicbor::Encoder::new(Vec::new());
    e.bytes(bytes).expect("a vector takes every byte");
    e.into_writer()
}

/// The string under a longer head than it needs, in pieces, or as text.
fn long_string(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let length = bytes.len() as u64;
    let half = bytes.len() / 2;
    match random.below(4) {
        0 => [&[0x5a], &length.to_be_bytes()[4..], bytes].concat(),
        1 => [&[0x5b], &length.to_be_bytes()[..], bytes].concat(),
        2 => [&[0x5f], &string(&bytes[..half])[..], &string(&bytes[half..]), &[0xff]].concat(),
        _ => {
            let mut text = string(bytes);
            text[0] |= 0x20;
            text
        }
    }
}

/// One of the heads in `bytes`, drawn by lot, one step longer than it is.
fn with_long_head(bytes: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let heads = heads(bytes)?;
    let at = random.one_of(&heads);
    let (head, rest) = bytes[at..].split_first()?;
    let (major, info) = (head & 0xe0, head & 0x1f);
    let longer = match info {
        0..24 => vec![major | 0x18, info],
        24..27 => {
            let length = 1 << (info - 24);
            let zeros = vec![0; length];
            [&[major | (info + 1)], &zeros[..], &rest[..length]].concat()
        }
        _ => return None,
    };
    let old = if info < 24 { 1 } else { 1 + (1 << (info - 24)) };
    Some([&bytes[..at], &longer, &bytes[at + old..]].concat())
}

/// Where each item of a well-formed sequence begins, those inside maps and arrays too.
fn heads(bytes: &[u8]) -> Option<Vec<usize>> {
    let mut d = Decoder::new(bytes);
    let mut heads = Vec::new();
    while d.position() < bytes.len() {
        heads.push(d.position());
        match d.datatype().ok()? {
            Type::Map => drop(d.map().ok()?),
            Type::Array => drop(d.array().ok()?),
            Type::Tag => drop(d.tag().ok()?),
            _ => d.skip().ok()?,
        }
    }
    Some(heads)
}

/// How long the first item of `bytes` is.
fn item(bytes: &[u8]) -> Option<usize> {
    let mut d = Decoder::new(bytes);
    d.skip().ok()?;
    Some(d.position())
}

/// ES256's twin: n − s for s, which anybody can compute. An Ed25519 signature has one too when it is read as two scalars.
fn twin(signature: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = ecdsa::Signature::from_slice(signature).ok()?.split_scalars();
    Some(ecdsa::Signature::from_scalars(r, -*s).ok()?.to_bytes().to_vec())
}

/// Ed25519's own looseness: s + L for s.
fn plus_order(signature: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut grown = signature.to_vec();
    let mut carry = 0_u16;
    for (byte, add) in grown[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    grown
}

/// A stranger's proof around these bytes, which the crate itself would not make, since the key is not the card's.
fn around(card: &[u8], random: &mut Random) -> Vec<u8> {
    let key = DeviceSigningKey::ed25519(&[random.byte(); 32]);
    let claims = ProofClaims { iat: random.next() % (1 << 32), ..ProofClaims::default() }.encode();
    let protected = [&[0xa3, 0x01, 0x27, 0x0d], card, &[0x10, 0x19, 0x01, 0x26]].concat();
    let signed = [&[0x84, 0x6a], &b"Signature1"[..], &string(&protected), &[0x40], &string(&claims)].concat();
    framed(&protected, &claims, &key.sign(&signed))
}
