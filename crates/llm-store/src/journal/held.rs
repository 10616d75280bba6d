//! Rows that a full disk did not take: in memory, until there is room again.

use std::collections::VecDeque;

/// What they may take at most, in bytes: calls that were under way are few, because no more are let in.
const MOST: usize = 16 * 1024 * 1024;

/// Frames that wait for room.
#[derive(Debug, Default)]
pub(super) struct Held {
    frames: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl Held {
    /// Holds a frame. `false`: there is no room here either.
    pub(super) fn keep(&mut self, frame: &[u8]) -> bool {
        if self.bytes + frame.len() > MOST {
            return false;
        }
        self.bytes += frame.len();
        self.frames.push_back(frame.into());
        true
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Writes what is held, the oldest first, until something cannot be written.
    pub(super) fn write<E>(&mut self, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        while let Some(frame) = self.frames.front() {
            write(frame)?;
            self.bytes -= frame.len();
            self.frames.pop_front();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_stays_in_its_order_and_there_is_a_bound() {
        let mut held = Held::default();
        assert!([b"a", b"b", b"c"].iter().all(|frame| held.keep(*frame)));
        let mut written = Vec::new();
        let outcome = held.write(|frame| {
            if frame == b"b" {
                return Err(());
            }
            written.push(frame.to_vec());
            Ok(())
        });
        assert_eq!((outcome, held.len()), (Err(()), 2));
        assert!(!held.keep(&vec![0; MOST]) && held.keep(&vec![0; MOST - 2]));
        let all = held.write(|frame| {
            written.push(frame.to_vec());
            Ok::<(), ()>(())
        });
        assert_eq!(all, Ok(()));
        assert_eq!((held.len(), held.bytes, written.len()), (0, 0, 4));
        assert_eq!(written[..3], [b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]);
    }
}
