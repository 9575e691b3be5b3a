//! What services are asked: whether a user or an alias is theirs to make, and what the networks behind them have.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::future::join_all;
use http::Method;
use ruma::{RoomAliasId, UserId};
use serde_json::{Map, Value};

use crate::{
    AppServices, AskError, Service,
    wire::{Limits, encoded},
};

/// Whoever looks up a user or an alias waits so long, as the service makes it meanwhile.
const LOOKUP: Limits = Limits { timeout: Duration::from_secs(60), body_bytes: 64 << 10 };
const NETWORK: Limits = Limits { timeout: Duration::from_secs(10), body_bytes: 1 << 20 };

/// What networks have, or which there are, as services describe them.
pub type Networks = BTreeMap<String, Value>;

impl AppServices {
    /// Asks those services that have to do with it for a user who is not here. If one makes them, they are here when
    /// this returns. No lock may be held meanwhile: the service makes requests of its own.
    pub async fn look_up_user(&self, user: &UserId) {
        let services = self.those(|service| service.covers(user));
        self.look_up(&services, "users", user.as_str()).await;
    }

    /// The same for an alias that leads nowhere.
    pub async fn look_up_alias(&self, alias: &RoomAliasId) {
        let services = self.those(|service| service.aliases.contains(alias.as_str()));
        self.look_up(&services, "rooms", alias.as_str()).await;
    }

    async fn look_up(&self, services: &[Arc<Service>], kind: &str, name: &str) {
        let name = encoded(name);
        for service in services {
            let paths = [format!("/_matrix/app/v1/{kind}/{name}"), format!("/{kind}/{name}")];
            match self.get(service, &paths, LOOKUP).await {
                Ok(_) => return,
                Err(AskError::Refused { status: 404, .. } | AskError::NoUrl) => {}
                Err(error) => {
                    tracing::warn!(service = service.id, %error, "an application service does not say what is its");
                }
            }
        }
    }

    /// The networks to which services lead. Where several lead to one, its instances are all of theirs.
    pub async fn networks(&self) -> Networks {
        let names: BTreeSet<String> =
            self.all().iter().flat_map(|service| service.protocols.iter().cloned()).collect();
        let asked = names.into_iter().map(async |name| {
            let network = self.network(&name).await;
            network.map(|network| (name, network))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// One network; `None` if no service says anything of it.
    pub async fn network(&self, name: &str) -> Option<Value> {
        let answers = self.ask_network("protocol", name, "").await;
        let mut answers = answers.into_iter().filter_map(|(service, answer)| match answer {
            Value::Object(network) => Some(with_instances_of(network, &service.id)),
            _ => None,
        });
        let mut network = answers.next()?;
        for other in answers {
            if let (Some(Value::Array(all)), Some(Value::Array(more))) =
                (network.get_mut("instances"), other.get("instances"))
            {
                all.extend(more.iter().cloned());
            }
        }
        Some(network.into())
    }

    /// The users or locations (`kind`) of a network that fit a query, as services list them; `None` where no service
    /// leads there.
    pub async fn find_in_network(&self, kind: &str, name: &str, query: &str) -> Option<Vec<Value>> {
        if self.those(|service| service.protocols.iter().any(|protocol| protocol == name)).is_empty() {
            return None;
        }
        Some(lists(self.ask_network(kind, name, query).await))
    }

    /// The users or locations (`kind`) that stand for something here: in all networks.
    pub async fn find_in_networks(&self, kind: &str, query: &str) -> Vec<Value> {
        let services = self.those(|service| !service.protocols.is_empty());
        lists(self.ask_all(services, kind, query).await)
    }

    async fn ask_network(&self, kind: &str, name: &str, query: &str) -> Vec<(Arc<Service>, Value)> {
        let services = self.those(|service| service.protocols.iter().any(|protocol| protocol == name));
        self.ask_all(services, &format!("{kind}/{}", encoded(name)), query).await
    }

    async fn ask_all(
        &self,
        services: Vec<Arc<Service>>,
        what: &str,
        query: &str,
    ) -> Vec<(Arc<Service>, Value)> {
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let paths =
            ["v1", "unstable"].map(|version| format!("/_matrix/app/{version}/thirdparty/{what}{query}"));
        let asked = services.into_iter().map(async |service| {
            let answer = self.get(&service, &paths, NETWORK).await;
            let read = answer.map(|body| serde_json::from_slice(&body).unwrap_or_default());
            read.inspect_err(|error| tracing::debug!(service = service.id, %error, "a network is not known"))
                .ok()
                .map(|answer| (service, answer))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn get(&self, service: &Service, paths: &[String; 2], limits: Limits) -> Result<Bytes, AskError> {
        let paths = [paths[0].as_str(), paths[1].as_str()];
        self.wire().ask(service, Method::GET, &paths, Bytes::new(), limits).await
    }

    fn those(&self, is_one: impl Fn(&Service) -> bool) -> Vec<Arc<Service>> {
        self.all().into_iter().filter(|service| is_one(service)).collect()
    }
}

/// A network whose instances have ids, by which rooms are found in its directory.
fn with_instances_of(mut network: Map<String, Value>, service: &str) -> Map<String, Value> {
    if let Some(Value::Array(instances)) = network.get_mut("instances") {
        for instance in instances {
            if let Some(id) = instance["network_id"].as_str().map(|network| format!("{service}|{network}")) {
                instance["instance_id"] = id.into();
            }
        }
    }
    network
}

/// What lists hold that services answered with.
fn lists(answers: Vec<(Arc<Service>, Value)>) -> Vec<Value> {
    let lists = answers.into_iter().filter_map(|(_, answer)| match answer {
        Value::Array(list) => Some(list),
        _ => None,
    });
    lists.flatten().filter(Value::is_object).collect()
}
