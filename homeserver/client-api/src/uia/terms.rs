//! What whoever registers accepts: policies that can be read elsewhere
//! ([spec](https://spec.matrix.org/v1.19/client-server-api/#terms-of-service-at-registration)).

use std::path::{Path, PathBuf};

use ruma::api::client::uiaa::{LoginTermsParams, PolicyDefinition, PolicyTranslation};
use serde::Deserialize as _;
use serde_json::{Value, json};

/// Why policies cannot be told.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct TermsError {
    file: PathBuf,
    problem: String,
}

/// Reads policies from a file, which has them as clients get them: `{"policies": {…}}`.
///
/// # Errors
/// What is wrong with the file, or with the first policy of which there is nothing to read.
pub fn read(file: &Path) -> Result<LoginTermsParams, TermsError> {
    let read = || -> Result<LoginTermsParams, String> {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let written: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let terms = LoginTermsParams::deserialize(&written).map_err(|error| error.to_string())?;
        if terms.policies.is_empty() {
            return Err("there are no policies in it".to_owned());
        }
        terms
            .policies
            .iter()
            .try_for_each(|(id, policy)| check(policy).map_err(|why| format!("{id}: {why}")))?;
        // Otherwise a language in which something is missing would be left out without a word.
        match json!(terms) == written {
            true => Ok(terms),
            false => {
                Err("beside versions and languages, each with a name and a url, nothing is understood"
                    .to_owned())
            }
        }
    };
    read().map_err(|problem| TermsError { file: file.to_owned(), problem })
}

/// A policy has a text in some language, at a page of the web.
fn check(policy: &PolicyDefinition) -> Result<(), String> {
    if policy.translations.is_empty() {
        return Err("it is in no language, such as `\"en\": {\"name\": …, \"url\": …}`".to_owned());
    }
    let is_page = |url: &str| {
        url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    };
    match policy.translations.iter().find(|(_, text)| !is_page(&text.url)) {
        Some((language, text)) => Err(format!("`{}` ({language}) is not a URL of a page", text.url)),
        None => Ok(()),
    }
}

/// A policy in the first of these languages (`Accept-Language`) in which there is one, else in English, else in any.
pub(super) fn in_language<'a>(policy: &'a PolicyDefinition, accepted: &str) -> Option<&'a PolicyTranslation> {
    let wished = accepted.split(',').filter_map(|language| language.split(';').next()).map(str::trim);
    let find = |wished: &str| {
        // `de-AT` is served by `de`.
        let general = wished.split('-').next().unwrap_or_default();
        let is = |language: &str, wished: &str| language.replace('_', "-").eq_ignore_ascii_case(wished);
        [wished, general].into_iter().find_map(|wished| {
            policy.translations.iter().find(|(language, _)| is(language, wished)).map(|(_, text)| text)
        })
    };
    wished.chain(["en"]).find_map(find).or_else(|| policy.translations.values().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(terms: &Value) -> Result<LoginTermsParams, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), terms.to_string()).unwrap();
        super::read(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_without_anything_to_read_is_refused() {
        let policy = |policy: Value| json!({ "policies": { "privacy": policy } });
        let good =
            policy(json!({ "version": "1", "en": { "name": "Privacy", "url": "https://a.example/p" } }));
        assert_eq!(serde_json::to_value(read(&good).unwrap()).unwrap(), good);
        for (wrong, why) in [
            (json!({ "policies": {} }), "no policies"),
            (json!([]), "expected"),
            (policy(json!({ "version": "1" })), "privacy: it is in no language"),
            (policy(json!({ "en": { "name": "Privacy", "url": "https://a.example/p" } })), "version"),
            (policy(json!({ "version": "1", "en": { "name": "Privacy" } })), "privacy: it is in no language"),
            (
                policy(json!({ "version": "1",
                    "de": { "name": "Datenschutz" },
                    "en": { "name": "Privacy", "url": "https://a.example/p" } })),
                "nothing is understood",
            ),
            (
                policy(json!({ "version": "1", "en": { "name": "P", "url": "javascript:x" } })),
                "privacy: `java",
            ),
        ] {
            let told = read(&wrong).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        assert!(
            super::read(Path::new("nowhere.json")).unwrap_err().to_string().starts_with("nowhere.json: ")
        );
    }

    #[test]
    fn a_policy_is_told_in_the_language_that_is_wished() {
        let policy = json!({ "version": "1",
            "de": { "name": "Datenschutz", "url": "https://a.example/de" },
            "en": { "name": "Privacy", "url": "https://a.example/en" },
            "pt_BR": { "name": "Privacidade", "url": "https://a.example/pt" } });
        let policy: PolicyDefinition = serde_json::from_value(policy).unwrap();
        let name = |accepted| in_language(&policy, accepted).unwrap().name.as_str();
        assert_eq!(name("fr;q=0.9, de-AT;q=0.8, en"), "Datenschutz");
        assert_eq!(name("pt-BR, en"), "Privacidade");
        assert_eq!((name("fr"), name("")), ("Privacy", "Privacy"));
    }
}
