//! The header as it is written. ruma's `XMatrix` refuses values with colons that have no quotes (`origin=a.example:8448`),
//! which the specification lets older servers send ("Request Authentication").

use ruma::{OwnedServerName, ServerName};

/// What an `X-Matrix` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct XMatrix {
    pub(crate) origin: OwnedServerName,
    /// Missing from servers of before v1.3.
    pub(crate) destination: Option<OwnedServerName>,
    /// `ed25519:VERSION`.
    pub(crate) key: String,
    pub(crate) signature: String,
}

impl XMatrix {
    /// Reads the header's value. As the specification asks, values need no quotes even where they have colons,
    /// unknown parameters say nothing, and case does not matter.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (scheme, mut rest) = value.trim_start().split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("X-Matrix") {
            return None;
        }
        let (mut origin, mut destination, mut key, mut signature) = (None, None, None, None);
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let (name, value, after) = parameter(rest)?;
            rest = after;
            let place = match name.to_ascii_lowercase().as_str() {
                "origin" => &mut origin,
                "destination" => &mut destination,
                "key" => &mut key,
                "sig" => &mut signature,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        Some(Self {
            origin: ServerName::parse(origin?).ok()?,
            destination: destination.map(ServerName::parse).transpose().ok()?,
            key: key?,
            signature: signature?,
        })
    }
}

/// The first parameter: its name, its value, and what comes after it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once('=')?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find([',', ' ', '\t']).unwrap_or(rest.len());
        return Some((name.trim(), rest[..end].to_owned(), &rest[end..]));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((name.trim(), value, &quoted[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(String, Option<String>, String, String)> {
        let XMatrix { origin, destination, key, signature } = XMatrix::parse(text)?;
        Some((origin.to_string(), destination.map(|name| name.to_string()), key, signature))
    }

    #[test]
    fn the_header_is_read_in_all_its_forms() {
        let wanted = |destination: Option<&str>| {
            Some((
                "a.example:8448".to_owned(),
                destination.map(str::to_owned),
                "ed25519:k".to_owned(),
                "AB+/".to_owned(),
            ))
        };
        for text in [
            r#"X-Matrix origin="a.example:8448",destination="b.example",key="ed25519:k",sig="AB+/""#,
            r#"x-matrix  ORIGIN = "a.example:8448" , Destination="b.example" ,key="ed25519:k", sig="AB+/""#,
            "X-Matrix origin=a.example:8448,destination=b.example,key=ed25519:k,sig=AB+/",
            r#"X-Matrix sig="AB+/",extra="a,b=\"c\"",key="ed25519:\k",origin="a.example:8448",destination="b.example","#,
        ] {
            assert_eq!(parse(text), wanted(Some("b.example")), "{text}");
        }
        // The old form.
        assert_eq!(parse(r#"X-Matrix origin=a.example:8448,key="ed25519:k",sig="AB+/""#), wanted(None));
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        for text in [
            "",
            "X-Matrix",
            "Bearer token",
            "X-Matrix origin=a.example,key=ed25519:k",
            r#"X-Matrix origin="a.example,key="ed25519:k",sig="AB"#,
            "X-Matrix origin=a.example,origin=b.example,key=ed25519:k,sig=AB",
            "X-Matrix origin=no/name,key=ed25519:k,sig=AB",
            r#"X-Matrix origin=a.example,key=ed25519:k,sig=AB,x="\"#,
        ] {
            assert_eq!(XMatrix::parse(text), None, "{text}");
        }
    }
}
