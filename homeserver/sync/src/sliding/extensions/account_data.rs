//! Account data (MSC3959).

use hearth_storage::Position;
use hearth_users::{AccountDataItem, whole_ruleset};
use ruma::RoomId;

use super::{AccountDataChanges, RoomParts};
use crate::{
    SyncError,
    json::{Array, Object},
    scope::Scope,
};

const PUSH_RULES: &str = "m.push_rules";

/// Writes global account data: all of it, or what changed. Says whether there was anything.
pub fn write_global(
    scope: &Scope<'_>,
    changes: &AccountDataChanges,
    told: bool,
    object: &mut Object<'_>,
) -> Result<bool, SyncError> {
    let all: Vec<(String, String)>;
    let items: Vec<(&str, &str)> = if told {
        changes.global.iter().map(|item| (&*item.data_type, item.content.get())).collect()
    } else {
        let mut items: Vec<(String, String)> = Vec::new();
        for (data_type, content) in scope.users.account_data.all(scope.user, None)? {
            items.push((data_type, content.get().to_owned()));
        }
        // Who never changed a rule has the server's.
        if items.iter().all(|(data_type, _)| data_type != PUSH_RULES)
            && let Ok(rules) = whole_ruleset(&scope.push_rules)
        {
            items.push((PUSH_RULES.to_owned(), format!("{{\"global\":{rules}}}")));
        }
        all = items;
        all.iter().map(|(data_type, content)| (&**data_type, &**content)).collect()
    };
    if !items.is_empty() {
        write_items(items.iter().copied(), object.key("global"));
    }
    Ok(!items.is_empty())
}

/// The account data of rooms.
#[derive(Default)]
pub struct RoomAccountData(pub RoomParts);

impl RoomAccountData {
    /// Adds that of a room: all of it, or what changed after what was told. `changes` are those since the answer that the
    /// client has.
    pub fn add(
        &mut self,
        scope: &Scope<'_>,
        id: &RoomId,
        told: Option<Position>,
        changes: &AccountDataChanges,
    ) -> Result<(), SyncError> {
        let data = &scope.users.account_data;
        let since = scope.since.map(|since| since.log());
        let of_room: Vec<AccountDataItem>;
        let items: &[AccountDataItem] = match told {
            Some(told) if since == Some(told) => changes.by_room.get(id).map_or(&[], Vec::as_slice),
            Some(told) => {
                let changes = data.changes(scope.user, told, scope.upto.log)?;
                of_room = changes.into_iter().filter(|item| item.room.as_deref() == Some(id)).collect();
                &of_room
            }
            None => {
                let all = data.all(scope.user, Some(id))?.into_iter();
                let item = |(data_type, content)| AccountDataItem { room: None, data_type, content };
                of_room = all.map(item).collect();
                &of_room
            }
        };
        if !items.is_empty() {
            write_items(items.iter().map(|item| (&*item.data_type, item.content.get())), self.0.room(id));
        }
        Ok(())
    }
}

fn write_items<'a>(items: impl Iterator<Item = (&'a str, &'a str)>, out: &mut String) {
    let mut list = Array::open(out);
    for (data_type, content) in items {
        let mut event = Object::open(list.item());
        event.text("type", data_type);
        event.json("content", content);
        event.close();
    }
    list.close();
}
