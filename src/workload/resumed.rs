//! What is left of a log for a subtask that goes on where others stopped: partitions, each from an offset of its own.
//!
//! Like a share it is read in turn, one record of each partition; a partition that is at its end is left out from then
//! on. As partitions may have been read to different ends, the turns are cut into stretches in which the same ones take
//! part.

use crate::base::Span;

/// Partitions with what is left of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// By turn: the partition's number in its source, and the first offset that was not read.
    pub partitions: Vec<(u32, u64)>,
    /// How long the log has existed.
    pub began: Span,
    /// The place in the arrivals of what comes first.
    pub place: u64,
    stretches: Vec<Stretch>,
    total: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    /// Its first position.
    from: u64,
    /// So many records of each of those that take part come before.
    round: u64,
    /// Who takes part, by turn.
    alive: Vec<u32>,
}

impl Rest {
    /// Partitions, each with its first offset and how many records it has from there on; `u64::MAX`: endless.
    pub fn new(partitions: &[(u32, u64, u64)], began: Span) -> Self {
        let mut ends: Vec<u64> = partitions.iter().map(|(_, _, left)| *left).filter(|left| *left > 0).collect();
        ends.sort_unstable();
        ends.dedup();
        let (mut stretches, mut from, mut round) = (Vec::new(), 0u64, 0);
        for end in ends {
            let alive: Vec<u32> = (0u32..).zip(partitions).filter(|(_, p)| p.2 > round).map(|(turn, _)| turn).collect();
            let records = (end - round).saturating_mul(alive.len() as u64);
            stretches.push(Stretch { from, round, alive });
            (from, round) = (from.saturating_add(records), end);
        }
        let place = partitions.iter().map(|(_, from, _)| from).sum();
        let partitions = partitions.iter().map(|(number, from, _)| (*number, *from)).collect();
        Self { partitions, began, place, stretches, total: from }
    }

    /// How many records there are; `u64::MAX`: without end.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Which of the partitions, by turn, and which offset there, a position means.
    pub fn locate(&self, position: u64) -> (u32, u64) {
        let at = self.stretches.partition_point(|stretch| stretch.from <= position);
        let Some(Stretch { from, round, alive }) = at.checked_sub(1).map(|at| &self.stretches[at]) else {
            // There is nothing left.
            return (0, self.partitions.first().map_or(0, |(_, from)| *from));
        };
        let (nth, of) = (position - from, alive.len() as u64);
        let turn = alive[(nth % of) as usize];
        (turn, self.partitions[turn as usize].1 + round + nth / of)
    }

    /// The first offset of a partition, by turn, that does not come before a position.
    pub fn upto(&self, position: u64, turn: u32) -> u64 {
        let mut read = 0;
        for (n, Stretch { from, alive, .. }) in self.stretches.iter().enumerate() {
            let end = self.stretches.get(n + 1).map_or(self.total, |next| next.from).min(position);
            let Some(place) = alive.iter().position(|of| *of == turn) else { continue };
            read += end.saturating_sub(*from + place as u64).div_ceil(alive.len() as u64);
        }
        self.partitions[turn as usize].1 + read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_record_that_is_left_has_one_position(left in prop::collection::vec((0u64..5, 0u64..7), 1..6)) {
            let partitions: Vec<_> = (3u32..).zip(&left).map(|(number, (from, left))| (number, *from, *left)).collect();
            let rest = Rest::new(&partitions, Span::ZERO);
            prop_assert_eq!(rest.total(), left.iter().map(|(_, left)| left).sum::<u64>());
            let mut next: Vec<u64> = left.iter().map(|(from, _)| *from).collect();
            for position in 0..rest.total() {
                for (turn, next) in (0..).zip(&next) {
                    prop_assert_eq!(rest.upto(position, turn), *next, "before position {}", position);
                }
                let (turn, offset) = rest.locate(position);
                prop_assert_eq!(offset, next[turn as usize], "records of a partition come in order");
                next[turn as usize] += 1;
            }
            prop_assert!(left.iter().zip(&next).all(|((from, left), next)| from + left == *next));
        }
    }

    #[test]
    fn what_has_no_end_goes_on_when_others_have_come_to_theirs() {
        let rest = Rest::new(&[(0, 5, 2), (1, 9, u64::MAX)], Span::ZERO);
        let turns: Vec<_> = (0..6).map(|position| rest.locate(position)).collect();
        assert_eq!(turns, [(0, 5), (1, 9), (0, 6), (1, 10), (1, 11), (1, 12)]);
        assert_eq!((rest.total(), rest.upto(6, 1), rest.upto(6, 0)), (u64::MAX, 13, 7));
    }
}
