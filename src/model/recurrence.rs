//! The recurrence of a checkpoint: when every task is done with it if nothing but snapshots takes time.
//!
//! T(n,i) = max over upstream j of T(n,j) + t(i), with T(n,i) = trigger + t(i) at tasks without upstream
//! (feedback edges do not count), and T(n) = max over i of T(n,i). Where every sender of an edge reaches every
//! receiver, the maximum over the senders is taken once for the edge, so that a 1000 x 1000 exchange costs
//! 2000 steps and no memory.

use crate::base::{ChannelId, EdgeId, Span, TaskId, Time};
use crate::plan::{Edge, Plan};
use std::ops::Range;

/// When each task is done with a checkpoint, according to the recurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// T(n,i): when a task is done.
    pub at: Vec<Time>,
    /// T(n): when the last task is.
    pub total: Time,
    /// When the last of a task's upstreams is done: T(n,i) = `ready` + t(i).
    ready: Vec<Time>,
}

/// The recurrence on the tasks of a plan, where task i takes `cost[i]`.
///
/// ```
/// use cutline::base::{Span, Time};
/// use cutline::{model, scenario, world::Job};
///
/// // a -> c, b -> c, b -> d
/// let scenario = scenario::parse(r#"{"cutline": 1, "job": {
///     "operators": [{"id": "a", "kind": "source", "rate": "1/s"}, {"id": "b", "kind": "source", "rate": "1/s"},
///                   {"id": "c", "kind": "sink"}, {"id": "d", "kind": "sink"}],
///     "edges": [{"from": "a", "to": "c"}, {"from": "b", "to": "c"}, {"from": "b", "to": "d"}]}}"#, "abcd.json")?;
/// let plan = Job::compile(scenario)?.plan;
/// let cost = [600, 600, 500, 700].map(Span::from_millis);
/// let t = model::completion(&plan, Time::ZERO, &cost);
/// assert_eq!(t.total, Time::ZERO + Span::from_millis(1300), "b, then d");
/// # Ok::<(), cutline::base::Problem>(())
/// ```
///
/// # Panics
///
/// If `cost` is not as long as the plan has tasks.
pub fn completion(plan: &Plan, trigger: Time, cost: &[Span]) -> Recurrence {
    assert_eq!(cost.len(), plan.tasks.len(), "one cost for each task");
    let mut ready = vec![trigger; cost.len()];
    let mut at = vec![trigger; cost.len()];
    // The inputs of a chain are those of its head, and operators come in dependency order: when a head's turn
    // comes, everything upstream is settled.
    for operator in plan.order.iter().map(|op| &plan.operators[op.index()]).filter(|op| op.position == 0) {
        for (index, edge) in plan.edges.iter().enumerate() {
            if !edge.feedback && plan.operators[edge.to.index()].tasks == operator.tasks {
                pass_on(plan, EdgeId::from(index), edge, &at, &mut ready);
            }
        }
        for task in indices(&operator.tasks) {
            at[task] = ready[task] + cost[task];
        }
    }
    Recurrence { total: at.iter().copied().max().unwrap_or(trigger), at, ready }
}

/// Raises what the receivers of an edge wait for to what its senders reached.
fn pass_on(plan: &Plan, id: EdgeId, edge: &Edge, at: &[Time], ready: &mut [Time]) {
    let (from, to) = (&plan.operators[edge.from.index()].tasks, &plan.operators[edge.to.index()].tasks);
    let channels = |task| plan.outputs(TaskId::from(task)).iter().filter(|out| out.edge == id);
    let width = |task| channels(task).map(|out| out.width).sum::<u32>();
    if indices(from).all(|task| width(task) == to.len() as u32) {
        let last = indices(from).map(|task| at[task]).max().unwrap_or(Time::ZERO);
        indices(to).for_each(|task| ready[task] = ready[task].max(last));
        return;
    }
    for task in indices(from) {
        for out in channels(task) {
            for channel in out.first.0..out.first.0 + out.width {
                let receiver = plan.channels[ChannelId(channel).index()].to.index();
                ready[receiver] = ready[receiver].max(at[task]);
            }
        }
    }
}

fn indices(tasks: &Range<u32>) -> Range<usize> {
    tasks.start as usize..tasks.end as usize
}

impl Recurrence {
    /// The tasks that are done last: the ends of all critical paths.
    pub fn last(&self) -> impl Iterator<Item = TaskId> + '_ {
        (0..self.at.len()).filter(|task| self.at[*task] == self.total).map(TaskId::from)
    }

    /// The upstream tasks that a task waits for: more than one on a tie, none where it waits only for the
    /// trigger. From the [`last`](Self::last) tasks backwards they make up the graph of all critical paths.
    pub fn critical_upstream(&self, plan: &Plan, task: TaskId) -> Vec<TaskId> {
        let channels = plan.inputs(task).iter().map(|channel| &plan.channels[channel.index()]);
        let forward = channels.filter(|channel| !plan.edges[channel.edge.index()].feedback);
        let is_critical = |from: &TaskId| self.at[from.index()] == self.ready[task.index()];
        let mut upstream: Vec<TaskId> = forward.map(|channel| channel.from).filter(is_critical).collect();
        upstream.sort_unstable();
        upstream.dedup();
        upstream
    }

    /// All tasks that lie on a critical path, in the order of their ids.
    pub fn critical_tasks(&self, plan: &Plan) -> Vec<TaskId> {
        let mut on_path = vec![false; self.at.len()];
        let mut open: Vec<TaskId> = self.last().collect();
        while let Some(task) = open.pop() {
            if !std::mem::replace(&mut on_path[task.index()], true) {
                open.extend(self.critical_upstream(plan, task));
            }
        }
        (0..on_path.len()).filter(|task| on_path[*task]).map(TaskId::from).collect()
    }

    /// All critical paths, each from a task that waits for the trigger only to a task that is done last.
    ///
    /// Ties can make them very many: take as many as are needed.
    ///
    /// ```no_run
    /// # fn f(plan: &cutline::plan::Plan, recurrence: &cutline::model::Recurrence) {
    /// for path in recurrence.paths(plan).take(10) {
    ///     println!("{:?}", path);
    /// }
    /// # }
    /// ```
    pub fn paths<'a>(&'a self, plan: &'a Plan) -> Paths<'a> {
        let mut last: Vec<TaskId> = self.last().collect();
        last.reverse();
        Paths { recurrence: self, plan, levels: vec![last] }
    }
}

/// An iterator over critical paths; see [`Recurrence::paths`].
pub struct Paths<'a> {
    recurrence: &'a Recurrence,
    plan: &'a Plan,
    /// From the end of the path backwards: what is still to be tried, the one being tried last.
    levels: Vec<Vec<TaskId>>,
}

impl Iterator for Paths<'_> {
    type Item = Vec<TaskId>;

    fn next(&mut self) -> Option<Vec<TaskId>> {
        // Give up the tasks whose ways have all been tried.
        while self.levels.last()?.is_empty() {
            self.levels.pop();
            self.levels.last_mut()?.pop();
        }
        loop {
            let tried = *self.levels.last()?.last()?;
            let mut upstream = self.recurrence.critical_upstream(self.plan, tried);
            if upstream.is_empty() {
                break;
            }
            upstream.reverse();
            self.levels.push(upstream);
        }
        let path = self.levels.iter().rev().filter_map(|level| level.last().copied()).collect();
        self.levels.last_mut()?.pop();
        Some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::below;
    use crate::model::sample::{self, By};
    use proptest::prelude::*;

    fn spans(ns: &[u64]) -> Vec<Span> {
        ns.iter().map(|ns| Span(*ns)).collect()
    }

    fn names(plan: &Plan, paths: impl Iterator<Item = Vec<TaskId>>) -> Vec<String> {
        paths.map(|path| path.iter().map(|task| plan.task_name(*task).replace("[0]", "")).collect()).collect()
    }

    /// A and B are sources, C reads both, D reads B; A and B end at t1, C at t2, D at t3.
    #[test]
    fn the_textbook_example() {
        let (_, plan) = sample::job(
            &[("A", 1), ("B", 1), ("C", 1), ("D", 1)],
            &[("A", "C", By::Hash), ("B", "C", By::Hash), ("B", "D", By::Forward)],
        );
        let cost = |name: &str, costs: [u64; 4]| costs["ABCD".find(name).expect("one of four")];
        for (t1, t2, t3) in [(5, 8, 9), (5, 8, 8), (5, 9, 8)] {
            let costs = [t1, t1, t2 - t1, t3 - t1];
            let by_task = plan.task_ids().map(|task| Span(cost(&plan.task_name(task)[..1], costs)));
            let times = completion(&plan, Time::ZERO, &by_task.collect::<Vec<_>>());
            let of = |name| times.at[plan.task_named(name, 0).expect("named").index()];
            assert_eq!(["A", "B", "C", "D"].map(of), [t1, t1, t2, t3].map(Time));
            assert_eq!(times.total, Time(t1.max(t2).max(t3)));
            let mut critical = names(&plan, times.paths(&plan));
            critical.sort();
            match t3.cmp(&t2) {
                std::cmp::Ordering::Greater => assert_eq!(critical, ["BD"]),
                std::cmp::Ordering::Less => assert_eq!(critical, ["AC", "BC"], "A and B tie"),
                std::cmp::Ordering::Equal => assert_eq!(critical, ["AC", "BC", "BD"]),
            }
        }
    }

    #[test]
    fn a_feedback_edge_adds_nothing() {
        let (_, plan) = sample::job(
            &[("s", 1), ("a", 2), ("b", 2)],
            &[("s", "a", By::Hash), ("a", "b", By::Forward), ("b", "a", By::Feedback)],
        );
        let times = completion(&plan, Time(100), &spans(&[1, 2, 3, 4, 5]));
        assert_eq!(times.at, [101, 103, 104, 107, 109].map(Time));
        assert_eq!(times.critical_tasks(&plan), [0, 2, 4].map(TaskId));
    }

    #[test]
    fn ties_multiply_paths_but_not_work() {
        let wide = 1000;
        let (_, plan) =
            sample::job(&[("s", wide), ("a", wide), ("b", wide)], &[("s", "a", By::Hash), ("a", "b", By::Rebalance)]);
        let times = completion(&plan, Time::ZERO, &vec![Span(7); plan.tasks.len()]);
        assert_eq!(times.total, Time(21));
        assert_eq!(times.paths(&plan).take(2500).count(), 2500);
        assert_eq!(times.critical_tasks(&plan).len(), 3 * wide as usize);
    }

    #[test]
    fn rescaled_edges_connect_only_neighbours() {
        let (_, plan) =
            sample::job(&[("s", 4), ("a", 2), ("b", 4)], &[("s", "a", By::Rescale), ("a", "b", By::Rescale)]);
        let times = completion(&plan, Time::ZERO, &spans(&[1, 9, 2, 3, 10, 10, 1, 1, 1, 1]));
        assert_eq!(times.at[4..], [19, 13, 20, 20, 14, 14].map(Time));
    }

    /// Longest path to a task by trying every path.
    fn naive(plan: &Plan, cost: &[Span], task: TaskId) -> u64 {
        let channels = plan.inputs(task).iter().map(|channel| &plan.channels[channel.index()]);
        let upstream = channels.filter(|channel| !plan.edges[channel.edge.index()].feedback);
        cost[task.index()].0 + upstream.map(|channel| naive(plan, cost, channel.from)).max().unwrap_or(0)
    }

    proptest! {
        /// On any DAG, T(n,i) is the length of the longest path of costs that ends in i, and every critical
        /// path has the length T(n).
        #[test]
        fn the_recurrence_is_the_longest_path(seed: u64, operators in 2usize..6, ties: bool) {
            let (_, plan) = sample::random_job(seed, operators);
            let mut draws = sample::draws(seed);
            let most = if ties { 3 } else { 1_000_000 };
            let cost: Vec<Span> = plan.tasks.iter().map(|_| Span(below(draws(), most))).collect();
            let times = completion(&plan, Time(17), &cost);
            for task in plan.task_ids() {
                prop_assert_eq!(times.at[task.index()], Time(17 + naive(&plan, &cost, task)));
            }
            let mut seen = Vec::new();
            for path in times.paths(&plan).take(200) {
                prop_assert_eq!(Time(17 + path.iter().map(|task| cost[task.index()].0).sum::<u64>()), times.total);
                prop_assert!(!seen.contains(&path), "the same path twice");
                seen.push(path);
            }
            prop_assert!(!seen.is_empty());
        }
    }
}
