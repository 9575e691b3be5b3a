//! Finding people.

use std::cmp::Reverse;

use hearth_storage::{Scan, UsersFrom, View, schema};
use hearth_text::{fold, words};
use ruma::{OwnedUserId, UserId};

use super::{People, Person};
use crate::SearchError;

/// How many words of what is looked for count.
const MAX_WORDS: usize = 8;
/// How many people are looked at who have one of the words.
const MAX_LOOKED_AT: usize = 2_000;

/// Who was found.
#[derive(Debug, Default)]
pub struct FoundPeople {
    /// The best first.
    pub people: Vec<(OwnedUserId, Person)>,
    /// There may be more.
    pub limited: bool,
}

impl People {
    /// People whose names and ids have all the words of a search term, or words that begin so, at most `limit` of those whom
    /// `sees` takes.
    pub fn find<E: From<SearchError>>(
        &self,
        search_term: &str,
        limit: usize,
        mut sees: impl FnMut(&UserId) -> Result<bool, E>,
    ) -> Result<FoundPeople, E> {
        let sought: Vec<String> =
            words(search_term).into_iter().take(MAX_WORDS).map(|word| word.folded).collect();
        let view = self.rooms.store().view();
        let (candidates, mut limited) = candidates(&view, &sought)?;
        let mut matching = matching(&view, candidates, &sought)?;
        let whole = fold(search_term.trim());
        matching.sort_by_cached_key(|(user, person)| place(user, person, &sought, &whole));
        let mut people = Vec::new();
        for (user, person) in matching {
            if sees(&user)? {
                if people.len() == limit {
                    limited = true;
                    break;
                }
                people.push((user, person));
            }
        }
        Ok(FoundPeople { people, limited })
    }
}

/// Those who have the rarest of the words, and whether there were too many to look at.
fn candidates(view: &View, sought: &[String]) -> Result<(Vec<OwnedUserId>, bool), SearchError> {
    let mut fewest: Option<Vec<OwnedUserId>> = None;
    for word in sought {
        let until = format!("{word}{}", char::MAX);
        let range = Scan::all().from((word, UsersFrom(""))).until((&until, UsersFrom("")));
        let rows = view.scan(&schema::PEOPLE_BY_WORD, range).take(MAX_LOOKED_AT + 1);
        let found = rows.map(|row| row.map(|((_, user), ())| user)).collect::<Result<Vec<_>, _>>()?;
        if fewest.as_ref().is_none_or(|fewest| found.len() < fewest.len()) {
            fewest = Some(found);
        }
    }
    let mut found = fewest.unwrap_or_default();
    let too_many = found.len() > MAX_LOOKED_AT;
    found.truncate(MAX_LOOKED_AT);
    // Several words of one name may begin alike.
    found.sort_unstable();
    found.dedup();
    Ok((found, too_many))
}

fn matching(
    view: &View,
    candidates: Vec<OwnedUserId>,
    sought: &[String],
) -> Result<Vec<(OwnedUserId, Person)>, SearchError> {
    let rows = view.multi_get(&schema::PEOPLE, candidates.iter().map(|user| (user,)))?;
    let people = candidates.into_iter().zip(rows).filter_map(|(user, row)| Some((user, row?)));
    let has_all = |person: &Person| {
        sought.iter().all(|sought| person.words.iter().any(|word| word.starts_with(&**sought)))
    };
    Ok(people.filter(|(_, person)| has_all(person)).collect())
}

/// Where somebody stands among those who match; the least comes first: who is called just so, who has most of the words whole,
/// whose name begins with what is looked for, who has a name at all.
fn place(
    user: &UserId,
    person: &Person,
    sought: &[String],
    whole: &str,
) -> (bool, Reverse<usize>, bool, bool, OwnedUserId) {
    let name = person.display_name.as_deref().map(fold);
    let localpart = fold(user.localpart());
    let is_called = |text: &str| text == whole || text == whole.trim_start_matches('@');
    let just_so = is_called(&localpart) || is_called(user.as_str()) || name.as_deref().is_some_and(is_called);
    let exact = sought.iter().filter(|sought| person.words.contains(sought)).count();
    let begins = localpart.starts_with(whole) || name.as_ref().is_some_and(|name| name.starts_with(whole));
    (!just_so, Reverse(exact), !begins, person.display_name.is_none(), user.to_owned())
}
