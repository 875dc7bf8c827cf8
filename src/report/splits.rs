//! Splits that were lost or read twice, in words and for programs: who had each, and where it went.

use super::hang;
use super::records::{WIDTH, instant, offsets, snapshot};
use crate::base::Time;
use crate::check::{Back, Losses, OffsetSpan, SplitFate, SplitStory};
use crate::plan::Plan;
use serde_json::{Value, json};

/// All lines about a split.
pub(super) fn told(plan: &Plan, story: &SplitStory) -> String {
    let source = &plan.operators[story.source.index()].name;
    let never = story.unread.map(|span| format!("never read: {}", offsets(&span)));
    let again = story.again.map(|span| format!("read more than once: {}", offsets(&span)));
    let what = never.into_iter().chain(again).collect::<Vec<_>>().join("; ");
    let head = hang("  ", &format!("split {} of {source}, {what}", story.split), WIDTH);
    let clauses: Vec<String> = story.moments.iter().map(|(at, fate)| clause(plan, *at, *fate)).collect();
    head + "\n" + &hang("    ", &clauses.join("; "), WIDTH)
}

fn clause(plan: &Plan, at: Time, fate: SplitFate) -> String {
    let at = instant(at);
    match fate {
        SplitFate::Free => format!("with the enumerator at {at}"),
        SplitFate::Given(task) => format!("handed to {} at {at}", plan.task_name(task)),
        SplitFate::Begun(task) => format!("begun by {} at {at}", plan.task_name(task)),
        SplitFate::Finished(task) => format!("read to its end by {} at {at}", plan.task_name(task)),
        SplitFate::Restored(task, 0) => format!("restored to {} at {at}, unread", plan.task_name(task)),
        SplitFate::Restored(task, 1) => format!("restored to {} at {at}, with one record read", plan.task_name(task)),
        SplitFate::Restored(task, read) => {
            format!("restored to {} at {at}, with {read} records read", plan.task_name(task))
        }
        SplitFate::Returned(task) => format!("taken from {} at {at}, for the enumerator", plan.task_name(task)),
        SplitFate::Parted(task) => format!("parted from {} at {at}", plan.task_name(task)),
        SplitFate::Dropped(task, back) => {
            format!("nobody's when {} ran again at {at} from {}", plan.task_name(task), place(back))
        }
        SplitFate::Forgotten(back) => format!("nobody's when the enumerator went back at {at} to {}", place(back)),
    }
}

/// `checkpoint 2, no part of which holds it`.
fn place(back: Back) -> String {
    let holds = if back.holds { "which holds it" } else { "no part of which holds it" };
    format!("{}, {holds}", snapshot(back.checkpoint))
}

/// `[{source, split, unread, read_again, moments}]`.
pub(super) fn splits_json(plan: &Plan, losses: &Losses) -> Value {
    let moment = |(at, fate): &(Time, SplitFate)| {
        let (what, task, back) = match *fate {
            SplitFate::Free => ("free", None, None),
            SplitFate::Given(task) => ("given", Some(task), None),
            SplitFate::Begun(task) => ("begun", Some(task), None),
            SplitFate::Finished(task) => ("finished", Some(task), None),
            SplitFate::Restored(task, _) => ("restored", Some(task), None),
            SplitFate::Returned(task) => ("returned", Some(task), None),
            SplitFate::Parted(task) => ("parted", Some(task), None),
            SplitFate::Dropped(task, back) => ("dropped", Some(task), Some(back)),
            SplitFate::Forgotten(back) => ("forgotten", None, Some(back)),
        };
        json!({
            "at_ns": at.0,
            "what": what,
            "task": task.map(|task| plan.task_name(task)),
            "checkpoint": back.map(|back| back.checkpoint.0),
            "checkpoint_holds_it": back.map(|back| back.holds),
        })
    };
    let span = |span: OffsetSpan| json!({"first": span.first.offset, "last": span.last, "records": span.records});
    let story = |story: &SplitStory| {
        json!({
            "source": plan.operators[story.source.index()].name,
            "split": story.split,
            "unread": story.unread.map(span),
            "read_again": story.again.map(span),
            "moments": story.moments.iter().map(moment).collect::<Vec<_>>(),
        })
    };
    losses.splits.iter().map(story).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CheckpointId, OperatorId, TaskId};
    use crate::check::Origin;
    use crate::report::sample;

    #[test]
    fn a_stranger_reads_who_had_a_split_and_which_checkpoint_has_no_place_for_it() {
        let reader = TaskId(0);
        let back = Back { checkpoint: CheckpointId(1), holds: false };
        let first = Origin { source: OperatorId(0), partition: 2, offset: 0 };
        let ms = |ms: u64| Time(ms * 1_000_000);
        let story = SplitStory {
            source: OperatorId(0),
            split: 2,
            unread: Some(OffsetSpan { first, last: 999, records: 1000 }),
            again: None,
            moments: vec![
                (ms(0), SplitFate::Free),
                (ms(100), SplitFate::Given(reader)),
                (ms(200), SplitFate::Parted(reader)),
                (ms(500), SplitFate::Dropped(reader, back)),
            ],
        };
        let losses = Losses { splits: vec![story.clone()], drained: true, ..Losses::default() };
        assert!(!losses.is_clean());
        sample::with_view(sample::Size::Small, |view| {
            let expected = "  split 2 of source, never read: offsets 0 to 999
    with the enumerator at 0.000000s; handed to source[0] at 0.100000s; parted from source[0] at
    0.200000s; nobody's when source[0] ran again at 0.500000s from checkpoint 1, no part of which
    holds it";
            assert_eq!(told(view.plan, &story), expected);
            let value = splits_json(view.plan, &losses);
            assert_eq!(value[0]["unread"], json!({"first": 0, "last": 999, "records": 1000}));
            assert_eq!(value[0]["moments"][3]["checkpoint_holds_it"], json!(false));
        });
    }
}
