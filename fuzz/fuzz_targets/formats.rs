//! Files of every format that access is declared in.
#![no_main]
use entryway_formats::{Format, ReadOptions, Source, read};

libfuzzer_sys::fuzz_target!(|text: &str| {
    for format in [None].into_iter().chain(Format::ALL.map(Some)) {
        let _ = read(&Source::new("fuzz", text), &ReadOptions { format, ..ReadOptions::default() });
    }
});
