//! Reading `multipart/mixed` as it comes (federation's media: a part with metadata, then the file).

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What may come before the file.
const MAX_BEFORE_FILE: usize = 64 << 10;
/// The longest that RFC 2046 allows.
const MAX_BOUNDARY: usize = 70;

/// Takes bytes in, gives the bytes of the last part out.
#[derive(Debug)]
pub(super) struct Multipart {
    /// A line break, two dashes and the boundary.
    delimiter: Vec<u8>,
    waiting: BytesMut,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Before so many more delimiters.
    Before(usize),
    Headers,
    File,
    End,
}

/// What the bytes make no sense as.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no multipart/mixed body with two parts")]
pub(crate) struct Malformed;

impl Multipart {
    /// A body of which this is the `Content-Type`.
    pub(super) fn of_type(content_type: &str) -> Result<Self, Malformed> {
        let (kind, parameters) = content_type.split_once(';').ok_or(Malformed)?;
        if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
            return Err(Malformed);
        }
        let boundary = parameters
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))
            .map(|(_, value)| value.trim().trim_matches('"'))
            .filter(|boundary| (1..=MAX_BOUNDARY).contains(&boundary.len()))
            .ok_or(Malformed)?;
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // The first delimiter may begin the body, without its line break.
        Ok(Self { delimiter, waiting: BytesMut::from(&b"\r\n"[..]), state: State::Before(2) })
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The headers of the file's part, once they have come.
    pub(super) fn headers(&mut self) -> Result<Option<HeaderMap>, Malformed> {
        while let State::Before(delimiters) = self.state {
            let Some(at) = find(&self.waiting, &self.delimiter) else { return self.more() };
            self.waiting.advance(at + self.delimiter.len());
            self.state = if delimiters > 1 { State::Before(delimiters - 1) } else { State::Headers };
        }
        if self.state != State::Headers {
            return Err(Malformed);
        }
        // The rest of the delimiter's line may be blank; the headers end with an empty line.
        let Some(end) = find(&self.waiting, b"\r\n\r\n") else { return self.more() };
        let head = self.waiting.split_to(end + 4);
        self.state = State::File;
        parse_headers(&head).map(Some)
    }

    fn more<T>(&self) -> Result<Option<T>, Malformed> {
        if self.waiting.len() > MAX_BEFORE_FILE { Err(Malformed) } else { Ok(None) }
    }

    /// Bytes of the file that have come and were not given yet; none if more must come first.
    pub(super) fn file(&mut self) -> Bytes {
        if self.state != State::File {
            return Bytes::new();
        }
        match find(&self.waiting, &self.delimiter) {
            Some(end) => {
                self.state = State::End;
                self.waiting.split_to(end).freeze()
            }
            None => {
                // The end may be the beginning of a delimiter.
                let safe = self.waiting.len().saturating_sub(self.delimiter.len() - 1);
                self.waiting.split_to(safe).freeze()
            }
        }
    }

    /// Whether the file has ended with its delimiter.
    pub(super) fn is_complete(&self) -> bool {
        self.state == State::End
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(at) = text.get(from..)?.iter().position(|byte| *byte == first) {
        if text[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

fn parse_headers(head: &[u8]) -> Result<HeaderMap, Malformed> {
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Malformed)?;
        let name = HeaderName::from_bytes(line[..colon].trim_ascii()).map_err(|_| Malformed)?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).map_err(|_| Malformed)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Reads a body (of the boundary `a-b`) that comes in pieces of this size: the file's headers and bytes.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_in_pieces(body: &[u8], piece: usize) -> Result<(HeaderMap, Vec<u8>, bool), Malformed> {
    let mut multipart = Multipart::of_type("multipart/mixed; boundary=\"a-b\"")?;
    let (mut headers, mut file) = (None, Vec::new());
    for piece in body.chunks(piece) {
        multipart.push(piece);
        if headers.is_none() {
            headers = multipart.headers()?;
        }
        file.extend_from_slice(&multipart.file());
    }
    Ok((headers.ok_or(Malformed)?, file, multipart.is_complete()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_in_pieces_of_any_size() {
        let file = "no \r\n--a- boundary\r\n";
        let head =
            "--a-b\r\nContent-Type: application/json\r\n\r\n{}\r\n--a-b\r\nContent-Type: text/plain\r\n\r\n";
        for start in ["", "\r\n", "a preamble\r\n"] {
            let body = format!("{start}{head}{file}\r\n--a-b--");
            for piece in [1, 2, 7, 1000] {
                let (headers, read, complete) = read_in_pieces(body.as_bytes(), piece).unwrap();
                assert_eq!(headers["content-type"], "text/plain");
                assert_eq!(read, file.as_bytes());
                assert!(complete);
            }
        }
    }

    #[test]
    fn a_part_without_headers_and_a_body_that_breaks_off() {
        let (headers, file, complete) =
            read_in_pieces(b"--a-b\r\n\r\n{}\r\n--a-b\r\n\r\nfile\r\n--a-", 3).unwrap();
        assert!(headers.is_empty());
        assert!(b"file\r\n--a-".starts_with(&file) && !complete);
    }

    #[test]
    fn what_comes_before_the_file_is_bounded() {
        assert_eq!(read_in_pieces(&[b'x'; 100_000], 1000).unwrap_err(), Malformed);
        assert_eq!(Multipart::of_type("text/html; charset=utf-8").unwrap_err(), Malformed);
        assert_eq!(Multipart::of_type("multipart/mixed").unwrap_err(), Malformed);
    }
}
