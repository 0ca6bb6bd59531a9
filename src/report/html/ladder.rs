//! The diagram of layers from the node uplink down, each as wide as its MTU, so that the bottleneck
//! and the layers that do not fit through it are visible.

use super::text::text;
use crate::diagnosis::Layer;
use crate::report::scale::{Scale, is_on_the_way};
use std::fmt::Write;

/// Width and height of a drawing; it is stretched to the available space.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;
/// The funnel between a layer and the one above.
const FUNNEL: f64 = 26.0;
/// The smallest width that is visible on a phone.
const SEEN: f64 = 24.0;
const MOST_INDENT: usize = 8;

/// A finding of a layer: its anchor in the page, and its label.
pub(super) struct Mark<'a> {
    pub id: String,
    pub class: &'static str,
    pub sign: &'static str,
    pub check: &'a str,
}

pub(super) fn write(out: &mut String, id: &str, layers: &[Layer], marks: &[Vec<Mark<'_>>]) {
    let scale = Scale::of(layers);
    let necks = necks(layers);
    // Writing into a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "<ol class=\"ladder\" aria-label=\"Layers from the node uplink down\">"
    );
    // The last layer on the path: layers off the path do not change the shape.
    let mut above: Option<f64> = None;
    let mut engine: Option<&str> = None;
    for (at, layer) in layers.iter().enumerate() {
        let _ = writeln!(
            out,
            "<li id=\"{id}-l{at}\" class=\"layer {}\">",
            class(layer, necks.contains(&at))
        );
        let drawn = draw(out, layer, scale.as_ref(), above);
        let opens = layer.engine.is_some() && layer.engine.as_deref() != engine;
        engine = layer.engine.as_deref().or(engine);
        say(out, layer, opens, necks.contains(&at), &marks[at]);
        out.push_str("</li>\n");
        above = drawn.or(above);
    }
    out.push_str("</ol>\n");
    write_legend(out, layers, !necks.is_empty());
    write_scale(out, scale.as_ref());
}

/// The legend of the colors in use.
fn write_legend(out: &mut String, layers: &[Layer], has_neck: bool) {
    let inverted = |clamped| {
        let mut layers = layers.iter();
        layers.any(|layer| layer.inverted && layer.clamped == clamped)
    };
    let keys = [
        (
            has_neck,
            "neck",
            "bottleneck: the smallest MTU on the path out",
        ),
        (inverted(false), "over", "more than the path out carries"),
        (
            inverted(true),
            "clamp",
            "more than the path out carries; TCP is clamped to fit",
        ),
        (
            layers.iter().any(|layer| !is_on_the_way(layer)),
            "off",
            "not on the path out, or not known",
        ),
    ];
    let keys: Vec<String> = keys
        .iter()
        .filter(|(there, ..)| *there)
        .map(|(_, class, words)| {
            format!("<li><span class=\"key {class}-key\"></span> {words}</li>")
        })
        .collect();
    if !keys.is_empty() {
        let _ = writeln!(
            out,
            "<ul class=\"legend\" aria-label=\"Colors\">{}</ul>",
            keys.concat()
        );
    }
}

fn write_scale(out: &mut String, scale: Option<&Scale>) {
    let Some(scale) = scale.filter(|scale| !scale.is_flat()) else {
        return;
    };
    let from = match scale.floor {
        0 => String::new(),
        floor => format!(" from {floor} bytes"),
    };
    let cut = match scale.cuts {
        true => "; much larger MTUs are cut off",
        false => "",
    };
    let _ = writeln!(
        out,
        "<p class=\"scale\">Drawn to scale{from}{cut}; the dashed lines show the MTU of a network's path out.</p>"
    );
}

/// The bottlenecks: layers that others do not fit through.
fn necks(layers: &[Layer]) -> Vec<usize> {
    let carriers = layers.iter().filter(|layer| layer.inverted);
    let carriers: Vec<i64> = carriers
        .filter_map(|layer| Some(layer.carrier.as_ref()?.mtu))
        .collect();
    let is_neck = |layer: &Layer| {
        let narrow = layer.mtu.is_some_and(|mtu| carriers.contains(&mtu));
        narrow && is_on_the_way(layer) && !layer.inverted
    };
    // Packets are dropped at the outermost layer of this width.
    let mut necks: Vec<usize> = Vec::new();
    for (at, layer) in layers.iter().enumerate() {
        let known = necks.iter().any(|neck| layers[*neck].mtu == layer.mtu);
        if is_neck(layer) && !known {
            necks.push(at);
        }
    }
    necks
}

fn class(layer: &Layer, neck: bool) -> &'static str {
    match layer.kind {
        _ if layer.inverted && layer.clamped => "clamped",
        _ if layer.inverted => "inverted",
        _ if neck => "neck",
        _ if is_on_the_way(layer) => "fits",
        _ => "aside",
    }
}

/// Returns the drawn width of a layer on the path.
fn draw(out: &mut String, layer: &Layer, scale: Option<&Scale>, above: Option<f64>) -> Option<f64> {
    let _ = write!(
        out,
        "<div class=\"draw\" aria-hidden=\"true\"><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\" focusable=\"false\">"
    );
    let sizes = layer.mtu.zip(scale);
    let drawn = sizes.and_then(|(mtu, scale)| draw_bar(out, layer, scale, mtu, above));
    out.push_str("</svg>");
    let size = layer.mtu.map_or("?".to_owned(), |mtu| mtu.to_string());
    let _ = writeln!(out, "<span class=\"size\">{size}</span></div>");
    drawn
}

fn draw_bar(
    out: &mut String,
    layer: &Layer,
    scale: &Scale,
    mtu: i64,
    above: Option<f64>,
) -> Option<f64> {
    let share = scale.share(mtu);
    if !is_on_the_way(layer) {
        rect(out, "off", half(share), (28.0, 72.0));
        return None;
    }
    let carrier = layer.carrier.as_ref().map(|c| scale.share(c.mtu));
    let fits = carrier.filter(|_| layer.inverted).unwrap_or(share);
    if fits < share {
        // An excess of only a few bytes must be visible too.
        rect(
            out,
            "over",
            half(share).max(half(fits) + SEEN),
            (FUNNEL, HEIGHT - 8.0),
        );
    }
    let (top, side, middle) = (half(above.unwrap_or(fits)), half(fits), WIDTH / 2.0);
    let _ = write!(
        out,
        "<path class=\"in\" d=\"M{:.0} 0H{:.0}L{:.0} {FUNNEL}V{HEIGHT}H{:.0}V{FUNNEL}z\"/>",
        middle - top,
        middle + top,
        middle + side,
        middle - side
    );
    if scale.is_cut(mtu) {
        for x in [60.0, WIDTH - 80.0] {
            let down = HEIGHT - 4.0;
            let _ = write!(out, "<path class=\"cut\" d=\"M{x} {down}l20 -{down}\"/>");
        }
    }
    for x in carrier
        .into_iter()
        .flat_map(|c| [middle - half(c), middle + half(c)])
    {
        let _ = write!(out, "<path class=\"limit\" d=\"M{x:.0} 0V{HEIGHT}\"/>");
    }
    Some(fits)
}

/// Half of a layer's width: drawings are centered, with a margin beside the widest.
fn half(share: f64) -> f64 {
    share * (WIDTH / 2.0 - SEEN)
}

fn rect(out: &mut String, class: &str, half: f64, (top, bottom): (f64, f64)) {
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{:.0}\" y=\"{top}\" width=\"{:.0}\" height=\"{}\"/>",
        WIDTH / 2.0 - half,
        2.0 * half,
        bottom - top
    );
}

fn say(out: &mut String, layer: &Layer, opens: bool, neck: bool, marks: &[Mark<'_>]) {
    let indent = layer.depth.min(MOST_INDENT);
    let _ = write!(out, "<div class=\"say i{indent}\">");
    let engine = layer
        .engine
        .as_deref()
        .filter(|e| opens && *e != layer.name);
    if let Some(engine) = engine {
        let runs = text(layer.runs.as_deref().unwrap_or_default());
        let _ = write!(
            out,
            "<p class=\"engine\"><b>{}</b> <span>{runs}</span></p>",
            text(engine)
        );
    }
    let size = layer
        .mtu
        .map_or("MTU not known".to_owned(), |mtu| format!("MTU {mtu}"));
    let _ = write!(
        out,
        "<p class=\"net\">{}<b>{}</b> <span class=\"vh\">{size}</span>",
        layer.kind.lead(),
        text(&layer.name)
    );
    if neck {
        out.push_str(" <span class=\"tag\">bottleneck</span>");
    }
    out.push_str("</p>");
    for line in remarks(layer, engine.is_some()) {
        let _ = write!(out, "<p class=\"note\">{line}</p>");
    }
    for mark in marks {
        let _ = write!(
            out,
            "<a class=\"mark {}\" href=\"#{}\"><span aria-hidden=\"true\">{}</span> {}</a> ",
            mark.class,
            mark.id,
            mark.sign,
            text(mark.check)
        );
    }
    out.push_str("</div>\n");
}

fn remarks(layer: &Layer, engine_is_said: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(mtu), Some(carrier), true) = (layer.mtu, &layer.carrier, layer.inverted) {
        lines.push(format!(
            "{} bytes more than {}, which carries {}",
            mtu.saturating_sub(carrier.mtu),
            text(&carrier.name),
            carrier.mtu
        ));
        if layer.clamped {
            lines.push("TCP MSS is clamped by a TCPMSS rule".to_owned());
        }
    }
    let shown_above = layer.engine.is_some() && !engine_is_said;
    let runs = layer
        .runs
        .as_deref()
        .filter(|_| layer.engine.is_none() && !shown_above);
    lines.extend(runs.map(text));
    lines.extend(layer.note.as_deref().map(text));
    lines.retain(|line| !line.is_empty());
    lines
}
