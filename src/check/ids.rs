//! Checkpoint ids only grow, whoever gives them out.
//!
//! A restart does not begin to count anew, and neither does whoever takes over from a lost coordinator: what was stored
//! under an id by somebody whom nobody heard of again would be taken for something else.

use super::{About, Check, Claim, Finding, Findings, Finish, Kinds, Setting};
use crate::base::{CheckpointId, Fingerprint, Time};
use crate::plan::Plan;
use crate::trace::{Event, EventKind};

pub(super) static ABOUT: About = About {
    name: "ids",
    sentence: "Every checkpoint has a higher id than all that were triggered before it, also after a takeover.",
    needs: Claim::Coordinated,
    wants: Kinds::of(&[EventKind::CheckpointTriggered]),
};

#[derive(Clone)]
pub(super) struct Ids {
    newest: CheckpointId,
    examined: u64,
}

impl Ids {
    pub(super) fn new(_: &Setting<'_>) -> Self {
        Self { newest: CheckpointId::INITIAL, examined: 0 }
    }
}

impl Check for Ids {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn event(&mut self, at: Time, event: &Event, _: &Plan, out: &mut Findings) {
        let Event::CheckpointTriggered { checkpoint, .. } = *event else { return };
        self.examined += 1;
        let newest = self.newest;
        if checkpoint <= newest {
            out.add(ABOUT.name, at, || {
                let text = format!("checkpoint {checkpoint} was triggered after checkpoint {newest}");
                Finding::new("used again", text).checkpoint(checkpoint)
            });
        }
        self.newest = newest.max(checkpoint);
    }

    fn finish(&mut self, _: &Finish<'_>, _: &mut Findings) {}

    fn reset(&mut self) {
        (self.newest, self.examined) = (CheckpointId::INITIAL, 0);
    }

    fn fingerprint(&self, into: &mut Fingerprint) {
        into.word(self.newest.0);
    }

    fn examined(&self) -> u64 {
        self.examined
    }
}
