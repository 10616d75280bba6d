//! What a body says of a field: nothing, `null`, or a value. Changes tell the three apart.

/// What a body says of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// Nothing: it stays as it is.
    Absent,
    /// `null`: it is taken away.
    Null,
    /// This.
    Value(T),
}

impl<T> Given<T> {
    /// The value, if there is one.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// Puts it where it belongs.
    pub(crate) fn put(self, place: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *place = None,
            Self::Value(value) => *place = Some(value),
        }
    }

    /// Puts it where it belongs; nothing is the default.
    pub(crate) fn put_or_default(self, place: &mut T)
    where
        T: Default,
    {
        match self {
            Self::Absent => {}
            Self::Null => *place = T::default(),
            Self::Value(value) => *place = value,
        }
    }

    /// Reads the value.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) fn try_map<U, E>(self, read: impl FnOnce(T) -> Result<U, E>) -> Result<Given<U>, E> {
        Ok(match self {
            Self::Absent => Given::Absent,
            Self::Null => Given::Null,
            Self::Value(value) => Given::Value(read(value)?),
        })
    }

    /// Whether the body says anything of it.
    pub(crate) fn is_said(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}
