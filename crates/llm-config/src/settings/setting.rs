//! What a setting is made of.

use crate::keys::Shape;

/// A setting that may be said in several places.
pub(super) struct Setting {
    /// `section.name` of what is read.
    pub(super) path: &'static str,
    pub(super) shape: Shape,
    /// Paths in a file, the first one that is set wins.
    pub(super) files: &'static [&'static str],
    /// Variables, the first one that is set wins.
    pub(super) variables: &'static [&'static str],
    pub(super) default: Option<&'static str>,
}

/// A row of the table.
pub(super) const fn setting(
    path: &'static str,
    shape: Shape,
    files: &'static [&'static str],
    variables: &'static [&'static str],
    default: Option<&'static str>,
) -> Setting {
    Setting { path, shape, files, variables, default }
}
