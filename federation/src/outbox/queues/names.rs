//! Server names, interned: a room's servers and what waits for them are small numbers.

use std::collections::HashMap;

use ruma::{OwnedServerName, ServerName};

/// A server's number in this process. It keeps it until the end: there are as many as servers that were ever in
/// a room with this one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(in crate::outbox) struct ServerNid(u32);

#[derive(Default)]
pub(super) struct Names {
    names: Vec<OwnedServerName>,
    nids: HashMap<OwnedServerName, ServerNid>,
}

impl Names {
    pub fn nid(&mut self, server: &ServerName) -> ServerNid {
        if let Some(nid) = self.nids.get(server) {
            return *nid;
        }
        let nid = ServerNid(self.names.len() as u32);
        self.names.push(server.to_owned());
        self.nids.insert(server.to_owned(), nid);
        nid
    }

    pub fn name(&self, nid: ServerNid) -> &OwnedServerName {
        &self.names[nid.0 as usize]
    }
}
