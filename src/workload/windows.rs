//! Which records belong to the same window, and what comes of them: for the world, which meets them one by one, and for the
//! oracle, which has them all.
//!
//! A window is known by its end: that is above zero however early its records are. What comes of a window or of a pair
//! is a function of what is in it, whatever the order was. It happened at the last instant of the window, or when the
//! younger of the pair did.

use super::Record;
use crate::base::{Span, Time, mix};
use crate::scenario::WindowShape;

/// Bytes on the wire of what comes of several records, unless the scenario says so: a key, a time, a number.
const RESULT_BYTES: u32 = 32;

/// Keep results apart from other records, and from one another.
const RESULT: u64 = 0x1f83_d9ab_fb41_bd6b;
const PAIR: u64 = 0x5be0_cd19_137e_2179;

/// So many records, with the sum of their lineages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub records: u64,
    /// Wrapping sum of lineages, or of hashes.
    pub hash: u64,
}

impl Tally {
    /// With one more.
    #[inline]
    pub fn count(&mut self, hash: u64) {
        self.add(Self { records: 1, hash });
    }

    /// With these too.
    #[inline]
    pub fn add(&mut self, other: Self) {
        self.records = self.records.wrapping_add(other.records);
        self.hash = self.hash.wrapping_add(other.hash);
    }
}

impl WindowShape {
    /// The ends of the windows that a record of this time belongs to, the last one first; a session's as if it were alone.
    pub fn ends(&self, time: Time) -> impl Iterator<Item = u64> + use<> {
        let time = time.0;
        let (size, slide) = match *self {
            Self::Tumbling(Span(size)) => (size, size),
            Self::Sliding { size: Span(size), slide: Span(slide) } => (size, slide),
            Self::Session(Span(gap)) => {
                let end = time.saturating_add(gap);
                return Ends { next: Some(end), above: end - 1, step: gap };
            }
        };
        let last = (time - time % slide).saturating_add(size);
        Ends { next: Some(last), above: time, step: slide }
    }

    /// What a record counts for in the window of this end: the same records in other windows are not the same.
    pub fn weight(&self, key: u32, end: u64) -> u64 {
        match self {
            // Where a session ends depends on the others in it.
            Self::Session(_) => 1,
            _ => mix(end ^ u64::from(key) << 40) | 1,
        }
    }
}

/// Ends of windows, backwards.
struct Ends {
    next: Option<u64>,
    above: u64,
    step: u64,
}

impl Iterator for Ends {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let end = self.next.filter(|end| *end > self.above)?;
        self.next = end.checked_sub(self.step);
        Some(end)
    }
}

/// What comes of the records of a key in the window that ends there.
pub fn result(key: u32, end: u64, gathered: Tally) -> Record {
    let Tally { records, hash } = gathered;
    let lineage = mix(hash ^ mix(records ^ mix(end ^ u64::from(key) << 40) ^ RESULT));
    Record { lineage, time: Time(end.saturating_sub(1)), key, size: RESULT_BYTES }
}

/// What comes of a pair.
pub fn pair(one: &Record, two: &Record) -> Record {
    let lineage = mix(mix(one.lineage ^ PAIR).wrapping_add(two.lineage));
    Record { lineage, time: one.time.max(two.time), key: one.key, size: RESULT_BYTES }
}

/// What comes of a pair in the window that ends there.
pub fn pair_in(end: u64, one: &Record, two: &Record) -> Record {
    let pair = pair(one, two);
    Record { lineage: mix(pair.lineage ^ end), time: Time(end - 1), ..pair }
}

/// Whether the second record happened at most so long before the first, or after it.
pub fn is_near(one: Time, two: Time, before: Span, after: Span) -> bool {
    one.0 <= two.0.saturating_add(before.0) && two.0 <= one.0.saturating_add(after.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(shape: WindowShape, time: u64) -> Vec<u64> {
        shape.ends(Time(time)).collect()
    }

    #[test]
    fn a_record_is_in_every_window_that_covers_it_and_in_no_other() {
        assert_eq!(ends(WindowShape::Tumbling(Span(10)), 0), [10]);
        assert_eq!(ends(WindowShape::Tumbling(Span(10)), 9), [10]);
        assert_eq!(ends(WindowShape::Tumbling(Span(10)), 10), [20]);
        let sliding = |size, slide| WindowShape::Sliding { size: Span(size), slide: Span(slide) };
        assert_eq!(ends(sliding(10, 4), 13), [22, 18, 14]);
        assert_eq!(ends(sliding(10, 4), 1), [10, 6, 2], "also in those that began before time did");
        assert_eq!(ends(sliding(10, 10), 25), [30]);
        assert_eq!(ends(WindowShape::Session(Span(7)), 5), [12]);
        for (size, slide) in [(10, 3), (12, 4), (7, 1)] {
            for time in 0..40 {
                let all: Vec<u64> = ends(sliding(size, slide), time);
                let due = (1..100).rev().filter(|end| (end + slide - size % slide) % slide == 0);
                let due: Vec<u64> = due.filter(|end| *end > time && *end <= time + size).collect();
                assert_eq!(all, due, "{size} every {slide} at {time}");
            }
        }
    }

    #[test]
    fn what_comes_of_several_depends_on_what_they_are_and_not_on_their_order() {
        let record = |lineage, time| Record { lineage, time: Time(time), key: 3, size: 1 };
        let (a, b) = (record(5, 10), record(9, 20));
        assert_ne!(pair(&a, &b).lineage, pair(&b, &a).lineage, "which side it is counts");
        assert_eq!(pair(&a, &b).time, Time(20));
        assert_ne!(pair_in(30, &a, &b), pair_in(40, &a, &b));
        let of = |records, hash| result(3, 30, Tally { records, hash });
        assert_eq!((of(2, 14).time, of(2, 14).key), (Time(29), 3));
        assert!(of(2, 14) != of(1, 14) && of(2, 14) != of(2, 15));
        assert!(is_near(Time(10), Time(8), Span(2), Span(0)) && !is_near(Time(10), Time(7), Span(2), Span(0)));
        assert!(is_near(Time(10), Time(13), Span(0), Span(3)) && !is_near(Time(10), Time(14), Span(9), Span(3)));
    }
}
