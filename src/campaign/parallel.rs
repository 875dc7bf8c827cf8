//! Many seeds on many threads, with the result of one.

use super::{Outcome, Runner, Want};
use crate::base::Problem;
use crate::world::Job;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

/// Runs all seeds of a range on so many threads; the outcomes are in the order of seeds, whatever the threads did.
pub fn run_seeds(job: &Arc<Job>, seeds: Range<u64>, threads: usize, want: Want) -> Result<Vec<Outcome>, Problem> {
    let threads = threads.max(1) as u64;
    let shard = |n: u64| -> Result<Vec<(u64, Outcome)>, Problem> {
        let mut runner = Runner::new(Arc::clone(job), want)?;
        Ok(seeds.clone().filter(|seed| seed % threads == n).map(|seed| (seed, runner.run(seed))).collect())
    };
    let shards: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|n| scope.spawn(move || shard(n))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a runner does not panic")).collect()
    });
    let mut outcomes = Vec::new();
    for shard in shards {
        outcomes.extend(shard?);
    }
    outcomes.sort_by_key(|(seed, _)| *seed);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}
