//! The layers of a runner from the node uplink down, with the bottleneck marked.

mod bar;

use super::page::Page;
use super::scale::Scale;
use super::terminal::{Ink, Mark, Style};
use crate::diagnosis::{Layer, LayerKind};
use crate::text::wrap::{width, wrap, wrap_phrases};
use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};
use std::cmp::Reverse;

/// The gap between two columns of the table.
const GUTTER: usize = 2;
/// The name of a program and its version.
const REMARK_ROOM: usize = 17;
/// The indentation of a layer inside another.
const STEP: usize = 2;
/// From this width on the diagram has its own column; below it, a short one follows the MTU.
const WIDE: usize = 76;
/// Below this width, what runs a layer is printed under its name.
const NARROW: usize = 60;

struct Row {
    mtu: String,
    /// A bar as wide as the layer's packets; empty if there is nothing to compare.
    bar: String,
    name: String,
    /// The name of an engine without its outer engines, if the full name takes too much room.
    brief: Option<String>,
    indent: usize,
    remark: String,
    ink: Ink,
}

impl Row {
    /// The full name, if it fits.
    fn shown(&self, room: usize) -> &str {
        let fits = self.indent + width(&self.name) <= room;
        let brief = self.brief.as_ref().filter(|_| !fits);
        brief.unwrap_or(&self.name)
    }
}

pub(super) fn write(page: &mut Page<'_>, layers: &[Layer]) {
    if layers.is_empty() {
        return;
    }
    let style = page.style;
    let rows = rows(layers, style);
    // The table colors its own cells, because it measures them first.
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).force_no_tty();
    if style.color {
        table.enforce_styling();
    }
    let (name_room, remark_room) = rooms(&rows, style.width);
    let drawn = bar_room(&rows) > 0;
    let stacked = style.width < NARROW;
    let mut header = vec!["   MTU", "LAYER", "WHAT RUNS IT"];
    if drawn {
        header.insert(1, "");
    }
    if stacked {
        header.pop();
    }
    table.set_header(header.into_iter().map(|title| cell(title.into(), Ink::Dim)));
    for (at, row) in rows.iter().enumerate() {
        let mut cells = vec![
            cell(row.mtu.clone(), row.ink),
            cell(name_lines(&rows, at, name_room, style), row.ink),
        ];
        if !stacked {
            let remark = wrap_phrases(&row.remark, remark_room).join("\n");
            cells.push(cell(remark, quiet(row.ink)));
        }
        if drawn {
            cells.insert(1, cell(row.bar.clone(), quiet(row.ink)));
        }
        table.add_row(cells);
    }
    for column in table.column_iter_mut() {
        column.set_padding((GUTTER as u16, 0));
        column.set_cell_alignment(CellAlignment::Left);
    }
    for line in table.lines() {
        page.line(&line);
    }
}

/// What runs a layer is less important than an excessive MTU, but must stay readable.
fn quiet(ink: Ink) -> Ink {
    match ink {
        Ink::Bold => Ink::Plain,
        other => other,
    }
}

fn cell(text: String, ink: Ink) -> Cell {
    let cell = Cell::new(text);
    match ink {
        Ink::Plain => cell,
        Ink::Bold => cell.add_attribute(Attribute::Bold),
        Ink::Dim => cell.add_attribute(Attribute::Dim),
        // The dark variants are the plain ANSI colors, which are readable in every theme.
        Ink::Bad => cell.fg(Color::DarkRed).add_attribute(Attribute::Bold),
        Ink::Doubtful => cell.fg(Color::DarkYellow),
        Ink::Good => cell.fg(Color::DarkGreen),
    }
}

/// A name with the tree lines on its left, wrapped inside them.
fn name_lines(rows: &[Row], at: usize, room: usize, style: &Style) -> String {
    let row = &rows[at];
    let goes_on = |indent: usize| {
        let mut below = rows[at + 1..].iter().take_while(|row| row.indent >= indent);
        below.any(|row| row.indent == indent)
    };
    let sign = |step: usize, first: bool| match (first && step == row.indent, goes_on(step)) {
        (true, true) => style.mark(Mark::Branch),
        (true, false) => style.mark(Mark::LastBranch),
        (false, true) => style.mark(Mark::Trunk),
        (false, false) => "  ",
    };
    let tree = |first| -> String {
        let steps = (1..=row.indent / STEP).map(|step| step * STEP);
        steps.map(|step| sign(step, first)).collect()
    };
    let room = room.saturating_sub(row.indent);
    let mut names = wrap(row.shown(room + row.indent), room, 0);
    if style.width < NARROW && !row.remark.is_empty() {
        names.extend(wrap_phrases(&row.remark, room));
    }
    let lines = names.iter().enumerate();
    let lines: Vec<_> = lines.map(|(n, name)| tree(n == 0) + name).collect();
    lines.join("\n")
}

/// The room left for names and remarks: names get what they need, as long as remarks stay readable.
fn rooms(rows: &[Row], total: usize) -> (usize, usize) {
    let widest = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let mtu = widest(|row| width(&row.mtu)).max(3) + 2;
    let bar = match bar_room(rows) {
        0 => 0,
        room => GUTTER + room,
    };
    let names = widest(|row| row.indent + width(&row.name));
    let remarks = widest(|row| width(&row.remark));
    if total < NARROW {
        return (total.saturating_sub(mtu + GUTTER), 0);
    }
    let left = total.saturating_sub(mtu + bar + 2 * GUTTER);
    let floor = (left * 2 / 5).max(REMARK_ROOM).min(remarks);
    let most = names.min(left.saturating_sub(floor));
    // Shortened names leave more room.
    let shown = rows.iter().map(|row| row.indent + width(row.shown(most)));
    let name_room = shown.max().unwrap_or(0).min(most);
    (name_room, left - name_room)
}

fn bar_room(rows: &[Row]) -> usize {
    rows.iter().map(|row| width(&row.bar)).max().unwrap_or(0)
}

fn rows(layers: &[Layer], style: &Style) -> Vec<Row> {
    let digits = layers
        .iter()
        .filter_map(|l| l.mtu)
        .map(|mtu| mtu.to_string().len());
    let digits = digits.max().unwrap_or(4).max(4);
    let necks: Vec<_> = (0..layers.len()).map(|at| neck_of(layers, at)).collect();
    let scale = Scale::of(layers).filter(|scale| !scale.is_flat());
    let mut rows = Vec::new();
    let mut engine: Option<&str> = None;
    for (at, layer) in layers.iter().enumerate() {
        if layer.engine.is_some() && layer.engine.as_deref() != engine {
            engine = layer.engine.as_deref();
            rows.extend(engine_row(layer, style));
        }
        let mut row = row(layer, necks.contains(&Some(at)), digits, style);
        row.remark = remark(layer, necks[at].is_some(), style);
        if let Some(scale) = scale.as_ref().filter(|_| style.width >= NARROW) {
            draw(&mut row, layer, scale, digits, style);
        }
        rows.push(row);
    }
    rows
}

/// The engine is listed once, above its networks.
fn engine_row(layer: &Layer, style: &Style) -> Option<Row> {
    let engine = layer
        .engine
        .as_deref()
        .filter(|engine| *engine != layer.name)?;
    Some(Row {
        mtu: String::new(),
        bar: String::new(),
        name: style.text(engine),
        brief: engine
            .rsplit_once('/')
            .map(|(_, last)| style.line("…/") + &style.text(last)),
        indent: indent(layer),
        remark: style.text(layer.runs.as_deref().unwrap_or_default()),
        ink: Ink::Bold,
    })
}

fn row(layer: &Layer, neck: bool, digits: usize, style: &Style) -> Row {
    let kind = layer.kind.lead();
    let indent = match layer.kind {
        LayerKind::NodeUplink => 0,
        LayerKind::NodeDocker | LayerKind::PodNetwork | LayerKind::OuterNetwork => STEP,
        LayerKind::DockerNetwork => indent(layer) + STEP,
        LayerKind::Unseen => indent(layer),
    };
    let (mark, ink) = ink_of(layer, neck);
    let mark = mark.map_or(" ", |mark| style.mark(mark));
    let mtu = match (layer.mtu, &layer.carrier) {
        (Some(mtu), Some(carrier)) if layer.inverted => {
            format!("{mark} {mtu:>digits$} > {}", carrier.mtu)
        }
        (Some(mtu), _) if neck => format!("{mark} {mtu:>digits$} {}", style.mark(Mark::Neck)),
        (Some(mtu), _) => format!("{mark} {mtu:>digits$}"),
        (None, _) => format!("  {:>digits$}", "?"),
    };
    Row {
        mtu,
        bar: String::new(),
        name: format!("{kind}{}", style.text(&layer.name)),
        brief: None,
        indent,
        remark: String::new(),
        ink,
    }
}

/// Draws a layer as wide as its MTU; what exceeds its carrier is marked.
fn draw(row: &mut Row, layer: &Layer, scale: &Scale, digits: usize, style: &Style) {
    if style.width >= WIDE {
        row.bar = bar::draw(layer, scale, 10, style);
        return;
    }
    let room = digits + 4;
    let words: String = row.mtu.chars().take(digits + 2).collect();
    row.mtu = format!("{words:room$}{}", bar::draw(layer, scale, 6, style));
}

fn ink_of(layer: &Layer, neck: bool) -> (Option<Mark>, Ink) {
    match layer.kind {
        _ if layer.inverted && layer.clamped => (Some(Mark::Warning), Ink::Doubtful),
        _ if layer.inverted => (Some(Mark::Wrong), Ink::Bad),
        _ if neck => (None, Ink::Bold),
        LayerKind::DockerNetwork if layer.carrier.is_some() => (Some(Mark::Fine), Ink::Plain),
        LayerKind::NodeUplink | LayerKind::PodNetwork | LayerKind::OuterNetwork
            if layer.mtu.is_some() =>
        {
            (None, Ink::Plain)
        }
        _ => (None, Ink::Dim),
    }
}

/// What runs the layer, and remarks on it; a network's engine is listed above it. A carrier that is not
/// among the layers is named here.
fn remark(layer: &Layer, neck_is_shown: bool, style: &Style) -> String {
    let owns_engine_row = layer
        .engine
        .as_ref()
        .is_some_and(|engine| *engine != layer.name);
    let runs = layer.runs.as_deref().filter(|_| !owns_engine_row);
    let wider = layer
        .carrier
        .as_ref()
        .filter(|_| layer.inverted && !neck_is_shown);
    let wider = wider.map(|carrier| format!("does not fit {}", carrier.name));
    let clamped =
        (layer.inverted && layer.clamped).then_some("TCP MSS is clamped by a TCPMSS rule");
    let parts = [runs, wider.as_deref(), clamped, layer.note.as_deref()];
    let parts: Vec<_> = parts
        .into_iter()
        .flatten()
        .map(|part| style.text(part))
        .collect();
    parts.join(if style.unicode { " · " } else { " - " })
}

/// An engine is indented in the engine that runs it, next to its networks: the carrier shows which of
/// them carries it.
fn indent(layer: &Layer) -> usize {
    layer.depth.clamp(1, 12) * STEP
}

/// The layer above that carries an inverted one: of that width, the outermost on the packets' path, as
/// named by the MTU path.
fn neck_of(layers: &[Layer], at: usize) -> Option<usize> {
    let layer = &layers[at];
    let carrier = layer.carrier.as_ref().filter(|_| layer.inverted)?;
    let on_the_way = |above: &Layer| match (&above.engine, &layer.engine) {
        (Some(above), Some(engine)) => engine.starts_with(&format!("{above}/")),
        (above, _) => above.is_none(),
    };
    let carries = |(_, above): &(usize, &Layer)| {
        above.depth < layer.depth
            && above.mtu == Some(carrier.mtu)
            && above.kind != LayerKind::NodeDocker
            && on_the_way(above)
    };
    let above = layers[..at].iter().enumerate().filter(carries);
    let likely =
        |(index, above): &(usize, &Layer)| (above.kind != LayerKind::NodeUplink, Reverse(*index));
    above.max_by_key(likely).map(|(index, _)| index)
}
