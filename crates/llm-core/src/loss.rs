//! What a translation could not carry, and what is done about it.

use std::borrow::Cow;

use crate::error::{Error, Result};

/// What happened to a thing that the target cannot express.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is gone.
    Dropped,
    /// It became something close; the word says what.
    Approximated(&'static str),
}

/// One thing that a translation could not carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The field in the words of the canonical form or the client's dialect (`seed`, `tools`, `logit_bias`).
    pub field: Cow<'static, str>,
    /// What happened to it.
    pub how: How,
}

/// What to do about losses, by request or by deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LossPolicy {
    /// Refuse what changes the meaning of the request, drop and report what only tunes.
    #[default]
    Default,
    /// Drop and report everything (`drop_params: true`).
    Drop,
    /// Refuse everything (`on_loss: reject`).
    Reject,
}

/// Collects losses under a policy while a request is encoded.
#[derive(Debug, Default)]
pub struct Losses {
    policy: LossPolicy,
    list: Vec<Loss>,
}

impl Losses {
    /// Nothing lost yet.
    pub fn new(policy: LossPolicy) -> Self {
        Self { policy, list: Vec::new() }
    }

    /// A field that only tunes the answer (seed, penalties, service tier) cannot be carried.
    ///
    /// # Errors
    /// Under [`LossPolicy::Reject`].
    pub fn tuning(&mut self, field: impl Into<Cow<'static, str>>) -> Result<()> {
        self.take(field.into(), How::Dropped, self.policy == LossPolicy::Reject)
    }

    /// Fields that only tune the answer, each with whether it was set.
    ///
    /// # Errors
    /// Under [`LossPolicy::Reject`], for the first that was set.
    pub fn tuning_of<const COUNT: usize>(&mut self, fields: [(&'static str, bool); COUNT]) -> Result<()> {
        fields.into_iter().filter(|(_, set)| *set).try_for_each(|(field, _)| self.tuning(field))
    }

    /// Something that changes the meaning (a tool, an image, the answer's form) cannot be carried.
    ///
    /// # Errors
    /// Unless the policy is [`LossPolicy::Drop`].
    pub fn meaning(&mut self, field: impl Into<Cow<'static, str>>) -> Result<()> {
        self.take(field.into(), How::Dropped, self.policy != LossPolicy::Drop)
    }

    /// Fields that change the meaning, each with whether it was set.
    ///
    /// # Errors
    /// Unless the policy is [`LossPolicy::Drop`], for the first that was set.
    pub fn meaning_of<const COUNT: usize>(&mut self, fields: [(&'static str, bool); COUNT]) -> Result<()> {
        fields.into_iter().filter(|(_, set)| *set).try_for_each(|(field, _)| self.meaning(field))
    }

    /// Something was carried as something close to it.
    ///
    /// # Errors
    /// Under [`LossPolicy::Reject`].
    pub fn approximated(&mut self, field: impl Into<Cow<'static, str>>, as_what: &'static str) -> Result<()> {
        self.take(field.into(), How::Approximated(as_what), self.policy == LossPolicy::Reject)
    }

    /// State that means nothing to the target (another vendor's signature, encrypted thinking) was left out.
    /// Always allowed, always reported.
    pub fn foreign_state(&mut self, field: impl Into<Cow<'static, str>>) {
        self.push(field.into(), How::Dropped);
    }

    fn take(&mut self, field: Cow<'static, str>, how: How, refuse: bool) -> Result<()> {
        if refuse {
            let message = format!(
                "this model's API cannot express `{field}`: leave it out, or set `drop_params: true` to drop it"
            );
            return Err(Error::unsupported(message)
                .with_param(field.into_owned())
                .with_type("invalid_request_error")
                .with_code("unsupported_parameter"));
        }
        self.push(field, how);
        Ok(())
    }

    fn push(&mut self, field: Cow<'static, str>, how: How) {
        let loss = Loss { field, how };
        if !self.list.contains(&loss) {
            self.list.push(loss);
        }
    }

    /// What was lost, each thing once.
    pub fn into_list(self) -> Vec<Loss> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_refuses_meaning_and_drops_tuning() {
        let mut losses = Losses::new(LossPolicy::Default);
        assert!(losses.tuning("seed").is_ok());
        assert!(losses.meaning("tools").is_err_and(|error| error.param() == Some("tools")));
        assert_eq!(losses.into_list(), [Loss { field: "seed".into(), how: How::Dropped }]);
    }

    #[test]
    fn drop_drops_all_and_reject_refuses_all() {
        assert!(Losses::new(LossPolicy::Drop).meaning("tools").is_ok());
        assert!(Losses::new(LossPolicy::Reject).tuning("seed").is_err());
        assert!(Losses::new(LossPolicy::Reject).approximated("system", "user text").is_err());
    }
}
