//! The membership number: twelve digits, the last a check digit.

use std::{fmt, str::FromStr};

use crate::constants::NUMBER_DIGITS;

const BODY_DIGITS: usize = NUMBER_DIGITS - 1;

/// A membership number whose check digit is right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MembershipNumber([u8; NUMBER_DIGITS]);

/// The text is not a membership number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not exactly the digits that it should have.
    #[error("not {0} digits")]
    NotDigits(usize),
    /// The last digit does not check the others.
    #[error("the check digit is wrong")]
    CheckDigit,
}

impl MembershipNumber {
    /// The number whose first eleven digits are `body`; the check digit is computed.
    pub fn from_body(body: &str) -> Result<Self, NumberError> {
        let body: [u8; BODY_DIGITS] = digits(body)?;
        let mut number = [0; NUMBER_DIGITS];
        number[..BODY_DIGITS].copy_from_slice(&body);
        number[BODY_DIGITS] = check_digit(&body);
        Ok(Self(number))
    }

    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for MembershipNumber {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let number: [u8; NUMBER_DIGITS] = digits(text)?;
        if check_digit(&number[..BODY_DIGITS]) == number[BODY_DIGITS] {
            Ok(Self(number))
        } else {
            Err(NumberError::CheckDigit)
        }
    }
}

impl fmt::Display for MembershipNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for MembershipNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MembershipNumber({self})")
    }
}

fn digits<const N: usize>(text: &str) -> Result<[u8; N], NumberError> {
    let digits: [u8; N] = text.as_bytes().try_into().map_err(|_| NumberError::NotDigits(N))?;
    if digits.iter().all(u8::is_ascii_digit) { Ok(digits) } else { Err(NumberError::NotDigits(N)) }
}

/// Luhn's digit over ASCII digits, the rightmost of which is doubled.
fn check_digit(body: &[u8]) -> u8 {
    let sum: u32 = body
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    b'0' + u8::try_from((10 - sum % 10) % 10).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_luhn_numbers() {
        // 7992739871 has the check digit 3 in every description of the algorithm; leading zeros change nothing.
        assert_eq!(MembershipNumber::from_body("07992739871").unwrap().as_str(), "079927398713");
        assert_eq!("079927398713".parse::<MembershipNumber>().unwrap().to_string(), "079927398713");
        assert_eq!("079927398710".parse::<MembershipNumber>(), Err(NumberError::CheckDigit));
    }

    #[test]
    fn only_twelve_ascii_digits() {
        for text in ["", "07992739871", "0799273987130", "07992739871３", " 79927398713"] {
            assert_eq!(text.parse::<MembershipNumber>(), Err(NumberError::NotDigits(12)), "{text}");
        }
    }

    #[test]
    fn a_changed_digit_is_seen() {
        let number = MembershipNumber::from_body("77000012345").unwrap();
        for place in 0..NUMBER_DIGITS {
            for step in 1..10 {
                let mut changed = number.0;
                changed[place] = b'0' + (changed[place] - b'0' + step) % 10;
                let text = std::str::from_utf8(&changed).unwrap();
                assert!(text.parse::<MembershipNumber>().is_err());
            }
        }
    }
}
