//! How many records are too many or too few at the end: in the state of every operator, and outside.
//!
//! This is no check. A check holds a protocol to its claims and speaks of the first mistake; an account counts
//! for every protocol alike, so that one which may double records can be compared with one which may not.
//!
//! Counts are differences. Where a run lost one record and doubled another, they cancel; the hash over lineages
//! still tells that something is wrong ([`Tally::swapped`]), and not how much.

use super::confluence::Confluence;
use crate::base::OperatorId;
use crate::plan::Plan;
use crate::trace::Event;
use crate::workload::Expected;

/// What a drained run left at one operator, sources aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Which operator.
    pub operator: OperatorId,
    /// What its state holds.
    pub state: Tally,
    /// Sinks: what is visible outside.
    pub output: Option<Tally>,
}

/// Records as counted beside records as due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// So many there are.
    pub counted: u64,
    /// So many the oracle says.
    pub due: u64,
    /// As many as there should be, but not the same: some are lost and others doubled.
    pub swapped: bool,
}

impl Tally {
    /// So many are there too often.
    pub fn doubled(&self) -> u64 {
        self.counted.saturating_sub(self.due)
    }

    /// So many are missing.
    pub fn lost(&self) -> u64 {
        self.due.saturating_sub(self.counted)
    }
}

/// Adds up the last events of a run, and closes the accounts when the oracle has spoken.
#[derive(Clone, Debug)]
pub struct Ledger {
    operators: Vec<Sums>,
    confluence: Confluence,
    accounts: Vec<Account>,
    closed: bool,
}

/// Over all subtasks of an operator.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    is_source: bool,
    state: Sum,
    output: Sum,
}

/// So many records, with the sum of their lineages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub records: u64,
    pub lineage: u64,
}

impl Sum {
    pub(super) fn add(&mut self, records: u64, lineage: u64) {
        self.records = self.records.wrapping_add(records);
        self.lineage = self.lineage.wrapping_add(lineage);
    }

    fn beside(self, due: u64, lineage: u64) -> Tally {
        Tally { counted: self.records, due, swapped: self.records == due && self.lineage != lineage }
    }
}

impl Ledger {
    /// For runs of this plan.
    pub fn new(plan: &Plan) -> Self {
        let sums = |op: &crate::plan::Operator| Sums { is_source: op.is_source, ..Sums::default() };
        let operators = plan.operators.iter().map(sums).collect();
        Self { operators, confluence: Confluence::of(plan), accounts: Vec::new(), closed: false }
    }

    /// Takes the next event; only final states and final outputs matter.
    pub fn event(&mut self, event: &Event) {
        match *event {
            Event::StateFinal { operator, applied, lineage, .. } => {
                self.operators[operator.index()].state.add(applied, lineage);
            }
            Event::OutputFinal { operator, records, lineage, .. } => {
                self.operators[operator.index()].output.add(records, lineage);
            }
            _ => self.confluence.event(event),
        }
    }

    /// The run is over and drained: holds it against the oracle's result.
    pub fn close(&mut self, expected: &Expected) {
        // Of the others nobody knows what is due.
        let confluence = &self.confluence;
        let all = self.operators.iter().zip(&expected.operators).enumerate();
        let all = all.filter(|(index, (sums, _))| !sums.is_source && confluence.holds(*index));
        self.accounts.extend(all.map(|(operator, (sums, due))| Account {
            operator: OperatorId::from(operator),
            state: sums.state.beside(due.applied, due.lineage),
            output: due.output.map(|due| sums.output.beside(due.records, due.lineage)),
        }));
        self.closed = true;
    }

    /// An account for each operator but the sources; `None` if the run did not drain, because much was still
    /// under way.
    pub fn accounts(&self) -> Option<&[Account]> {
        self.closed.then_some(&self.accounts[..])
    }

    /// For the next run; keeps the memory.
    pub fn reset(&mut self) {
        for sums in &mut self.operators {
            (sums.state, sums.output) = (Sum::default(), Sum::default());
        }
        self.confluence.reset();
        self.accounts.clear();
        self.closed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::TaskId;
    use crate::workload::{ExpectedOperator, ExpectedOutput};

    const SOURCE: OperatorId = OperatorId(0);
    const SINK: OperatorId = OperatorId(1);

    /// A source and a sink whose two subtasks told these final states and outputs.
    fn closed(states: [(u64, u64); 2], outputs: [(u64, u64); 2]) -> Vec<Account> {
        let sums = |is_source| Sums { is_source, ..Sums::default() };
        let operators = vec![sums(true), sums(false)];
        let mut ledger = Ledger { operators, confluence: Confluence::default(), accounts: Vec::new(), closed: false };
        let task = TaskId(0);
        ledger.event(&Event::StateFinal { task, operator: SOURCE, applied: 9, lineage: 0, values: 0 });
        for (applied, lineage) in states {
            ledger.event(&Event::StateFinal { task, operator: SINK, applied, lineage, values: 0 });
        }
        for (records, lineage) in outputs {
            ledger.event(&Event::OutputFinal { task, operator: SINK, records, lineage });
        }
        assert_eq!(ledger.accounts(), None);
        let output = Some(ExpectedOutput { records: 5, lineage: 50 });
        let sink = ExpectedOperator { applied: 10, lineage: 100, values: 0, output, windows: None };
        ledger.close(&Expected { operators: vec![ExpectedOperator::default(), sink] });
        let accounts = ledger.accounts().expect("closed").to_vec();
        ledger.reset();
        assert_eq!(ledger.accounts(), None);
        accounts
    }

    #[test]
    fn what_is_too_much_and_too_little_is_counted_over_all_subtasks() {
        let [account] = closed([(6, 60), (6, 60)], [(1, 7), (2, 8)])[..] else { panic!("sources have no account") };
        assert_eq!((account.operator, account.state.doubled(), account.state.lost()), (SINK, 2, 0));
        let output = account.output.expect("a sink");
        assert_eq!((output.doubled(), output.lost(), output.swapped), (0, 2, false));
    }

    #[test]
    fn one_lost_and_one_doubled_is_not_all_well() {
        let [account] = closed([(4, 40), (6, 61)], [(2, 25), (3, 25)])[..] else { panic!("sources have no account") };
        assert_eq!((account.state.doubled(), account.state.lost(), account.state.swapped), (0, 0, true));
        assert_eq!(account.output, Some(Tally { counted: 5, due: 5, swapped: false }));
    }
}
