//! What became of each fault of the plan: when it struck, when it hit something, when it was over.

use super::Figures;
use crate::base::Time;
use crate::trace::Event;

/// What became of one fault. Instants are [`Time::NEVER`] for what did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultFigures {
    /// When it struck; where it waits for something that fits, when it began to.
    pub struck: Time,
    /// When it first met with something that fits.
    pub hit: Time,
    /// How many times it did.
    pub hits: u64,
    /// When it was over, if it lasted.
    pub healed: Time,
    /// It was over because a task manager was replaced.
    pub replaced: bool,
}

impl FaultFigures {
    const NEVER: Self = Self { struck: Time::NEVER, hit: Time::NEVER, hits: 0, healed: Time::NEVER, replaced: false };
}

impl Figures {
    /// What became of the fault of this number.
    pub fn fault(&self, fault: usize) -> FaultFigures {
        self.faults.get(fault).copied().unwrap_or(FaultFigures::NEVER)
    }

    /// When faults struck, in the order of the plan.
    pub fn strikes(&self) -> impl Iterator<Item = Time> {
        self.faults.iter().map(|fault| fault.struck).filter(|at| *at != Time::NEVER)
    }

    /// An event of a fault. How many there are is not known before.
    pub(super) fn fault_event(&mut self, at: Time, event: &Event) {
        let (Event::FaultStruck { fault } | Event::FaultHit { fault } | Event::FaultHealed { fault }) = *event else {
            return;
        };
        let index = fault as usize;
        if self.faults.len() <= index {
            self.faults.resize(index + 1, FaultFigures::NEVER);
        }
        let replaced = self.replaced == at;
        let figures = &mut self.faults[index];
        match event {
            Event::FaultStruck { .. } => figures.struck = at,
            Event::FaultHit { .. } => (figures.hit, figures.hits) = (figures.hit.min(at), figures.hits + 1),
            // One that is made of several parts is over with the last of them.
            _ => (figures.healed, figures.replaced) = (at, replaced),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Observer;

    #[test]
    fn each_fault_has_its_instants() {
        let mut figures = Figures::sized(vec![true], Vec::new(), vec![true]);
        let events = [
            (3, Event::FaultStruck { fault: 2 }),
            (4, Event::FaultHit { fault: 2 }),
            (5, Event::FaultStruck { fault: 0 }),
            (6, Event::FaultHit { fault: 2 }),
            (7, Event::FaultHealed { fault: 0 }),
            (9, Event::ManagerReplaced { manager: 1 }),
            (9, Event::FaultHealed { fault: 0 }),
        ];
        events.iter().for_each(|(at, event)| figures.event(Time(*at), event));
        let trap = FaultFigures { struck: Time(3), hit: Time(4), hits: 2, ..FaultFigures::NEVER };
        let lasting = FaultFigures { struck: Time(5), healed: Time(9), replaced: true, ..FaultFigures::NEVER };
        assert_eq!([0, 1, 2, 3].map(|n| figures.fault(n)), [lasting, FaultFigures::NEVER, trap, FaultFigures::NEVER]);
        assert_eq!(figures.strikes().collect::<Vec<_>>(), [Time(5), Time(3)]);
        figures.reset();
        assert_eq!((figures.fault(0), figures.strikes().count()), (FaultFigures::NEVER, 0));
    }
}
