//! The rules for `m.room.power_levels`.

use std::collections::BTreeMap;

use super::{AuthError, malformed};
use crate::{
    RoomVersion,
    content::AuthContent,
    pdu::Pdu,
    power_levels::{PowerLevel, PowerLevels, SINGLE_LEVELS},
};

/// Whether a sender of that level may change the room's levels to those of the event.
pub(super) fn check_change(
    version: RoomVersion,
    pdu: &Pdu,
    current: &PowerLevels,
    sender_level: PowerLevel,
) -> Result<(), AuthError> {
    let new = match pdu.auth_content() {
        AuthContent::PowerLevels(Ok(content)) => content,
        AuthContent::PowerLevels(Err(error)) => return Err(AuthError::Malformed(error.clone())),
        // Under another state key the type has no meaning and no rules.
        _ if pdu.state_key() != Some("") => return Ok(()),
        _ => return malformed("the power levels cannot be read"),
    };
    let rules = &version.rules().authorization;
    if rules.explicitly_privilege_room_creators
        && current.creators().iter().any(|creator| new.users.contains_key(creator))
    {
        return malformed("the power level of a creator is infinite and cannot be set");
    }
    let Some(old) = &current.content else {
        return Ok(());
    };
    for (index, (name, _)) in SINGLE_LEVELS.into_iter().enumerate() {
        let changed = old.single[index] != new.single[index];
        let highest = old.single(index).max(new.single(index));
        if changed && PowerLevel::Int(highest) > sender_level {
            return Err(AuthError::Forbidden(format!(
                "the sender's power level does not let them change `{name}`"
            )));
        }
    }
    check_entries(&old.events, &new.events, sender_level, |_| false)?;
    if rules.limit_notifications_power_levels {
        check_entries(&old.notifications, &new.notifications, sender_level, |_| false)?;
    }
    // Others of the sender's own level are out of reach.
    check_entries(&old.users, &new.users, sender_level, |user| user != pdu.sender())
}

/// Whether each changed entry was and becomes no higher than the sender; where `strict` holds it
/// must have been lower.
fn check_entries<K: Ord + std::fmt::Display>(
    old: &BTreeMap<K, i64>,
    new: &BTreeMap<K, i64>,
    sender_level: PowerLevel,
    strict: impl Fn(&K) -> bool,
) -> Result<(), AuthError> {
    let refuse = |key: &K| {
        Err(AuthError::Forbidden(format!(
            "the sender's power level does not let them change the level of {key}"
        )))
    };
    for (key, level) in old.iter().filter(|(key, level)| new.get(*key) != Some(*level)) {
        let level = PowerLevel::Int(*level);
        if level > sender_level || (level == sender_level && strict(key)) {
            return refuse(key);
        }
    }
    for (key, level) in new.iter().filter(|(key, level)| old.get(*key) != Some(*level)) {
        if PowerLevel::Int(*level) > sender_level {
            return refuse(key);
        }
    }
    Ok(())
}
