//! Making the directory of all users that there are: in the order of their ids, some at a time.

use hearth_storage::{RoomNid, Scan, StorageError, Transaction, View, schema};
use ruma::{OwnedUserId, UserId};

/// Where it is noted how far it is: the last user that is done, or that all are.
const NOTE: &str = "user_directory";
const ALL: &str = "all";

/// How far it is: behind this user, if there was one yet.
pub(super) struct Listing(Option<OwnedUserId>);

impl Listing {
    pub const START: Self = Self(None);

    /// How far it is by what is noted; `None` if all users are in the directory.
    pub fn read(view: &View) -> Result<Option<Self>, StorageError> {
        let note = view.get(&schema::META, (NOTE,))?;
        Ok(match note.as_deref() {
            Some(ALL) => None,
            Some(user) => Some(Self(UserId::parse(user).ok())),
            None => Some(Self::START),
        })
    }

    pub fn write(listing: Option<&Self>, transaction: &mut Transaction) {
        let note = match listing {
            Some(Self(last)) => last.as_ref().map(ToString::to_string).unwrap_or_default(),
            None => ALL.to_owned(),
        };
        transaction.put(&schema::META, (NOTE,), &note);
    }

    /// The next users: those with accounts here and those who are or were in rooms here.
    pub fn next(&self, view: &View, limit: usize) -> Result<Vec<OwnedUserId>, StorageError> {
        let mut users: Vec<OwnedUserId> = Vec::new();
        while users.len() < limit {
            let last = users.last().or(self.0.as_ref());
            let (mut accounts, mut rooms) = (Scan::all(), Scan::all());
            if let Some(last) = last {
                accounts = accounts.after((last,));
                rooms = rooms.after((last, RoomNid(u64::MAX)));
            }
            let account = view.scan(&schema::ACCOUNTS, accounts).next().transpose()?.map(|((user,), _)| user);
            let member = view.scan(&schema::USER_ROOMS, rooms).next().transpose()?;
            let member = member.map(|((user, _), _)| user);
            let Some(next) = [account, member].into_iter().flatten().min() else { break };
            users.push(next);
        }
        Ok(users)
    }

    /// How far it is when these users are done; `None` if there were no more.
    pub fn behind(users: &[OwnedUserId]) -> Option<Self> {
        users.last().map(|last| Self(Some(last.clone())))
    }
}
