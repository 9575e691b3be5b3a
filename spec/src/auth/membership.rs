//! The rules for `m.room.member`.

use std::sync::Arc;

use ruma::{UserId, events::StateEventType};

use super::{AuthError, RoomState, forbidden, malformed};
use crate::{
    RoomVersion,
    content::{JoinRule, MemberContent, Membership, ThirdPartyInvite, third_party_invite_keys},
    keys::PublicKey,
    pdu::Pdu,
    power_levels::PowerLevels,
};

pub(super) fn check<F>(
    version: RoomVersion,
    pdu: &Pdu,
    create: &Pdu,
    room: &RoomState<'_, F>,
) -> Result<(), AuthError>
where
    F: Fn(&StateEventType, &str) -> Option<Arc<Pdu>>,
{
    let Some(target) = pdu.state_key() else {
        return malformed("a membership event needs the user as its state key");
    };
    let Ok(target) = <&UserId>::try_from(target) else {
        return malformed("the state key of a membership event is a user id");
    };
    let Some(member) = pdu.auth_content().as_member() else {
        return malformed("the content of the membership event cannot be read");
    };
    let change = Change { version, pdu, create, room, target, member };
    // That the authorising server signed a restricted join is part of verifying signatures.
    match member.membership {
        Some(Membership::Join) => change.join(),
        Some(Membership::Invite) => match &member.third_party_invite {
            Some(invite) => change.third_party_invite(invite),
            None => change.invite(),
        },
        Some(Membership::Leave) => change.leave(),
        Some(Membership::Ban) => change.ban(),
        Some(Membership::Knock) if version.rules().authorization.knocking => change.knock(),
        _ => malformed("the membership is missing or unknown"),
    }
}

struct Change<'a, F> {
    version: RoomVersion,
    pdu: &'a Pdu,
    create: &'a Pdu,
    room: &'a RoomState<'a, F>,
    target: &'a UserId,
    member: &'a MemberContent,
}

impl<F> Change<'_, F>
where
    F: Fn(&StateEventType, &str) -> Option<Arc<Pdu>>,
{
    fn join(&self) -> Result<(), AuthError> {
        let rules = &self.version.rules().authorization;
        let first = matches!(self.pdu.prev_events(), [only] if *only == *self.create.event_id());
        let creator = self.create.auth_content().as_create().and_then(|c| c.creators.first());
        if first && creator.is_some_and(|creator| creator == self.target) {
            return Ok(());
        }
        if self.pdu.sender() != self.target {
            return forbidden("users join only for themselves");
        }
        let current = self.room.membership(self.target)?;
        if current == Membership::Ban {
            return forbidden("the user is banned from the room");
        }
        let is_in = matches!(current, Membership::Join | Membership::Invite);
        match self.room.join_rule() {
            JoinRule::Public => Ok(()),
            JoinRule::Invite if is_in => Ok(()),
            JoinRule::Knock if rules.knocking && is_in => Ok(()),
            JoinRule::Restricted if rules.restricted_join_rule => {
                if is_in {
                    Ok(())
                } else {
                    self.authorised_join()
                }
            }
            JoinRule::KnockRestricted if rules.knock_restricted_join_rule => {
                if is_in {
                    Ok(())
                } else {
                    self.authorised_join()
                }
            }
            _ => forbidden("the user is not invited to the room"),
        }
    }

    fn authorised_join(&self) -> Result<(), AuthError> {
        let Some(user) = &self.member.join_authorised_via_users_server else {
            return forbidden("the room is restricted and nobody authorised the join");
        };
        let Ok(user) = <&UserId>::try_from(user.as_str()) else {
            return malformed("who authorised the join is no user id");
        };
        if self.room.membership(user)? != Membership::Join {
            return forbidden("who authorised the join is not in the room");
        }
        let levels = self.levels()?;
        if levels.for_user(user) < levels.invite() {
            return forbidden("who authorised the join may not invite");
        }
        Ok(())
    }

    fn invite(&self) -> Result<(), AuthError> {
        self.sender_is_joined()?;
        match self.room.membership(self.target)? {
            Membership::Join => return forbidden("the user is already in the room"),
            Membership::Ban => return forbidden("the user is banned from the room"),
            _ => {}
        }
        let levels = self.levels()?;
        if levels.for_user(self.pdu.sender()) < levels.invite() {
            return forbidden("the sender's power level does not let them invite");
        }
        Ok(())
    }

    fn third_party_invite(&self, invite: &ThirdPartyInvite) -> Result<(), AuthError> {
        if self.room.membership(self.target)? == Membership::Ban {
            return forbidden("the user is banned from the room");
        }
        let (Some(mxid), Some(token)) = (&invite.mxid, &invite.token) else {
            return malformed("the third-party invite names no user and token");
        };
        if mxid != self.target.as_str() {
            return forbidden("the third-party invite is for another user");
        }
        let Some(pending) = self.room.get(&StateEventType::RoomThirdPartyInvite, token) else {
            return forbidden("the room has no such third-party invite");
        };
        if pending.sender() != self.pdu.sender() {
            return forbidden("the third-party invite is by another user");
        }
        let keys = third_party_invite_keys(pending.content_str());
        let signed = keys.iter().filter_map(|key| PublicKey::from_base64(key).ok()).any(|key| {
            let message = invite.signed.as_bytes();
            invite.signatures.iter().any(|signature| key.verifies(message, signature))
        });
        if !signed {
            return forbidden("no valid signature proves the third-party invite");
        }
        Ok(())
    }

    fn leave(&self) -> Result<(), AuthError> {
        if self.pdu.sender() == self.target {
            return match self.room.membership(self.target)? {
                Membership::Join | Membership::Invite => Ok(()),
                Membership::Knock if self.version.rules().authorization.knocking => Ok(()),
                _ => forbidden("the user is neither in the room nor invited"),
            };
        }
        self.sender_is_joined()?;
        let levels = self.levels()?;
        let sender = levels.for_user(self.pdu.sender());
        let banned = self.room.membership(self.target)? == Membership::Ban;
        if banned && sender < levels.ban() {
            return forbidden("the sender's power level does not let them lift a ban");
        }
        if sender < levels.kick() || levels.for_user(self.target) >= sender {
            return forbidden("the sender's power level does not let them remove the user");
        }
        Ok(())
    }

    fn ban(&self) -> Result<(), AuthError> {
        self.sender_is_joined()?;
        let levels = self.levels()?;
        let sender = levels.for_user(self.pdu.sender());
        if sender < levels.ban() || levels.for_user(self.target) >= sender {
            return forbidden("the sender's power level does not let them ban the user");
        }
        Ok(())
    }

    fn knock(&self) -> Result<(), AuthError> {
        let rules = &self.version.rules().authorization;
        let knockable = match self.room.join_rule() {
            JoinRule::Knock => true,
            JoinRule::KnockRestricted => rules.knock_restricted_join_rule,
            _ => false,
        };
        if !knockable {
            return forbidden("the room does not take knocks");
        }
        if self.pdu.sender() != self.target {
            return forbidden("users knock only for themselves");
        }
        match self.room.membership(self.target)? {
            Membership::Ban => forbidden("the user is banned from the room"),
            Membership::Invite | Membership::Join => forbidden("the user is already invited or in the room"),
            Membership::Knock | Membership::Leave => Ok(()),
        }
    }

    fn sender_is_joined(&self) -> Result<(), AuthError> {
        if self.room.membership(self.pdu.sender())? == Membership::Join {
            Ok(())
        } else {
            forbidden("the sender is not in the room")
        }
    }

    fn levels(&self) -> Result<PowerLevels, AuthError> {
        self.room.power_levels(self.create)
    }
}
