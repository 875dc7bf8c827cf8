//! A flat ring of small `Copy` values that grows by doubling and is emptied without being freed.

/// First in, first out, addressed from the front.
#[derive(Clone, Debug)]
pub struct Ring<T> {
    slots: Vec<T>,
    head: u32,
    len: u32,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), head: 0, len: 0 }
    }
}

impl<T: Copy + Default> Ring<T> {
    /// How many values are in it.
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn slot(&self, i: u32) -> usize {
        // The number of slots is a power of two, or zero when nothing was ever put in.
        (self.head.wrapping_add(i) as usize) & (self.slots.len().wrapping_sub(1))
    }

    /// Appends a value.
    #[inline]
    pub fn push(&mut self, value: T) {
        if self.len as usize == self.slots.len() {
            self.grow();
        }
        let at = self.slot(self.len);
        self.slots[at] = value;
        self.len += 1;
    }

    /// Takes the first value.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let value = self.front()?;
        self.skip(1);
        Some(value)
    }

    /// Drops the first `n` values.
    #[inline]
    pub fn skip(&mut self, n: usize) {
        debug_assert!(n <= self.len());
        self.head = self.slot(n as u32) as u32;
        self.len -= n as u32;
    }

    /// The first value.
    #[inline]
    pub fn front(&self) -> Option<T> {
        self.get(0)
    }

    /// The `i`-th value from the front.
    #[inline]
    pub fn get(&self, i: usize) -> Option<T> {
        (i < self.len()).then(|| self.slots[self.slot(i as u32)])
    }

    /// The `i`-th value from the front, to be changed.
    #[inline]
    pub fn get_mut(&mut self, i: usize) -> Option<&mut T> {
        if i >= self.len() {
            return None;
        }
        let at = self.slot(i as u32);
        Some(&mut self.slots[at])
    }

    /// All values, first to last.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + '_ {
        (0..self.len()).map(|i| self.slots[self.slot(i as u32)])
    }

    /// The first `n` values as two slices, the second empty unless they wrap around.
    #[inline]
    pub fn first(&self, n: usize) -> (&[T], &[T]) {
        debug_assert!(n <= self.len());
        if n == 0 {
            return (&[], &[]);
        }
        let head = self.head as usize;
        let straight = n.min(self.slots.len() - head);
        (&self.slots[head..head + straight], &self.slots[..n - straight])
    }

    /// Keeps the values for which `keep` is true, in order.
    pub fn retain(&mut self, mut keep: impl FnMut(T) -> bool) {
        for _ in 0..self.len {
            let value = self.pop().expect("as many as there were");
            if keep(value) {
                self.push(value);
            }
        }
    }

    /// Puts a value before the `i`-th from the front.
    pub fn insert(&mut self, i: usize, value: T) {
        debug_assert!(i <= self.len());
        self.push(value);
        for at in (i..self.len() - 1).rev() {
            let (this, next) = (self.slot(at as u32), self.slot(at as u32 + 1));
            self.slots.swap(this, next);
        }
    }

    /// Takes the `i`-th value from the front out.
    pub fn remove(&mut self, i: usize) -> Option<T> {
        let value = self.get(i)?;
        for at in i..self.len() - 1 {
            let (this, next) = (self.slot(at as u32), self.slot(at as u32 + 1));
            self.slots.swap(this, next);
        }
        self.len -= 1;
        Some(value)
    }

    /// Drops the last values until `len` are left.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len as u32);
    }

    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.head = 0;
        self.len = 0;
    }

    #[cold]
    fn grow(&mut self) {
        let mut slots = Vec::with_capacity((self.slots.len() * 2).max(4));
        slots.extend(self.iter());
        slots.resize(slots.capacity().next_power_of_two(), T::default());
        self.slots = slots;
        self.head = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn behaves_as_a_queue_whatever_the_history() {
        let mut draws = crate::base::Draws::new(1, crate::base::Concern::Choice, 9);
        let (mut ring, mut model) = (Ring::default(), VecDeque::new());
        for i in 0..20_000u64 {
            match crate::base::below(draws.at(i), 9) {
                0..4 => {
                    ring.push(i);
                    model.push_back(i);
                }
                4 => {
                    let at = i as usize % (model.len() + 1);
                    ring.insert(at, i);
                    model.insert(at, i);
                }
                5 => {
                    let at = i as usize % (model.len() + 1);
                    assert_eq!(ring.remove(at), model.remove(at));
                }
                6..8 => assert_eq!(ring.pop(), model.pop_front()),
                _ => {
                    let n = model.len() / 2;
                    let (a, b) = ring.first(n);
                    assert!(a.iter().chain(b).eq(model.iter().take(n)));
                    ring.skip(n);
                    model.drain(..n);
                }
            }
            assert_eq!(ring.len(), model.len());
        }
        assert!(ring.iter().eq(model.iter().copied()));
    }
}
