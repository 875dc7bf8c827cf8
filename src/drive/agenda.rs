//! The event queue: entries by time, then by an order within the instant.
//!
//! A four-ary heap over flat entries: half the levels of a binary heap, and the four children that are compared
//! lie side by side. Before it stands a place for one entry that comes before all others: much of what a step
//! causes happens right after it, and never enters the heap.

use crate::base::Time;

/// A priority queue of `T` by (time, order).
#[derive(Clone, Debug)]
pub struct Agenda<T> {
    /// Comes before everything in the heap.
    front: Option<Entry<T>>,
    heap: Vec<Entry<T>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    time: u64,
    order: u64,
    what: T,
}

impl<T> Entry<T> {
    #[inline(always)]
    fn key(&self) -> u128 {
        u128::from(self.time) << 64 | u128::from(self.order)
    }
}

const CHILDREN: usize = 4;

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { front: None, heap: Vec::new() }
    }
}

impl<T: Copy> Agenda<T> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.heap.len() + usize::from(self.front.is_some())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.front.is_none() && self.heap.is_empty()
    }

    /// Removes all entries and keeps the memory.
    pub fn clear(&mut self) {
        self.front = None;
        self.heap.clear();
    }

    /// The instant of the first entry.
    pub fn next_time(&self) -> Option<Time> {
        self.front.as_ref().or(self.heap.first()).map(|entry| Time(entry.time))
    }

    /// Adds an entry.
    #[inline]
    pub fn push(&mut self, time: Time, order: u64, what: T) {
        let mut entry = Entry { time: time.0, order, what };
        let key = entry.key();
        match &mut self.front {
            Some(front) if key < front.key() => std::mem::swap(front, &mut entry),
            None if self.heap.first().is_none_or(|first| key < first.key()) => {
                self.front = Some(entry);
                return;
            }
            _ => {}
        }
        self.insert(entry);
    }

    #[inline]
    fn insert(&mut self, entry: Entry<T>) {
        let key = entry.key();
        let mut at = self.heap.len();
        self.heap.push(entry);
        while at > 0 {
            let parent = (at - 1) / CHILDREN;
            if self.heap[parent].key() <= key {
                break;
            }
            self.heap[at] = self.heap[parent];
            at = parent;
        }
        self.heap[at] = entry;
    }

    /// Takes the first entry.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, T)> {
        if let Some(front) = self.front.take() {
            return Some((Time(front.time), front.what));
        }
        let first = *self.heap.first()?;
        let last = self.heap.pop().expect("there is a first one");
        if !self.heap.is_empty() {
            self.sink(last);
        }
        Some((Time(first.time), first.what))
    }

    /// Puts `entry` where the first one was, and down to its place.
    #[inline]
    fn sink(&mut self, entry: Entry<T>) {
        let (key, len) = (entry.key(), self.heap.len());
        let mut at = 0;
        loop {
            let first = at * CHILDREN + 1;
            if first >= len {
                break;
            }
            let children = &self.heap[first..(first + CHILDREN).min(len)];
            let (mut least, mut least_key) = (0, children[0].key());
            for (n, child) in children.iter().enumerate().skip(1) {
                let child_key = child.key();
                if child_key < least_key {
                    (least, least_key) = (n, child_key);
                }
            }
            if key <= least_key {
                break;
            }
            self.heap[at] = self.heap[first + least];
            at = first + least;
        }
        self.heap[at] = entry;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Concern, Draws, below};
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    #[test]
    fn entries_come_out_in_order_whatever_went_in() {
        let mut draws = Draws::new(1, Concern::Choice, 0);
        let (mut agenda, mut model) = (Agenda::default(), BinaryHeap::new());
        for i in 0..50_000u64 {
            if below(draws.at(2 * i), 5) < 3 {
                let (time, order) = (draws.at(2 * i + 1) % 500, i);
                agenda.push(Time(time), order, i);
                model.push(Reverse((time, order)));
            } else {
                let expected = model.pop().map(|Reverse((time, order))| (Time(time), order));
                assert_eq!(agenda.pop(), expected);
            }
            assert_eq!(agenda.len(), model.len());
        }
    }
}
