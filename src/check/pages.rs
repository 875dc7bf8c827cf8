//! One page of cells for each checkpoint that is still of interest.

use crate::base::{CheckpointId, Fingerprint};

/// Tables of `width` cells, one for each open checkpoint, in the order of checkpoints.
///
/// Closed pages are kept for the next checkpoint: a run that opens no more pages at a time than an earlier
/// one allocates nothing.
#[derive(Clone)]
pub(super) struct Pages<T> {
    width: usize,
    open: Vec<(CheckpointId, Vec<T>)>,
    free: Vec<Vec<T>>,
}

impl<T: Copy + Default> Pages<T> {
    pub(super) fn new(width: usize) -> Self {
        Self { width, open: Vec::new(), free: Vec::new() }
    }

    /// Pages have so many cells from now on, if they had fewer.
    pub(super) fn widen(&mut self, width: usize) {
        self.width = self.width.max(width);
        self.open.iter_mut().for_each(|(_, page)| page.resize(self.width, T::default()));
    }

    /// The page of a checkpoint; it is opened, blank, if it is not open.
    pub(super) fn open(&mut self, checkpoint: CheckpointId) -> &mut [T] {
        let position = self.open.partition_point(|(of, _)| *of < checkpoint);
        if self.open.get(position).is_none_or(|(of, _)| *of != checkpoint) {
            let mut page = self.free.pop().unwrap_or_default();
            page.clear();
            page.resize(self.width, T::default());
            self.open.insert(position, (checkpoint, page));
        }
        &mut self.open[position].1
    }

    /// The page of a checkpoint, if it is open.
    pub(super) fn get(&self, checkpoint: CheckpointId) -> Option<&[T]> {
        let position = self.open.binary_search_by_key(&checkpoint, |(of, _)| *of).ok()?;
        Some(&self.open[position].1)
    }

    /// The page of a checkpoint to be written on, if it is open.
    pub(super) fn get_mut(&mut self, checkpoint: CheckpointId) -> Option<&mut [T]> {
        let position = self.open.binary_search_by_key(&checkpoint, |(of, _)| *of).ok()?;
        Some(&mut self.open[position].1)
    }

    /// All open pages, oldest first.
    pub(super) fn each_mut(&mut self) -> impl Iterator<Item = (CheckpointId, &mut [T])> {
        self.open.iter_mut().map(|(of, page)| (*of, page.as_mut_slice()))
    }

    /// Closes the pages of these checkpoints.
    pub(super) fn close(&mut self, mut which: impl FnMut(CheckpointId, &[T]) -> bool) {
        let free = &mut self.free;
        self.open.retain_mut(|(of, page)| {
            let close = which(*of, page);
            if close {
                free.push(std::mem::take(page));
            }
            !close
        });
    }

    pub(super) fn clear(&mut self) {
        self.free.extend(self.open.drain(..).map(|(_, page)| page));
    }

    pub(super) fn fingerprint(&self, into: &mut Fingerprint, mut cell: impl FnMut(&T, &mut Fingerprint)) {
        into.word(self.open.len() as u64);
        for (of, page) in &self.open {
            into.word(of.0);
            page.iter().for_each(|value| cell(value, into));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_blank_when_opened_again() {
        let mut pages: Pages<u8> = Pages::new(2);
        pages.open(CheckpointId(7))[1] = 1;
        pages.open(CheckpointId(3))[0] = 2;
        assert_eq!(pages.each_mut().map(|(of, _)| of.0).collect::<Vec<_>>(), [3, 7]);
        pages.close(|of, _| of.0 == 7);
        assert_eq!((pages.get(CheckpointId(7)), pages.get(CheckpointId(3))), (None, Some(&[2, 0][..])));
        assert_eq!(pages.open(CheckpointId(8)), [0, 0]);
        pages.clear();
        assert_eq!(pages.open(CheckpointId(3)), [0, 0]);
    }
}
