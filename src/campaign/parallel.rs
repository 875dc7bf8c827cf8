//! Many seeds of one job or of several, on many threads, with the result of one.

use super::{Outcome, Runner, Want};
use crate::base::Problem;
use crate::world::Job;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

/// Runs all seeds of a range on so many threads; the outcomes are in the order of seeds, whatever the threads did.
pub fn run_seeds(job: &Arc<Job>, seeds: Range<u64>, threads: usize, want: Want) -> Result<Vec<Outcome>, Problem> {
    let mut outcomes = run_jobs(std::slice::from_ref(job), seeds, threads, want, |_, outcome| outcome)?;
    Ok(outcomes.pop().expect("there is one job"))
}

/// Runs all seeds of a range for each of the jobs and takes from each run what is wanted; job by job, in the
/// order of seeds, whatever the threads did.
pub fn run_jobs<T: Send>(
    jobs: &[Arc<Job>],
    seeds: Range<u64>,
    threads: usize,
    want: Want,
    take: impl Fn(&Runner, Outcome) -> T + Sync,
) -> Result<Vec<Vec<T>>, Problem> {
    let threads = threads.max(1);
    let count = seeds.end.saturating_sub(seeds.start);
    // Runs are dealt out one by one, so that not one thread gets all of a slow job.
    let shard = |n: usize| -> Result<Vec<(u64, T)>, Problem> {
        let mut results = Vec::new();
        let mut prepared: Option<(u64, Runner)> = None;
        for unit in (n as u64..jobs.len() as u64 * count).step_by(threads) {
            let (number, seed) = (unit / count, seeds.start + unit % count);
            let (_, runner) = match &mut prepared {
                Some(prepared) if prepared.0 == number => prepared,
                stale => stale.insert((number, Runner::new(Arc::clone(&jobs[number as usize]), want)?)),
            };
            let outcome = runner.run(seed);
            results.push((unit, take(runner, outcome)));
        }
        Ok(results)
    };
    let shard = &shard;
    let shards: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|n| scope.spawn(move || shard(n))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a runner does not panic")).collect()
    });
    let mut all = Vec::new();
    for shard in shards {
        all.extend(shard?);
    }
    all.sort_by_key(|(unit, _)| *unit);
    let mut all = all.into_iter().map(|(_, result)| result);
    Ok(jobs.iter().map(|_| all.by_ref().take(count as usize).collect()).collect())
}
