//! The scale of the layers diagram: the width of a layer is its MTU, so that a bottleneck is
//! visible.

use crate::diagnosis::{Layer, LayerKind};

/// How wide the narrowest is drawn where the sizes differ by little.
const NARROWEST: f64 = 0.6;
/// The scale begins at a multiple of this.
const STEP: f64 = 25.0;
/// What is so many times as wide as the narrowest would make the rest too small to see: it is cut.
const CUT: i64 = 2;

/// From `floor`, which is drawn as nothing, to what fills all there is.
pub(super) struct Scale {
    pub floor: i64,
    narrowest: i64,
    /// The widest that is not cut.
    widest: i64,
    /// Something is cut: it alone fills all there is.
    pub cuts: bool,
    top: i64,
}

impl Scale {
    /// None where there is nothing to draw.
    pub fn of(layers: &[Layer]) -> Option<Scale> {
        let mtus = layers.iter().filter_map(|layer| layer.mtu);
        let carriers = layers.iter().filter_map(|layer| layer.carrier.as_ref());
        let all = mtus.chain(carriers.map(|carrier| carrier.mtu));
        let all: Vec<i64> = all.filter(|mtu| *mtu > 0).collect();
        let narrowest = *all.iter().min()?;
        let whole = all.iter().filter(|mtu| **mtu / CUT <= narrowest);
        let widest = whole.copied().max()?;
        let cuts = all.iter().any(|mtu| *mtu > widest);
        let top = match cuts {
            true => widest.saturating_add((widest - narrowest).max(narrowest / 10)),
            false => widest,
        };
        let floor = (narrowest as f64 - NARROWEST * top as f64) / (1.0 - NARROWEST);
        let floor = match narrowest == top {
            true => 0,
            false => ((floor / STEP).floor() * STEP).max(0.0) as i64,
        };
        Some(Scale {
            floor,
            narrowest,
            widest,
            cuts,
            top,
        })
    }

    /// How much of the room a layer takes, up to 1.
    pub fn share(&self, mtu: i64) -> f64 {
        if self.is_cut(mtu) {
            return 1.0;
        }
        mtu.saturating_sub(self.floor) as f64 / (self.top - self.floor).max(1) as f64
    }

    pub fn is_cut(&self, mtu: i64) -> bool {
        mtu > self.widest
    }

    /// All are equally wide: there is no neck to see.
    pub fn is_flat(&self) -> bool {
        self.narrowest == self.top
    }
}

/// Packets of builds pass through it, so that it is part of the bottle.
pub(super) fn is_on_the_way(layer: &Layer) -> bool {
    match layer.kind {
        LayerKind::NodeDocker | LayerKind::Unseen => false,
        LayerKind::DockerNetwork => layer.carrier.is_some(),
        LayerKind::NodeUplink | LayerKind::PodNetwork | LayerKind::OuterNetwork => true,
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;
    use crate::diagnosis::{Layer, LayerKind};

    fn scale(mtus: &[i64]) -> Scale {
        let layer = |mtu: &i64| Layer {
            mtu: Some(*mtu),
            ..Layer::new(LayerKind::NodeUplink, 0)
        };
        let layers: Vec<Layer> = mtus.iter().map(layer).collect();
        Scale::of(&layers).expect("there are layers")
    }

    #[test]
    fn a_small_difference_is_seen_and_a_large_one_is_true() {
        let near = scale(&[1500, 1450]);
        assert_eq!(near.floor, 1375);
        assert!((near.share(1450) - 0.6).abs() < 1e-9);
        let far = scale(&[1500, 900]);
        assert_eq!(far.floor, 0);
        assert!((far.share(900) - 0.6).abs() < 1e-9);
    }

    #[test]
    fn what_is_far_wider_is_cut_and_still_the_widest() {
        for wide in [9000, 65520] {
            let scale = scale(&[wide, 1500, 1450]);
            assert!(scale.is_cut(wide) && !scale.is_cut(1500));
            assert_eq!(scale.share(wide), 1.0);
            assert!(scale.share(1500) < 0.8 && scale.share(1500) > scale.share(1450) + 0.05);
        }
        assert!(scale(&[9000, 1450, 1450]).share(1450) < 0.7);
        assert!(scale(&[1500, 1500]).is_flat());
        assert!(Scale::of(&[]).is_none());
    }
}
