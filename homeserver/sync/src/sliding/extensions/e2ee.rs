//! Whose devices are to be looked at anew, and how many keys are left (MSC3884).

use hearth_rooms::RoomError;
use hearth_storage::RoomNid;

use crate::{
    SyncError,
    device_lists::DeviceLists,
    json::Object,
    online::UserRoom,
    response::{as_told, write_key_counts},
    room_update::MemberChanges,
    scope::Scope,
};

/// Who came into view and who left it; `changed` are the user's rooms in which something may have changed, in view or not.
pub fn member_changes(scope: &Scope<'_>, changed: &[(RoomNid, UserRoom)]) -> Result<DeviceLists, SyncError> {
    let mut lists = DeviceLists::default();
    let Some(since) = scope.since else { return Ok(lists) };
    for (nid, is) in changed {
        let room = match scope.rooms.room_by_nid(*nid) {
            Ok(room) => room,
            Err(RoomError::UnknownRoom) => continue,
            Err(error) => return Err(error.into()),
        };
        if let Some(is) = as_told(scope, Some(&room), *is)? {
            lists.add(MemberChanges::since(scope, &room, is, since.log())?);
        }
    }
    Ok(lists)
}

/// Writes the extension, with the devices of those who came and left. Says whether it tells anything.
pub fn write_e2ee(scope: &Scope<'_>, lists: DeviceLists, object: &mut Object<'_>) -> Result<bool, SyncError> {
    let mut told = lists.write(scope, object)?;
    told |= write_key_counts(scope, object)?;
    Ok(told)
}
