//! Integer distributions: which key a record has, and when it arrives at its source.

use super::{Rate, Span, below};

/// Picks keys `0..keys` from draws, by an integer inverse-CDF table or evenly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPicker {
    keys: u32,
    /// `table[k]` is the share of keys `0..=k` in 2^32 parts; empty when every key is as likely as any other.
    table: Vec<u64>,
}

const ONE: u64 = 1 << 32;

impl KeyPicker {
    /// Every one of `keys` is equally likely.
    pub fn even(keys: u32) -> Self {
        Self { keys: keys.max(1), table: Vec::new() }
    }

    /// The first `hot` keys share `percent` of the records evenly, the others the rest.
    pub fn hot(keys: u32, hot: u32, percent: u32) -> Self {
        let (keys, hot) = (u64::from(keys.max(1)), u64::from(hot.clamp(1, keys.max(1))));
        let share = if hot == keys { ONE } else { ONE * u64::from(percent.min(100)) / 100 };
        let upto = |k: u64| match k {
            k if k < hot => share * (k + 1) / hot,
            k => share + (ONE - share) * (k + 1 - hot) / (keys - hot),
        };
        Self { keys: keys as u32, table: (0..keys).map(upto).collect() }
    }

    /// Key `k` is drawn in proportion to 1 / (k + 1): Zipf's law with exponent one.
    pub fn zipf(keys: u32) -> Self {
        let keys = keys.max(1);
        let weight = |k: u32| ONE * 256 / (u64::from(k) + 1);
        let total: u128 = (0..keys).map(|k| u128::from(weight(k))).sum();
        let mut sum = 0u128;
        let table = (0..keys).map(|k| {
            sum += u128::from(weight(k));
            (sum * u128::from(ONE) / total) as u64
        });
        Self { keys, table: table.collect() }
    }

    /// How many keys there are.
    pub fn keys(&self) -> u32 {
        self.keys
    }

    /// The key that `draw` stands for.
    #[inline]
    pub fn pick(&self, draw: u64) -> u32 {
        if self.table.is_empty() {
            return below(draw, u64::from(self.keys)) as u32;
        }
        let part = draw >> 32;
        self.table.partition_point(|upto| *upto <= part).min(self.table.len() - 1) as u32
    }
}

/// A stretch of higher rate that comes back regularly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// A burst begins this often, the first at once.
    pub every: Span,
    /// And lasts so long.
    pub length: Span,
    /// The rate is multiplied by this while it lasts.
    pub times: u32,
}

/// When the records of one source subtask are there to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrivals {
    /// Records per second of the whole source; `None`: all records are there from the beginning.
    pub rate: Option<Rate>,
    /// Among how many subtasks the rate is divided.
    pub subtasks: u32,
    /// Regular bursts on top.
    pub burst: Option<Burst>,
}

impl Arrivals {
    /// The shortest time between two records of a subtask, rounded down.
    #[inline]
    pub fn gap_min(&self) -> Span {
        let times = self.burst.map_or(1, |burst| burst.times.max(1));
        self.rate.map_or(Span::ZERO, |rate| {
            Span(1_000_000_000 * u64::from(self.subtasks) / rate.0.saturating_mul(u64::from(times)).max(1))
        })
    }

    /// How long after the beginning record `n` (from 0) of a subtask arrives. Grows with `n`.
    #[inline]
    pub fn at(&self, n: u64) -> Span {
        let Some(rate) = self.rate else { return Span::ZERO };
        let nanos = |records: u128, times: u128| {
            records * 1_000_000_000 * u128::from(self.subtasks) / (u128::from(rate.0.max(1)) * times)
        };
        let n = u128::from(n);
        let Some(burst) = self.burst else { return Span(clamp(nanos(n, 1))) };
        // One cycle is `length` at `times` the rate, then the rest at the rate itself, counted in
        // records x seconds x subtasks so that nothing is rounded before the end.
        let (every, length, times) =
            (u128::from(burst.every.0.max(1)), u128::from(burst.length.0.min(burst.every.0)), u128::from(burst.times));
        let unit = u128::from(rate.0.max(1));
        let scale = 1_000_000_000 * u128::from(self.subtasks);
        let in_burst = (length * times).saturating_mul(unit);
        let in_cycle = (length * times + (every - length)).saturating_mul(unit);
        let (cycle, left) = (n * scale / in_cycle, n * scale % in_cycle);
        let within = if left < in_burst { left / (times * unit) } else { length + (left - in_burst) / unit };
        Span(clamp(cycle * every + within))
    }

    /// How many records of a subtask arrive within so long after the beginning, the end of it excluded; at least
    /// `known`, from which the search begins. Only with a rate.
    pub fn before(&self, until: Span, known: u64) -> u64 {
        let (mut low, mut step) = (known, 1);
        while self.at(low + step - 1) < until {
            (low, step) = (low + step, step * 2);
        }
        let mut high = low + step - 1;
        while low < high {
            let middle = low + (high - low) / 2;
            if self.at(middle) < until { low = middle + 1 } else { high = middle }
        }
        low
    }
}

fn clamp(ns: u128) -> u64 {
    u64::try_from(ns).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Concern, Draws};

    fn histogram(picker: &KeyPicker, draws: u64) -> Vec<u64> {
        let mut stream = Draws::new(1, Concern::Key, 0);
        let mut seen = vec![0; picker.keys() as usize];
        (0..draws).for_each(|i| seen[picker.pick(stream.at(i)) as usize] += 1);
        seen
    }

    #[test]
    fn shares_are_as_stated() {
        let hot = histogram(&KeyPicker::hot(100, 1, 30), 100_000);
        assert!((29_000..31_000).contains(&hot[0]), "{}", hot[0]);
        assert!(hot[1..].iter().all(|n| (550..880).contains(n)), "{hot:?}");
        let zipf = histogram(&KeyPicker::zipf(10), 100_000);
        assert!(zipf.windows(2).all(|w| w[0] > w[1]), "{zipf:?}");
        assert!((33_000..35_500).contains(&zipf[0]), "1 / H(10) = 34.1 %, got {}", zipf[0]);
        assert_eq!(KeyPicker::hot(1, 1, 10).pick(u64::MAX), 0);
        assert_eq!(KeyPicker::zipf(3).pick(u64::MAX), 2);
    }

    #[test]
    fn records_arrive_at_the_rate() {
        let steady = Arrivals { rate: Some(Rate(1_000)), subtasks: 2, burst: None };
        assert_eq!(steady.at(0), Span::ZERO);
        assert_eq!(steady.at(500), Span::from_secs(1));
        let burst = Burst { every: Span::from_secs(10), length: Span::from_secs(1), times: 5 };
        let bursty = Arrivals { rate: Some(Rate(1_000)), subtasks: 1, burst: Some(burst) };
        assert_eq!(bursty.at(5_000), Span::from_secs(1));
        assert_eq!(bursty.at(14_000), Span::from_secs(10));
        assert_eq!(bursty.at(19_000), Span::from_secs(11));
        assert!((0..40_000).all(|n| bursty.at(n) <= bursty.at(n + 1)));
        for arrivals in [steady, bursty] {
            for until in [0, 1, 2_000_000, 2_000_001, 999_999_999, 10_000_000_001].map(Span) {
                let counted = (0..).take_while(|n| arrivals.at(*n) < until).count() as u64;
                assert!((0..=counted).step_by(7).all(|known| arrivals.before(until, known) == counted), "{until}");
            }
        }
    }
}
