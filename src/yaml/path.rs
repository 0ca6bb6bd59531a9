//! What both kinds of document have in common, so that one search serves a tree with positions and a
//! value that is edited.

use super::{Node, Step};
use serde_json::Value;

pub(crate) trait Tree: Sized {
    fn child(&self, key: &str) -> Option<&Self>;
    /// The elements of a list; none of anything else.
    fn elements(&self) -> &[Self];
    /// What lies directly inside, and the step that leads there.
    fn inside(&self) -> Vec<(Step, &Self)>;
}

impl Tree for Node {
    fn child(&self, key: &str) -> Option<&Node> {
        self.get(key)
    }

    fn elements(&self) -> &[Node] {
        self.items()
    }

    fn inside(&self) -> Vec<(Step, &Node)> {
        let keys = self.entries().iter();
        let keys = keys.filter_map(|(key, value)| Some((Step::Key(key.text()?.to_owned()), value)));
        let items = self.items().iter().enumerate();
        keys.chain(items.map(|(index, item)| (Step::Item(index), item)))
            .collect()
    }
}

impl Tree for Value {
    fn child(&self, key: &str) -> Option<&Value> {
        self.get(key)
    }

    fn elements(&self) -> &[Value] {
        self.as_array().map_or(&[][..], Vec::as_slice)
    }

    fn inside(&self) -> Vec<(Step, &Value)> {
        let keys = self.as_object().into_iter().flatten();
        let keys = keys.map(|(key, value)| (Step::Key(key.clone()), value));
        let items = self.elements().iter().enumerate();
        keys.chain(items.map(|(index, item)| (Step::Item(index), item)))
            .collect()
    }
}
