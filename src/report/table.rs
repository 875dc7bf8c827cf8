//! The table that `run` prints for one run: at most 100 columns, no colour.

use super::checkpoint::kind;
use super::faults::faults;
use super::recovery::{left_out, recoveries};
use super::wrong::wrong;
use super::{Grid, RunView, elide, hang, slowest, wrap};
use crate::base::{Bytes, Span, TaskId, Time};
use crate::check::{CheckpointFigures, Measures, RestartFigures, Status, Tally, TaskTimes, Watermarks};
use crate::model::{Cause, Difference, explain};
use crate::plan::Plan;
use std::fmt::Write;

pub(super) const WIDTH: usize = 100;
/// More tasks than this are shown by operator.
const TASKS: usize = 12;
/// More checkpoints than this are not all shown.
const CHECKPOINTS: usize = 16;

/// The report of a run as text.
pub fn table(view: &RunView) -> String {
    let mut out = header(view);
    let _ = writeln!(out, "{}", wrap(&format!("Guarantees: {}", view.guarantee), WIDTH, 2));
    out += &wrong(view);
    out += &match (view.figures.checkpoints.is_empty(), view.scenario.checkpoints.interval) {
        (false, _) => checkpoints(view),
        (true, None) => "\nNo checkpoint: `checkpoints.interval` is not given\n".to_owned(),
        (true, Some(_)) => "\nNo checkpoint of the whole job was triggered\n".to_owned(),
    };
    if let Some(checkpoint) = slowest(view.figures) {
        out += &one_checkpoint(view.plan, checkpoint);
    }
    out += &faults(view);
    out += &recoveries(view);
    out += &accounts(view);
    out += &verdicts(view);
    out
}

pub(super) fn header(view: &RunView) -> String {
    let (scenario, plan) = (view.scenario, view.plan);
    let title = match scenario.why.is_empty() {
        true => scenario.name.clone(),
        false => format!("{}: {}", scenario.name, scenario.why),
    };
    let parallel = |op: &crate::base::OperatorId| {
        let operator = &plan.operators[op.index()];
        format!("{} ({})", operator.name, operator.tasks.len())
    };
    let order: Vec<String> = plan.order.iter().map(parallel).collect();
    let facts = format!(
        "protocol {}, {} in {}, {} in {}, seed {}",
        scenario.checkpoints.protocol,
        counted(plan.tasks.len() as u64, "task"),
        counted(u64::from(plan.managers), "task manager"),
        counted(plan.channels.len() as u64, "channel"),
        counted(plan.edges.len() as u64, "edge"),
        view.seed,
    );
    let facts = facts.replacen(" in ", " on ", 1);
    format!("{}\n{}\n{}\n", wrap(&title, WIDTH, 2), wrap(&facts, WIDTH, 2), wrap(&order.join(", "), WIDTH, 2))
}

pub(super) fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A duration, or a dash for what did not happen.
pub(super) fn or_dash(span: Option<Span>) -> String {
    span.map_or("-".to_owned(), |span| span.to_string())
}

/// Which checkpoints to show of many: the first, the last and the slowest ones.
fn worth_showing(all: &[CheckpointFigures]) -> Vec<usize> {
    if all.len() <= CHECKPOINTS {
        return (0..all.len()).collect();
    }
    let mut by_duration: Vec<usize> = (0..all.len()).collect();
    let worst = |i: &usize| {
        let aborted = matches!(all[*i].status, Status::Aborted(_));
        (std::cmp::Reverse(aborted), std::cmp::Reverse(all[*i].end_to_end()), *i)
    };
    by_duration.sort_by_key(worst);
    let mut shown: Vec<usize> = (0..4).chain(all.len() - 4..all.len()).collect();
    let more = by_duration.into_iter().filter(|i| !shown.contains(i)).take(CHECKPOINTS - shown.len());
    let more: Vec<usize> = more.collect();
    shown.extend(more);
    shown.sort_unstable();
    shown
}

fn checkpoints(view: &RunView) -> String {
    let all = &view.figures.checkpoints;
    let shown = worth_showing(all);
    let explained: Vec<Difference> = shown.iter().filter_map(|i| explain(view.plan, &all[*i])).collect();
    let rows = history(view.plan, &shown.iter().map(|i| &all[*i]).collect::<Vec<_>>());
    let more = |n: usize, what: &str| if n > 0 { format!(", {n} {what}") } else { String::new() };
    let count = |status: fn(&Status) -> bool| all.iter().filter(|c| status(&c.status)).count();
    let mut out = format!(
        "\nCheckpoints: {} triggered, {} completed, {} aborted{}{}{}\n{rows}",
        all.len(),
        count(|status| *status == Status::Completed),
        count(|status| matches!(status, Status::Aborted(_))),
        more(count(|status| *status == Status::Lost), "lost with their coordinator"),
        more(count(|status| *status == Status::Pending), "pending at the end"),
        if shown.len() < all.len() { "; the first, the last and the slowest ones" } else { "" },
    );
    if !explained.is_empty() {
        let paths = paths(&explained);
        let _ =
            write!(out, "\nCritical paths, and what T(n,i) = max T(n,j) + t(i) predicts from sync and async\n{paths}");
    }
    out
}

/// A row for each of these checkpoints. What most runs have none of has a column only where it occurs: kinds, the
/// data in channels, and what is stored by reference. Then columns that say less give way, so that the rows are not too long.
fn history(plan: &Plan, shown: &[&CheckpointFigures]) -> String {
    let measured: Vec<Measures> = shown.iter().map(|checkpoint| Measures::of(plan, checkpoint)).collect();
    let cells = |cell: Cell| shown.iter().map(|checkpoint| cell(plan, checkpoint)).collect();
    let mut columns: Vec<(&str, Vec<String>)> = HISTORY.iter().map(|(name, cell)| (*name, cells(*cell))).collect();
    let mut add = |behind: &str, name, cell: &dyn Fn(&Measures) -> String| {
        let at = columns.iter().position(|(name, _)| *name == behind).expect("it is there");
        columns.insert(at + 1, (name, measured.iter().map(cell).collect()));
    };
    let special = measured.iter().any(|measures| kind(measures).is_some());
    let in_flight = measured.iter().any(|measures| measures.unaligned() || measures.sums.persisted > Bytes(0));
    if special {
        add(">#", "<kind", &|measures| kind(measures).unwrap_or_default());
    }
    if in_flight {
        add(">bytes", ">processed", &|measures| measures.sums.processed.to_string());
        add(">processed", ">persisted", &|measures| measures.sums.persisted.to_string());
    }
    let is_part = measured.iter().any(|measures| measures.sums.full != measures.sums.checkpointed);
    if is_part {
        add(">bytes", ">of", &|measures| measures.sums.full.to_string());
    }
    let fits = |text: &str| text.lines().all(|line| line.chars().count() <= WIDTH);
    let mut text = columned(&columns);
    for name in ["<slowest task", ">sync", ">delay", ">async"].into_iter().filter(|_| special || in_flight || is_part) {
        if fits(&text) {
            break;
        }
        columns.retain(|(other, _)| *other != name);
        text = columned(&columns);
    }
    text
}

type Cell = fn(&Plan, &CheckpointFigures) -> String;

/// The columns that every list of checkpoints has.
const HISTORY: [(&str, Cell); 10] = [
    (">#", |_, c| c.id.to_string()),
    ("<status", |_, c| c.status.name().to_owned()),
    (">trigger", |_, c| c.triggered.to_string()),
    (">end-to-end", |_, c| or_dash(c.end_to_end())),
    (">delay", |_, c| or_dash(c.start_delay_max())),
    (">alignment", |_, c| or_dash(c.max(TaskTimes::alignment))),
    (">sync", |_, c| or_dash(c.max(TaskTimes::sync))),
    (">async", |_, c| or_dash(c.max(TaskTimes::r#async))),
    (">bytes", |_, c| c.bytes.to_string()),
    ("<slowest task", |plan, c| c.slowest.map_or("-".to_owned(), |task| elide(&plan.task_name(task), 14))),
];

pub(super) fn columned(columns: &[(&str, Vec<String>)]) -> String {
    let mut grid = Grid::new(&columns.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let rows = columns.first().map_or(0, |(_, cells)| cells.len());
    (0..rows).for_each(|row| grid.row(columns.iter().map(|(_, cells)| cells[row].as_str())));
    grid.to_string()
}

/// A row for each critical path. What only some protocols know has a column only where it occurs; where it
/// does, alignment gives way if there is none, so that the rows are not too long.
fn paths(explained: &[Difference]) -> Grid {
    let occurs = |cause: Cause| explained.iter().any(|told| told.total(cause) > Span::ZERO);
    let shown = |cause: &Cause| match cause {
        Cause::Capture | Cause::Unknown => occurs(*cause),
        Cause::Alignment => occurs(*cause) || !occurs(Cause::Capture),
        _ => true,
    };
    let causes: Vec<Cause> = Cause::ALL.into_iter().filter(shown).collect();
    let headings: Vec<String> = causes.iter().map(|cause| format!(">{}", cause.name())).collect();
    let ends = [">#", ">predicted", ">difference"];
    let columns: Vec<&str> =
        ends.into_iter().chain(headings.iter().map(String::as_str)).chain(["<main cause"]).collect();
    let mut paths = Grid::new(&columns);
    for told in explained {
        let ends = [told.checkpoint.to_string(), told.predicted.to_string(), told.signed()];
        let spans = causes.iter().map(|cause| told.total(*cause).to_string());
        paths.row(ends.into_iter().chain(spans).chain([told.main_cause().to_owned()]));
    }
    paths
}

/// The instants of a task that have a column, and the one that the recurrence predicts.
fn milestones(times: &TaskTimes, predicted: Time) -> [Time; 6] {
    [times.reached, times.aligned, times.taken, times.durable, times.acked, predicted]
}

fn one_checkpoint(plan: &Plan, checkpoint: &CheckpointFigures) -> String {
    let Some(told) = explain(plan, checkpoint) else { return String::new() };
    let since = |at: Time| if at == Time::NEVER { "-".to_owned() } else { at.since(checkpoint.triggered).to_string() };
    let columns = ["<", "<task", "<", ">reached", ">aligned", ">snapshotted", ">durable", ">acknowledged", ">T(n,i)"];
    let mut grid = Grid::new(&columns);
    let star = |critical: bool| if critical { "*" } else { "" }.to_owned();
    let of_task = |task: TaskId| milestones(&checkpoint.tasks[task.index()], told.recurrence.at[task.index()]);
    if plan.tasks.len() <= TASKS {
        for task in plan.task_ids() {
            let name = elide(&plan.task_name(task), 28);
            let cells = of_task(task).map(since);
            grid.row([star(told.path.contains(&task)), name, String::new()].into_iter().chain(cells));
        }
    } else {
        for head in plan.order.iter().filter(|op| plan.operators[op.index()].position == 0) {
            let tasks = || plan.operators[head.index()].tasks.clone().map(TaskId);
            let name = plan.task_name(TaskId(plan.operators[head.index()].tasks.start));
            let name = name.rsplit_once('[').map_or(name.as_str(), |(name, _)| name);
            let name = format!("{} ({})", elide(name, 20), tasks().len());
            let critical = star(tasks().any(|task| told.path.contains(&task)));
            let seen = |column: usize| tasks().map(move |t| of_task(t)[column]).filter(|at| *at != Time::NEVER);
            let least = [0, 1, 2, 3, 4, 5].map(|column| since(seen(column).min().unwrap_or(Time::NEVER)));
            let most = [0, 1, 2, 3, 4, 5].map(|column| since(seen(column).max().unwrap_or(Time::NEVER)));
            let one = tasks().len() == 1;
            let label = if one { "" } else { "min" };
            grid.row([critical, name, label.to_owned()].into_iter().chain(least));
            if !one {
                grid.row([String::new(), String::new(), "max".to_owned()].into_iter().chain(most));
            }
        }
    }
    let path: Vec<String> = told.path.iter().map(|task| plan.task_name(*task)).collect();
    format!(
        "\n{}\n{}\n{}\n{grid}",
        wrap(&told.finding(plan), WIDTH, 2),
        wrap(&format!("* Critical path: {}", path.join(" > ")), WIDTH, 2),
        wrap(&format!("{told}."), WIDTH, 2),
    )
}

fn accounts(view: &RunView) -> String {
    let totals = &view.figures.totals;
    let mut out = String::from("\n");
    let restarts = &view.figures.restarts;
    let left_out = left_out(restarts.len());
    for (n, restart) in restarts.iter().enumerate() {
        if n == left_out.start && !left_out.is_empty() {
            let _ = writeln!(out, "… {} left out …", counted(left_out.len() as u64, "restart"));
        }
        if !left_out.contains(&n) {
            out += &wrap(&restart_line(view.plan, n + 1, restart), WIDTH, 2);
            out.push('\n');
        }
    }
    if view.figures.checkpoints.is_empty() && totals.snapshots > 0 {
        let _ = writeln!(out, "Snapshots: {} taken by tasks on their own", totals.snapshots);
    }
    let known = |n: Option<u64>| n.map_or("-".to_owned(), |n| n.to_string());
    let records = format!(
        "Records: {} emitted, {} applied, {} replayed, {} visible; {} sent, {} over the network; {} down",
        known(totals.emitted),
        known(totals.applied),
        totals.replayed,
        totals.visible,
        totals.sent_bytes,
        counted(totals.buffers, "buffer"),
        view.figures.downtime(),
    );
    out += &wrap(&records, WIDTH, 2);
    out.push('\n');
    out += &miscounted(view);
    out + &event_time(&view.figures.watermarks)
}

/// How far tasks knew that they had read, in a job with event time.
fn event_time(watermarks: &Watermarks) -> String {
    let Watermarks { late, lag, regained, .. } = watermarks;
    let Some(late) = late else { return String::new() };
    let mut line =
        format!("Event time: {} late; watermarks at most {} behind", counted(*late, "record"), or_dash(*lag));
    if let Some(regained) = regained {
        let _ = write!(line, ", and up to {regained} after a restart what they had been");
    }
    wrap(&line, WIDTH, 2) + "\n"
}

/// Where there are more records than there should be, or fewer: how many there are, and how many there should be.
fn miscounted(view: &RunView) -> String {
    let tell = |name: &str, what: &str, tally: &Tally| match (tally.doubled(), tally.lost()) {
        (0, 0) if tally.swapped => Some(format!("{name} {} {what}, but not the right ones", tally.counted)),
        (0, 0) => None,
        _ => Some(format!("{name} {} {what}, expected {}", tally.counted, tally.due)),
    };
    let places = view.accounts.iter().flat_map(|account| {
        let name = &view.plan.operators[account.operator.index()].name;
        let output = account.output.and_then(|output| tell(name, "visible", &output));
        [tell(name, "applied", &account.state), output]
    });
    let told: Vec<String> = places.flatten().collect();
    match told.is_empty() {
        true => String::new(),
        false => wrap(&format!("Miscounted: {}", told.join("; ")), WIDTH, 2) + "\n",
    }
}

fn restart_line(plan: &Plan, n: usize, restart: &RestartFigures) -> String {
    let mut line = format!("Restart {n}: {}", reason(plan, restart));
    let _ = match (restart.up(), restart.running) {
        (Some(at), _) => write!(line, ", ran again at {at} (down {})", or_dash(restart.parts().down)),
        (None, Time::NEVER) => write!(line, ", never ran again"),
        (None, _) => write!(line, ", never ran again as a whole"),
    };
    let _ = match restart.restored {
        None => Ok(()),
        Some(checkpoint) if checkpoint.0 == 0 => write!(line, " from the beginning"),
        Some(checkpoint) => write!(line, " from checkpoint {checkpoint}"),
    };
    let _ = write!(line, ", {} replayed", counted(restart.replayed, "record"));
    line
}

/// Why the job was restarted, and when.
fn reason(plan: &Plan, restart: &RestartFigures) -> String {
    let taken_over = match restart.took_over {
        Time::NEVER => String::new(),
        at => format!("the coordinator was lost at {}, and another took over at {at}", restart.lost),
    };
    let first = match restart.cause.map(|task| plan.task_name(task)) {
        None if restart.took_over == restart.noticed => return taken_over,
        // No task threw: it was the coordinator that had seen too many checkpoints fail.
        None => format!("the coordinator failed the job at {}", restart.noticed),
        Some(name) => {
            let earlier = restart.began < restart.failed;
            let fault = if earlier { format!(" after the fault at {}", restart.began) } else { String::new() };
            let is_late = restart.noticed > restart.failed;
            let noticed = if is_late { format!(", noticed at {}", restart.noticed) } else { String::new() };
            format!("{name} failed at {}{fault}{noticed}", restart.failed)
        }
    };
    if taken_over.is_empty() { first } else { format!("{first}, {taken_over}") }
}

fn verdicts(view: &RunView) -> String {
    let mut out = String::new();
    if !view.checks.is_empty() {
        let longest = view.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        out += "\nChecks\n";
        for check in view.checks {
            let start = format!("  {:<5} {:<longest$}  ", check.verdict, check.name);
            let _ = writeln!(out, "{}", hang(&start, &check.note, WIDTH));
        }
    }
    if !view.expectations.is_empty() {
        out += "\nExpectations\n";
        for expected in view.expectations {
            let word = if expected.met { "met" } else { "NOT" };
            let _ = writeln!(out, "{}", hang(&format!("  {word:<5} "), &expected.text, WIDTH));
        }
    }
    for note in view.notes {
        let _ = writeln!(out, "{}", hang("note: ", note, WIDTH));
    }
    if let Some(losses) = view.losses {
        out += &super::records::section(view, losses);
    }
    out + &conclusion(view)
}

/// The verdict in a line, and the digest.
pub(super) fn conclusion(view: &RunView) -> String {
    let facts = format!(
        "{}, {}, {} of virtual time",
        counted(view.events, "event"),
        counted(view.hops, "record hop"),
        view.figures.totals.end
    );
    let expected = match (view.as_expected, view.verdict) {
        (true, "PASS") => "",
        (true, _) => ", as expected",
        (false, _) => ", NOT as expected",
    };
    format!("\n{}{expected}  {facts}\ndigest {}\n", view.verdict, view.digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::Order;
    use crate::report::sample;

    fn lines_fit(text: &str) {
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{} columns: {line}", line.chars().count());
            assert_eq!(line, line.trim_end());
        }
    }

    #[test]
    fn a_small_run_is_shown_task_by_task() {
        let text = sample::with_view(sample::Size::Small, table);
        lines_fit(&text);
        for part in [
            "sample: A job that was made up",
            "Checkpoints: 5 triggered, 4 completed, 1 aborted",
            "expired",
            "* Critical path:",
            "Recoveries: what each restart took",
            "1          0      50ms      0     50ms  sink[0]       5ms      1.3s   1.4s        40  2100",
            "Restart 1: join[1] failed at 3.1s",
            "Records: 1000 emitted",
            "Guarantees: state exactly once; output exactly once",
            "1003 applied, expected 1000; ",
            " 990 visible, expected 1000",
            "  FAIL  exactly-once",
            "  NOT   end-to-end.max is",
            "FAIL, NOT as expected  1234567 events",
            "digest 0000",
        ] {
            assert!(text.contains(part), "\"{part}\" is missing in:\n{text}");
        }
    }

    #[test]
    fn a_restart_is_told_with_its_reason() {
        let (_, plan, figures) = sample::run(sample::Size::Small, Order::Emit);
        let told = |change: &dyn Fn(&mut RestartFigures)| {
            let mut restart = figures.restarts[0];
            change(&mut restart);
            restart_line(&plan, 1, &restart)
        };
        let at = |ms: u64| Time(ms * 1_000_000);
        let rest = "ran again at 3.2s (down 100ms) from checkpoint 3, 40 records replayed";
        assert_eq!(told(&|_| ()), format!("Restart 1: join[1] failed at 3.1s, {rest}"));
        let by_itself = |restart: &mut RestartFigures| (restart.cause, restart.failed) = (None, Time::NEVER);
        assert_eq!(told(&by_itself), format!("Restart 1: the coordinator failed the job at 3.1s, {rest}"));
        let taken_over = |restart: &mut RestartFigures| {
            by_itself(restart);
            (restart.began, restart.lost, restart.took_over) = (at(2800), at(2800), restart.noticed);
        };
        let lost = "Restart 1: the coordinator was lost at 2.8s, and another took over at 3.1s, ran again at 3.2s \
                    (down 400ms) from checkpoint 3";
        assert!(told(&taken_over).starts_with(lost), "{}", told(&taken_over));
        let after = told(&|restart| (restart.began, restart.noticed) = (at(2950), at(3120)));
        let told_so = "Restart 1: join[1] failed at 3.1s after the fault at 2.95s, noticed at 3.12s, ran again at 3.2s \
                       (down 250ms)";
        assert!(after.starts_with(told_so), "{after}");
        let meanwhile = |restart: &mut RestartFigures| (restart.lost, restart.took_over) = (at(3110), at(3140));
        let both =
            "Restart 1: join[1] failed at 3.1s, the coordinator was lost at 3.11s, and another took over at 3.14s, ran";
        assert!(told(&meanwhile).starts_with(both), "{}", told(&meanwhile));
        assert!(told(&|restart| restart.starting = 1).contains("at 3.1s, never ran again as a whole from"));
        let never = told(&|restart| (restart.starting, restart.running) = (4, Time::NEVER));
        assert!(never.contains("at 3.1s, never ran again from"), "{never}");
    }

    #[test]
    fn a_large_run_is_shown_by_operator() {
        let text = sample::with_view(sample::Size::Large, table);
        lines_fit(&text);
        assert!(text.contains("source (64)") && text.contains("min") && text.lines().count() < 80, "{text}");
    }

    #[test]
    fn waiting_for_captured_channels_has_a_column_where_it_occurs() {
        let has_column = |order| {
            let (_, plan, figures) = sample::run(sample::Size::Medium, order);
            let explained: Vec<_> = figures.completed().filter_map(|c| explain(&plan, c)).collect();
            let text = paths(&explained).to_string();
            lines_fit(&text);
            text.lines().next().is_some_and(|head| head.contains("capture"))
        };
        assert_eq!([Order::Emit, Order::Snapshot, Order::Overtake].map(has_column), [false, false, true]);
    }

    #[test]
    fn kinds_and_data_in_channels_have_columns_where_they_occur() {
        let (_, plan, mut figures) = sample::run(sample::Size::Huge, Order::Overtake);
        let heading = |figures: &crate::check::Figures| {
            let text = history(&plan, &figures.checkpoints.iter().collect::<Vec<_>>());
            lines_fit(&text);
            text.lines().next().expect("a heading").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let has = |heading: &[String]| ["kind", "persisted", "task"].map(|name| heading.iter().any(|n| n == name));
        assert_eq!(has(&heading(&figures)), [false, false, true]);
        figures.checkpoints[1].purpose = crate::check::Purpose::Savepoint;
        assert_eq!(has(&heading(&figures))[..2], [true, false]);
        figures.checkpoints[2].tasks[3].unaligned = true;
        figures.checkpoints[2].tasks[3].persisted = Bytes(1234 << 10);
        figures.checkpoints[3].status = Status::Aborted(crate::trace::AbortReason::NotRunning);
        assert_eq!(has(&heading(&figures)), [true, true, false], "what says less gives way");
    }

    #[test]
    fn no_line_is_too_long_however_long_the_names_are() {
        lines_fit(&sample::with_view(sample::Size::Medium, table));
        lines_fit(&sample::with_view(sample::Size::Huge, table));
    }

    #[test]
    fn a_run_without_checkpoints_has_a_table_too() {
        let text = sample::with_view(sample::Size::Nothing, table);
        lines_fit(&text);
        assert!(text.contains("Records: - emitted") && !text.contains("Checkpoints"), "{text}");
    }
}
