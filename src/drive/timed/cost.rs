//! What the cost model remembers: when links are free again, and who shares the storage.

use crate::base::{CheckpointId, Rate, Span, TaskId, Time};
use crate::scenario::Shared;
use crate::world::{Job, Step};

/// One link for each ordered pair of task managers: what is sent on it goes one after the other.
pub(super) struct Links {
    managers: u32,
    bandwidth: Rate,
    free_at: Vec<Time>,
}

impl Links {
    pub fn new(job: &Job) -> Self {
        let managers = job.plan.managers;
        let free_at = vec![Time::ZERO; (managers * managers) as usize];
        Self { managers, bandwidth: job.scenario.network.bandwidth, free_at }
    }

    pub fn reset(&mut self) {
        self.free_at.fill(Time::ZERO);
    }

    /// When the last byte has left.
    #[inline]
    pub fn send(&mut self, from: u32, to: u32, now: Time, bytes: u32) -> Time {
        if self.bandwidth.0 == 0 {
            return now;
        }
        let free_at = &mut self.free_at[(from * self.managers + to) as usize];
        *free_at = now.max(*free_at) + self.bandwidth.time_for(u64::from(bytes));
        *free_at
    }
}

/// Uploads that share a store's bandwidth evenly.
pub(super) struct Uploads {
    /// By task: which store it writes to.
    store_of: Vec<u32>,
    stores: Vec<Store>,
    uploads: Vec<Upload>,
    free: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Upload {
    store: u32,
    /// Time it takes alone.
    work: Span,
    done: Step,
}

#[derive(Clone, Default)]
struct Store {
    /// Uploads that move, each with the work that is left in 2^-16 nanoseconds.
    active: Vec<(u32, u128)>,
    /// When `active` was right.
    since: Time,
    /// Which planned end is the valid one.
    plan: u32,
}

impl Uploads {
    pub fn new(job: &Job) -> Self {
        let store_of: Vec<u32> = match job.scenario.storage.shared {
            Shared::Task => (0..job.plan.tasks.len() as u32).collect(),
            Shared::TaskManager => job.plan.tasks.iter().map(|task| task.manager).collect(),
            Shared::Cluster => vec![0; job.plan.tasks.len()],
        };
        let stores = store_of.iter().max().map_or(0, |most| *most as usize + 1);
        Self { store_of, stores: vec![Store::default(); stores], uploads: Vec::new(), free: Vec::new() }
    }

    pub fn reset(&mut self) {
        for store in &mut self.stores {
            store.active.clear();
            (store.since, store.plan) = (Time::ZERO, 0);
        }
        self.uploads.clear();
        self.free.clear();
    }

    /// An upload that will begin.
    pub fn plan(&mut self, task: TaskId, work: Span, done: Step) -> u32 {
        let upload = Upload { store: self.store_of[task.index()], work, done };
        match self.free.pop() {
            Some(slot) => {
                self.uploads[slot as usize] = upload;
                slot
            }
            None => {
                self.uploads.push(upload);
                self.uploads.len() as u32 - 1
            }
        }
    }

    /// It begins: everybody in the store gets slower. Returns the store and when its next upload ends.
    pub fn begin(&mut self, upload: u32, now: Time) -> (u32, Option<(Time, u32)>) {
        let Upload { store, work, .. } = self.uploads[upload as usize];
        self.stores[store as usize].progress(now);
        self.stores[store as usize].active.push((upload, u128::from(work.0) << 16));
        (store, self.stores[store as usize].next(now))
    }

    /// The uploads of a task's snapshot are given up: the others in the store get faster. Returns as [`Uploads::begin`].
    pub fn cancel(&mut self, task: TaskId, checkpoint: CheckpointId, now: Time) -> (u32, Option<(Time, u32)>) {
        let is_it =
            |step| matches!(step, Step::Uploaded { task: t, checkpoint: c, .. } if (t, c) == (task, checkpoint));
        let store = self.store_of[task.index()];
        let state = &mut self.stores[store as usize];
        state.progress(now);
        let (uploads, free) = (&mut self.uploads, &mut self.free);
        state.active.retain(|(upload, _)| {
            let gone = is_it(uploads[*upload as usize].done);
            free.extend(gone.then_some(*upload));
            !gone
        });
        // Those that wait for their first byte will find nothing to do.
        uploads.iter_mut().filter(|upload| is_it(upload.done)).for_each(|upload| upload.work = Span::ZERO);
        (store, self.stores[store as usize].next(now))
    }

    /// The planned end of a store's first upload, if it is still the valid one.
    pub fn end(&mut self, store: u32, plan: u32, now: Time) -> Option<(Step, Option<(Time, u32)>)> {
        let state = &mut self.stores[store as usize];
        if state.plan != plan {
            return None;
        }
        state.progress(now);
        let first = (0..state.active.len()).min_by_key(|at| state.active[*at].1)?;
        let (upload, _) = state.active.remove(first);
        self.free.push(upload);
        Some((self.uploads[upload as usize].done, self.stores[store as usize].next(now)))
    }
}

impl Store {
    fn progress(&mut self, now: Time) {
        let share = (u128::from(now.since(self.since).0) << 16) / (self.active.len() as u128).max(1);
        self.active.iter_mut().for_each(|(_, left)| *left = left.saturating_sub(share));
        self.since = now;
    }

    fn next(&mut self, now: Time) -> Option<(Time, u32)> {
        self.plan = self.plan.wrapping_add(1);
        let least = self.active.iter().map(|(_, left)| *left).min()?;
        let wait = (least * self.active.len() as u128).div_ceil(1 << 16);
        Some((now + Span(u64::try_from(wait).unwrap_or(u64::MAX)), self.plan))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Attempt;

    #[test]
    fn uploads_share_the_bandwidth() {
        let done = |task| Step::Poll(TaskId(task));
        let store_of = vec![0, 0];
        let mut uploads = Uploads { store_of, stores: vec![Store::default()], uploads: vec![], free: vec![] };
        let (a, b) = (uploads.plan(TaskId(0), Span(100), done(0)), uploads.plan(TaskId(1), Span(100), done(1)));
        // Alone for 50, then both at half speed: a ends at 50 + 2 x 50, b has 50 left then and ends at 200.
        assert_eq!(uploads.begin(a, Time(0)).1.map(|(at, _)| at), Some(Time(100)));
        let (_, next) = uploads.begin(b, Time(50));
        let (at, plan) = next.expect("two uploads move");
        assert_eq!(at, Time(150));
        let (first, next) = uploads.end(0, plan, at).expect("the plan is valid");
        assert_eq!((first, next.map(|(at, _)| at)), (done(0), Some(Time(200))));
        assert_eq!(uploads.end(0, plan, Time(200)), None, "an old plan is void");
    }

    #[test]
    fn what_is_given_up_takes_no_bandwidth() {
        let done = |task| Step::Uploaded { task: TaskId(task), attempt: Attempt(0), checkpoint: CheckpointId(7) };
        let store_of = vec![0, 0];
        let mut uploads = Uploads { store_of, stores: vec![Store::default()], uploads: vec![], free: vec![] };
        let (a, b) = (uploads.plan(TaskId(0), Span(100), done(0)), uploads.plan(TaskId(1), Span(100), done(1)));
        uploads.begin(a, Time(0));
        uploads.begin(b, Time(0));
        // Half of the speed until 60, when 70 are left of b, and all of it from then on.
        let (store, next) = uploads.cancel(TaskId(0), CheckpointId(7), Time(60));
        assert_eq!((store, next.map(|(at, _)| at)), (0, Some(Time(130))));
        let (_, none) = uploads.cancel(TaskId(0), CheckpointId(8), Time(70));
        assert_eq!(none.map(|(at, _)| at), Some(Time(130)), "nobody stores that");
    }
}
