//! A set of a task's ports: a flag for each and how many are set.
//!
//! Handlers ask for the size at every barrier, and let go of whole sets in ascending order, so that what they do
//! does not depend on the order in which ports came in.

use crate::base::{Fingerprint, Port};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    flags: Vec<bool>,
    /// How many of them are set.
    count: u32,
}

impl Ports {
    /// None out of so many.
    pub fn none_of(ports: u32) -> Self {
        Self { flags: vec![false; ports as usize], count: 0 }
    }

    /// All out of so many.
    pub fn all_of(ports: u32) -> Self {
        Self { flags: vec![true; ports as usize], count: ports }
    }

    /// Whether the port is new in it.
    pub fn insert(&mut self, port: Port) -> bool {
        let is_new = !std::mem::replace(&mut self.flags[port.index()], true);
        self.count += u32::from(is_new);
        is_new
    }

    /// Whether the port was in it.
    pub fn remove(&mut self, port: Port) -> bool {
        let was_in = std::mem::replace(&mut self.flags[port.index()], false);
        self.count -= u32::from(was_in);
        was_in
    }

    pub fn len(&self) -> u32 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn clear(&mut self) {
        self.flags.fill(false);
        self.count = 0;
    }

    pub fn fill(&mut self) {
        self.flags.fill(true);
        self.count = self.flags.len() as u32;
    }

    /// Those in it from a position on, ascending.
    pub fn from(&self, first: Port) -> impl Iterator<Item = Port> {
        let flags = self.flags.iter().enumerate().skip(first.index());
        flags.filter(|(_, set)| **set).map(|(port, _)| Port::from(port))
    }

    /// All in it, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Port> {
        self.from(Port(0))
    }

    pub fn fingerprint(&self, into: &mut Fingerprint) {
        into.words(self.flags.iter().map(|set| u64::from(*set)));
    }

    /// As people write it: `0,2`.
    pub fn listed(&self) -> String {
        self.iter().map(|port| port.to_string()).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_that_of_the_flags() {
        let mut ports = Ports::none_of(3);
        assert!(ports.insert(Port(2)) && !ports.insert(Port(2)) && ports.insert(Port(0)));
        assert_eq!((ports.len(), ports.listed().as_str()), (2, "0,2"));
        assert!(ports.remove(Port(0)) && !ports.remove(Port(1)));
        assert_eq!(ports.from(Port(1)).collect::<Vec<_>>(), [Port(2)]);
        ports.fill();
        assert_eq!(ports, Ports::all_of(3));
        ports.clear();
        assert!(ports.is_empty() && ports == Ports::none_of(3));
    }
}
