//! What is true of anything that another server sends. The tests here and the fuzz targets of `federation/fuzz` look
//! for something of which it is not.

use crate::{client::multipart, x_matrix::header::XMatrix};

/// What an `X-Matrix` header says is what it says when it is written anew.
pub fn x_matrix(text: &str) {
    let Some(header) = XMatrix::parse(text) else { return };
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let XMatrix { origin, destination, key, signature } = &header;
    let destination = destination.as_ref().map(|name| format!(",destination=\"{name}\"")).unwrap_or_default();
    let (key, signature) = (quoted(key), quoted(signature));
    let again = format!("X-Matrix origin=\"{origin}\"{destination},key=\"{key}\",sig=\"{signature}\"");
    assert_eq!(XMatrix::parse(&again).as_ref(), Some(&header), "{again}");
}

/// A multipart body is the same file, or none, in whatever pieces it comes.
pub fn multipart(body: &[u8]) {
    let whole = multipart::read_in_pieces(body, body.len().max(1));
    for piece in [1, 2, 7] {
        assert_eq!(multipart::read_in_pieces(body, piece), whole);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    fn like_a_header() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "origin=",
                "destination=",
                "key=",
                "sig=",
                ",",
                " ",
                "\"",
                "\\",
                "a.b",
                "ed25519:1"
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop::collection::vec(piece, 0..16).prop_map(|pieces| format!("X-Matrix {}", pieces.concat()))
    }

    fn like_a_body() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(vec!["--a-b", "\r\n", "--", "\r\n\r\n", "a: b", "file"]).prop_map(|piece| piece.as_bytes().to_vec()),
            1 => any::<Vec<u8>>(),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn x_matrix(text in prop_oneof![like_a_header(), any::<String>()]) {
            super::x_matrix(&text);
        }

        #[test]
        fn multipart(body in prop_oneof![like_a_body(), any::<Vec<u8>>()]) {
            super::multipart(&body);
        }
    }
}
