//! What an administrator asks.

use bytes::Bytes;
use http::request::Parts;
use ruma::api::auth_scheme::AccessToken;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    MatrixError, Requester, Result,
    authentication::Authentication as _,
    request::{Incoming, query},
};

/// A request of an administrator, which ruma has no type for.
pub struct AdminRequest {
    pub who: Requester,
    arguments: Vec<String>,
    parts: Parts,
    bytes: Bytes,
}

impl AdminRequest {
    /// Refuses who is no administrator.
    pub(crate) fn from_incoming(incoming: Incoming) -> Result<Self> {
        let Incoming { parts, arguments, bytes, caller, .. } = incoming;
        let who = AccessToken::who(caller)?;
        who.is_admin()?;
        Ok(Self { who, arguments, parts, bytes })
    }

    /// A variable of the path.
    pub(crate) fn argument<T: for<'a> TryFrom<&'a str>>(&self, index: usize) -> Result<T> {
        let text = self.text(index);
        T::try_from(text).map_err(|_| MatrixError::invalid_param(format!("{text:?} cannot be in the path.")))
    }

    /// The same as it stands there.
    pub(crate) fn text(&self, index: usize) -> &str {
        self.arguments.get(index).map_or("", String::as_str)
    }

    pub(crate) fn query<Q: DeserializeOwned>(&self) -> Result<Q> {
        query(&self.parts)
    }

    /// The body; none is `{}`.
    pub(crate) fn body<B: DeserializeOwned>(&self) -> Result<B> {
        let bytes: &[u8] = if self.bytes.is_empty() { b"{}" } else { &self.bytes };
        Ok(serde_json::from_slice(bytes)?)
    }
}

/// The part of a list that is asked for.
#[derive(Deserialize)]
pub(super) struct Paging {
    #[serde(default)]
    from: usize,
    #[serde(default = "usual_limit")]
    limit: usize,
    #[serde(default)]
    pub(super) dir: Direction,
}

fn usual_limit() -> usize {
    100
}

/// How many are told at most, however many are asked for.
const MAX_LIMIT: usize = 1000;

/// In which order.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum Direction {
    #[default]
    #[serde(rename = "f")]
    Forward,
    #[serde(rename = "b")]
    Backward,
}

/// A part of a list.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// How many come before it.
    pub(super) offset: usize,
    /// How many there are in all.
    pub(super) total: usize,
    /// Where the next part begins, if there is one.
    pub(super) next: Option<usize>,
}

impl Paging {
    pub(super) fn page<T>(&self, all: Vec<T>) -> Page<T> {
        let (total, limit) = (all.len(), self.limit.min(MAX_LIMIT));
        let items: Vec<T> = all.into_iter().skip(self.from).take(limit).collect();
        let end = self.from + items.len();
        let next = (end < total && limit > 0).then_some(end);
        Page { items, offset: self.from, total, next }
    }

    /// Where the part before it begins, if there is one.
    pub(super) fn before(&self) -> Option<usize> {
        (self.from > 0).then(|| self.from.saturating_sub(self.limit.min(MAX_LIMIT)))
    }
}
