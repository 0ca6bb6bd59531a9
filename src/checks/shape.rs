//! The attributes of a document, read from its JSON Schema, to detect mistyped ones.

use schemars::Schema;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The shape of a value: its attributes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Object(BTreeMap<String, Shape>),
    List(Box<Shape>),
    /// A number, a string or a boolean.
    Leaf,
    /// A value with arbitrary attributes.
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
        let mut reader = Reader {
            definitions: &definitions,
            open: Vec::new(),
        };
        reader.read(&root)
    }

    pub(crate) fn attributes(&self) -> Vec<&str> {
        match self {
            Shape::Object(attributes) => attributes.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The shape of a list's elements.
    pub(crate) fn element(&self) -> Shape {
        match self {
            Shape::List(element) => (**element).clone(),
            _ => Shape::Any,
        }
    }
}

struct Reader<'a> {
    definitions: &'a Map<String, Value>,
    /// The definitions being read: a recursive one is not followed again.
    open: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, schema: &'a Value) -> Shape {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            return self.definition(name.trim_start_matches("#/$defs/"));
        }
        let variants = schema.get("anyOf").or_else(|| schema.get("oneOf"));
        if let Some(variants) = variants.and_then(Value::as_array) {
            let mut shape = Shape::Leaf;
            for variant in variants {
                if !self.is_gap(variant) {
                    shape = merge(shape, self.read(variant));
                }
            }
            return shape;
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let attributes = properties
                .iter()
                .map(|(name, schema)| (name.clone(), self.read(schema)));
            return Shape::Object(attributes.collect());
        }
        if let Some(items) = schema.get("items") {
            return Shape::List(Box::new(self.read(items)));
        }
        match schema.get("type") {
            Some(kind) if kind != "object" => Shape::Leaf,
            _ if schema.get("enum").is_some() || schema.get("const").is_some() => Shape::Leaf,
            _ => Shape::Any,
        }
    }

    /// The serialized form of an unobserved value: a variant of every observed value, which no
    /// expression refers to.
    fn is_gap(&self, variant: &Value) -> bool {
        let name = variant.get("$ref").and_then(Value::as_str);
        let named = name.and_then(|name| self.definitions.get(name.trim_start_matches("#/$defs/")));
        let properties = named.unwrap_or(variant).get("properties");
        let properties = properties.and_then(Value::as_object);
        properties.is_some_and(|all| all.len() == 1 && all.contains_key("unobserved"))
    }

    fn definition(&mut self, name: &'a str) -> Shape {
        let definition = self.definitions.get(name);
        let Some(definition) = definition.filter(|_| !self.open.contains(&name)) else {
            return Shape::Any;
        };
        self.open.push(name);
        let shape = self.read(definition);
        self.open.pop();
        shape
    }
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
