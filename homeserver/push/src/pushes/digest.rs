//! Telling a user by mail what they have not read for a while: all of it at once, and not again before there is more.

use std::time::Duration;

use hearth_rooms::Event;
use hearth_storage::{
    RoomNid, Scan, blocking,
    schema::{
        self,
        push::{NotificationRow, PushedRow},
    },
};
use hearth_users::Pusher;
use ruma::UserId;
use serde::Deserialize;

use super::{
    deliver::{Deliver, MAX_AGE_MS},
    notification::Place,
    schedule::{Outcome, PusherKey},
    target::{Kind, Target},
};
use crate::{
    PushError,
    mail::{Mail, NotSent, UnreadRoom},
};

/// How many rooms a mail tells of, how many messages of each, and how many letters of a name or a message.
const MAX_ROOMS: usize = 20;
const MAX_LINES: usize = 5;
const MAX_LETTERS: usize = 200;

/// How long a pusher rests whose mail was refused: mail servers do so to see who comes back.
const REFUSED_REST: Duration = Duration::from_secs(15 * 60);

/// What is to be done about what a user has not read.
enum Next {
    /// There is no such pusher, or nobody has confirmed its address, or it is not to be told anything.
    Gone,
    Nothing,
    /// All of it was read.
    Pass(PushedRow),
    /// It is told when it has been unread for long enough.
    Wait(Duration),
    Send(Box<Mail>, PushedRow),
}

impl Deliver {
    /// Tells a pusher by mail what it was not told, if it has been unread for long enough.
    pub(super) async fn mail(&self, key: &PusherKey) -> Result<Outcome, PushError> {
        let Some(mails) = &self.mails else { return Ok(Outcome::Gone) };
        let told = match blocking(|| self.digest(key))? {
            Next::Gone => return Ok(Outcome::Gone),
            Next::Nothing => return Ok(Outcome::Nothing),
            Next::Wait(time) => return Ok(Outcome::Later(time)),
            Next::Pass(told) => told,
            Next::Send(mail, told) => {
                if let Err(error) = mails.mailer.send(*mail).await {
                    tracing::warn!(user = %key.user, %error, "a mail was not sent, and is tried again");
                    metrics::counter!("hearth_mails_total", "result" => "failed").increment(1);
                    return Ok(match error {
                        NotSent::Refused(_) => Outcome::Refused(Some(REFUSED_REST)),
                        NotSent::Unreachable(_) => Outcome::Unreachable,
                    });
                }
                metrics::counter!("hearth_mails_total", "result" => "sent").increment(1);
                told
            }
        };
        self.noting.users.pushers.told(&key.user, &key.app_id, &key.pushkey, told).await?;
        Ok(Outcome::Told)
    }

    fn digest(&self, key: &PusherKey) -> Result<Next, PushError> {
        let PusherKey { user, app_id, pushkey } = key;
        let Some(mails) = &self.mails else { return Ok(Next::Gone) };
        let pusher = self.noting.users.pushers.get(user, app_id, pushkey)?.filter(Pusher::is_active);
        let target = pusher.as_ref().and_then(Target::of);
        if target.is_none_or(|target| !matches!(target.kind, Kind::Mail)) {
            return Ok(Next::Gone);
        }
        let view = self.noting.rooms.store().view();
        let pushed = view.get(&schema::PUSHED, (user, app_id, pushkey))?.unwrap_or_default();
        let now = self.noting.clock.now_ms();
        let oldest = now.saturating_sub(MAX_AGE_MS);
        let (mut told, mut unread) = (pushed, Vec::new());
        for row in view.scan(&schema::NOTIFICATIONS, Scan::prefix((user,)).after((user, pushed.through))) {
            let ((_, position), row) = row?;
            told.through = position;
            if row.noted_at >= oldest && self.unread.contains(user, row.room, position)? {
                unread.push(row);
            }
        }
        let Some(first) = unread.first() else {
            return Ok(if told == pushed { Next::Nothing } else { Next::Pass(told) });
        };
        let due = first.noted_at + mails.delay.as_millis() as u64;
        if now < due {
            return Ok(Next::Wait(Duration::from_millis(due - now)));
        }
        let rooms = self.unread_rooms(user, &unread)?;
        Ok(Next::Send(Box::new(mails.digest(user, pushkey, unread.len(), &rooms)), told))
    }

    /// The rooms in which something is unread, the one with the newest of it first.
    fn unread_rooms(&self, user: &UserId, unread: &[NotificationRow]) -> Result<Vec<UnreadRoom>, PushError> {
        let mut rooms: Vec<(RoomNid, UnreadRoom)> = Vec::new();
        for row in unread.iter().rev() {
            let known = rooms.iter().position(|(room, _)| *room == row.room);
            if known.is_none() && rooms.len() == MAX_ROOMS {
                continue;
            }
            if let Some(place) = known
                && rooms[place].1.lines.len() == MAX_LINES
            {
                rooms[place].1.more += 1;
                continue;
            }
            let Some(event) = self.noting.rooms.event(row.event)? else { continue };
            let Some(place) = self.place(user, row.room, &event)? else { continue };
            let who = place.sender_name.clone().unwrap_or_else(|| event.pdu.sender().to_string());
            let line = (short(&who), short(&said(&event)));
            let index = known.unwrap_or_else(|| {
                let name = place.name.or(place.alias.map(|alias| alias.to_string()));
                let name = short(&name.unwrap_or_else(|| "A conversation".to_owned()));
                rooms.push((row.room, UnreadRoom { name, lines: Vec::new(), more: 0 }));
                rooms.len() - 1
            });
            rooms[index].1.lines.insert(0, line);
        }
        Ok(rooms.into_iter().map(|(_, room)| room).collect())
    }

    /// Where an event happened, as the user knows it; `None` if they have nothing to do with the room any more.
    pub(super) fn place(
        &self,
        user: &UserId,
        room: RoomNid,
        event: &Event,
    ) -> Result<Option<Place>, PushError> {
        Ok(match self.noting.room(room)? {
            Some(room) => Some(Place::of(&room, event)?),
            None => {
                let invite = self.noting.rooms.user_room(user, room)?;
                invite.map(|invite| Place::of_invite(event.pdu.room_id(), &invite, event))
            }
        })
    }
}

/// What an event says, for who does not know Matrix.
fn said(event: &Event) -> String {
    #[derive(Deserialize)]
    struct Content {
        body: Option<String>,
    }
    let content = serde_json::from_str::<Content>(event.pdu.content_str()).ok();
    match (event.pdu.type_str(), content.and_then(|content| content.body)) {
        (_, Some(body)) => body,
        ("m.room.encrypted", _) => "an encrypted message".to_owned(),
        ("m.room.member", _) => "an invitation".to_owned(),
        _ => "something new".to_owned(),
    }
}

/// One line, and not all of a long one.
fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_LETTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
