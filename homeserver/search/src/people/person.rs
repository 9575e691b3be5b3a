//! How a user is called.

use hearth_rooms::{Event, Rooms};
use hearth_storage::{
    RoomNid, Transaction,
    schema::{self, rooms::Membership, search::PersonRow, users::AccountKind},
};
use hearth_text::words;
use hearth_users::Users;
use ruma::UserId;
use serde::Deserialize;

use crate::SearchError;

/// By how many words somebody is found at most.
const MAX_WORDS: usize = 64;

/// Somebody who was found.
pub type Person = PersonRow;

/// How a user is called now; `None` for who is not to be found. `heard_of` in a room a moment ago, if anywhere.
pub(super) fn person(
    rooms: &Rooms,
    users: &Users,
    user: &UserId,
    heard_of: Option<RoomNid>,
) -> Result<Option<Person>, SearchError> {
    if user.server_name() != rooms.server_name() {
        let Some(member) = member_event(rooms, user, heard_of)? else { return Ok(None) };
        #[derive(Deserialize)]
        struct Member {
            displayname: Option<String>,
            avatar_url: Option<String>,
        }
        let member = serde_json::from_str::<Member>(member.pdu.content_str()).ok();
        let (name, avatar) = member.map(|member| (member.displayname, member.avatar_url)).unwrap_or_default();
        return Ok(Some(called(user, name, avatar)));
    }
    let account = rooms.store().view().get(&schema::ACCOUNTS, (user,))?;
    if account.is_none_or(|account| account.deactivated || account.kind == AccountKind::Guest) {
        return Ok(None);
    }
    let profile = users.profiles.get(user)?;
    let avatar = profile.avatar_url.as_ref().map(ToString::to_string);
    Ok(Some(called(user, profile.displayname.clone(), avatar)))
}

fn called(user: &UserId, display_name: Option<String>, avatar_url: Option<String>) -> Person {
    let name = display_name.as_deref().unwrap_or_default();
    let texts = [user.localpart(), name, user.server_name().as_str()];
    let mut found: Vec<String> = Vec::new();
    for word in texts.into_iter().flat_map(words) {
        if found.len() < MAX_WORDS && !found.contains(&word.folded) {
            found.push(word.folded);
        }
    }
    Person { display_name, avatar_url, words: found }
}

/// The membership event of a user in a room that they were just heard of in, or in the room where they have had the newest.
fn member_event(
    rooms: &Rooms,
    user: &UserId,
    heard_of: Option<RoomNid>,
) -> Result<Option<std::sync::Arc<Event>>, SearchError> {
    let there = heard_of.map(|room| rooms.user_room(user, room)).transpose()?.flatten();
    if let Some(row) = there.filter(|row| row.membership == Membership::Join) {
        return Ok(rooms.event(row.event)?);
    }
    let joined = rooms.rooms_of(user)?.into_iter().filter(|(_, row)| row.membership == Membership::Join);
    match joined.map(|(_, row)| row.event).max() {
        Some(newest) => Ok(rooms.event(newest)?),
        None => Ok(None),
    }
}

/// Writes how a user is called now, and takes back how they were called before; nothing where it is the same.
pub(super) fn write(
    transaction: &mut Transaction,
    user: &UserId,
    now: Option<&Person>,
) -> Result<(), SearchError> {
    let before = transaction.get(&schema::PEOPLE, (user,))?;
    if before.as_ref() == now {
        return Ok(());
    }
    for word in before.iter().flat_map(|before| &before.words) {
        transaction.delete(&schema::PEOPLE_BY_WORD, (word, user));
    }
    let Some(now) = now else {
        transaction.delete(&schema::PEOPLE, (user,));
        return Ok(());
    };
    for word in &now.words {
        transaction.put(&schema::PEOPLE_BY_WORD, (word, user), &());
    }
    transaction.put(&schema::PEOPLE, (user,), now);
    Ok(())
}
