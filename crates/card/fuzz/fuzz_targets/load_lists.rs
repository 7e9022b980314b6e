#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use profcards_card_fuzz::{Till, load_lists, roots, till};

static TILL: LazyLock<Till> = LazyLock::new(till);

fuzz_target!(|input: &[u8]| {
    load_lists(&TILL, &roots(), input);
});
