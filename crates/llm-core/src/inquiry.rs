//! What clients ask about models beside using them, on paths of their format's own.

/// A question about models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum About {
    /// Which models there are; a GET.
    Models,
    /// Which models stand ready at once; a GET.
    Running,
    /// Which version of the format is spoken; a GET.
    Version,
    /// What one model can do; a POST whose body names it.
    Model,
}

impl About {
    /// Whether the question is POSTed.
    pub fn is_posted(self) -> bool {
        self == Self::Model
    }
}

/// A path on which clients of a format ask about models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The path.
    pub path: &'static str,
    /// The question.
    pub about: About,
}

impl Inquiry {
    /// A path with its question.
    pub const fn new(path: &'static str, about: About) -> Self {
        Self { path, about }
    }
}
