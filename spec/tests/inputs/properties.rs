//! What is true of any text that somebody sends. The tests here and the fuzz targets of `spec/fuzz` look for one of
//! which it is not.

use hearth_spec::{
    ClientForm, Pdu, PublicKeys, RoomVersion,
    canonical_json::{Numbers, canonicalise},
    client_event::client_event,
    redact, required_signers, verify_pdu,
};
use serde_json::Value;

/// What can be written as canonical JSON is JSON, means the same, and is written so once and for all.
pub fn canonical_json(text: &str) {
    if let Ok(canonical) = canonicalise(text, Numbers::Integers) {
        assert_eq!(canonicalise(&canonical, Numbers::Integers).as_ref(), Ok(&canonical));
        let read = |text: &str| serde_json::from_str::<Value>(text).expect("canonical JSON is JSON");
        assert_eq!(read(text), read(&canonical));
    }
    if let Ok(canonical) = canonicalise(text, Numbers::Any) {
        assert_eq!(canonicalise(&canonical, Numbers::Any).as_ref(), Ok(&canonical));
    }
}

/// What is an event by one version of rooms stays it when it is read again, redacted and shown.
pub fn pdu(text: &str) {
    for version in RoomVersion::ALL {
        let Ok(pdu) = Pdu::parse(version, text) else { continue };
        assert_eq!(Pdu::parse(version, pdu.text()).as_ref(), Ok(&pdu));
        let shown = client_event(&pdu, ClientForm { with_room_id: true, unsigned: None });
        serde_json::from_str::<Value>(shown.get()).expect("clients get JSON");
        if let Ok(redacted) = redact(&pdu, version) {
            assert_eq!(redact(&redacted, version).as_ref(), Ok(&redacted));
        }
        required_signers(version, &pdu);
        // Nobody's key is known.
        assert!(verify_pdu(version, &pdu, &PublicKeys::new()).is_err());
        pdu.membership();
    }
}
