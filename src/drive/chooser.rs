//! The one trait through which every choice goes that is not forced.

use crate::base::{Concern, Draws, below};

/// Picks one of several possibilities.
pub trait Chooser {
    /// A number below `of`, which is at least 1.
    fn choose(&mut self, of: usize) -> usize;
}

/// Always the oldest possibility.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fifo;

impl Chooser for Fifo {
    fn choose(&mut self, _of: usize) -> usize {
        0
    }
}

/// Any possibility, decided by a seed.
#[derive(Clone, Debug)]
pub struct Seeded {
    draws: Draws,
    next: u64,
}

impl Seeded {
    /// The choices of a seed.
    pub fn new(seed: u64) -> Self {
        Self { draws: Draws::new(seed, Concern::Choice, 0), next: 0 }
    }
}

impl Chooser for Seeded {
    fn choose(&mut self, of: usize) -> usize {
        self.next += 1;
        below(self.draws.at(self.next - 1), of as u64) as usize
    }
}
