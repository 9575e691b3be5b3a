#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| hearth_federation::inputs::x_matrix(text));
