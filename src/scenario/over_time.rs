//! The description of operators that keep records until a time has come: windows, joins over time, timeouts.

use super::object::{Object, record};
use super::shape::{some_time, time};
use super::{OverTime, Window, WindowShape};
use crate::base::{Problem, Span};

/// The fields, and the kinds that have them.
const FIELDS: [(&str, &[&str]); 3] =
    [("window", &["window", "window-join"]), ("within", &["interval-join"]), ("after", &["timeout"])];

/// One record must not belong to more windows than this.
const WINDOWS_MAX: u64 = 1000;

/// What an operator of this kind does over time; `None`: nothing.
pub(super) fn over_time(o: &mut Object<'_>, kind: &str) -> Result<Option<OverTime>, Problem> {
    let window = o.field(
        "window",
        "Windows and window joins only. {\"size\": …}: one after the other; with a \"slide\" they overlap; {\"gap\": …}: as \
         long as no longer time passes between two records.",
        record(window),
    );
    let window = window.optional()?;
    let interval = o.field(
        "within",
        "Interval joins only. How much older or younger than the first input's record the second's may be.",
        record(interval),
    );
    let interval = interval.optional()?;
    let after = o.field(
        "after",
        "Timeouts only. One record is sent for a key so long after its first one came, by the machine's clock.",
        some_time(),
    );
    let after = after.optional()?;
    for (name, kinds) in FIELDS {
        match (o.written(name).is_some(), kinds.contains(&kind)) {
            (true, false) => {
                let found = format!("this is a {kind}, and only a {} has \"{name}\"", kinds.join(" or a "));
                return Err(o.wrong(name, found, "leave it out"));
            }
            (false, true) if o.is_written() => {
                let found = format!("a {kind} without \"{name}\"");
                return Err(Problem::at(o.place(), found, format!("add \"{name}\": {}", example(name))));
            }
            _ => {}
        }
    }
    let over = match kind {
        "window" => window.map(OverTime::Window),
        "window-join" => window.map(OverTime::Pairs),
        "interval-join" => interval,
        _ => after.map(OverTime::After),
    };
    match over {
        Some(OverTime::Pairs(Window { shape: WindowShape::Session(_), .. })) => {
            Err(o.wrong("window", "a join over sessions", "write windows with a \"size\""))
        }
        Some(OverTime::Pairs(Window { lateness, .. })) if lateness > Span::ZERO => {
            Err(o.wrong("window", "a join that waits for late records", "leave \"lateness\" out"))
        }
        _ => Ok(over),
    }
}

fn example(name: &str) -> &'static str {
    match name {
        "window" => "{\"size\": \"1s\"}",
        "within" => "{\"after\": \"1s\"}",
        _ => "\"1s\"",
    }
}

fn window(o: &mut Object<'_>) -> Result<Window, Problem> {
    let size = o.field("size", "How long a window is; the first begins at time zero.", some_time()).optional()?;
    let slide = o.field("slide", "From the beginning of one window to that of the next.", some_time()).optional()?;
    let gap = o.field("gap", "A session ends when nothing comes for so long.", some_time()).optional()?;
    let lateness = o.field("lateness", "A window is kept for late records so long after its end.", time()).or("0s")?;
    let shape = match (size, slide, gap) {
        (None, None, Some(gap)) => WindowShape::Session(gap),
        (Some(size), None, None) => WindowShape::Tumbling(size),
        (Some(size), Some(slide), None) if slide > size => {
            let found = format!("a window of {size} every {slide}: records between two would be in none");
            return Err(o.wrong("slide", found, "make it at most as long as \"size\""));
        }
        (Some(size), Some(slide), None) if size.0.div_ceil(slide.0) > WINDOWS_MAX => {
            let found = format!("each record in {} windows", size.0.div_ceil(slide.0));
            return Err(o.wrong("slide", found, format!("at most {WINDOWS_MAX}: make it longer")));
        }
        (Some(size), Some(slide), None) => WindowShape::Sliding { size, slide },
        (None, _, None) if !o.is_written() => WindowShape::Tumbling(Span::from_secs(1)),
        (None, _, None) => {
            return Err(Problem::at(o.place(), "a window without a size", "add \"size\", or \"gap\" for sessions"));
        }
        (_, _, Some(_)) => return Err(o.wrong("gap", "both a gap and a size or slide", "keep one")),
    };
    Ok(Window { shape, lateness })
}

fn interval(o: &mut Object<'_>) -> Result<OverTime, Problem> {
    let before = o.field("before", "Older by so much at most.", time()).or("0s")?;
    let after = o.field("after", "Younger by so much at most.", time()).or("0s")?;
    Ok(OverTime::Interval { before, after })
}
