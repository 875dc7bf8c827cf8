//! The digest of a run: one hash chain for each entity, combined in the order of entities.

use super::{Event, Observer};
use crate::base::{Chain, Digest, Time};

/// Collects the digest of everything it is told.
///
/// One chain for each task, each channel and the coordinator: what one entity does is ordered, what two
/// entities do at the same instant is not, so a driver that interleaves them otherwise has the same digest.
#[derive(Clone, Debug, Default)]
pub struct TraceDigest {
    tasks: Vec<Chain>,
    channels: Vec<Chain>,
    rest: Chain,
    events: u64,
}

impl TraceDigest {
    /// For a job with so many tasks and channels.
    pub fn new(tasks: usize, channels: usize) -> Self {
        Self {
            tasks: vec![Chain::default(); tasks],
            channels: vec![Chain::default(); channels],
            rest: Chain::default(),
            events: 0,
        }
    }

    /// How many events it was told.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The digest so far.
    pub fn digest(&self) -> Digest {
        Digest::of(self.tasks.iter().chain(&self.channels).copied().chain([self.rest]))
    }

    /// Begins again.
    pub fn reset(&mut self) {
        self.tasks.fill(Chain::default());
        self.channels.fill(Chain::default());
        self.rest = Chain::default();
        self.events = 0;
    }
}

impl Observer for TraceDigest {
    #[inline]
    fn event(&mut self, at: Time, event: &Event) {
        self.events += 1;
        let chain = match event.entity() {
            super::event::Entity::Task(task) => &mut self.tasks[task.index()],
            super::event::Entity::Channel(channel) => &mut self.channels[channel.index()],
            super::event::Entity::Job => &mut self.rest,
        };
        chain.push_raw(at.0 ^ (event.kind() as u64) << 56);
        event.each_word(|word| chain.push(word));
    }
}
