//! Base45 (RFC 9285) to the letter: each byte string has one text, and no other text is read.

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// What stands in [`VALUES`] for a character that is no digit; large enough to spoil any sum it is part of.
const NO_DIGIT: u32 = 1 << 16;

/// Each byte's value as a digit.
const VALUES: [u32; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut digit = 0_u32;
    while digit < 45 {
        values[ALPHABET[digit as usize] as usize] = digit;
        digit += 1;
    }
    values
};

/// Two bytes become three digits, a last single byte two; the first digit is the least.
pub(crate) fn encode_onto(mut text: String, bytes: &[u8]) -> String {
    let (pairs, last) = bytes.as_chunks::<2>();
    text.reserve(pairs.len() * 3 + last.len() * 2);
    let digit = |value: u16| char::from(ALPHABET[usize::from(value % 45)]);
    for pair in pairs {
        let value = u16::from_be_bytes(*pair);
        text.extend([digit(value), digit(value / 45), digit(value / (45 * 45))]);
    }
    for byte in last {
        let value = u16::from(*byte);
        text.extend([digit(value), digit(value / 45)]);
    }
    text
}

/// The bytes, or `None` where [`encode_onto`] would not have written this text.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (triples, last) = text.as_bytes().as_chunks::<3>();
    let mut bytes = Vec::with_capacity(triples.len() * 2 + 1);
    let digit = |character: &u8| VALUES[usize::from(*character)];
    for [first, second, third] in triples {
        let value = digit(first) + 45 * digit(second) + 45 * 45 * digit(third);
        bytes.extend(u16::try_from(value).ok()?.to_be_bytes());
    }
    match last {
        [] => {}
        [first, second] => bytes.push(u8::try_from(digit(first) + 45 * digit(second)).ok()?),
        _ => return None,
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9285, sections 4.3 and 4.4.
    #[test]
    fn the_examples_of_rfc_9285_decode_and_encode() {
        for (bytes, text) in
            [("AB", "BB8"), ("Hello!!", "%69 VD92EX0"), ("base-45", "UJCLQE7W581"), ("ietf!", "QED8WEX0")]
        {
            assert_eq!(encode_onto(String::new(), bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn whatever_is_read_is_written_the_same_way() {
        let characters: Vec<char> = (0..=0x7f_u8).map(char::from).chain(['я', '\u{ff}', '０']).collect();
        let mut read = [0; 4];
        for first in &characters {
            for second in &characters {
                for third in characters.iter().map(Some).chain([None]) {
                    let text: String = [Some(first), Some(second), third].into_iter().flatten().collect();
                    let Some(bytes) = decode(&text) else { continue };
                    assert_eq!(encode_onto(String::new(), &bytes), text);
                    read[text.len()] += 1;
                }
            }
        }
        assert_eq!(read, [0, 0, 256, 65536], "every byte and every pair of bytes has its text");
        assert_eq!((decode(""), decode("0")), (Some(vec![]), None));
    }
}
