//! For which connection a datagram is that comes from an address nobody is known at: STUN's binding requests name it
//! (RFC 8489, section 5 and 14.3; RFC 8445, section 7.2.2).

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0, 1];
const USERNAME: u16 = 6;
const HEADER: usize = 20;

/// The name that this side gave the connection: what stands before the colon of the user name.
pub fn asked_for(datagram: &[u8]) -> Option<&str> {
    if datagram.len() < HEADER || datagram[..2] != BINDING_REQUEST || datagram[4..8] != MAGIC_COOKIE {
        return None;
    }
    let mut rest = &datagram[HEADER..];
    while rest.len() >= 4 {
        let (kind, length) = (u16::from_be_bytes([rest[0], rest[1]]), u16::from_be_bytes([rest[2], rest[3]]));
        let length = usize::from(length);
        let value = rest.get(4..4 + length)?;
        if kind == USERNAME {
            return std::str::from_utf8(value).ok()?.split(':').next();
        }
        // Attributes are padded to four bytes.
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(username: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        datagram.extend([7; 12]);
        // An attribute before it, of three bytes.
        datagram.extend([0x80, 0x22, 0, 3, 1, 2, 3, 0]);
        datagram.extend([0, 6]);
        datagram.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
        datagram.extend(username);
        datagram
    }

    #[test]
    fn a_binding_request_names_its_connection() {
        assert_eq!(asked_for(&request(b"ours:theirs")), Some("ours"));
        assert_eq!(asked_for(&request(&[0xff])), None);
        let whole = request(b"ours:theirs");
        assert_eq!(asked_for(&whole[..whole.len() - 1]), None);
        // An answer, and media.
        assert_eq!(asked_for(&[&[1, 1][..], &whole[2..]].concat()), None);
        assert_eq!(asked_for(&[0x80; 100]), None);
    }

    proptest! {
        #[test]
        fn any_datagram_is_taken(bytes in prop::collection::vec(any::<u8>(), 0..100), cut in 0usize..60) {
            asked_for(&bytes);
            let mut whole = request(b"ours:theirs");
            whole.truncate(cut);
            whole.extend(bytes);
            asked_for(&whole);
        }
    }
}
