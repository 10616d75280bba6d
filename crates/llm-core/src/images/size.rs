//! How large a picture is to be, and the nearest of the shapes that a vendor makes.

/// Width and height in pixels, both above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// A shape by its name, with the size in which a vendor makes it.
pub type Shape = (&'static str, ImageSize);

impl ImageSize {
    /// A size.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Reads `1024x1536`; `None` when the text is no size.
    pub fn parse(text: &str) -> Option<Self> {
        let (width, height) = text.split_once(['x', 'X', '*'])?;
        let number = |text: &str| text.trim().parse().ok().filter(|pixels| (1..=16_384).contains(pixels));
        Some(Self { width: number(width)?, height: number(height)? })
    }

    /// How many pixels it has.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The shape that is nearest in its proportions, and whether it is just this size; `None` of no shapes.
    pub fn nearest(self, shapes: &[Shape]) -> Option<(&'static str, bool)> {
        let proportion = |size: Self| f64::from(size.width) / f64::from(size.height);
        let far = |(_, size): &&Shape| {
            let ratio = proportion(*size) / proportion(self);
            ratio.max(ratio.recip())
        };
        let exact = shapes.iter().find(|(_, size)| *size == self);
        let found = exact.or_else(|| shapes.iter().min_by(|one, other| far(one).total_cmp(&far(other))));
        found.map(|(name, size)| (*name, *size == self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_nonsense_is_none() {
        assert_eq!(ImageSize::parse("1024x1536"), Some(ImageSize::new(1024, 1536)));
        assert_eq!(ImageSize::parse("1328*1328").map(ImageSize::pixels), Some(1_763_584));
        for text in ["", "1024", "x", "0x5", "1024x", "1e3x5", "99999x5", "1x2x3"] {
            assert_eq!(ImageSize::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_nearest_shape_is_found() {
        let shapes = [
            ("1:1", ImageSize::new(1024, 1024)),
            ("16:9", ImageSize::new(1408, 768)),
            ("9:16", ImageSize::new(768, 1408)),
        ];
        let nearest = |width, height| ImageSize::new(width, height).nearest(&shapes);
        assert_eq!(nearest(1024, 1024), Some(("1:1", true)));
        assert_eq!(nearest(512, 512), Some(("1:1", false)));
        assert_eq!(nearest(1792, 1024), Some(("16:9", false)));
        assert_eq!(nearest(1, 16_384), Some(("9:16", false)));
        assert_eq!(ImageSize::new(1, 1).nearest(&[]), None);
    }
}
