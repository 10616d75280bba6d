//! What follows from a model's name: how it is asked, how many pictures it makes at once and in which sizes.

use llm_core::images::{ImageSize, Shape};

/// How a model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By a message; it answers at once.
    AtOnce,
    /// By a task.
    Task,
    /// By a task that says what is done to the picture.
    EditTask,
}

impl Way {
    pub(super) fn of(model: &str) -> Self {
        if model.contains("imageedit") {
            return Self::EditTask;
        }
        let older = ["wanx", "wan2.1", "wan2.2", "wan2.5", "flux", "stable-diffusion"];
        if older.iter().any(|name| model.starts_with(name)) { Self::Task } else { Self::AtOnce }
    }
}

/// The most pictures of one request.
pub(super) fn most(model: &str) -> usize {
    let several = ["qwen-image-2", "qwen-image-3", "qwen-image-edit-plus", "qwen-image-edit-max"];
    if model.starts_with("wan") {
        return 4;
    }
    if several.iter().any(|name| model.starts_with(name)) { 6 } else { 1 }
}

/// The only sizes of the first models that write in pictures.
const WRITTEN: [Shape; 5] = [
    ("1:1", ImageSize::new(1328, 1328)),
    ("16:9", ImageSize::new(1664, 928)),
    ("4:3", ImageSize::new(1472, 1104)),
    ("3:4", ImageSize::new(1104, 1472)),
    ("9:16", ImageSize::new(928, 1664)),
];

/// Sizes of models that draw nothing smaller.
const LARGE: [Shape; 5] = [
    ("1:1", ImageSize::new(1280, 1280)),
    ("16:9", ImageSize::new(1696, 960)),
    ("4:3", ImageSize::new(1472, 1104)),
    ("3:4", ImageSize::new(1104, 1472)),
    ("9:16", ImageSize::new(960, 1696)),
];

/// A size that the model makes, and whether it is the one that was asked for.
pub(super) fn size(size: ImageSize, model: &str) -> (ImageSize, bool) {
    let first = model.starts_with("qwen-image") && most(model) == 1 && !model.contains("edit");
    let smallest = ["wan2.5-t2i", "wan2.6-t2i"].iter().any(|name| model.starts_with(name));
    let shapes: &[Shape] = match (first, smallest) {
        (true, _) => &WRITTEN,
        (_, true) if size.pixels() < 1280 * 1280 => &LARGE,
        _ => return (size, true),
    };
    let Some((name, exact)) = size.nearest(shapes) else { return (size, true) };
    let found = shapes.iter().find(|(known, _)| *known == name);
    (found.map_or(size, |(_, found)| *found), exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_that_a_model_makes() {
        let of = |width, height, model| size(ImageSize::new(width, height), model);
        assert_eq!(of(1024, 1024, "qwen-image-plus"), (ImageSize::new(1328, 1328), false));
        assert_eq!(of(1664, 928, "qwen-image"), (ImageSize::new(1664, 928), true));
        assert_eq!(of(1024, 1024, "qwen-image-2.0-pro"), (ImageSize::new(1024, 1024), true));
        assert_eq!(of(1024, 1536, "wan2.6-t2i"), (ImageSize::new(1104, 1472), false));
        assert_eq!(of(1440, 1440, "wan2.6-t2i"), (ImageSize::new(1440, 1440), true));
        assert_eq!(of(1024, 1024, "wanx2.1-t2i-turbo"), (ImageSize::new(1024, 1024), true));
    }

    #[test]
    fn names_tell_how_models_are_asked() {
        for (model, way, count) in [
            ("qwen-image", Way::AtOnce, 1),
            ("qwen-image-edit-plus-2025-12-15", Way::AtOnce, 6),
            ("wan2.7-image-pro", Way::AtOnce, 4),
            ("wan2.2-t2i-flash", Way::Task, 4),
            ("wanx2.1-imageedit", Way::EditTask, 4),
            ("z-image-turbo", Way::AtOnce, 1),
        ] {
            assert_eq!((Way::of(model), most(model)), (way, count), "{model}");
        }
    }
}
