//! YAML: a tree with positions, an editor that changes only the intended values, and a writer; and
//! TOML as the same tree. It depends on no other module.

mod edit;
mod editor;
pub(crate) mod parse;
mod path;
mod template;
mod toml;
mod tree;
mod writer;

pub(crate) use edit::{Edit, Step, apply, at, get};
pub(crate) use editor::{annotate, documents, edit};
pub(crate) use path::Tree;
pub(crate) use template::{guarded, unguarded, without_template_lines};
pub(crate) use toml::{edit_toml, load_toml, toml_value};
pub(crate) use tree::{Broken, Node, Offset, Span, Value, load};
pub(crate) use writer::{Page, scalar, write, write_blocks};
