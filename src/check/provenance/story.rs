//! The story of one record: where it comes from, which way it took, and what happened to it on the way.

use super::Provenance;
use crate::base::{CheckpointId, OperatorId, TaskId, Time};
use crate::workload::{Census, Known};
use std::collections::BTreeMap;

/// A record that is lost, doubled or an orphan at an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordStory {
    /// Its lineage there.
    pub lineage: u64,
    /// So many times it is there.
    pub times: u64,
    /// So many times it should be.
    pub due: u64,
    /// Where it comes from; `None` for an orphan.
    pub origin: Option<Origin>,
    /// Its key; `None` for an orphan.
    pub key: Option<u32>,
    /// The operators on its way, its source first; of an orphan only the last is known.
    pub way: Vec<Station>,
}

/// Where a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The source that read it.
    pub source: OperatorId,
    /// Which of the source's partitions, from 0.
    pub partition: u32,
    /// Which record of the partition, from 0.
    pub offset: u64,
}

/// An operator on the way of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// Which.
    pub operator: OperatorId,
    /// Which of the records it was that the operator before made of one, from 0, and how many these were.
    pub branch: (u32, u32),
    /// What happened to it there, in order.
    pub moments: Vec<Moment>,
}

/// Something that happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Time,
    /// Where.
    pub task: TaskId,
    /// What.
    pub fate: Fate,
}

/// What can happen to a record at an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was applied to the state; a source emitted it.
    Applied {
        /// How many times the task had been restored before.
        attempt: u32,
    },
    /// A restore went back behind it.
    RolledBack {
        /// To which checkpoint.
        checkpoint: CheckpointId,
    },
    /// A restore left it in the state.
    Kept {
        /// To which checkpoint.
        checkpoint: CheckpointId,
    },
    /// A restore brought it back: it went to a history that had been given up.
    Regained {
        /// To which checkpoint.
        checkpoint: CheckpointId,
    },
    /// It became visible outside.
    Shown {
        /// What was committed; 0: no checkpoint was waited for.
        checkpoint: CheckpointId,
        /// The transaction of the sink's subtask that it was in, if the sink commits.
        transaction: Option<u64>,
        /// An attempt that had been given up committed it.
        stray: bool,
    },
    /// It was to be committed, and the external system had aborted its transaction.
    Refused {
        /// What was to be committed.
        checkpoint: CheckpointId,
        /// In which transaction of the sink's subtask.
        transaction: u64,
    },
    /// An attempt that had been given up wrote it.
    Strayed,
    /// The transaction that it was written to was prepared.
    Prepared {
        /// For which checkpoint.
        checkpoint: CheckpointId,
        /// Which, of the sink's subtask.
        transaction: u64,
        /// By an attempt that had been given up.
        stray: bool,
    },
    /// The transaction that it was written to was aborted.
    Aborted {
        /// Which, of the sink's subtask.
        transaction: u64,
        /// By the external system, for its age.
        late: bool,
    },
}

/// A record that is not there as often as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odd {
    pub lineage: u64,
    pub times: u64,
    pub due: u64,
    /// `None` for an orphan.
    pub known: Option<Known>,
}

/// Tells the stories of records at operators.
pub(super) struct Teller<'a> {
    pub provenance: &'a Provenance,
    pub census: &'a Census<'a>,
}

impl Teller<'_> {
    /// The story of each of these, with what happened left out: that is filled in for many at once.
    pub fn outline(&self, operator: OperatorId, odd: &Odd) -> (RecordStory, Vec<u64>) {
        let hops = odd.known.map(|known| self.census.way(&known, operator)).unwrap_or_default();
        let station = |operator, branch| Station { operator, branch, moments: Vec::new() };
        let (way, lineages) = match hops.is_empty() {
            true => (vec![station(operator, (0, 1))], vec![odd.lineage]),
            false => hops.iter().map(|hop| (station(hop.operator, hop.branch), hop.lineage)).unzip(),
        };
        let Odd { lineage, times, due, known } = *odd;
        let origin = known.and_then(|known| self.origin(&known));
        (RecordStory { lineage, times, due, origin, key: known.map(|known| known.key), way }, lineages)
    }

    pub fn origin(&self, known: &Known) -> Option<Origin> {
        let (source, log) = self.census.source(known.partition)?;
        Some(Origin { source, partition: known.partition - log.first_partition, offset: known.offset })
    }

    /// Fills in what happened, searching each log once.
    pub fn fill(&self, stories: &mut [(&mut RecordStory, Vec<u64>)]) {
        let mut moments: BTreeMap<(OperatorId, u64), Vec<Moment>> = BTreeMap::new();
        for (story, lineages) in stories.iter() {
            for (station, lineage) in story.way.iter().zip(lineages) {
                moments.entry((station.operator, *lineage)).or_default();
            }
        }
        for operator in self.provenance.plan.order.iter().copied() {
            if moments.range((operator, 0)..=(operator, u64::MAX)).next().is_none() {
                continue;
            }
            for (task, log) in self.provenance.logs_of(operator) {
                let mut found = Vec::new();
                log.search(
                    |lineage| moments.contains_key(&(operator, lineage)),
                    |lineage, at, fate| found.push((lineage, Moment { at, task, fate })),
                );
                for (lineage, moment) in found {
                    moments.entry((operator, lineage)).or_default().push(moment);
                }
            }
        }
        moments.values_mut().for_each(|moments| moments.sort_by_key(|moment| moment.at));
        for (story, lineages) in stories {
            for (station, lineage) in story.way.iter_mut().zip(&*lineages) {
                station.moments = moments.get(&(station.operator, *lineage)).cloned().unwrap_or_default();
            }
        }
    }
}
