//! What holds whatever a coordinator is told and when, whether a world would say it or not.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// How far a checkpoint is, judged from the commands alone.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Begun,
    Recording,
    Complete,
    GivenUp,
}

/// The commands of a whole run, held to what commands owe.
#[derive(Default)]
struct Watch {
    checkpoints: BTreeMap<u64, (Purpose, Stage)>,
    /// The job was failed and not restarted since.
    failed: bool,
}

impl Watch {
    fn see(&mut self, out: &[Do], most: usize, style: Style) {
        for (n, command) in out.iter().enumerate() {
            match *command {
                Do::Begin(barrier) => {
                    let id = barrier.checkpoint.0;
                    assert_eq!(id, self.checkpoints.len() as u64 + 1, "ids have no gaps here, and none is used twice");
                    assert!(!self.failed, "{id} begins although the job was failed");
                    let pending = self.pending().count();
                    let forced = barrier.purpose != Purpose::Checkpoint && !style.overtakes();
                    assert!(pending < most || forced, "{id} begins beside {pending} others");
                    self.checkpoints.insert(id, (barrier.purpose, Stage::Begun));
                }
                Do::Prepare(id) | Do::Trigger { barrier: Barrier { checkpoint: id, .. }, .. } => {
                    self.is(id, Stage::Begun)
                }
                Do::Record(ref record) => self.goes(record.checkpoint, Stage::Begun, Stage::Recording),
                Do::Complete(id) => self.goes(id, Stage::Recording, Stage::Complete),
                Do::Notify { checkpoint, .. } => {
                    self.is(checkpoint, Stage::Complete);
                    assert_ne!(self.checkpoints[&checkpoint.0].0, Purpose::Savepoint, "nobody is told of those");
                }
                Do::Abort { checkpoint: id, reason, completed } => {
                    let (purpose, stage) = self.checkpoints[&id.0];
                    assert!(matches!(stage, Stage::Begun | Stage::Recording), "{id} was over when it was given up");
                    assert!(purpose == Purpose::Checkpoint || reason != AbortReason::Subsumed);
                    self.checkpoints.insert(id.0, (purpose, Stage::GivenUp));
                    let complete =
                        |(_, known): &(&u64, &(Purpose, Stage))| **known == (Purpose::Checkpoint, Stage::Complete);
                    let newest = self.checkpoints.iter().rfind(complete).map_or(0, |(id, _)| *id);
                    assert_eq!(completed.0, newest);
                }
                Do::Recover(ref plan) => {
                    assert_eq!(self.pending().count(), 0, "a restart leaves nothing pending");
                    self.failed = false;
                    for point in &plan.tasks {
                        let RestorePoint::Snapshot(id) = *point else { continue };
                        assert!(id.0 == 0 || self.checkpoints[&id.0].1 == Stage::Complete, "{id} is not complete");
                    }
                }
                Do::FailJob => {
                    assert_eq!(n, out.len() - 1, "it is obeyed before what comes after it");
                    self.failed = true;
                }
                _ => {}
            }
        }
    }

    fn pending(&self) -> impl Iterator<Item = u64> + '_ {
        let over = |stage: Stage| matches!(stage, Stage::Complete | Stage::GivenUp);
        self.checkpoints.iter().filter(move |(_, (_, stage))| !over(*stage)).map(|(id, _)| *id)
    }

    fn is(&self, id: CheckpointId, stage: Stage) {
        assert_eq!(self.checkpoints.get(&id.0).map(|(_, stage)| *stage), Some(stage), "checkpoint {id}");
    }

    fn goes(&mut self, id: CheckpointId, from: Stage, to: Stage) {
        self.is(id, from);
        self.checkpoints.get_mut(&id.0).expect("it is there").1 = to;
    }
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Op {
    Pass(u64),
    /// A checkpoint so many before the newest is acknowledged by all, or by all but one.
    Acks(u64, Option<u32>),
    Record(u64),
    Prepared(u64),
    Cleaned,
    Expire(u64),
    Decline(u32, u64, DeclineReason),
    End(u32),
    Drained,
    Fail,
    Restart,
    Start,
}

fn op() -> impl Strategy<Value = Op> {
    use DeclineReason::*;
    let back = || 0..3_u64;
    let reason = prop::sample::select(vec![Cancelled, NotRunning, Failed]);
    prop_oneof![
        6 => (0..150_u64).prop_map(Op::Pass),
        6 => (back(), prop::option::weighted(0.2, 0..TASKS)).prop_map(|(back, but)| Op::Acks(back, but)),
        6 => back().prop_map(Op::Record),
        4 => back().prop_map(Op::Prepared),
        2 => Just(Op::Cleaned),
        1 => back().prop_map(Op::Expire),
        1 => (0..TASKS, back(), reason).prop_map(|(task, back, reason)| Op::Decline(task, back, reason)),
        1 => (0..TASKS).prop_map(Op::End),
        1 => Just(Op::Drained),
        1 => Just(Op::Fail),
        1 => Just(Op::Restart),
        2 => Just(Op::Start),
    ]
}

impl Desk {
    fn play(&mut self, op: Op) -> Vec<Do> {
        let newest = self.role.state.last.0;
        let id = |back: u64| newest.saturating_sub(back);
        match op {
            Op::Pass(millis) => self.pass(ms(millis)),
            Op::Acks(back, but) => {
                (0..TASKS).filter(|task| Some(*task) != but).flat_map(|task| self.ack(task, id(back))).collect()
            }
            Op::Record(back) => self.record(id(back)),
            Op::Prepared(back) => self.prepared(id(back)),
            Op::Cleaned => self.role.state.cleaning.first().copied().map_or(Vec::new(), |id| self.cleaned(id.0)),
            Op::Expire(back) => self.expire(id(back)),
            Op::Decline(task, back, reason) => self.decline(task, id(back), reason),
            Op::End(task) => self.end(task),
            Op::Drained => self.tell(CoordinatorInput::Drained),
            Op::Fail => self.fail(),
            Op::Restart => self.restart(),
            Op::Start => self.start(),
        }
    }

    fn state(&self) -> u128 {
        let mut into = Fingerprint::default();
        self.role.fingerprint(&mut into);
        into.finish()
    }
}

/// Settings that reach every rule: `dice` picks among them.
fn settings(dice: u8) -> impl FnOnce(&mut Settings) {
    let bit = move |n: u8| dice >> n & 1 == 1;
    move |settings| {
        let takes = [Take::Savepoint, Take::Checkpoint, if bit(0) { Take::Drain } else { Take::Suspend }];
        settings.requests = (1..).zip(takes).map(|(n, take)| ask(ms(300 * n), take)).collect();
        settings.min_pause = ms(if bit(1) { 70 } else { 0 });
        settings.prepare = ms(u64::from(bit(2)));
        settings.deletion = ms(u64::from(bit(3)));
        settings.max_concurrent = 1 + u32::from(bit(4));
        settings.tolerable_failures = u32::from(bit(5));
        settings.after_finish = !bit(6);
        if bit(7) && !bit(1) {
            (settings.interval, settings.first) = (None, None);
        }
    }
}

proptest! {
    #[test]
    fn commands_keep_their_order_whatever_happens(
        ops in prop::collection::vec(op(), 1..120),
        dice in any::<u8>(),
        overtakes in any::<bool>(),
    ) {
        let style = if overtakes { UNALIGNED } else { ALIGNED };
        let mut desk = Desk::before_the_start(JOB, style, settings(dice));
        let most = desk.role.settings.max_concurrent as usize;
        let mut watch = Watch::default();
        // A step of several inputs is watched input by input: FailJob is the last command of each.
        for op in ops {
            desk.batches.clear();
            desk.play(op);
            desk.batches.iter().for_each(|out| watch.see(out, most, style));
        }
    }

    #[test]
    fn a_role_that_was_reset_is_as_new(
        ops in prop::collection::vec(op(), 1..60),
        dice in any::<u8>(),
    ) {
        let fresh = || Desk::before_the_start(JOB, ALIGNED, settings(dice));
        let mut used = fresh();
        for op in &ops {
            used.play(*op);
        }
        used.role.reset();
        prop_assert_eq!(used.state(), fresh().state());
        let mut again = Desk { role: used.role, ..fresh() };
        let mut new = fresh();
        for op in &ops {
            prop_assert_eq!(again.play(*op), new.play(*op));
            prop_assert_eq!(again.state(), new.state());
        }
    }
}
