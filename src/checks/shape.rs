//! The attributes that a document has, read from its JSON Schema, so that a mistyped one is found.

use schemars::Schema;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a value looks like, as far as its attributes go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Object(BTreeMap<String, Shape>),
    List(Box<Shape>),
    /// A number, a text, true or false.
    Leaf,
    /// It may have any attributes.
    Any,
}

impl Shape {
    pub(crate) fn of(schema: Schema) -> Shape {
        let root = schema.to_value();
        let definitions = root
            .get("$defs")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        read(&root, &definitions)
    }

    /// The attributes of an object.
    pub(crate) fn attributes(&self) -> Vec<&str> {
        match self {
            Shape::Object(attributes) => attributes.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// What the elements of a list look like.
    pub(crate) fn element(&self) -> Shape {
        match self {
            Shape::List(element) => (**element).clone(),
            _ => Shape::Any,
        }
    }
}

fn read(schema: &Value, definitions: &Map<String, Value>) -> Shape {
    if schema.get("$ref").is_some() {
        let definition = defined(schema, definitions);
        return definition.map_or(Shape::Any, |definition| read(definition, definitions));
    }
    let variants = schema.get("anyOf").or_else(|| schema.get("oneOf"));
    if let Some(variants) = variants.and_then(Value::as_array) {
        let shapes = variants
            .iter()
            .filter(|variant| !is_hole(variant, definitions))
            .map(|variant| read(variant, definitions));
        return shapes.fold(Shape::Leaf, merge);
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let attributes = properties
            .iter()
            .map(|(name, schema)| (name.clone(), read(schema, definitions)));
        return Shape::Object(attributes.collect());
    }
    if let Some(items) = schema.get("items") {
        return Shape::List(Box::new(read(items, definitions)));
    }
    match schema.get("type") {
        Some(kind) if kind != "object" => Shape::Leaf,
        _ if schema.get("enum").is_some() || schema.get("const").is_some() => Shape::Leaf,
        _ => Shape::Any,
    }
}

/// The written form of a value that was not observed: it stands beside every observed one and is
/// nothing that an expression asks for. A reason may hold another, so it is not read.
fn is_hole(schema: &Value, definitions: &Map<String, Value>) -> bool {
    let schema = defined(schema, definitions).unwrap_or(schema);
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.is_some_and(|properties| properties.keys().eq(["unobserved"]))
}

/// What a reference refers to.
fn defined<'a>(schema: &Value, definitions: &'a Map<String, Value>) -> Option<&'a Value> {
    let name = schema.get("$ref")?.as_str()?;
    definitions.get(name.trim_start_matches("#/$defs/"))
}

fn merge(one: Shape, other: Shape) -> Shape {
    match (one, other) {
        (Shape::Leaf, other) => other,
        (one, Shape::Leaf) => one,
        (Shape::Object(mut one), Shape::Object(other)) => {
            one.extend(other);
            Shape::Object(one)
        }
        (Shape::List(one), Shape::List(other)) => Shape::List(Box::new(merge(*one, *other))),
        _ => Shape::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Evidence;
    use crate::facts::NetworkFacts;
    use schemars::schema_for;

    #[test]
    fn an_observed_value_has_the_shape_of_the_value() {
        let Shape::Object(network) = Shape::of(schema_for!(NetworkFacts)) else {
            panic!("a network has attributes");
        };
        assert_eq!(network["mtu"], Shape::Leaf);
        assert_eq!(network["engine_mtu"], Shape::Leaf);
        assert_eq!(network["carrier"].attributes(), ["mtu", "name"]);
    }

    #[test]
    fn lists_and_maps_are_told_apart() {
        let Shape::Object(evidence) = Shape::of(schema_for!(Evidence)) else {
            panic!("evidence has attributes");
        };
        let Shape::Object(runner) = evidence["runners"].element() else {
            panic!("a runner has attributes");
        };
        let Shape::Object(container) = runner["containers"].element() else {
            panic!("a container has attributes");
        };
        assert_eq!(container["env"], Shape::Any);
        assert!(runner["engines"].element().attributes().contains(&"path"));
    }
}
