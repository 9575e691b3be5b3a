//! Bodies in memory, while they come.

use bytes::{Bytes, BytesMut};

/// How many bytes of a body are kept in one piece while it comes.
const BLOCK: usize = 64 << 10;

/// What has come of a body. It is kept in blocks: of one buffer there are two whenever it grows.
#[derive(Default)]
pub struct Collected {
    /// As it came: most bodies are one chunk, which is then not copied.
    first: Bytes,
    blocks: Vec<BytesMut>,
    length: usize,
}

impl Collected {
    /// How many bytes have come.
    pub fn length(&self) -> usize {
        self.length
    }

    pub fn push(&mut self, chunk: Bytes) {
        let is_first = self.length == 0;
        self.length += chunk.len();
        if is_first {
            self.first = chunk;
            return;
        }
        let mut left = &chunk[..];
        while !left.is_empty() {
            match self.blocks.last_mut().filter(|block| block.len() < BLOCK) {
                Some(block) => {
                    let (fits, rest) = left.split_at(left.len().min(BLOCK - block.len()));
                    block.extend_from_slice(fits);
                    left = rest;
                }
                None => self.blocks.push(BytesMut::with_capacity(BLOCK)),
            }
        }
    }

    /// All of it in one piece.
    pub fn into_bytes(self) -> Bytes {
        if self.blocks.is_empty() {
            return self.first;
        }
        let mut whole = BytesMut::with_capacity(self.length);
        whole.extend_from_slice(&self.first);
        // Each block is let go as soon as it is copied.
        self.blocks.into_iter().for_each(|block| whole.extend_from_slice(&block));
        whole.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_chunks_of_any_size_is_put_together() {
        for sizes in [vec![], vec![5], vec![1; 1000], vec![3, BLOCK - 1, 2, 3 * BLOCK + 7, BLOCK]] {
            let text: Vec<u8> = (0..sizes.iter().sum::<usize>()).map(|at| (at % 251) as u8).collect();
            let (mut collected, mut left) = (Collected::default(), Bytes::from(text.clone()));
            for size in sizes {
                collected.push(left.split_to(size));
            }
            assert_eq!(collected.length(), text.len());
            assert_eq!(collected.into_bytes(), text);
        }
    }
}
