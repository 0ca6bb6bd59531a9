//! A layer in characters, as wide as its packets: around one middle, so that a neck is seen.

use crate::diagnosis::Layer;
use crate::report::scale::{Scale, is_on_the_way};
use crate::report::terminal::Style;

/// What hangs over the carrier is marked, and what packets do not pass is only hinted at.
pub(super) fn draw(layer: &Layer, scale: &Scale, room: usize, style: &Style) -> String {
    let Some(mtu) = layer.mtu else {
        return String::new();
    };
    // Even numbers, so that all of them have one middle; what is narrower is seen to be.
    let half = |mtu: i64| {
        let share = scale.share(mtu);
        let half = (share * room as f64 / 2.0).round() as usize;
        half.clamp(1, room / 2 - usize::from(share < 1.0))
    };
    let carrier = layer.carrier.as_ref().filter(|_| layer.inverted);
    let fits = carrier.map_or(half(mtu), |carrier| half(carrier.mtu));
    let over = match layer.inverted {
        true => half(mtu).saturating_sub(fits).max(1),
        false => 0,
    };
    let fits = fits.min((room / 2).saturating_sub(over));
    let (body, beyond) = match (style.unicode, is_on_the_way(layer)) {
        (true, true) => ("█", "▒"),
        (true, false) => ("░", "▒"),
        (false, true) => ("#", "x"),
        (false, false) => (".", "x"),
    };
    let margin = " ".repeat(room / 2 - fits - over);
    let beyond = beyond.repeat(over);
    let whole = format!("{beyond}{}{beyond}", body.repeat(2 * fits));
    if !scale.is_cut(mtu) {
        return margin + &whole;
    }
    let inner: String = whole.chars().skip(1).take(2 * (fits + over) - 2).collect();
    match style.unicode {
        true => format!("{margin}‹{inner}›"),
        false => format!("{margin}<{inner}>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Carrier, LayerKind};

    fn drawn(mtu: i64, carrier: Option<i64>, unicode: bool) -> String {
        let all = [1450, 1500].map(|mtu| Layer {
            mtu: Some(mtu),
            ..Layer::new(LayerKind::PodNetwork, 1)
        });
        let layer = Layer {
            mtu: Some(mtu),
            inverted: carrier.is_some_and(|carrier| mtu > carrier),
            carrier: carrier.map(|mtu| Carrier {
                name: "eth0".into(),
                mtu,
            }),
            ..Layer::new(LayerKind::DockerNetwork, 2)
        };
        let style = Style {
            width: 80,
            color: false,
            unicode,
            ..Style::PLAIN
        };
        let scale = Scale::of(&all).expect("a scale");
        draw(&layer, &scale, 10, &style)
    }

    #[test]
    fn the_neck_is_in_the_middle() {
        assert_eq!(drawn(1450, Some(1450), true), "  ██████");
        assert_eq!(drawn(1500, Some(1450), true), "▒▒██████▒▒");
        assert_eq!(drawn(1500, Some(1450), false), "xx######xx");
        assert_eq!(drawn(1500, None, false), "..........");
        assert_eq!(drawn(9000, Some(1450), false), "<x######x>");
        // A few bytes too many are seen too.
        assert_eq!(drawn(1452, Some(1450), false), " x######x");
    }
}
