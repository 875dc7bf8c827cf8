//! The description of what happens after a failure: the strategies, and which of their fields is whose.

use super::object::Object;
use super::shape::{count, one_of, ratio, some_time, time};
use super::{Backoff, Restart};
use crate::base::Problem;

/// The strategies, and the fields that each has.
const STRATEGIES: [(&str, &[&str]); 4] = [
    ("fixed-delay", &["delay", "attempts"]),
    ("failure-rate", &["delay", "max_failures", "interval"]),
    ("exponential-delay", &["initial_backoff", "max_backoff", "multiplier", "reset_threshold", "jitter", "attempts"]),
    ("none", &[]),
];

pub(super) fn restart(o: &mut Object<'_>) -> Result<Restart, Problem> {
    let names = STRATEGIES.iter().map(|(name, _)| (*name, *name)).collect();
    let strategy = o
        .field(
            "strategy",
            "How long to wait, and when to give up. If left out, every failure is followed by a restart a second later, \
             as in Flink before 1.19; from then on its default is exponential-delay.",
            one_of(names),
        )
        .or("fixed-delay")?;
    fits_strategy(o, strategy)?;
    let delay = o.field("delay", "Fixed delay and failure rate. From the failure to the restart.", time()).or("1s")?;
    let attempts = o.field(
        "attempts",
        "Fixed and exponential delay. More restarts than this fail the job; never if left out. An exponential \
         delay counts from its last reset.",
        count(0, u32::MAX),
    );
    let attempts = attempts.optional()?;
    const FAILURES: &str = "Failure rate. More failures than this within the interval fail the job.";
    let failures = o.field("max_failures", FAILURES, count(1, 1 << 16)).or(1)?;
    let interval = o.field("interval", "Failure rate. How far back failures count.", some_time()).or("1min")?;
    let backoff = backoff(o, attempts)?;
    Ok(match strategy {
        "none" => Restart::Never,
        "failure-rate" => Restart::FailureRate { delay, failures, interval },
        "exponential-delay" => Restart::ExponentialDelay(backoff),
        _ => Restart::FixedDelay { delay, attempts },
    })
}

fn backoff(o: &mut Object<'_>, attempts: Option<u32>) -> Result<Backoff, Problem> {
    let initial =
        o.field("initial_backoff", "Exponential delay. The first delay, and the shortest.", some_time()).or("1s")?;
    let max = o.field("max_backoff", "Exponential delay. The longest delay.", some_time()).or("1min")?;
    if initial > max {
        let found = format!("the longest delay is {max}, and the first is {initial}");
        return Err(o.wrong("max_backoff", found, "let it be no shorter than \"initial_backoff\""));
    }
    let grows = ratio().that(|ratio| ratio.outputs >= ratio.inputs, "a number of 1 or more, such as 1.5");
    const RESET: &str = "Exponential delay. A job that ran so long after a restart begins again with the first delay.";
    let part =
        ratio().that(|ratio| ratio.outputs <= ratio.inputs, "a number from 0 to 1, such as 0.1, or a percentage");
    Ok(Backoff {
        initial,
        max,
        multiplier: o.field("multiplier", "Exponential delay. From one delay to the next.", grows).or(1.5)?,
        threshold: o.field("reset_threshold", RESET, some_time()).or("1h")?,
        jitter: o
            .field("jitter", "Exponential delay. At most this part of a delay is added or taken away.", part)
            .or(0.1)?,
        attempts,
    })
}

/// That no field is there that means nothing for this strategy.
fn fits_strategy(o: &Object<'_>, strategy: &str) -> Result<(), Problem> {
    let owns = |(name, fields): &(&str, &[&str])| *name == strategy || fields.is_empty();
    for field in STRATEGIES.iter().filter(|entry| !owns(entry)).flat_map(|(_, fields)| *fields) {
        let homes: Vec<&str> =
            STRATEGIES.iter().filter(|(_, fields)| fields.contains(field)).map(|(name, _)| *name).collect();
        if o.written(field).is_some() && !homes.contains(&strategy) {
            let found = format!("the strategy is {strategy}, and \"{field}\" belongs to {}", homes.join(" and "));
            return Err(o.wrong(field, found, format!("leave it out, or write \"strategy\": \"{}\"", homes[0])));
        }
    }
    Ok(())
}
