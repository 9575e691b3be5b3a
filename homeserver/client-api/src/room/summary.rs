//! `GET /_matrix/client/v1/room_summary/{roomIdOrAlias}`

use axum::extract::State;
use hearth_rooms::{RoomSummary as Summary, Rooms};
use ruma::{
    RoomVersionId, UInt,
    api::client::room::get_summary::v1::{Request as GetSummary, Response},
    room::{JoinRuleKind, JoinRuleSummary, RestrictedSummary, RoomSummary},
};

use crate::{Answer, Request, Result, membership::content::membership_state, room::access};

/// What a room says of itself to who is not in it
/// ([spec](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias)).
pub async fn get_room_summary(
    State(rooms): State<Rooms>,
    request: Request<GetSummary>,
) -> Result<Answer<Response>> {
    let room = access::named_room(&rooms, request.body.room_id_or_alias)?;
    let user = request.who.as_ref().map(|who| &*who.user);
    let summary = room.summary()?;
    if !access::may_discover(&rooms, &room, &summary, user)? {
        return Err(access::unknown_room());
    }
    let mut response = Response::new(described(summary));
    if let Some(user) = user {
        response.membership = room.membership(user)?.map(|row| membership_state(row.membership));
    }
    Ok(Answer(response))
}

/// A summary as the client-server API writes it.
pub(crate) fn described(summary: Summary) -> RoomSummary {
    let allowed = RestrictedSummary::new(summary.allowed_room_ids);
    let join_rule = match JoinRuleKind::from(summary.join_rule) {
        JoinRuleKind::Restricted => JoinRuleSummary::Restricted(allowed),
        JoinRuleKind::KnockRestricted => JoinRuleSummary::KnockRestricted(allowed),
        known @ (JoinRuleKind::Public | JoinRuleKind::Knock | JoinRuleKind::Private) => known.into(),
        // By a rule that nobody knows, nobody joins uninvited.
        _ => JoinRuleSummary::Invite,
    };
    let joined = UInt::new_saturating(summary.joined_members);
    let mut described =
        RoomSummary::new(summary.room_id, join_rule, summary.guest_can_join, joined, summary.world_readable);
    described.canonical_alias = summary.canonical_alias;
    described.name = summary.name;
    described.topic = summary.topic;
    described.avatar_url = summary.avatar_url;
    described.room_type = summary.room_type.map(Into::into);
    described.encryption = summary.encryption.map(Into::into);
    described.room_version = RoomVersionId::try_from(summary.version).ok();
    described
}
