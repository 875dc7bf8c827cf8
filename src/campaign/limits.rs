//! How large and how wild the random scenarios of a campaign may be.

use crate::protocol::{Edges, Protocol};
use crate::scenario::Limits;

/// Limits of generated jobs that are small enough for thousands of runs.
pub const SMALL: Limits = Limits {
    operators: 3,
    parallelism: 3,
    records: 200,
    faults: 2,
    wild: 0,
    lossy: true,
    cycles: false,
    concurrent: true,
    chains: true,
    any_edge: true,
    mixed: true,
    requests: true,
    outside: false,
    parameter: None,
    splits: true,
    coordinated: true,
    event_time: true,
    backends: true,
    over_time: true,
};

/// What a protocol's claims leave of some limits: within them it has to keep every word.
pub fn limits_for(protocol: &dyn Protocol, limits: Limits) -> Limits {
    let claims = protocol.claims();
    Limits {
        cycles: limits.cycles && claims.cycles,
        concurrent: limits.concurrent && claims.concurrent,
        any_edge: limits.any_edge && claims.edges != Edges::Overtaking,
        mixed: limits.mixed && claims.edges != Edges::Alike,
        requests: limits.requests && claims.savepoints,
        lossy: limits.lossy && claims.lossy,
        splits: limits.splits && claims.coordinated,
        coordinated: claims.coordinated,
        parameter: protocol.parameters().first().map(|parameter| (parameter.name, parameter.tries)),
        ..limits
    }
}
