//! How often each kind of fault struck in each window.

use super::Window;
use super::never::{why_never, why_seldom};
use crate::fault::Primitive;
use crate::protocol::Protocol;

/// Counts by kind of fault and window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strikes {
    /// By kind of fault, then by window.
    rows: Vec<Vec<u64>>,
}

/// One of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The kind of fault.
    pub fault: &'static str,
    /// The window.
    pub window: Window,
    /// How often it struck there.
    pub count: u64,
    /// Why it never can.
    pub never: Option<&'static str>,
    /// Why it can, but only by a coincidence at which nobody can aim.
    pub seldom: Option<&'static str>,
}

impl Default for Strikes {
    fn default() -> Self {
        Self { rows: vec![vec![0; Window::ALL.len()]; Primitive::KINDS.len()] }
    }
}

impl Strikes {
    /// A fault of a kind struck while these windows were open, one bit each.
    pub(super) fn add(&mut self, kind: &str, set: u32) {
        let row = Primitive::KINDS.iter().position(|known| *known == kind).expect("all kinds are in that table");
        for (window, count) in self.rows[row].iter_mut().enumerate() {
            *count += u64::from(set >> window & 1);
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        let counts = self.rows.iter_mut().flatten();
        counts.zip(other.rows.iter().flatten()).for_each(|(count, more)| *count += more);
    }

    /// All counts under a protocol, kind by kind.
    pub fn cells(&self, protocol: &dyn Protocol) -> Vec<Cell> {
        let cell = |row: usize, window: Window| {
            let fault = Primitive::KINDS[row];
            let (never, seldom) = (why_never(protocol, fault, window), why_seldom(protocol, fault, window));
            Cell { fault, window, count: self.rows[row][window as usize], never, seldom }
        };
        (0..self.rows.len()).flat_map(|row| Window::ALL.iter().map(move |window| cell(row, *window))).collect()
    }

    /// The cell that was met least often of those that can be met, other than by coincidence.
    pub fn least(&self, protocol: &dyn Protocol) -> Option<Cell> {
        let can = |cell: &Cell| cell.never.is_none() && cell.seldom.is_none();
        self.cells(protocol).into_iter().filter(can).min_by_key(|cell| cell.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ZOO;

    #[test]
    fn counts_add_up_and_the_least_is_one_that_can_strike() {
        let (mut one, mut two) = (Strikes::default(), Strikes::default());
        one.add("pause", 1 << Window::Idle as u32 | 1 << Window::Down as u32);
        two.add("pause", 1 << Window::Down as u32);
        one.merge(&two);
        let cells = one.cells(ZOO[0]);
        let count = |window| cells.iter().find(|cell| (cell.fault, cell.window) == ("pause", window)).expect("all are");
        assert_eq!([Window::Idle, Window::Down, Window::First].map(|window| count(window).count), [1, 2, 0]);
        let least = one.least(ZOO[0]).expect("some can");
        assert_eq!((least.count, least.never), (0, None));
    }
}
