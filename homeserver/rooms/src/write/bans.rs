//! Banning users, servers and aliases for the whole server, and what that keeps out of rooms.

use hearth_spec::{
    BanKind, BanList, Membership, Pdu,
    ban_list::{folded, is_exact},
};
use hearth_storage::schema::{self, rooms::BanRow};
use ruma::{ServerName, UserId};
use serde::Deserialize;

use crate::{
    RoomError,
    read::{bans::Bans, room::Room},
    write::writer::NewEvent,
};

/// How many bans there may be, and how many of them with wildcards: each of these is tried on each event that comes.
const MAX_BANS: usize = 10_000;
const MAX_PATTERNS: usize = 1_000;
/// How long a glob may be, as long as what it names; and a reason. In bytes.
const MAX_GLOB: usize = 255;
const MAX_REASON: usize = 1_024;

impl Bans {
    /// Bans what a glob names, in the name of an administrator. One that is there gets the new reason.
    ///
    /// # Errors
    /// [`RoomError::Invalid`] if it is no glob of that kind, or there are too many; [`RoomError::Forbidden`] if it would
    /// shut out this server itself, or who makes it.
    pub async fn ban(
        &self,
        kind: BanKind,
        glob: &str,
        row: BanRow,
        own: &ServerName,
    ) -> Result<(), RoomError> {
        let glob = &*folded(glob);
        check(kind, glob, &row, own)?;
        let _guard = self.changing.lock().await;
        let mut tx = self.store.begin()?;
        if !tx.contains(&schema::BANS, (kind.name(), glob))? {
            let (all, patterns) = self.counts();
            if all >= MAX_BANS || (!is_exact(glob) && patterns >= MAX_PATTERNS) {
                return Err(RoomError::Invalid("there are too many bans: lift some of them".to_owned()));
            }
        }
        tx.put(&schema::BANS, (kind.name(), glob), &row);
        tx.submit().await?;
        Ok(())
    }

    /// Lifts a ban; whether there was one.
    pub async fn lift(&self, kind: BanKind, glob: &str) -> Result<bool, RoomError> {
        let glob = &*folded(glob);
        let _guard = self.changing.lock().await;
        let mut tx = self.store.begin()?;
        if !tx.contains(&schema::BANS, (kind.name(), glob))? {
            return Ok(false);
        }
        tx.delete(&schema::BANS, (kind.name(), glob));
        tx.submit().await?;
        Ok(true)
    }

    /// What this server's administrators have against an event that came: a banned user may do nothing but leave.
    pub(crate) fn check_event(&self, pdu: &Pdu) -> Result<(), String> {
        let leaves =
            pdu.membership() == Some(Membership::Leave) && pdu.state_key() == Some(pdu.sender().as_str());
        match !leaves && self.bans_user(pdu.sender()) {
            true => Err(format!("this server bans {}", pdu.sender())),
            false => Ok(()),
        }
    }
}

impl Room {
    /// Refuses what a banned user does but to leave, and an invite of one.
    pub(crate) fn refuse_banned(&self, event: &NewEvent) -> Result<(), RoomError> {
        #[derive(Deserialize)]
        struct Content {
            membership: Option<String>,
        }
        let bans = &self.shared().bans;
        let membership = match event.event_type.as_str() {
            "m.room.member" => serde_json::from_str::<Content>(event.content.get()).ok(),
            _ => None,
        };
        let membership = membership.and_then(|content| content.membership);
        let of = event.state_key.as_deref();
        let leaves = membership.as_deref() == Some("leave") && of == Some(event.sender.as_str());
        let invited = of.filter(|_| membership.as_deref() == Some("invite"));
        let invited = invited.and_then(|user| <&UserId>::try_from(user).ok());
        let banned =
            invited.into_iter().chain((!leaves).then_some(&*event.sender)).find(|user| bans.bans_user(user));
        match banned {
            Some(user) => Err(RoomError::Forbidden(format!("{user} is banned by this server"))),
            None => Ok(()),
        }
    }
}

fn check(kind: BanKind, glob: &str, row: &BanRow, own: &ServerName) -> Result<(), RoomError> {
    let invalid = |reason: &str| Err(RoomError::Invalid(reason.to_owned()));
    if glob.len() > MAX_GLOB || row.reason.as_ref().is_some_and(|reason| reason.len() > MAX_REASON) {
        return Err(RoomError::TooLarge(format!(
            "a glob has at most {MAX_GLOB} bytes, and a reason {MAX_REASON}"
        )));
    }
    // A pattern that nothing could match is a mistake.
    let begins = |sigil: char| glob.starts_with([sigil, '*', '?']);
    match kind {
        BanKind::User if !begins('@') => return invalid("a user is named as @name:server"),
        BanKind::Alias if !begins('#') => return invalid("an alias is named as #name:server"),
        BanKind::Server if glob.is_empty() || glob.contains(['@', '#', '/']) => {
            return invalid("a server is named as example.org, without a port");
        }
        _ => {}
    }
    let mut alone = BanList::default();
    alone.insert(kind, glob);
    match alone.bans_server(own) || alone.bans_user(&row.by) {
        true => Err(RoomError::Forbidden("that would ban this server, or you".to_owned())),
        false => Ok(()),
    }
}
