//! A server without sockets, and clients of it.

use std::{
    cell::RefCell,
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use hearth_storage::SeededRandom;

use crate::{
    Credentials, TurnOptions,
    allocation::{FiveTuple, Transport},
    allocations::Machine,
    credentials::long_term_key,
    turn::{Action, Moment, Turn},
    wire::{
        Class, Message, Method, Writer,
        attribute::{ERROR_CODE, NONCE, REALM, REQUESTED_TRANSPORT, USERNAME, XOR_RELAYED_ADDRESS},
        xor_address,
    },
};

pub(crate) const REALM_NAME: &str = "hearth.example";
pub(crate) const SECRET: &[u8] = b"a secret";
/// When tests begin, in seconds after the Unix epoch.
pub(crate) const BEGIN_S: u64 = 1_800_000_000;

/// A machine on which some ports are another program's; a socket is its port.
#[derive(Default)]
pub(crate) struct Paper {
    pub(crate) taken: RefCell<HashSet<u16>>,
}

impl Machine<u16> for Paper {
    fn open(&self, _: bool, port: u16) -> Option<u16> {
        (!self.taken.borrow().contains(&port)).then_some(port)
    }

    fn is_own(&self, address: IpAddr) -> bool {
        address == IpAddr::from([93, 184, 216, 1])
    }
}

/// A server and its machine. Clients are numbers.
pub(crate) struct World {
    pub(crate) turn: Turn<u32, u16>,
    pub(crate) machine: Paper,
    pub(crate) now_ms: u64,
}

/// An answer.
pub(crate) struct Heard(Vec<u8>);

impl Heard {
    pub(crate) fn message(&self) -> Message<'_> {
        Message::parse(&self.0).expect("an answer that is well-formed")
    }

    /// Its code, or 0 for success.
    pub(crate) fn code(&self) -> u32 {
        match (self.message().class(), self.message().get(ERROR_CODE)) {
            (Class::Success, None) => 0,
            (Class::Error, Some([_, _, hundreds, rest, ..])) => u32::from(*hundreds) * 100 + u32::from(*rest),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn address(&self, kind: u16) -> SocketAddr {
        let message = self.message();
        xor_address(message.get(kind).expect("an address"), &message.transaction()).expect("a valid address")
    }

    pub(crate) fn text(&self, kind: u16) -> String {
        String::from_utf8(self.message().get(kind).expect("a text").to_vec()).expect("UTF-8")
    }
}

pub(crate) fn options() -> TurnOptions {
    TurnOptions {
        realm: REALM_NAME.to_owned(),
        secret: SECRET.to_vec(),
        relayed: vec![[198, 51, 100, 7].into(), "2001:db8::7".parse().expect("an address")],
        ports: 50_000..=50_999,
        max_allocations: 500,
        user_bytes_per_second: 1_000_000,
        allow_private_networks: false,
    }
}

/// The client of that number.
pub(crate) fn client(number: u32) -> FiveTuple {
    let [_, a, b, c] = number.to_be_bytes();
    FiveTuple { transport: Transport::Udp, client: SocketAddr::new([9, a, b, c].into(), 40_000) }
}

impl World {
    pub(crate) fn new(options: TurnOptions) -> Self {
        Self {
            turn: Turn::new(options, Arc::new(SeededRandom::new(1))),
            machine: Paper::default(),
            now_ms: 0,
        }
    }

    pub(crate) fn at(&self) -> Moment {
        Moment { ms: self.now_ms, unix_s: BEGIN_S + self.now_ms / 1000 }
    }

    /// Lets time pass, as the server sees it.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now_ms += seconds * 1000;
        self.turn.allocations.expire(self.now_ms);
    }

    /// A client sends something.
    pub(crate) fn send<'a>(&mut self, number: u32, bytes: &'a [u8]) -> Action<'a, u32, u16> {
        self.turn.client_sent(client(number), &number, bytes, self.at(), &self.machine)
    }

    /// A client asks something, and gets an answer or none.
    pub(crate) fn ask(&mut self, number: u32, request: &[u8]) -> Option<Heard> {
        match self.send(number, request) {
            Action::Answer(answer) => Some(Heard(answer)),
            Action::Nothing => None,
            other => panic!("{other:?}"),
        }
    }

    /// A nonce for a client.
    pub(crate) fn nonce(&mut self, number: u32) -> String {
        let request = Writer::new(Class::Request, Method::Allocate, [0; 12]).finish();
        let heard = self.ask(number, &request).expect("an answer");
        assert_eq!((heard.code(), heard.text(REALM).as_str()), (401, REALM_NAME));
        heard.text(NONCE)
    }

    /// A client asks something as `@alice:hearth.example`, with the attributes that `with` adds.
    pub(crate) fn alice(
        &mut self,
        number: u32,
        method: Method,
        with: impl FnOnce(Writer) -> Writer,
    ) -> Heard {
        let credentials = Credentials::new(SECRET, "@alice:hearth.example", BEGIN_S + 86_400);
        self.user(&credentials, number, method, with)
    }

    /// A client asks something with credentials.
    pub(crate) fn user(
        &mut self,
        credentials: &Credentials,
        number: u32,
        method: Method,
        with: impl FnOnce(Writer) -> Writer,
    ) -> Heard {
        let nonce = self.turn.nonces.make(client(number).client.ip(), self.at().unix_s);
        let request = with(Writer::new(Class::Request, method, [number as u8; 12]));
        let request = sign(request, credentials, &nonce);
        let heard = self.ask(number, &request).expect("an answer");
        if heard.message().is_signed() {
            let key = long_term_key(SECRET, &credentials.username, REALM_NAME);
            assert!(heard.message().is_signed_with(&key));
        }
        heard
    }

    /// A relay for a client.
    pub(crate) fn relay(&mut self, number: u32) -> SocketAddr {
        let heard = self.alice(number, Method::Allocate, udp);
        assert_eq!(heard.code(), 0);
        heard.address(XOR_RELAYED_ADDRESS)
    }
}

/// Signs a request with credentials of this server.
pub(crate) fn sign(request: Writer, credentials: &Credentials, nonce: &str) -> Vec<u8> {
    let key = long_term_key(SECRET, &credentials.username, REALM_NAME);
    let request = request.attribute(USERNAME, credentials.username.as_bytes());
    let request = request.attribute(REALM, REALM_NAME.as_bytes()).attribute(NONCE, nonce.as_bytes());
    request.signed(&key).with_fingerprint().finish()
}

/// Asks for a relay over UDP.
pub(crate) fn udp(request: Writer) -> Writer {
    request.attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0])
}
