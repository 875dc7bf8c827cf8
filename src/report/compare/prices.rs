//! What a storage would charge: for what is kept there, and for what is written.
//!
//! ```text
//! cost per hour = retained bytes / 10^9 x price of a GB and month / 730 h
//!               + writes / run time in hours x price of 1000 writes / 1000
//! ```
//!
//! Retained bytes are the most that were there at any time. A write is a snapshot of a task, a file of state, or the
//! record of a complete checkpoint; reads and traffic are not charged. Nothing of this decides anything.

use crate::base::Problem;
use crate::check::Measured;

/// Prices in millionths of the currency's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// Of 10^9 bytes for a month of 730 hours.
    pub gb_month: u64,
    /// Of 1000 writes.
    pub writes: u64,
}

const HOURS: u128 = 730;
const HOUR: u128 = 3_600_000_000_000;

impl Prices {
    /// Reads a price such as `0.023`.
    pub fn parse(text: &str) -> Result<u64, Problem> {
        let wrong = || {
            Problem::plain(format!("\"{text}\" is no price"), "write a number with at most six decimals, such as 0.023")
        };
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 9 || part.len() > 6 || !digits(whole) || !digits(part) {
            return Err(wrong());
        }
        format!("{whole}{part:0<6}").parse().map_err(|_| wrong())
    }

    /// Billionths of the unit for an hour of such a run.
    pub(super) fn hourly(self, run: &Measured) -> Option<u64> {
        let figure = |name| run.figure(name).map(u128::from);
        let kept = figure("retained-bytes.max")? * u128::from(self.gb_month) * 1000 / HOURS / 1_000_000_000;
        let writes =
            figure("snapshots.taken")? + figure("files.written").unwrap_or(0) + figure("checkpoints.completed")?;
        let written = (writes * HOUR * u128::from(self.writes)).checked_div(figure("virtual-time")?)?;
        u64::try_from(kept + written).ok()
    }
}

/// Billionths as a number with four figures that count.
pub(super) fn shown(billionths: u64) -> String {
    let decimals = 12u32.saturating_sub(billionths.max(1).ilog10()).min(9) as usize;
    format!("{:.decimals$}", billionths as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::super::tests::contestant;
    use super::*;

    #[test]
    fn a_price_is_read_to_the_millionth() {
        assert_eq!(
            ["0.023", "5", "0.000001", "12.5"].map(|text| Prices::parse(text).ok()),
            [Some(23_000), Some(5_000_000), Some(1), Some(12_500_000)]
        );
        for text in ["", "-1", "1,5", "0.0000001", ".5", "1e3", "9999999999"] {
            let problem = Prices::parse(text).expect_err(text).to_string();
            assert!(problem.contains("is no price; write a number with at most six decimals"), "{problem}");
        }
    }

    #[test]
    fn an_hour_costs_what_is_kept_and_what_is_written() {
        let second = 1_000_000_000;
        let figures = [
            ("retained-bytes.max", 730 * second),
            ("snapshots.taken", 30),
            ("files.written", 15),
            ("checkpoints.completed", 5),
            ("virtual-time", 10 * second),
        ];
        let sample = contestant("a", 0, &[&figures]).result.expect("it has runs");
        // 730GB for an hour are a GB for a month; 50 writes in 10s are 18000 in an hour.
        let hourly = |gb_month, writes| Prices { gb_month, writes }.hourly(&sample.runs[0]);
        assert_eq!(hourly(23_000, 0), Some(23_000_000));
        assert_eq!(hourly(0, 5_000), Some(90_000_000));
        assert_eq!(shown(90_000_000), "0.09000");
        assert_eq!(shown(1_234_567_890), "1.235");
    }
}
