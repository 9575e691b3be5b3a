//! Which servers to ask about a room, and which of their refusals to tell.

use std::time::Duration;

use hearth_rooms::RoomError;
use http::StatusCode;
use ruma::{OwnedServerName, RoomId, ServerName, UserId};
use serde_json::Map;
use tokio::time::Instant;

use crate::{Federation, FederationError};

/// How many servers are asked at most.
const MOST: usize = 10;
/// No further server is asked after so long.
const PATIENCE: Duration = Duration::from_secs(120);

impl Federation {
    /// Servers that may be in a room, the likeliest first: those that the user names, and whoever invited. Only
    /// where the user names no other one it is guessed: those that were in it when it was here, and that of its id.
    pub(crate) fn servers_for(
        &self,
        user: &UserId,
        room: &RoomId,
        via: &[OwnedServerName],
    ) -> Result<Vec<OwnedServerName>, FederationError> {
        let mut servers = via.to_vec();
        if let Some((_, event, _)) = self.rooms().out_of_room(user, room)? {
            servers.push(event.pdu.sender().server_name().to_owned());
        }
        let known = self.rooms().find_room(room).ok().flatten();
        if let Some(known) = &known
            && let Some(row) = known.membership(user)?
            && let Some(event) = self.rooms().event(row.event)?
        {
            servers.push(event.pdu.sender().server_name().to_owned());
        }
        if via.iter().all(|server| server == self.server_name()) {
            if let Some(known) = known {
                servers.extend(known.some_servers(MOST, |_| true)?);
            }
            servers.extend(room.server_name().map(ToOwned::to_owned));
        }
        Ok(distinct(servers, self.server_name()))
    }
}

/// The first servers, each once and without our own.
fn distinct(servers: Vec<OwnedServerName>, own: &ServerName) -> Vec<OwnedServerName> {
    let mut distinct: Vec<OwnedServerName> = Vec::new();
    for server in servers {
        if server != own && !distinct.contains(&server) && distinct.len() < MOST {
            distinct.push(server);
        }
    }
    distinct
}

/// The answer of the first server that gives one, or the clearest refusal.
pub(crate) async fn first_of<'a, T, F>(
    servers: &'a [OwnedServerName],
    mut ask: impl FnMut(&'a ServerName) -> F,
) -> Result<T, FederationError>
where
    F: Future<Output = Result<T, FederationError>>,
{
    let until = Instant::now() + PATIENCE;
    let mut clearest: Option<FederationError> = None;
    for server in servers {
        match ask(server).await {
            Ok(answer) => return Ok(answer),
            Err(error) => {
                tracing::debug!(%server, %error, "a server did not help");
                if clearest.as_ref().is_none_or(|known| clarity(&error) > clarity(known)) {
                    clearest = Some(error);
                }
            }
        }
        if Instant::now() > until {
            break;
        }
    }
    Err(clearest.unwrap_or_else(nobody))
}

/// There is no server to ask.
fn nobody() -> FederationError {
    FederationError::Refused {
        status: StatusCode::NOT_FOUND,
        errcode: "M_NOT_FOUND".to_owned(),
        error: "No server is known that is in this room.".to_owned(),
        fields: Map::new(),
    }
}

/// How much a failure tells the user, to choose among those of several servers: that the user may not is more than that
/// a server does not know the room, which is more than that a server cannot be reached.
fn clarity(error: &FederationError) -> u8 {
    match error {
        // This server is busy, which says nothing about the room.
        FederationError::Room(RoomError::Busy) => 0,
        FederationError::Room(_) | FederationError::Storage(_) | FederationError::Users(_) => 6,
        FederationError::Refused { status, .. } if *status == StatusCode::FORBIDDEN => 5,
        FederationError::Refused { errcode, status, .. } if status.is_client_error() => match &**errcode {
            "M_NOT_FOUND" => 3,
            "M_UNRECOGNIZED" | "M_UNKNOWN" => 2,
            _ => 4,
        },
        FederationError::Invalid(_) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use ruma::owned_server_name;

    use super::*;

    fn refused(status: StatusCode, errcode: &str) -> FederationError {
        let (errcode, error) = (errcode.to_owned(), String::new());
        FederationError::Refused { status, errcode, error, fields: Map::new() }
    }

    #[test]
    fn each_server_is_asked_once_and_never_our_own() {
        let name = |name: &str| OwnedServerName::try_from(name).unwrap();
        let asked = distinct(["a", "here", "b", "a"].map(name).to_vec(), "here".try_into().unwrap());
        assert_eq!(asked, ["a", "b"].map(name));
        let many = (0..50).map(|number| name(&format!("s{number}"))).collect();
        assert_eq!(distinct(many, "here".try_into().unwrap()).len(), MOST);
    }

    #[tokio::test]
    async fn the_clearest_refusal_is_told() {
        let servers = [owned_server_name!("a"), owned_server_name!("b"), owned_server_name!("c")];
        let error = first_of::<(), _>(&servers, |server| {
            let error = match server.as_str() {
                "a" => FederationError::Unreachable("away".to_owned()),
                "b" => refused(StatusCode::FORBIDDEN, "M_FORBIDDEN"),
                _ => refused(StatusCode::NOT_FOUND, "M_NOT_FOUND"),
            };
            std::future::ready(Err(error))
        });
        assert!(error.await.unwrap_err().is_errcode("M_FORBIDDEN"));
        let answer = first_of(&servers, |server| {
            let good = server == "c";
            std::future::ready(good.then_some(7).ok_or(FederationError::BackingOff))
        });
        assert_eq!(answer.await.unwrap(), 7);
        let nobody = first_of::<(), _>(&[], |_| std::future::ready(Ok(()))).await.unwrap_err();
        assert!(nobody.is_errcode("M_NOT_FOUND"));
    }
}
