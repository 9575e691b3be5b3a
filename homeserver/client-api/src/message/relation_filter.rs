//! The part of a filter that asks for relations
//! ([MSC3874](https://github.com/matrix-org/matrix-spec-proposals/pull/3874)): ruma's filter has no place for it.

use hearth_rooms::Event;
use serde::Deserialize;

use crate::{MatrixError, Result, relations::thread::relates_to};

/// Which events are wanted by how they relate to others.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct RelationFilter {
    /// Only those that relate in one of these ways.
    #[serde(rename = "org.matrix.msc3874.rel_types")]
    wanted: Option<Vec<String>>,
    /// None that relates in one of these ways.
    #[serde(rename = "org.matrix.msc3874.not_rel_types")]
    unwanted: Vec<String>,
}

impl RelationFilter {
    /// Of a filter as text, as it comes in a query.
    pub(crate) fn of(filter: Option<&str>) -> Result<Self> {
        filter
            .map_or_else(|| Ok(Self::default()), serde_json::from_str)
            .map_err(|error| MatrixError::invalid_param(format!("The filter is not valid: {error}")))
    }

    /// Whether this event is wanted.
    pub(crate) fn matches(&self, event: &Event) -> bool {
        if self.wanted.is_none() && self.unwanted.is_empty() {
            return true;
        }
        match relates_to(event) {
            Some(relation) => {
                self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&relation.rel_type))
                    && !self.unwanted.contains(&relation.rel_type)
            }
            None => self.wanted.is_none(),
        }
    }
}
