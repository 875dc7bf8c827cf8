//! Typed ids: an index into one table each, so that a task is never taken for a channel.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl $name {
            /// The position in the table that this id points into.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl From<usize> for $name {
            #[inline]
            fn from(index: usize) -> Self {
                Self(index as $inner)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id!(
    /// One parallel instance of an operator (or of a chain of them): a thread of the simulated cluster.
    TaskId(u32)
);
id!(
    /// One first-in-first-out connection between two tasks.
    ChannelId(u32)
);
id!(
    /// An operator of the logical job.
    OperatorId(u32)
);
id!(
    /// An edge of the logical job; it becomes one channel or many.
    EdgeId(u32)
);
id!(
    /// The input channels of a task, counted from 0 in the order of its edges, then of their senders.
    Port(u32)
);
id!(
    /// How many times a task was started before: messages of an older attempt are void.
    Attempt(u32)
);

/// A checkpoint as the coordinator counts them, from 1; 0 is the initial state of the job.
///
/// Protocols without a coordinator's count use it for the task's own local snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckpointId(pub u64);

impl CheckpointId {
    /// The state before any record: every task can be restored to it.
    pub const INITIAL: Self = Self(0);

    /// The id after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
