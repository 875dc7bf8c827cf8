//! Restart strategies: whether a failed job is started again, and after what delay. The rules are Flink's.
//!
//! A [`Restarts`] is told every failure and answers with the delay, or that the job has failed for good. It has
//! no clock: it remembers instants that only [`Env`] can compare, so a driver without time may answer anything.
//! Unlike Flink's clock, which ticks in milliseconds, instants are as exact as the driver's.

use crate::base::{Concern, Ring, Span, below};
use crate::protocol::{Env, Moment};
use crate::scenario::{Backoff, Ratio, Restart};

/// Bits of a delay below the nanosecond: what growing by fractions must not lose.
const FINE: u32 = 24;

/// What a strategy remembers of failures.
#[derive(Clone, Debug, Default)]
pub(super) struct Restarts {
    /// Restarts that were granted.
    pub granted: u32,
    /// The failures that count for the rate, oldest first.
    failures: Ring<Moment>,
    /// The last failure that began a wait, and the wait.
    last: Option<(Moment, Span)>,
    /// Failures in a row, for the delay that grows.
    row: u32,
}

impl Restarts {
    /// Begins again.
    pub fn reset(&mut self) {
        self.failures.clear();
        (self.granted, self.last, self.row) = (0, None, 0);
    }

    /// The job has failed: the delay until its restart, or `None` if it has failed for good.
    pub fn failed<E: Env>(&mut self, strategy: &Restart, env: &mut E) -> Option<Span> {
        let delay = match *strategy {
            Restart::Never => None,
            Restart::FixedDelay { delay, attempts } => attempts.is_none_or(|most| self.granted < most).then_some(delay),
            Restart::FailureRate { delay, failures, interval } => {
                self.is_rare(failures, interval, env).then_some(delay)
            }
            Restart::ExponentialDelay(backoff) => self.back_off(&backoff, env),
        };
        self.granted += u32::from(delay.is_some());
        delay
    }

    /// Whether there were not more than so many failures within the interval that ends now, both ends included.
    fn is_rare<E: Env>(&mut self, most: u32, interval: Span, env: &mut E) -> bool {
        if self.failures.len() > most as usize {
            self.failures.pop();
        }
        self.failures.push(env.now());
        let oldest = self.failures.front().expect("this failure, if no other");
        self.failures.len() <= most as usize || env.elapsed(oldest, interval + Span(1))
    }

    /// A failure that comes before the restart is over belongs to the one before it.
    fn back_off<E: Env>(&mut self, backoff: &Backoff, env: &mut E) -> Option<Span> {
        if let Some((failed, delay)) = self.last {
            if !env.elapsed(failed, delay + Span(1)) {
                return Some(env.left(failed, delay));
            }
            if env.elapsed(failed, delay + backoff.threshold) {
                self.row = 0;
            }
        }
        if backoff.attempts.is_some_and(|most| self.row >= most) {
            return None;
        }
        let draw = env.draw(Concern::Backoff, 0, u64::from(self.granted));
        let delay = delay(backoff, self.row, draw);
        self.row += 1;
        self.last = Some((env.now(), delay));
        Some(delay)
    }
}

/// The delay after so many failures in a row before this one: initial x multiplier ^ row, give or take the jitter,
/// never less than the first delay nor more than the longest.
fn delay(backoff: &Backoff, row: u32, draw: u64) -> Span {
    let Ratio { outputs, inputs } = backoff.multiplier;
    let most = u128::from(u64::MAX) << FINE;
    let mut grown = u128::from(backoff.initial.0) << FINE;
    for _ in 0..row {
        let next = (grown * u128::from(outputs) / u128::from(inputs)).min(most);
        if next == grown {
            break;
        }
        grown = next;
    }
    let grown = grown >> FINE;
    let width = grown * u128::from(backoff.jitter.outputs) / u128::from(backoff.jitter.inputs);
    // A jitter is at most the whole delay, so this is at least zero, and both terms are below 2^65.
    let choices = u64::try_from(2 * width + 1).unwrap_or(u64::MAX);
    let jittered = grown - width + u128::from(below(draw, choices));
    let jittered = Span(u64::try_from(jittered).unwrap_or(u64::MAX));
    jittered.min(backoff.max).max(backoff.initial)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLINK: Backoff = Backoff {
        initial: Span::from_secs(1),
        max: Span::from_secs(60),
        multiplier: Ratio { outputs: 3, inputs: 2 },
        threshold: Span::from_secs(3600),
        jitter: Ratio { outputs: 0, inputs: 1 },
        attempts: None,
    };

    /// A clock that is set by hand, in nanoseconds; all draws are the same.
    struct Clock(u64, u64);

    impl Env for Clock {
        fn now(&mut self) -> Moment {
            Moment(self.0)
        }

        fn elapsed(&mut self, since: Moment, limit: Span) -> bool {
            self.0 - since.0 >= limit.0
        }

        fn left(&mut self, since: Moment, limit: Span) -> Span {
            Span((since.0 + limit.0).saturating_sub(self.0))
        }

        fn draw(&mut self, concern: Concern, _entity: u64, _index: u64) -> u64 {
            assert_eq!(concern, Concern::Backoff);
            self.1
        }
    }

    /// The answers to failures at these instants.
    fn answers(strategy: Restart, at: &[u64]) -> Vec<Option<u64>> {
        let mut restarts = Restarts::default();
        let answer = |at: &u64| restarts.failed(&strategy, &mut Clock(*at, 0)).map(|delay| delay.0);
        at.iter().map(answer).collect()
    }

    #[test]
    fn no_restart_at_all() {
        assert_eq!(answers(Restart::Never, &[5]), [None]);
    }

    #[test]
    fn fixed_delay_grants_so_many_restarts() {
        let strategy = |attempts| Restart::FixedDelay { delay: Span(7), attempts };
        assert_eq!(answers(strategy(Some(2)), &[0, 1, 2, 3]), [Some(7), Some(7), None, None]);
        assert_eq!(answers(strategy(Some(0)), &[0]), [None]);
        assert_eq!(answers(strategy(None), &[0; 50]), [Some(7); 50]);
    }

    #[test]
    fn failure_rate_gives_up_at_one_failure_too_many_within_the_interval() {
        let strategy = |failures| Restart::FailureRate { delay: Span(7), failures, interval: Span(100) };
        let ok = Some(7);
        assert_eq!(answers(strategy(1), &[0, 101, 202]), [ok, ok, ok], "one in each interval");
        assert_eq!(answers(strategy(1), &[0, 100]), [ok, None], "at the interval's end it is still within");
        assert_eq!(answers(strategy(3), &[0, 10, 20, 100]), [ok, ok, ok, None]);
        assert_eq!(answers(strategy(3), &[0, 10, 20, 101]), [ok, ok, ok, ok], "the first one is forgotten");
        assert_eq!(answers(strategy(3), &[0, 10, 20, 101, 110]), [ok, ok, ok, ok, None], "but not the second");
        assert_eq!(answers(strategy(3), &[0, 10, 20, 101, 111, 121]), [ok; 6]);
    }

    #[test]
    fn exponential_delay_grows_to_its_maximum() {
        // Each failure comes a nanosecond after the restart: later than the wait, sooner than any reset.
        let (mut restarts, mut clock, mut delays) = (Restarts::default(), Clock(0, 0), Vec::new());
        for _ in 0..13 {
            let delay = restarts.failed(&Restart::ExponentialDelay(FLINK), &mut clock).expect("it never gives up").0;
            delays.push(delay);
            clock.0 += delay + 1;
        }
        // 1s x 1.5 ^ n, exact to the nanosecond: 57.6650390625s is the last below a minute.
        let table = [
            1_000_000_000,
            1_500_000_000,
            2_250_000_000,
            3_375_000_000,
            5_062_500_000,
            7_593_750_000,
            11_390_625_000,
            17_085_937_500,
            25_628_906_250,
            38_443_359_375,
            57_665_039_062,
            60_000_000_000,
            60_000_000_000,
        ];
        assert_eq!(delays, table);
    }

    #[test]
    fn a_failure_before_the_restart_is_not_another_one() {
        let backoff = Backoff { initial: Span(100), max: Span(1000), threshold: Span(5000), ..FLINK };
        let strategy = Restart::ExponentialDelay(backoff);
        assert_eq!(answers(strategy, &[0, 40, 100, 101]), [Some(100), Some(60), Some(0), Some(150)]);
        let last = Restart::ExponentialDelay(Backoff { attempts: Some(1), ..backoff });
        assert_eq!(answers(last, &[0, 40, 100, 101]), [Some(100), Some(60), Some(0), None], "nor is it an attempt");
    }

    #[test]
    fn a_job_that_ran_long_enough_begins_with_the_first_delay_again() {
        let backoff = Backoff { initial: Span(100), max: Span(1000), threshold: Span(500), ..FLINK };
        let strategy = Restart::ExponentialDelay(backoff);
        assert_eq!(answers(strategy, &[0, 599, 1249]), [Some(100), Some(150), Some(100)], "500 after 599 + 150");
        assert_eq!(answers(strategy, &[0, 599, 1248]), [Some(100), Some(150), Some(225)], "and not a moment sooner");
        assert_eq!(answers(strategy, &[0, 600]), [Some(100), Some(100)], "500 after 100");
        let few = Restart::ExponentialDelay(Backoff { attempts: Some(1), ..backoff });
        assert_eq!(answers(few, &[0, 600, 1200, 1799]), [Some(100), Some(100), Some(100), None], "a reset counts anew");
    }

    #[test]
    fn jitter_is_within_its_part_of_the_delay_and_within_the_limits() {
        let backoff = Backoff { initial: Span(1000), jitter: Ratio { outputs: 1, inputs: 10 }, ..FLINK };
        let at = |row, draw| delay(&backoff, row, draw).0;
        assert_eq!([at(2, 0), at(2, 1 << 63), at(2, u64::MAX)], [2025, 2250, 2475], "2250, give or take 225");
        assert_eq!([at(0, 0), at(0, u64::MAX)], [1000, 1100], "not below the first");
        let short = Backoff { max: Span(2300), ..backoff };
        assert_eq!([delay(&short, 2, 0), delay(&short, 2, u64::MAX)], [Span(2025), Span(2300)]);
        let whole = Backoff { jitter: Ratio { outputs: 1, inputs: 1 }, max: Span(u64::MAX), ..backoff };
        assert_eq!([delay(&whole, 2, 0), delay(&whole, 2, u64::MAX)], [Span(1000), Span(4500)]);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let multiplier = Ratio { outputs: u32::MAX, inputs: 1 };
        let max = Span(u64::MAX);
        let backoff = Backoff { initial: max, max, multiplier, jitter: Ratio { outputs: 1, inputs: 1 }, ..FLINK };
        assert_eq!(delay(&backoff, u32::MAX, u64::MAX), max);
        let flat = Backoff { initial: Span(3), multiplier: Ratio { outputs: 1, inputs: 1 }, ..FLINK };
        assert_eq!(delay(&flat, u32::MAX, 0), Span(3), "and it does not take for ever");
    }
}
