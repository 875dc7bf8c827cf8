//! Virtual time, sizes and rates: integers with a unit, and how people write them.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

/// An instant of virtual time: nanoseconds since the run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// A length of virtual time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

/// A size in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// So many of something (records, bytes) per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

const SECOND: u64 = 1_000_000_000;

impl Time {
    /// The beginning of the run.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// How long after `earlier` this is; zero if it is not after it.
    #[inline]
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// So many milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1_000_000)
    }

    /// So many microseconds.
    pub const fn from_micros(us: u64) -> Self {
        Self(us * 1_000)
    }

    /// So many seconds.
    pub const fn from_secs(s: u64) -> Self {
        Self(s * SECOND)
    }
}

impl Rate {
    /// How long it takes to move `amount` at this rate, rounded up; at rate zero no time at all,
    /// because zero stands for "not limited".
    #[inline]
    pub const fn time_for(self, amount: u64) -> Span {
        if self.0 == 0 {
            return Span(0);
        }
        let ns = (amount as u128 * SECOND as u128).div_ceil(self.0 as u128);
        Span(if ns > u64::MAX as u128 { u64::MAX } else { ns as u64 })
    }
}

impl Add<Span> for Time {
    type Output = Time;
    #[inline]
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    #[inline]
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Add for Span {
    type Output = Span;
    #[inline]
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    #[inline]
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Span;
    #[inline]
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl Mul<u64> for Span {
    type Output = Span;
    #[inline]
    fn mul(self, by: u64) -> Span {
        Span(self.0.saturating_mul(by))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span(self.0).fmt(f)
    }
}

impl fmt::Display for Span {
    /// At most four digits that matter: `1.25s`, `340ms`, `12.5us`, `7ns`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0 => "0".to_owned(),
            ns if ns < 1_000 => format!("{ns}ns"),
            ns if ns < 1_000_000 => scaled(ns, 1_000, "us"),
            ns if ns < SECOND => scaled(ns, 1_000_000, "ms"),
            ns if ns < 600 * SECOND => scaled(ns, SECOND, "s"),
            ns if ns < 7_200 * SECOND => scaled(ns, 60 * SECOND, "min"),
            ns => scaled(ns, 3_600 * SECOND, "h"),
        };
        f.pad(&text)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            b if b < 1 << 10 => format!("{b}B"),
            b if b < 1 << 20 => scaled(b, 1 << 10, "KiB"),
            b if b < 1 << 30 => scaled(b, 1 << 20, "MiB"),
            b => scaled(b, 1 << 30, "GiB"),
        };
        f.pad(&text)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            r if r < 10_000 => format!("{r}/s"),
            r if r < 10_000_000 => scaled(r, 1_000, "k/s"),
            r => scaled(r, 1_000_000, "M/s"),
        };
        f.pad(&text)
    }
}

/// `value / unit` with up to three decimals, trailing zeros cut, and fewer decimals for larger numbers.
fn scaled(value: u64, unit: u64, name: &str) -> String {
    let whole = value / unit;
    let decimals = match whole {
        0..10 => 3,
        10..100 => 2,
        100..1000 => 1,
        _ => 0,
    };
    let power = 10u128.pow(decimals);
    let rounded = (u128::from(value) * power + u128::from(unit) / 2) / u128::from(unit);
    let (whole, part) = (rounded / power, rounded % power);
    if part == 0 {
        return format!("{whole}{name}");
    }
    let digits = format!("{part:0width$}", width = decimals as usize);
    format!("{whole}.{}{name}", digits.trim_end_matches('0'))
}

/// How times are written, from the smallest unit on.
const TIMES: &[(&str, u64)] =
    &[("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", SECOND), ("min", 60 * SECOND), ("h", 3_600 * SECOND)];

/// How sizes are written, from the smallest unit on.
const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
];

/// How numbers of records are written, from the smallest unit on.
const COUNTS: &[(&str, u64)] = &[("", 1), ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)];

/// Reads a length of time such as `250ms`; the error says what is allowed.
pub fn parse_span(text: &str) -> Result<Span, String> {
    with_unit(text, TIMES, "a time such as \"250ms\" (units ns, us, ms, s, min, h)").map(Span)
}

/// Reads a size such as `32KiB`; the error says what is allowed.
pub fn parse_bytes(text: &str) -> Result<Bytes, String> {
    with_unit(text, SIZES, "a size such as \"32KiB\" (units B, kB, KiB, MB, MiB, GB, GiB, TB, TiB)").map(Bytes)
}

/// Reads a rate of records (`20k/s`) or of bytes (`100MB/s`); the error says what is allowed.
pub fn parse_rate(text: &str) -> Result<Rate, String> {
    const ALLOWED: &str = "a rate such as \"20k/s\" or, for bytes, \"100MB/s\"";
    let count = text.trim().strip_suffix("/s").ok_or(ALLOWED)?;
    if count.ends_with('B') {
        return parse_bytes(count).map(|b| Rate(b.0)).map_err(|_| ALLOWED.to_owned());
    }
    with_unit(count, COUNTS, ALLOWED).map(Rate)
}

impl Span {
    /// As a person would write it, and exactly: [`parse_span`] reads the same length of time from it.
    ///
    /// ```
    /// use cutline::base::Span;
    /// assert_eq!(Span::from_millis(1500).exact(), "1.5s");
    /// assert_eq!(Span(12_345_678).exact(), "12345678ns");
    /// ```
    pub fn exact(self) -> String {
        if self == Self::ZERO { "0s".to_owned() } else { exactly(self.0, TIMES) }
    }
}

impl Bytes {
    /// As a person would write it, and exactly: [`parse_bytes`] reads the same size from it.
    pub fn exact(self) -> String {
        exactly(self.0, SIZES)
    }
}

impl Rate {
    /// As a person would write so many records per second, and exactly: [`parse_rate`] reads the same rate from it.
    pub fn exact(self) -> String {
        exactly(self.0, COUNTS) + "/s"
    }
}

/// In the unit that takes the fewest digits, the largest of several; never less than one of it.
fn exactly(value: u64, units: &[(&str, u64)]) -> String {
    let written = units.iter().filter_map(|(name, factor)| {
        let (whole, rest) = (value / factor, u128::from(value % factor) * 1000);
        if (whole == 0 && *factor > 1) || rest % u128::from(*factor) != 0 {
            return None;
        }
        let part = format!(".{:03}", rest / u128::from(*factor));
        let number = format!("{whole}{}", part.trim_end_matches('0').trim_end_matches('.'));
        Some((number.len(), std::cmp::Reverse(*factor), number + name))
    });
    // Of two names for one factor the first is taken.
    written.min_by_key(|(digits, factor, _)| (*digits, *factor)).map(|(.., text)| text).expect("one unit is 1")
}

/// A decimal number followed by one of `units`, exact: `0.1ms` is 100 µs, `1.5ns` is refused.
fn with_unit(text: &str, units: &[(&str, u64)], allowed: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim());
    let factor = units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor).ok_or(allowed)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && part.is_empty()) || part.len() > 12 {
        return Err(allowed.to_owned());
    }
    let whole: u64 = whole.parse().map_err(|_| allowed)?;
    let mut total = u128::from(whole) * u128::from(factor);
    if !part.is_empty() {
        let power = 10u128.pow(part.len() as u32);
        let scaled = part.parse::<u128>().map_err(|_| allowed)? * u128::from(factor);
        if scaled % power != 0 {
            return Err(format!("{allowed}, without a fraction of the smallest unit"));
        }
        total += scaled / power;
    }
    u64::try_from(total).map_err(|_| format!("{allowed}, below 2^64 of the smallest unit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read_exactly() {
        assert_eq!(parse_span("250ms"), Ok(Span::from_millis(250)));
        assert_eq!(parse_span("1.5s"), Ok(Span::from_millis(1500)));
        assert_eq!(parse_span("0.1us"), Ok(Span(100)));
        assert_eq!(parse_bytes("32KiB"), Ok(Bytes(32768)));
        assert_eq!(parse_rate("20k/s"), Ok(Rate(20_000)));
        assert_eq!(parse_rate("100MB/s"), Ok(Rate(100_000_000)));
        for wrong in ["250", "ms", "1.5ns", "-1s", "1 parsec", "99999999999999h", "1..2s", ".5s"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_printed_is_short() {
        for (ns, text) in [(0, "0"), (999, "999ns"), (1_500, "1.5us"), (12_345_678, "12.35ms"), (61 * SECOND, "61s")] {
            assert_eq!(Span(ns).to_string(), text);
        }
        for (minutes, text) in [(10, "10min"), (119, "119min"), (120, "2h"), (150, "2.5h"), (540, "9h")] {
            assert_eq!(Span(minutes * 60 * SECOND).to_string(), text);
        }
        assert_eq!(Bytes(1536).to_string(), "1.5KiB");
        assert_eq!(Rate(12_500).to_string(), "12.5k/s");
    }

    #[test]
    fn what_is_written_exactly_is_what_people_write() {
        const HOUR: u64 = 3_600 * SECOND;
        let times = [(0, "0s"), (1, "1ns"), (90 * SECOND, "90s"), (600 * SECOND, "10min"), (24 * HOUR, "24h")];
        for (ns, text) in
            times.into_iter().chain([(1_500, "1.5us"), (250_000_000, "250ms"), (SECOND + 1, "1000000001ns")])
        {
            assert_eq!(Span(ns).exact(), text);
        }
        for (bytes, text) in [(0, "0B"), (1000, "1kB"), (1536, "1.5KiB"), (32768, "32KiB"), (1025, "1025B")] {
            assert_eq!(Bytes(bytes).exact(), text);
        }
        assert_eq!(Rate(20_000).exact(), "20k/s");
        let wide = (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) - 1, (1 << bit) + 1, 3 << bit, 1000 << bit]);
        for n in wide.chain((0..20).map(|power| 10u64.pow(power))) {
            assert_eq!(parse_span(&Span(n).exact()), Ok(Span(n)));
            assert_eq!(parse_bytes(&Bytes(n).exact()), Ok(Bytes(n)));
            assert_eq!(parse_rate(&Rate(n).exact()), Ok(Rate(n)));
        }
    }

    #[test]
    fn moving_data_takes_the_time_it_takes() {
        assert_eq!(Rate(1_000).time_for(1), Span::from_millis(1));
        assert_eq!(Rate(3).time_for(1), Span(333_333_334));
        assert_eq!(Rate(0).time_for(1 << 40), Span::ZERO);
    }
}
