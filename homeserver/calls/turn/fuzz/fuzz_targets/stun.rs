#![no_main]

use hearth_turn::wire::{ChannelData, Message, Writer, attribute::FINGERPRINT, length_in_stream, xor_address};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    _ = length_in_stream(bytes);
    _ = ChannelData::parse(bytes);
    let Some(message) = Message::parse(bytes) else { return };
    _ = message.is_signed_with(b"key");
    // Whatever was read is read again when it is written. The checksum is of what was before it, padding included.
    let attributes = || message.attributes().filter(|(kind, _)| *kind != FINGERPRINT);
    let mut writer = Writer::new(message.class(), message.method(), message.transaction());
    for (kind, value) in attributes() {
        _ = xor_address(value, &message.transaction());
        writer = writer.attribute(kind, value);
    }
    let written = writer.finish();
    let again = Message::parse(&written).expect("what was written is read");
    assert!(again.attributes().eq(attributes()));
});
