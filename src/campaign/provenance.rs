//! A run once more, from the same seed, with every record watched: to name those that were lost or doubled.

use crate::base::{Digest, Problem};
use crate::check::{Losses, Provenance};
use crate::drive::{Granularity, Timed};
use crate::trace::TraceDigest;
use crate::world::{Job, World};
use std::sync::Arc;

/// What a repeated run tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The records that are lost or doubled.
    pub losses: Losses,
    /// Equal to that of the first run, or it was another run.
    pub digest: Digest,
}

/// At most so many records of a kind are told of at one place, where nobody says how many.
pub const STORIES: usize = 5;

/// Repeats a run and names the records that it lost, doubled or made up, telling at most `limit` stories of each kind at
/// each place.
///
/// Record by record, so that each has its very instant; that is slower, and takes memory for every record applied.
///
/// ```
/// use cutline::campaign::{STORIES, provenance};
/// use cutline::{scenario, world::Job};
///
/// let scenario = scenario::parse(&scenario::starter("job"), "job.json")?;
/// let repeated = provenance(&Job::compile(scenario)?.into(), 7, STORIES)?;
/// assert!(repeated.losses.is_clean());
/// # Ok::<(), cutline::base::Problem>(())
/// ```
pub fn provenance(job: &Arc<Job>, seed: u64, limit: usize) -> Result<Repeated, Problem> {
    let plan = &job.plan;
    let mut watch =
        (TraceDigest::new(plan.tasks.len(), plan.channels.len()), Provenance::new(Arc::clone(plan), &job.workload));
    Timed::new(job, Granularity::Record)?.run(job, &mut World::new(job), seed, &mut watch);
    let (digest, provenance) = watch;
    Ok(Repeated { losses: provenance.losses(&job.workload, seed, limit), digest: digest.digest() })
}
