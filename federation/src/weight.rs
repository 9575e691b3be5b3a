//! What bodies weigh that are in memory at once: requests that come, answers that are read.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::keyed_semaphore::Crowded;

/// What each body may weigh before it is counted, so that small ones are read however crowded it is.
pub(crate) const LIGHT: usize = 64 << 10;

/// A bound for the bytes of many bodies together. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Scales(Arc<Semaphore>);

impl Scales {
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    /// A body of which nothing has come yet.
    pub fn weight(&self) -> Weight {
        Weight { scales: self.clone(), light: LIGHT, held: None }
    }
}

/// What a body weighs, for as long as this is held.
pub(crate) struct Weight {
    scales: Scales,
    /// How much more of it does not count, in bytes.
    light: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Weight {
    /// Lets in so many more bytes. Nobody waits for that: those who hold the rest may be waiting too.
    pub fn add(&mut self, bytes: usize) -> Result<(), Crowded> {
        let light = bytes.min(self.light);
        self.light -= light;
        let counted = u32::try_from(bytes - light).map_err(|_| Crowded)?;
        let more = self.scales.0.clone().try_acquire_many_owned(counted).map_err(|_| Crowded)?;
        match &mut self.held {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_what_they_weigh_and_small_ones_are_let_in() {
        let scales = Scales::new(100);
        let (mut large, mut another) = (scales.weight(), scales.weight());
        large.add(LIGHT + 60).unwrap();
        large.add(40).unwrap();
        another.add(LIGHT).unwrap();
        another.add(1).unwrap_err();
        drop(large);
        another.add(100).unwrap();
        another.add(1).unwrap_err();
    }
}
