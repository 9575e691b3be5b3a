//! Joining a room of other servers.

use hearth_rooms::{Room, RoomError};
use hearth_spec::{Pdu, RoomVersion};
use hearth_storage::schema::rooms::Membership;
use ruma::{
    OwnedEventId, OwnedServerName, RoomId, ServerName, UserId,
    api::federation::membership::{
        create_join_event::v2::{Request as SendJoin, RoomState},
        prepare_join_event::v1::Request as MakeJoin,
    },
};
use serde_json::{Map, Value};

use super::{
    answer,
    proposal::{Member, supported},
    raw,
    servers::first_of,
};
use crate::{Federation, FederationError, Limits, intake::RoomIntake};

/// A join that is wanted.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub room_id: &'a RoomId,
    pub user: &'a UserId,
    /// The rest of the member event's content.
    pub content: &'a Map<String, Value>,
    /// Whether the answer may come without the members.
    pub omit_members: bool,
}

impl Federation {
    /// Joins a user of this server to a room, by one of the servers that are in it: those in `via` first.
    /// `content` is the rest of the member event's. Returns when the room can be read here.
    ///
    /// Where the room is here already it is joined here, unless nobody here may let the user in.
    ///
    /// # Errors
    /// The clearest of the servers' refusals.
    pub async fn join(
        &self,
        user: &UserId,
        room_id: &RoomId,
        via: &[OwnedServerName],
        content: Map<String, Value>,
    ) -> Result<Room, FederationError> {
        self.rooms().may_be_entered(room_id)?;
        // Two who join at once need the room but once, and what others send for it waits for the end.
        let _turn = self.under_way().joins.acquire(room_id.to_owned()).await?;
        let here = self.room_here(room_id)?;
        // Of a room whose members are missing it is not known what the user is to it.
        if let Some(room) = &here
            && (!room.is_partial() || room.is_joined(user)?)
        {
            match self.rooms().join(room, user, content.clone()).await {
                Ok(_) => return Ok(room.clone()),
                // Another server may have a user who may.
                Err(RoomError::UnableToAuthoriseJoin(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let servers = self.servers_for(user, room_id, via)?;
        let wish = Wish { room_id, user, content: &content, omit_members: self.options().partial_joins };
        first_of(&servers, |server| self.join_by(server, wish, here.as_ref())).await
    }

    /// Joins a user who is in a room once more, by one of the servers, for the whole state that it tells then. The join.
    pub(super) async fn join_again(
        &self,
        room: &Room,
        servers: &[OwnedServerName],
    ) -> Result<OwnedEventId, FederationError> {
        let _turn = self.under_way().joins.acquire(room.id().to_owned()).await?;
        let users = room.members_of(self.server_name(), Membership::Join)?;
        let user = users.first().ok_or(RoomError::UnknownRoom)?;
        let mut content: Map<String, Value> =
            room.state_content("m.room.member", user.as_str())?.unwrap_or_default();
        // Who let the user in had to sign that, and is not asked to again.
        content.remove("join_authorised_via_users_server");
        let wish = Wish { room_id: room.id(), user, content: &content, omit_members: false };
        first_of(servers, |server| self.join_again_by(server, wish, room.version())).await
    }

    async fn join_by(
        &self,
        server: &ServerName,
        wish: Wish<'_>,
        here: Option<&Room>,
    ) -> Result<Room, FederationError> {
        let (join, answer) = self.ask_to_join(server, wish, here.map(Room::version)).await?;
        match here {
            Some(room) => self.join_by_other(server, room, join, answer).await,
            None => {
                let arrival = answer::check(self, server, wish, join, answer).await?;
                Ok(self.rooms().take_in(arrival).await?)
            }
        }
    }

    async fn join_again_by(
        &self,
        server: &ServerName,
        wish: Wish<'_>,
        version: RoomVersion,
    ) -> Result<OwnedEventId, FederationError> {
        let (join, answer) = self.ask_to_join(server, wish, Some(version)).await?;
        let id = join.event_id_owned().clone();
        self.rooms().take_in(answer::check(self, server, wish, join, answer).await?).await?;
        Ok(id)
    }

    /// The join as a server lets us make it, and what it answers to it. The room may be known to be of one version.
    async fn ask_to_join(
        &self,
        server: &ServerName,
        wish: Wish<'_>,
        known: Option<RoomVersion>,
    ) -> Result<(Pdu, RoomState), FederationError> {
        let Wish { room_id, user, content, omit_members } = wish;
        let mut make = MakeJoin::new(room_id.to_owned(), user.to_owned());
        make.ver = RoomVersion::ALL.map(RoomVersion::id).to_vec();
        let made = self.ask_for_user(server, make, super::ANEW).await?;
        let version = supported(made.room_version)?;
        if known.is_some_and(|known| known != version) {
            return Err(FederationError::Invalid("the room is of another version".to_owned()));
        }
        let member = Member { room: room_id, user, membership: "join", content };
        let join = member.at(self, version, made.event.get())?;
        self.leave_to_others(join.event_id());
        let mut send = SendJoin::new(room_id.to_owned(), join.event_id_owned().clone(), raw(&join)?);
        send.omit_members = omit_members;
        let answer = self.ask_for_user(server, send, Limits::ROOM).await?;
        Ok((join, answer.room_state))
    }

    /// The join to a room that is here, for which another server vouched: the event is like any other of the room.
    async fn join_by_other(
        &self,
        server: &ServerName,
        room: &Room,
        join: Pdu,
        answer: RoomState,
    ) -> Result<Room, FederationError> {
        let signed = answer::signed_join(&join, answer.event.as_deref())?;
        let Some(signed) = self.verified(server, room.version(), vec![signed]).await.pop() else {
            return Err(FederationError::Invalid("the server did not sign the join".to_owned()));
        };
        match RoomIntake::new(self, room, server).take_in(signed).await? {
            Ok(()) => Ok(room.clone()),
            Err(reason) => Err(RoomError::Forbidden(reason).into()),
        }
    }
}
