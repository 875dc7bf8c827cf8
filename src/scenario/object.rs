//! How an object of the file is described: field by field, once, by a function that can be run in three ways.
//!
//! A description is a plain function that takes an [`Object`] and asks it for fields by name, with a line
//! of documentation, a [`Shape`] and a default. Given an object from a file it *reads*; otherwise it only
//! *lists* what there is (to recognise unknown names), or *describes* it (for the JSON Schema). So the
//! parser, the suggestions, the defaults and the schema cannot disagree.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use serde_json::{Map, Value as Json, json};

use super::read::{Node, Positions, joined, quoted, syntax};
use super::schema;
use super::shape::{Shape, text};
use crate::base::{Place, Problem, nearest};

/// An object that is read, listed or described.
pub(super) struct Object<'a> {
    mode: Mode<'a>,
    fields: Vec<Entry>,
    /// Whether fields that are not described are allowed.
    open: bool,
}

enum Mode<'a> {
    Read(Node<'a>),
    List,
    Describe,
}

struct Entry {
    name: &'static str,
    required: bool,
    /// Only when describing.
    schema: Json,
}

/// A field that was asked for; what remains to be said is what holds if it is not there.
pub(super) struct Field<'o, 'a, T> {
    object: &'o mut Object<'a>,
    name: &'static str,
    doc: &'static str,
    shape: Shape<T>,
}

impl<'a> Object<'a> {
    /// Asks for a field.
    pub fn field<T>(&mut self, name: &'static str, doc: &'static str, shape: Shape<T>) -> Field<'_, 'a, T> {
        Field { object: self, name, doc, shape }
    }

    /// Asks for all other fields: what they mean is decided elsewhere.
    pub fn rest<T>(&mut self, doc: &'static str, shape: Shape<T>) -> Result<Vec<(String, T)>, Problem> {
        self.open = true;
        let Mode::Read(node) = &self.mode else {
            let mut schema = shape.schema();
            schema["description"] = json!(doc);
            self.fields.push(Entry { name: "*", required: false, schema });
            return Ok(Vec::new());
        };
        let others = names(node).filter(|name| *name != "why" && !self.fields.iter().any(|f| f.name == *name));
        others.map(|name| Ok((name.to_owned(), shape.read(&node.child(name).expect("it has this name"))?))).collect()
    }

    /// Where the object is.
    pub fn place(&self) -> Place {
        match &self.mode {
            Mode::Read(node) => node.place.clone(),
            _ => Place::default(),
        }
    }

    /// Where the value of a field is, if it is written.
    pub fn written(&self, name: &str) -> Option<Place> {
        match &self.mode {
            Mode::Read(node) => node.child(name).map(|child| child.place),
            _ => None,
        }
    }

    /// Whether there is an object at all; if not, nothing is found in it and nothing is wrong with it.
    pub fn is_written(&self) -> bool {
        matches!(self.mode, Mode::Read(_))
    }

    /// Where the value of a field is, or would be.
    pub fn place_of(&self, name: &str) -> Place {
        self.written(name).unwrap_or_else(|| {
            let place = self.place();
            Place { path: joined(&place.path, name), ..place }
        })
    }

    /// A complaint about a field, whether it is written or not.
    pub fn wrong(&self, name: &str, found: impl Into<String>, allowed: impl Into<String>) -> Problem {
        Problem::at(self.place_of(name), found, allowed)
    }

    fn new(mode: Mode<'a>) -> Self {
        Self { mode, fields: Vec::new(), open: false }
    }

    /// Every object may say why it is there.
    fn why(&mut self) -> Result<(), Problem> {
        if self.fields.iter().all(|f| f.name != "why") {
            self.field("why", "Why it is so: a remark for readers.", text()).optional()?;
        }
        Ok(())
    }

    fn into_schema(self) -> Json {
        let mut properties = Map::new();
        let mut others = json!(false);
        let mut required = Vec::new();
        for field in self.fields {
            if field.required {
                required.push(field.name);
            }
            match field.name {
                "*" => others = field.schema,
                name => drop(properties.insert(name.to_owned(), field.schema)),
            }
        }
        let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": others});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }
}

impl<T> Field<'_, '_, T> {
    /// It must be there.
    pub fn required(mut self) -> Result<T, Problem> {
        self.describe(true, None);
        let Mode::Read(node) = &self.object.mode else { return Ok(self.shape.sample()) };
        match node.child(self.name) {
            Some(child) => self.shape.read(&child),
            None => {
                let found = format!("\"{}\" is missing", self.name);
                let doc = self.doc.trim_end_matches('.');
                let (first, rest) = doc.split_at(doc.chars().next().map_or(0, char::len_utf8));
                let allowed = format!("add it: {}{rest}", first.to_lowercase());
                Err(Problem::at(node.place.clone(), found, allowed))
            }
        }
    }

    /// `None` if it is not there.
    pub fn optional(mut self) -> Result<Option<T>, Problem> {
        self.describe(false, None);
        let Mode::Read(node) = &self.object.mode else { return Ok(None) };
        node.child(self.name).map(|child| self.shape.read(&child)).transpose()
    }

    /// This, as it would be written, if it is not there.
    pub fn or(mut self, default: impl Into<Json>) -> Result<T, Problem> {
        let default = default.into();
        let written = default.to_string();
        self.describe(false, Some(default));
        let mut place = self.object.place();
        if let Mode::Read(node) = &self.object.mode {
            if let Some(child) = node.child(self.name) {
                return self.shape.read(&child);
            }
            place.path = joined(&node.place.path, self.name);
        }
        let value = syntax(&written).expect("defaults are JSON");
        let positions = Positions::Elsewhere(place.clone());
        self.shape.read(&Node { value: &value, place, positions: &positions })
    }

    fn describe(&mut self, required: bool, default: Option<Json>) {
        let mut schema = Json::Null;
        if let Mode::Describe = self.object.mode {
            schema = self.shape.schema();
            schema["description"] = json!(self.doc);
            if let Some(default) = default {
                schema["default"] = default;
            }
        }
        self.object.fields.push(Entry { name: self.name, required, schema });
    }
}

/// An object with the fields that `decode` asks for, and `why`.
pub(super) fn record<T: 'static>(decode: fn(&mut Object<'_>) -> Result<T, Problem>) -> Shape<T> {
    let sample = move || decode(&mut Object::new(Mode::List)).expect("a description accepts its own samples");
    let schema = move || run(decode, Mode::Describe).into_schema();
    let read = move |node: &Node<'_>| {
        let known = run(decode, Mode::List);
        if node.value.as_object().is_none() {
            return Err(node.wrong(format!("write an object with {}", some(&known))));
        }
        only_once(node)?;
        if let Some(name) = names(node).find(|name| !known.open && known.fields.iter().all(|f| f.name != *name)) {
            return Err(unknown(node, name, &known));
        }
        let mut object = Object::new(Mode::Read(node.clone()));
        let value = decode(&mut object)?;
        object.why()?;
        Ok(value)
    };
    Shape::new(sample, schema, read)
}

/// An object whose field names are free, apart from `why`.
pub(super) fn entries<T: 'static>(each: Shape<T>) -> Shape<Vec<(String, T)>> {
    let each = std::rc::Rc::new(each);
    let described = each.clone();
    let schema = move || {
        let why = json!({"type": "string"});
        json!({"type": "object", "properties": {"why": why}, "additionalProperties": described.schema()})
    };
    let read = move |node: &Node<'_>| {
        only_once(node)?;
        if let Some(why) = node.child("why") {
            text().read(&why)?;
        }
        let named = names(node).filter(|name| *name != "why");
        named.map(|name| Ok((name.to_owned(), each.read(&node.child(name).expect("it has this name"))?))).collect()
    };
    Shape::new(Vec::new, schema, read)
}

/// Runs a description for the sake of its fields.
fn run<T>(decode: fn(&mut Object<'_>) -> Result<T, Problem>, mode: Mode<'static>) -> Object<'static> {
    let mut object = Object::new(mode);
    let accepted = decode(&mut object).is_ok() && object.why().is_ok();
    assert!(accepted, "a description accepts its own samples");
    object
}

/// Some of its fields: those that must be there, or else the first ones.
fn some(object: &Object<'_>) -> String {
    let fields = || object.fields.iter().filter(|field| field.name != "why");
    let required: Vec<_> = fields().filter(|field| field.required).map(|field| field.name).collect();
    match required.is_empty() {
        true => fields().map(|field| field.name).take(3).collect::<Vec<_>>().join(", "),
        false => required.join(", "),
    }
}

fn names<'a>(node: &Node<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let properties = node.value.as_object().map_or(&[][..], |object| &object.properties);
    properties.iter().map(|property| property.name.as_str())
}

/// That it is an object, and no name occurs twice: JSON readers differ in which of the two they take.
fn only_once(node: &Node<'_>) -> Result<(), Problem> {
    let Some(object) = node.value.as_object() else { return Err(node.wrong("write an object")) };
    for (n, property) in object.properties.iter().enumerate() {
        let name = property.name.as_str();
        if let Some(first) = object.properties[..n].iter().find(|p| p.name.as_str() == name) {
            let line = node.positions.place(first.start(), String::new()).line;
            let found = format!("{} is written twice", quoted(name));
            return Err(Problem::at(key(node, property), found, format!("the first is in line {line}; keep one")));
        }
    }
    Ok(())
}

fn key(node: &Node<'_>, property: &ast::ObjectProp<'_>) -> Place {
    node.positions.place(property.start(), node.place.path.clone())
}

fn unknown(node: &Node<'_>, name: &str, known: &Object<'_>) -> Problem {
    let property = node.value.as_object().and_then(|o| o.properties.iter().find(|p| p.name.as_str() == name));
    let place = key(node, property.expect("it has this name"));
    let here = || known.fields.iter().map(|f| f.name);
    let allowed = if let Some(places) = schema::homes(name) {
        format!("{} belongs {places}", quoted(name))
    } else if let Some(near) = nearest(name, here()) {
        format!("did you mean {near:?}?")
    } else if let Some((near, places)) = schema::nearest_home(name) {
        format!("did you mean {near:?}, which belongs {places}?")
    } else {
        format!("the fields here are {}", here().collect::<Vec<_>>().join(", "))
    };
    Problem::at(place, format!("there is no field {} here", quoted(name)), allowed)
}
