//! Where two runs that should be the same part.

use super::{Stamped, to_line};
use std::fmt;

/// The first event in which two traces differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// Its position, from 0.
    pub position: usize,
    /// What the one has there; `None`: it has ended.
    pub left: Option<Stamped>,
    /// What the other has there.
    pub right: Option<Stamped>,
}

/// Compares two traces event by event.
pub fn first_divergence(left: &[Stamped], right: &[Stamped]) -> Option<Divergence> {
    let position = (0..left.len().max(right.len())).find(|i| left.get(*i) != right.get(*i))?;
    Some(Divergence { position, left: left.get(position).copied(), right: right.get(position).copied() })
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |s: &Option<Stamped>| s.as_ref().map_or("(the trace ends here)".to_owned(), to_line);
        writeln!(f, "the runs part at event {}:", self.position)?;
        writeln!(f, "  one:   {}", side(&self.left))?;
        writeln!(f, "  other: {}", side(&self.right))?;
        f.write_str(
            "Likely causes: another seed or scenario; another version of cutline; a protocol or check that keeps\n\
             hash-ordered or address-dependent state; an operator whose output is not a function of the record.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CheckpointId, Time};
    use crate::trace::Event;

    #[test]
    fn the_first_difference_is_found_also_at_an_end() {
        let event = |at| Stamped {
            at: Time(at),
            event: Event::CheckpointTriggered { checkpoint: CheckpointId(1), purpose: 0 },
        };
        let one = [event(1), event(2), event(3)];
        assert_eq!(first_divergence(&one, &one), None);
        assert_eq!(first_divergence(&one, &[event(1), event(7)]).map(|d| d.position), Some(1));
        let shorter = first_divergence(&one, &one[..2]).expect("one is longer");
        assert_eq!((shorter.position, shorter.right), (2, None));
        assert!(shorter.to_string().contains("ends here"));
    }
}
