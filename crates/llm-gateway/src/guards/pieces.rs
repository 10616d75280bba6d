//! The texts of a request, of a JSON body or of a form, and the same request with other texts.

use std::borrow::Cow;

use llm_core::guard::{Piece, Place, Side};
use llm_core::provider::Inbound;
use llm_core::texts::Texts;
use llm_core::{Form, Result};

use crate::hooks::with_body;

/// The texts of a request.
pub(super) enum Pieces<'a> {
    Body(Texts<'a>),
    /// The names of the fields, with their texts.
    Form(Vec<String>, Vec<Piece<'a>>),
}

impl<'a> Pieces<'a> {
    /// # Errors
    /// When the body is not what it was taken for.
    pub(super) fn of(inbound: &'a Inbound) -> Result<Self> {
        match &inbound.form {
            None => Texts::of(&inbound.body, Side::Request).map(Self::Body),
            Some(form) => of_form(form, &inbound.body),
        }
    }

    pub(super) fn all(&mut self) -> &mut Vec<Piece<'a>> {
        match self {
            Self::Body(texts) => &mut texts.pieces,
            Self::Form(_, pieces) => pieces,
        }
    }

    /// The request with other texts in the places of some.
    ///
    /// # Errors
    /// When a form has no place for them.
    pub(super) fn rewrite(&self, inbound: &Inbound, changed: &[(usize, String)]) -> Result<Box<Inbound>> {
        let body = match (self, &inbound.form) {
            (Self::Body(texts), _) => texts.rewrite(&inbound.body, changed).into(),
            (Self::Form(names, _), Some(form)) => {
                let mut edit = form.edit(&inbound.body);
                for (piece, text) in changed {
                    if let Some(name) = names.get(*piece) {
                        edit.set(name, text)?;
                    }
                }
                edit.finish().joined()
            }
            (Self::Form(..), None) => inbound.body.clone(),
        };
        with_body(inbound, body)
    }
}

/// Fields of forms that hold words: what is drawn, said or listened for.
const WORDS: [&str; 4] = ["prompt", "input", "instructions", "text"];

fn of_form<'a>(form: &Form, body: &'a [u8]) -> Result<Pieces<'a>> {
    let (mut names, mut pieces) = (Vec::new(), Vec::new());
    for name in WORDS {
        if let Some(text) = form.text(body, name)? {
            names.push(name.to_owned());
            pieces.push(Piece { text: Cow::Borrowed(text), place: Place::User });
        }
    }
    Ok(Pieces::Form(names, pieces))
}
