//! The `Content-Disposition` header (RFC 6266).

use std::fmt::Write as _;

/// What may be shown inline (client-server API, "Serving inline content").
const INLINE_TYPES: &[&str] = &[
    "text/css",
    "text/plain",
    "text/csv",
    "application/json",
    "application/ld+json",
    "image/jpeg",
    "image/gif",
    "image/png",
    "image/apng",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/quicktime",
    "audio/mp4",
    "audio/webm",
    "audio/aac",
    "audio/mpeg",
    "audio/ogg",
    "audio/wave",
    "audio/wav",
    "audio/x-wav",
    "audio/x-pn-wav",
    "audio/flac",
    "audio/x-flac",
];

/// The header for bytes of this type, with a file name if there is one.
pub(crate) fn header(content_type: &str, file_name: Option<&str>) -> String {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut header = if INLINE_TYPES.contains(&&*essence) { "inline" } else { "attachment" }.to_owned();
    let Some(name) = file_name else { return header };
    if name.bytes().all(is_token) && !name.is_empty() {
        header.push_str("; filename=");
        header.push_str(name);
    } else if name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        header.push_str("; filename=\"");
        for char in name.chars() {
            if matches!(char, '"' | '\\') {
                header.push('\\');
            }
            header.push(char);
        }
        header.push('"');
    } else {
        header.push_str("; filename*=utf-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                header.push(char::from(byte));
            } else {
                // Writing to a string does not fail.
                let _ = write!(header, "%{byte:02X}");
            }
        }
    }
    header
}

/// What needs no quotes in a header (RFC 9110).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn only_what_no_browser_runs_is_inline() {
        assert_eq!(header("image/png", None), "inline");
        assert_eq!(header("Text/Plain; charset=utf-8", None), "inline");
        assert_eq!(header("text/html", None), "attachment");
        assert_eq!(header("image/svg+xml", None), "attachment");
        assert_eq!(header("application/octet-stream", None), "attachment");
    }

    #[test]
    fn names_are_quoted_as_they_need() {
        assert_eq!(header("image/png", Some("cat.png")), "inline; filename=cat.png");
        assert_eq!(header("image/png", Some("my \"cat\".png")), r#"inline; filename="my \"cat\".png""#);
        assert_eq!(header("image/png", Some("Käse\r\n.png")), "inline; filename*=utf-8''K%C3%A4se%0D%0A.png");
    }
}
