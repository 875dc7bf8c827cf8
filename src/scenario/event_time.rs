//! The description of event time: when the records of a source happened, and how it tells how far it is.

use super::object::{Object, record};
use super::shape::{Shape, count, some_time, time};
use super::{EventTime, Watermarks};
use crate::base::{Problem, Span};

/// From one record to the next, if they do not arrive at a rate and nothing is said.
const STEP: Span = Span::from_millis(1);

/// The event time of a source whose records arrive at a rate, or are all there from the start.
pub(super) fn event_time(o: &mut Object<'_>, has_rate: bool) -> Result<Option<EventTime>, Problem> {
    let written = o.field(
        "event_time",
        "Sources only. Its records say when they happened: when they arrived, less some disorder.",
        record(times),
    );
    let place = |o: &Object<'_>| o.place_of("event_time");
    let Some(times) = written.optional()? else { return Ok(None) };
    let step = match (times.step, has_rate) {
        (Some(_), true) => {
            let (found, allowed) = ("a step between records that arrive at a rate", "leave \"step\" out, or the rate");
            return Err(Problem::at(place(o), found, allowed));
        }
        (_, true) => None,
        (step, false) => Some(step.unwrap_or(STEP)),
    };
    Ok(Some(EventTime { step, ..times }))
}

fn times(o: &mut Object<'_>) -> Result<EventTime, Problem> {
    let step = "From one record of a subtask to the next if there is no rate; by default 1ms.";
    let step = o.field("step", step, some_time()).optional()?;
    let disorder = o.field("disorder", "A record is late by at most so much; drawn for each.", time()).or("0s")?;
    let bound = o.field("bound", "Watermarks wait so long for late records; by default the disorder.", time());
    let bound = bound.optional()?.unwrap_or(disorder);
    let watermarks =
        o.field("watermarks", "How often a subtask sends one, if it has grown.", watermarks()).or("200ms")?;
    let idle_after =
        o.field("idle_after", "A partition is not waited for after so long without a record.", some_time());
    let idle_after = idle_after.optional()?;
    if idle_after.is_some() && matches!(watermarks, Watermarks::Records(_)) {
        let found = "partitions that may be idle, and nobody looks unless there are records";
        return Err(o.wrong("idle_after", found, "send watermarks after a time: \"watermarks\": \"200ms\""));
    }
    Ok(EventTime { step, disorder, bound, watermarks, idle_after })
}

fn watermarks() -> Shape<Watermarks> {
    let punctuated = record(|o: &mut Object<'_>| {
        let records = o.field("records", "After every so many records of the subtask.", count(1, 1 << 30));
        Ok(Watermarks::Records(records.required()?))
    });
    some_time().map(Watermarks::Every).or_object("{\"records\": 1}", punctuated)
}
