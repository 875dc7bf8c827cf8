//! How many records are lost and how many are doubled, each counted for itself.
//!
//! Sums cannot tell: where one record is lost and another is doubled they are right. So these figures take what
//! provenance says of single records, and with it a run in which every record is watched.

use super::super::provenance::{Losses, Place};
use crate::plan::Plan;

/// Records that are lost or doubled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exact {
    /// In the state of all operators but sources; a record counts once for each operator.
    pub state: Miscount,
    /// Outside, over all sinks.
    pub output: Miscount,
}

/// What is wrong at some places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Miscount {
    /// So many are missing.
    pub lost: u64,
    /// So many are there too often; one that is there three times instead of once is two.
    pub doubled: u64,
    /// So many should not exist.
    pub orphans: u64,
}

impl Exact {
    /// What single records add up to; `None` if the run did not drain, or if some record could not be identified.
    pub fn of(losses: &Losses, plan: &Plan) -> Option<Self> {
        if !losses.drained || !losses.doubts.is_empty() {
            return None;
        }
        let mut exact = Self::default();
        for place in &losses.places {
            if plan.operators[place.operator.index()].is_source {
                continue;
            }
            let odd = match place.place {
                Place::State => &mut exact.state,
                Place::Output => &mut exact.output,
            };
            odd.lost += place.lost.total;
            odd.doubled += place.doubled.total;
            odd.orphans += place.orphans.total;
        }
        Some(exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::OperatorId;
    use crate::check::{Named, PlaceLosses};
    use crate::{plan, scenario};

    #[test]
    fn lost_and_doubled_records_do_not_cancel_and_sources_do_not_count() {
        let text = r#"{"cutline": 1, "job": {"operators": [{"id": "in", "kind": "source", "records": 9},
            {"id": "out", "kind": "sink"}], "edges": [{"from": "in", "to": "out"}]}}"#;
        let plan = plan::build(&scenario::parse(text, "job.json").unwrap_or_else(|problem| panic!("{problem}")));
        let named = |total| Named { total, ..Named::default() };
        let at = |operator: usize, place| PlaceLosses {
            operator: OperatorId::from(operator),
            place,
            lost: named(2),
            doubled: named(3),
            orphans: named(0),
        };
        let [source, sink] = [0, 1];
        let places = vec![at(source, Place::State), at(sink, Place::State), at(sink, Place::Output)];
        let losses = Losses { places, drained: true, ..Losses::default() };
        let odd = Miscount { lost: 2, doubled: 3, orphans: 0 };
        assert_eq!(Exact::of(&losses, &plan), Some(Exact { state: odd, output: odd }));
        assert_eq!(Exact::of(&Losses { doubts: vec!["one".into()], ..losses.clone() }, &plan), None);
        assert_eq!(Exact::of(&Losses { drained: false, ..losses }, &plan), None);
    }
}
