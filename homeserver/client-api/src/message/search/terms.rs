//! What is looked for, and how well an event matches.

use hearth_rooms::Event;
use ruma::api::client::search::search_events::v3::SearchKeys;
use serde::Deserialize;

/// The words of a search, in lower case.
pub(super) struct Terms {
    words: Vec<String>,
    /// All of them, as they stand in a text where they follow each other.
    phrase: String,
    body: bool,
    name: bool,
    topic: bool,
}

impl Terms {
    /// The words of `search_term`, to be looked for in `keys`, or in all. Quotes and other marks are no part of a word.
    pub(super) fn new(search_term: &str, keys: Option<&[SearchKeys]>) -> Self {
        let words: Vec<String> = words_of(&search_term.to_lowercase()).map(str::to_owned).collect();
        let wants = |key: &SearchKeys| keys.is_none_or(|keys| keys.contains(key));
        Self {
            phrase: words.join(" "),
            words,
            body: wants(&SearchKeys::ContentBody),
            name: wants(&SearchKeys::ContentName),
            topic: wants(&SearchKeys::ContentTopic),
        }
    }

    /// Whether nothing is looked for.
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words that clients highlight.
    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// How well an event matches, from 0 to 1; `None` where it lacks a word.
    pub(super) fn rank(&self, event: &Event) -> Option<f64> {
        let text = self.text(event)?.to_lowercase();
        self.rank_text(&text)
    }

    fn rank_text(&self, text: &str) -> Option<f64> {
        if !self.words.iter().all(|word| text.contains(word)) {
            return None;
        }
        let whole: Vec<&str> = words_of(text).collect();
        let exact = self.words.iter().filter(|word| whole.contains(&word.as_str())).count();
        let in_order = usize::from(whole.join(" ").contains(&self.phrase));
        Some((exact + in_order) as f64 / (self.words.len() + 1) as f64)
    }

    /// What of an event is looked through.
    fn text(&self, event: &Event) -> Option<String> {
        #[derive(Deserialize)]
        struct Message {
            body: String,
        }
        #[derive(Deserialize)]
        struct Name {
            name: String,
        }
        #[derive(Deserialize)]
        struct Topic {
            #[serde(default)]
            topic: String,
            #[serde(rename = "m.topic", default)]
            rich: RichTopic,
        }
        #[derive(Deserialize, Default)]
        struct RichTopic {
            #[serde(rename = "m.text", default)]
            texts: Vec<Representation>,
        }
        #[derive(Deserialize)]
        struct Representation {
            mimetype: Option<String>,
            body: String,
        }
        let content = event.pdu.content_str();
        match event.pdu.type_str() {
            "m.room.message" if self.body => {
                serde_json::from_str::<Message>(content).ok().map(|message| message.body)
            }
            "m.room.name" if self.name => serde_json::from_str::<Name>(content).ok().map(|name| name.name),
            "m.room.topic" if self.topic => {
                let Topic { topic, rich } = serde_json::from_str(content).ok()?;
                let plain = rich
                    .texts
                    .into_iter()
                    .find(|text| text.mimetype.as_deref().is_none_or(|mimetype| mimetype == "text/plain"));
                Some(plain.map_or(topic.clone(), |plain| format!("{topic}\n{}", plain.body)))
            }
            _ => None,
        }
    }
}

/// The words of a text: what is between spaces and marks.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(search_term: &str, text: &str) -> Option<f64> {
        Terms::new(search_term, None).rank_text(&text.to_lowercase())
    }

    #[test]
    fn all_words_have_to_be_there() {
        assert!(rank("martians men", "Men and Martians").is_some());
        assert_eq!(rank("martians women", "men and martians"), None);
        assert!(rank("über", "ÜBERALL").is_some());
    }

    #[test]
    fn whole_words_and_their_order_rank_higher() {
        let ranks = ["a martian and a man", "man, martian", "martianology of manners", "the martian man"]
            .map(|text| rank("martian man", text).unwrap());
        assert_eq!(ranks[3], 1.0);
        assert_eq!(ranks[0], ranks[1]);
        assert!(ranks[3] > ranks[0] && ranks[0] > ranks[2]);
    }

    #[test]
    fn quotes_and_marks_are_no_part_of_a_word() {
        assert_eq!(rank("\"two words\"", "these are two words."), Some(1.0));
        assert!(rank("what's up?", "so what's up").is_some());
        assert_eq!(rank("two, words!", "two; words"), Some(1.0));
        assert!(Terms::new("\"...\"", None).is_empty());
    }
}
