#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| hearth_federation::inputs::multipart(body));
