#![no_main]

#[allow(dead_code)]
#[path = "../../tests/inputs/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| properties::pdu(text));
