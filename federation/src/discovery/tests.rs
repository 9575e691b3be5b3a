use std::collections::HashMap;

use hearth_storage::ManualClock;
use parking_lot::Mutex;

use super::*;

/// A network in which these well-known files and records are.
#[derive(Default)]
struct Fake {
    well_known: HashMap<&'static str, Result<(&'static str, u64), Failure>>,
    services: HashMap<&'static str, Vec<(&'static str, u16)>>,
    asked: Mutex<Vec<String>>,
}

impl Lookup for Fake {
    async fn well_known(&self, host: &str) -> Result<WellKnown, Failure> {
        self.asked.lock().push(format!("well-known {host}"));
        // Others can ask meanwhile.
        tokio::task::yield_now().await;
        let (server, seconds) = self.well_known.get(host).copied().unwrap_or(Err(Failure::Missing))?;
        Ok(WellKnown { server: ServerName::parse(server).unwrap(), lifetime: Duration::from_secs(seconds) })
    }

    async fn services(&self, name: &str) -> Result<Vec<ServiceTarget>, NetworkError> {
        self.asked.lock().push(format!("srv {name}"));
        let targets = self.services.get(name).cloned().unwrap_or_default();
        let lifetime = Duration::from_secs(600);
        Ok(targets
            .into_iter()
            .map(|(host, port)| ServiceTarget { host: host.to_owned(), port, lifetime })
            .collect())
    }
}

async fn route(fake: &Fake, server: &str) -> (String, Vec<String>) {
    let Route { host, authorities } = discover(fake, &ServerName::parse(server).unwrap()).await.route;
    (host, authorities)
}

fn is(host: &str, authorities: &[&str]) -> (String, Vec<String>) {
    (host.to_owned(), authorities.iter().map(|&authority| authority.to_owned()).collect())
}

#[tokio::test]
async fn the_steps_come_in_the_order_of_the_specification() {
    let fake = Fake {
        well_known: HashMap::from([
            ("ip.example", Ok(("1.2.3.4", 3600))),
            ("ip6.example", Ok(("[2001:db8::1]:80", 3600))),
            ("port.example", Ok(("other.example:1234", 3600))),
            ("name.example", Ok(("other.example", 3600))),
            ("srv.example", Ok(("records.example", 3600))),
        ]),
        services: HashMap::from([
            ("_matrix-fed._tcp.records.example", vec![("a.example", 1), ("b.example", 2)]),
            ("_matrix._tcp.records.example", vec![("old.example", 3)]),
            ("_matrix._tcp.old.example", vec![("c.example", 4)]),
        ]),
        ..Fake::default()
    };
    // 1 and 2: nothing is asked.
    assert_eq!(route(&fake, "1.2.3.4").await, is("1.2.3.4", &["1.2.3.4:8448"]));
    assert_eq!(route(&fake, "[::1]:99").await, is("[::1]:99", &["[::1]:99"]));
    assert_eq!(route(&fake, "ip.example:99").await, is("ip.example:99", &["ip.example:99"]));
    assert!(fake.asked.lock().is_empty());
    // 3.1 to 3.5.
    assert_eq!(route(&fake, "ip.example").await, is("1.2.3.4", &["1.2.3.4:8448"]));
    assert_eq!(route(&fake, "ip6.example").await, is("[2001:db8::1]:80", &["[2001:db8::1]:80"]));
    assert_eq!(route(&fake, "port.example").await, is("other.example:1234", &["other.example:1234"]));
    let by_records = ["a.example@records.example:1", "b.example@records.example:2"];
    assert_eq!(route(&fake, "srv.example").await, is("records.example", &by_records));
    assert_eq!(route(&fake, "name.example").await, is("other.example", &["other.example:8448"]));
    // 4 to 6.
    assert_eq!(route(&fake, "records.example").await, is("records.example", &by_records));
    assert_eq!(route(&fake, "old.example").await, is("old.example", &["c.example@old.example:4"]));
    assert_eq!(route(&fake, "plain.example").await, is("plain.example", &["plain.example:8448"]));
}

#[tokio::test]
async fn an_answer_holds_for_its_time_and_is_asked_for_once() {
    let clock = Arc::new(ManualClock::new(0));
    let server = ruma::server_name!("port.example");
    let well_known = HashMap::from([("port.example", Ok(("other.example:1234", 3600)))]);
    let mut discovery = Discovery::new(Fake { well_known, ..Fake::default() }, 10, clock.clone());
    let asked = |discovery: &Discovery<Fake>| discovery.lookup.asked.lock().len();
    futures::join!(discovery.route(server), discovery.route(server), discovery.route(server));
    assert_eq!(asked(&discovery), 1);
    clock.advance(3_599_000);
    discovery.route(server).await;
    assert_eq!(asked(&discovery), 1);
    clock.advance(1000);
    discovery.route(server).await;
    assert_eq!(asked(&discovery), 2);

    // What was known stands in while the host does not answer, but not for ever.
    discovery.lookup.well_known.insert("port.example", Err(Failure::Unreadable));
    discovery.doubt(server);
    assert_eq!(discovery.route(server).await.host, "other.example:1234");
    clock.advance(25 * 3_600_000);
    assert_eq!(discovery.route(server).await.host, "port.example");
    // It is asked less and less often.
    let before = discovery.lookup.asked.lock().len();
    for _ in 0..120 {
        clock.advance(60_000);
        discovery.route(server).await;
    }
    let well_known = |line: &&String| line.starts_with("well-known");
    let asked = discovery.lookup.asked.lock()[before..].iter().filter(well_known).count();
    assert!((4..8).contains(&asked), "{asked}");
}
