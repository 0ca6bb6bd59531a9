//! YAML: a tree with positions, an editor that changes only the intended values, and a writer. It
//! depends on no other module.

mod edit;
mod editor;
mod template;
mod tree;
mod writer;

pub(crate) use edit::{Edit, Step, apply, at, get};
pub(crate) use editor::{annotate, documents, edit};
pub(crate) use template::{guarded, unguarded, without_template_lines};
pub(crate) use tree::{Broken, Node, Offset, Span, Value, load};
pub(crate) use writer::{Page, scalar, write};
