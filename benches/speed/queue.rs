//! The event queue alone: take the first entry, put one in at a later time, over and over.

use cutline::base::{Time, mix};
use cutline::drive::Agenda;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

/// As large as what the driver keeps in its queue.
type What = [u32; 4];

/// Entries are so far ahead of the present on average.
const AHEAD: u64 = 1 << 20;

/// Holds `pending` entries through `turns` turns with cutline's queue; a hash over what came out.
pub struct Ours(Agenda<What>);

/// The same with that of the standard library.
pub struct Standard(BinaryHeap<Reverse<(u64, u64, What)>>);

/// A queue that can be measured.
pub trait Queue {
    fn filled(pending: u64) -> Self;
    fn turn(&mut self, n: u64) -> u64;

    fn hold(&mut self, turns: u64) -> u64 {
        (0..turns).fold(0, |hash, n| hash ^ self.turn(black_box(n)))
    }
}

fn what(n: u64) -> What {
    [n as u32; 4]
}

impl Queue for Ours {
    fn filled(pending: u64) -> Self {
        let mut agenda = Agenda::default();
        (0..pending).for_each(|n| agenda.push(Time(mix(n) % (2 * AHEAD)), n, what(n)));
        Self(agenda)
    }

    #[inline]
    fn turn(&mut self, n: u64) -> u64 {
        let (time, what) = self.0.pop().expect("always as many");
        let order = mix(n);
        self.0.push(Time(time.0 + order % (2 * AHEAD)), order, what);
        mix(time.0 ^ n) ^ u64::from(what[0])
    }
}

impl Queue for Standard {
    fn filled(pending: u64) -> Self {
        Self((0..pending).map(|n| Reverse((mix(n) % (2 * AHEAD), n, what(n)))).collect())
    }

    #[inline]
    fn turn(&mut self, n: u64) -> u64 {
        let Reverse((time, _, what)) = self.0.pop().expect("always as many");
        let order = mix(n);
        self.0.push(Reverse((time + order % (2 * AHEAD), order, what)));
        mix(time ^ n) ^ u64::from(what[0])
    }
}
