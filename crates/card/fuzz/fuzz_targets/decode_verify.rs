#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use profcards_card_fuzz::{Till, decode_verify, till};

static TILL: LazyLock<Till> = LazyLock::new(till);

fuzz_target!(|input: &[u8]| {
    decode_verify(&TILL, input);
});
