//! Tokens that live for minutes end with their device now, of which the old ones do not say which it is: those end at
//! once.

use crate::{Access, Batch, Keyspace, Scan, StorageError, View, schema};

pub(super) fn upgrade(view: &View, batch: &mut Batch) -> Result<(), StorageError> {
    let before =
        Keyspace::<([u8; 32],), Vec<u8>>::new("SHORT_TOKENS", Access::Point, schema::SHORT_TOKENS.raw.index);
    for row in view.scan(&before, Scan::all()) {
        batch.delete(&schema::SHORT_TOKENS, row?.0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine as _, MemoryEngine};

    #[test]
    fn old_tokens_end() {
        let engine = MemoryEngine::new();
        let before = Keyspace::<([u8; 32],), Vec<u8>>::new(
            "SHORT_TOKENS",
            Access::Point,
            schema::SHORT_TOKENS.raw.index,
        );
        let mut batch = Batch::default();
        batch.put(&before, ([1; 32],), &vec![1, 2, 3]);
        engine.apply([&batch].into_iter(), true).unwrap();
        let view = View::latest(engine.clone().into());
        let mut batch = Batch::default();
        upgrade(&view, &mut batch).unwrap();
        engine.apply([&batch].into_iter(), true).unwrap();
        assert_eq!(view.scan(&schema::SHORT_TOKENS, Scan::all()).count(), 0);
    }
}
