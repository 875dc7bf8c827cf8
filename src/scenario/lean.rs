//! Leaves out of a JSON object what it need not say.
//!
//! Which value a field has by default is known to the description of the file alone, and often depends on other fields. So
//! it is not looked up: a field is left out, the object is read again, and if it still means the same, the field stays out.

use serde_json::Value as Json;

use super::read::{Node, Positions, syntax};
use super::shape::Shape;
use crate::base::Place;

/// What a JSON value means; `None` if it is not allowed. All places are alike, apart from their paths.
pub(super) fn meaning<T>(written: &Json, shape: &Shape<T>) -> Option<T> {
    let text = written.to_string();
    let positions = Positions::Elsewhere(Place::default());
    let node = Node { value: &syntax(&text).ok()?, place: Place::default(), positions: &positions };
    shape.read(&node).ok()
}

/// The object without the fields, its own or those of objects in it, that make no difference to what it means.
pub(super) fn lean<T: PartialEq>(mut object: Json, read: impl Fn(&Json) -> Option<T>) -> Json {
    // What cannot be read is left as it is, for the complaint to be about all of it.
    let Some(meant) = read(&object) else { return object };
    for path in paths(&object) {
        let mut shorter = object.clone();
        if remove(&mut shorter, &path) && read(&shorter).as_ref() == Some(&meant) {
            object = shorter;
        }
    }
    object
}

/// The paths of all fields, of objects before those in them.
fn paths(object: &Json) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        paths.push(vec![name.clone()]);
        paths.extend(self::paths(value).into_iter().map(|inner| [vec![name.clone()], inner].concat()));
    }
    paths
}

/// Whether there was something to remove.
fn remove(object: &mut Json, path: &[String]) -> bool {
    let Some((last, outer)) = path.split_last() else { return false };
    let inside = outer.iter().try_fold(object, |object, name| object.get_mut(name));
    // Not `remove`: the fields that stay keep their order.
    inside.and_then(Json::as_object_mut).is_some_and(|fields| fields.shift_remove(last).is_some())
}
