//! YAML: a tree with positions, an editor that changes only what is meant, and a writer; and TOML as
//! the same tree. It knows no other room.

mod edit;
mod editor;
mod template;
mod toml;
mod tree;
mod writer;

pub(crate) use edit::{Edit, Step, apply, at, get};
pub(crate) use editor::{annotate, documents, edit};
pub(crate) use template::{guarded, unguarded, without_template_lines};
pub(crate) use toml::load_toml;
pub(crate) use tree::{Broken, Node, Offset, Span, Value, load};
pub(crate) use writer::{Page, scalar, write};
