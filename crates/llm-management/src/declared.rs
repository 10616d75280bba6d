//! What a route takes, as its row in the table declares it: documents are made of it, and reading is held to it.

use crate::request::Reply;

/// A field of a body, or a parameter of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Whether nothing is done without it.
    pub needed: bool,
    /// What it means: a phrase.
    pub about: &'static str,
}

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number that is not negative.
    Whole,
    /// An amount of dollars that is not negative.
    Money,
    /// A switch.
    Switch,
    /// A list of texts.
    Texts,
    /// An object.
    Object,
    /// Objects: a list of them, or a single one.
    Objects,
    /// Whole numbers by name.
    Wholes,
    /// Whatever its description says.
    Any,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// An object.
    Object,
    /// A list.
    List,
    /// A number.
    Number,
    /// Rows as a file.
    Rows,
}

impl Gives {
    /// Whether an answer has this form.
    pub(crate) fn fits(self, reply: &Reply) -> bool {
        match self {
            Self::Object => reply.body.is_object(),
            Self::List => reply.body.is_array(),
            Self::Number => reply.body.is_number(),
            Self::Rows => reply.rows.is_some(),
        }
    }
}

/// Fields, in groups that several routes share.
pub type Declared = &'static [&'static [Field]];

impl Field {
    const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, needed: false, about }
    }

    /// Nothing is done without it.
    pub(crate) const fn needed(self) -> Self {
        Self { needed: true, ..self }
    }
}

macro_rules! fields_of_kind {
    ($($word:ident $kind:ident),*) => {$(
        #[doc = concat!("A field: [`Kind::", stringify!($kind), "`].")]
        pub(crate) const fn $word(name: &'static str, about: &'static str) -> Field {
            Field::new(name, Kind::$kind, about)
        }
    )*};
}

fields_of_kind! {
    text Text, whole Whole, money Money, switch Switch, texts Texts, object Object, objects Objects, wholes Wholes, any Any
}

/// Stops a test in which a handler reads what its route does not declare, or as something else. Texts of a query, and
/// fields that are taken as they are, may be of any kind.
pub(crate) fn check(declared: Option<Declared>, name: &str, kind: Kind, is_loose: bool) {
    if !cfg!(debug_assertions) {
        return;
    }
    let Some(declared) = declared else { return };
    let found = declared.iter().copied().flatten().find(|field| field.name == name);
    let fits = |field: &Field| is_loose || field.kind == kind;
    assert!(
        found.is_some_and(fits),
        "`{name}` is read as {kind:?}; the row in the table of routes declares {found:?}"
    );
}
