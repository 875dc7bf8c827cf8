//! What a comparison comes to, in words: every clause is derived from the numbers of the rows.

use super::{CompareView, Number, Row, Scale, gravest};
use crate::check::{Contestant, Measured, Sample};

/// A clause, and what it is about.
pub(super) struct Clause {
    pub topic: Topic,
    pub text: String,
    /// It tells of a difference; others say that there is none, or that somebody does not take part.
    pub telling: bool,
}

/// What a clause can be about: a panel of the chart has one of them for its title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Verdict,
    Duration,
    Bytes,
    Throughput,
    Records,
}

/// Less than this many times as much is about as much, in percent.
const ALIKE: i128 = 110;
/// Throughputs that differ by less are alike: hundredths of a percent.
const POINT: i64 = 100;

/// The conclusion as one sentence.
pub(super) fn sentence(view: &CompareView) -> String {
    let clauses: Vec<String> = clauses(view).into_iter().map(|clause| clause.text).collect();
    if clauses.is_empty() { String::new() } else { clauses.join("; ") + "." }
}

/// All that can be said: differences first, and among them the most important.
pub(super) fn clauses(view: &CompareView) -> Vec<Clause> {
    let mut all = verdicts(view);
    all.extend([duration, lost_and_doubled, bytes, throughput].into_iter().filter_map(|clause| clause(view)));
    let unable: Vec<&str> = view.contestants().filter(|c| c.result.is_err()).map(|c| &*c.name).collect();
    if !unable.is_empty() {
        all.extend(no_difference(Topic::Verdict, format!("{} cannot run this job", list(&unable))));
    }
    all.sort_by_key(|clause| !clause.telling);
    all
}

fn telling(topic: Topic, text: String) -> Option<Clause> {
    Some(Clause { topic, text, telling: true })
}

fn no_difference(topic: Topic, text: String) -> Option<Clause> {
    Some(Clause { topic, text, telling: false })
}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[&str]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// Names with what they do: `a takes`, `a and b take`.
fn who(names: &[&str], does: &str, do_it: &str) -> String {
    format!("{} {}", list(names), if names.len() == 1 { does } else { do_it })
}

/// Whose runs did not pass, by verdict.
fn verdicts(view: &CompareView) -> Vec<Clause> {
    let gravest = |contestant: &'_ Contestant| contestant.result.as_ref().ok().and_then(gravest).map(|(name, ..)| name);
    let those = |verdict: &str| {
        let names: Vec<&str> = view.contestants().filter(|c| gravest(c) == Some(verdict)).map(|c| &*c.name).collect();
        let text = match verdict {
            "FAIL" => who(&names, "breaks what it claims", "break what they claim"),
            _ => format!("{} {verdict}", who(&names, "is", "are")),
        };
        if names.is_empty() { None } else { telling(Topic::Verdict, text) }
    };
    ["FAIL", "STUCK", "MISS"].into_iter().filter_map(those).collect()
}

/// Everybody's median, from the smallest.
fn ranked<'a>(view: &CompareView<'a>, row: &str) -> Vec<(&'a str, Number)> {
    let mut all = view.numbers(Row::named(row));
    all.sort_by_key(|(_, number)| number.spread.median);
    all
}

/// Those of a ranking whose number reads like the one at one of its ends.
struct End<'a> {
    names: Vec<&'a str>,
    number: Number,
}

/// Both ends of a ranking, if they are two.
fn ends<'a>(ranked: &[(&'a str, Number)]) -> Option<[End<'a>; 2]> {
    (ranked.len() > 1).then(|| [end(ranked, ranked[0].1), end(ranked, ranked[ranked.len() - 1].1)])
}

/// The end with the largest number, if anybody has one.
fn largest<'a>(ranked: &[(&'a str, Number)]) -> Option<End<'a>> {
    ranked.last().map(|(_, number)| end(ranked, *number))
}

fn end<'a>(ranked: &[(&'a str, Number)], number: Number) -> End<'a> {
    let same = ranked.iter().filter(|(_, other)| other.median() == number.median());
    End { names: same.map(|(name, _)| *name).collect(), number }
}

/// `both`, `all`, or the names of those who are some of several.
fn all_of(view: &CompareView, ranked: &[(&str, Number)]) -> String {
    let able = view.contestants().filter(|contestant| contestant.result.is_ok()).map(|contestant| &*contestant.name);
    let named = |name: &&str| ranked.iter().any(|(ranked, _)| ranked == name);
    let (those, others): (Vec<&str>, Vec<&str>) = able.partition(named);
    match (those.len(), others.is_empty()) {
        (2, true) => "both".to_owned(),
        (_, true) => "all".to_owned(),
        _ => list(&those),
    }
}

/// `1 %`, `1 % to 3 %`.
fn range(least: Number, most: Number) -> String {
    let (least, most) = (least.median(), most.median());
    if least == most { most } else { format!("{least} to {most}") }
}

/// `12`, `2.3`: how many times one is the other.
fn times(large: Number, small: Number) -> String {
    let ratio = large.spread.median as f64 / small.spread.median.max(1) as f64;
    let text = if ratio < 9.95 { format!("{ratio:.1}") } else { format!("{ratio:.0}") };
    text.trim_end_matches(".0").to_owned()
}

fn alike(small: Number, large: Number) -> bool {
    let [small, large] = [small, large].map(|number| i128::from(number.spread.median));
    large * 100 < small * ALIKE || large == small
}

fn duration(view: &CompareView) -> Option<Clause> {
    let ranked = ranked(view, "end-to-end.median");
    let none = without_checkpoint(view);
    if ranked.is_empty() {
        return if none.is_empty() { None } else { telling(Topic::Duration, "no checkpoint completes".to_owned()) };
    }
    let (mut text, mut differ) = match ends(&ranked) {
        None => (format!("{} takes {} end to end", ranked[0].0, ranked[0].1.median()), false),
        Some([fast, slow]) if alike(fast.number, slow.number) => {
            let range = range(fast.number, slow.number);
            (format!("{} take about as long end to end ({range})", all_of(view, &ranked)), false)
        }
        Some([fast, slow]) => {
            let (short, long, times) = (fast.number.median(), slow.number.median(), times(slow.number, fast.number));
            let (slow, fast) = (who(&slow.names, "takes", "take"), list(&fast.names));
            (format!("{slow} {times}x as long as {fast} end to end ({long} against {short})"), true)
        }
    };
    if !none.is_empty() {
        text += &format!("; {} no checkpoint", who(&none, "completes", "complete"));
        differ = true;
    }
    Some(Clause { topic: Topic::Duration, text, telling: differ })
}

/// Who triggered checkpoints and completed none.
fn without_checkpoint<'a>(view: &CompareView<'a>) -> Vec<&'a str> {
    let idle = |sample: &Sample| {
        let most = |name| sample.figure(name).map_or(0, |spread| spread.max);
        most("checkpoints.triggered") > 0 && most("checkpoints.completed") == 0
    };
    view.contestants().filter(|c| c.result.as_ref().is_ok_and(idle)).map(|c| &*c.name).collect()
}

/// Data that is under way matters more than how large state is, which is the job's and not the protocol's.
fn bytes(view: &CompareView) -> Option<Clause> {
    let in_flight = largest(&ranked(view, "persisted-bytes.max"));
    if let Some(most) = in_flight.filter(|most| most.number.spread.median > 0) {
        let writers = who(&most.names, "writes", "write");
        return telling(Topic::Bytes, format!("{writers} {} of in-flight data", most.number.median()));
    }
    let ranked = ranked(view, "checkpointed-bytes.max");
    let [small, large] = ends(&ranked)?;
    if alike(small.number, large.number) {
        return None;
    }
    let (least, most) = (small.number.median(), large.number.median());
    let (writers, others) = (who(&large.names, "writes", "write"), list(&small.names));
    let text = match small.number.spread.median {
        0 => format!("{writers} {most}, {others} nothing"),
        _ => format!("{writers} {}x as much as {others} ({most} against {least})", times(large.number, small.number)),
    };
    telling(Topic::Bytes, text)
}

fn throughput(view: &CompareView) -> Option<Clause> {
    let ranked = ranked(view, "throughput.lost");
    let most = largest(&ranked)?;
    let all = all_of(view, &ranked);
    if most.number.spread.median < POINT {
        let text = match &*all {
            "both" | "all" => "throughput falls by less than a percent".to_owned(),
            some => format!("the throughput of {some} falls by less than a percent"),
        };
        return no_difference(Topic::Throughput, text);
    }
    let (losers, lost) = (who(&most.names, "loses", "lose"), most.number.median());
    let Some([least, _]) = ends(&ranked) else {
        return telling(Topic::Throughput, format!("{losers} {lost} of the throughput"));
    };
    if most.number.spread.median - least.number.spread.median < POINT {
        let range = range(least.number, most.number);
        return no_difference(Topic::Throughput, format!("{all} lose {range} of the throughput"));
    }
    let gained = Scale::Percent.show(least.number.spread.median.max(0));
    telling(Topic::Throughput, format!("{losers} {lost} of the throughput, {} {gained}", list(&least.names)))
}

/// What the world outside sees comes before what only state holds.
fn lost_and_doubled(view: &CompareView) -> Option<Clause> {
    let outside = [("output.lost", "loses", "outside"), ("output.doubled", "doubles", "outside")];
    let inside = [("state.lost", "loses", "in state"), ("state.doubled", "doubles", "in state")];
    for rows in [outside, inside] {
        let said: Vec<String> = rows.iter().filter_map(|(row, does, place)| worst(view, row, does, place)).collect();
        if !said.is_empty() {
            return telling(Topic::Records, said.join(", "));
        }
    }
    let swaps = |sample: &Sample| sample.runs.iter().any(Measured::swapped);
    if let Some(contestant) = view.contestants().find(|contestant| contestant.result.as_ref().is_ok_and(swaps)) {
        return telling(Topic::Records, format!("{} loses some records and doubles others", contestant.name));
    }
    let restarted = view.numbers(Row::named("restarts")).iter().any(|(_, restarts)| restarts.spread.max > 0);
    let drained = |sample: &Sample| sample.runs.iter().all(|run| run.accounts.is_some());
    let all_drained = view.contestants().filter_map(|contestant| contestant.result.as_ref().ok()).all(drained);
    if restarted && all_drained {
        no_difference(Topic::Records, "no record is lost or doubled".to_owned())
    } else {
        None
    }
}

/// `a doubles 412 records outside, b and c 12`: the two largest numbers.
fn worst(view: &CompareView, row: &str, does: &str, place: &str) -> Option<String> {
    let mut guilty = view.numbers(Row::named(row));
    guilty.retain(|(_, number)| number.spread.max > 0);
    guilty.sort_by_key(|(_, number)| std::cmp::Reverse(number.spread.max));
    let same = |most: i64| -> (Vec<&str>, String) {
        let those = || guilty.iter().filter(move |(_, number)| number.spread.max == most);
        let up_to = if those().all(|(_, number)| number.spread.min == most) { "" } else { "up to " };
        (those().map(|(name, _)| *name).collect(), format!("{up_to}{most}"))
    };
    let most = guilty.first()?.1.spread.max;
    let (names, count) = same(most);
    let records = if most == 1 { "record" } else { "records" };
    let mut text = format!("{} {count} {records} {place}", who(&names, does, does.trim_end_matches('s')));
    if let Some((_, next)) = guilty.iter().find(|(_, number)| number.spread.max < most) {
        let (names, count) = same(next.spread.max);
        text += &format!(", {} {count}", list(&names));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{contestant, four, with_view};
    use super::*;

    #[test]
    fn a_sentence_says_who_is_slow_who_pays_and_who_doubles() {
        assert_eq!(
            with_view(four(), sentence),
            "aligned takes 12x as long as unaligned end to end (600ms against 50ms); at-least-once doubles 412 records \
             outside; aligned loses 10 % of the throughput, unaligned 0.1 %; d cannot run this job."
        );
    }

    #[test]
    fn what_is_alike_is_not_made_a_difference() {
        let figures =
            |ms: u64| vec![("end-to-end.median", ms * 1_000_000), ("records.throughput", 9_990), ("restarts", 1)];
        let two = vec![contestant("a", 0, &[&figures(100)]), contestant("b", 0, &[&figures(105)])];
        assert_eq!(
            with_view(two, sentence),
            "both take about as long end to end (100ms to 105ms); no record is lost or doubled; throughput falls by \
             less than a percent."
        );
    }

    #[test]
    fn whoever_completes_nothing_is_named() {
        let none = [("checkpoints.triggered", 5), ("checkpoints.completed", 0)];
        let some = [("end-to-end.median", 2_000_000)];
        let said = |contestants| with_view(contestants, sentence);
        let all = said(vec![contestant("a", 0, &[&none]), contestant("b", 0, &[&some])]);
        assert_eq!(all, "b takes 2ms end to end; a completes no checkpoint.");
        assert_eq!(said(vec![contestant("a", 0, &[&none])]), "no checkpoint completes.");
        assert_eq!(said(vec![contestant("a", 0, &[&[]])]), "");
    }

    #[test]
    fn whoever_reads_alike_is_named_together() {
        let ms = 1_000_000;
        let run = |name, doubled, end_to_end| contestant(name, doubled, &[&[("end-to-end.median", end_to_end)]]);
        let four = vec![run("a", 7, 9 * ms), run("b", 7, 9 * ms + 1), run("c", 2, 2 * ms), run("d", 0, 3 * ms)];
        assert_eq!(
            with_view(four, sentence),
            "a and b take 4.5x as long as c end to end (9ms against 2ms); a and b double 7 records outside, c 2."
        );
    }

    #[test]
    fn whoever_pays_alike_is_named_together() {
        let run = |name, in_flight: u64, throughput: u64| {
            contestant(name, 0, &[&[("persisted-bytes.max", in_flight), ("records.throughput", throughput)]])
        };
        let pay = "b and c write 2KiB of in-flight data; b and c lose 10 % of the throughput, a 0 %.";
        assert_eq!(with_view(vec![run("a", 0, 10_000), run("b", 2048, 9_000), run("c", 2048, 9_000)], sentence), pay);
        let alike = "a and b write 2KiB of in-flight data; both lose 10 % of the throughput.";
        assert_eq!(with_view(vec![run("a", 2048, 9_000), run("b", 2048, 9_000)], sentence), alike);
        let alone = "a writes 2KiB of in-flight data; a loses 10 % of the throughput.";
        assert_eq!(with_view(vec![run("a", 2048, 9_000)], sentence), alone);
    }

    #[test]
    fn counts_that_differ_between_seeds_are_up_to() {
        let mut one = contestant("a", 3, &[&[], &[]]);
        let accounts = &mut one.result.as_mut().expect("runs").runs[1].accounts;
        accounts.as_mut().expect("drained")[0].output.as_mut().expect("a sink").counted += 6;
        assert_eq!(with_view(vec![one], sentence), "a doubles up to 9 records outside.");
    }
}
