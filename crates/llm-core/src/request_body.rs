//! A vendor's request being written member by member: without what the deployment takes out, with what it sets.

use serde::Serialize;

use crate::dialect::Target;
use crate::error::Result;
use crate::json::RawJson;
use crate::loss::{Loss, Losses};
use crate::object::ObjectWriter;
use crate::request::ChatRequest;
use crate::wire::WireBody;

/// A body in the making. Dialects say what the request means; what the deployment's settings (`extra_body`,
/// `drop_fields`) and the vendor's `drop_params` do to it is done here, once for all of them.
#[derive(Debug)]
pub struct RequestBody<'b> {
    object: ObjectWriter,
    target: &'b Target,
    drop_params: &'b [String],
    /// What could not be said so far.
    pub losses: Losses,
}

impl<'b> RequestBody<'b> {
    /// A body that shares the request's long texts. `drop_params` are members that this vendor does not take.
    pub fn new(request: &ChatRequest, target: &'b Target, drop_params: &'b [String], losses: Losses) -> Self {
        Self { object: ObjectWriter::of(request), target, drop_params, losses }
    }

    /// Where the request goes.
    pub fn target(&self) -> &'b Target {
        self.target
    }

    /// Adds a member, unless the deployment sets it itself or takes it out.
    ///
    /// # Errors
    /// When the vendor does not take it and the policy does not allow to drop it.
    pub fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        if self.target.extra_body.get(name).is_some() {
            return Ok(());
        }
        self.joined(name, value)
    }

    /// Adds a member into which the deployment's own one has been worked already.
    ///
    /// # Errors
    /// As [`RequestBody::member`].
    pub fn joined<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        let is = |field: &String| field == name;
        if self.target.drop_fields.iter().any(is) {
            return Ok(());
        }
        if self.drop_params.iter().any(is) {
            return self.losses.tuning(name.to_owned());
        }
        self.object.member(name, value);
        Ok(())
    }

    /// Adds a member when there is a value.
    ///
    /// # Errors
    /// As [`RequestBody::member`].
    pub fn optional<T: Serialize + ?Sized>(&mut self, name: &str, value: Option<&T>) -> Result<()> {
        value.map_or(Ok(()), |value| self.member(name, value))
    }

    /// Adds the client's members that nobody models, when this vendor's format has them (`knows`); the others are lost.
    ///
    /// # Errors
    /// As [`RequestBody::member`], and when the policy does not allow to lose one.
    pub fn extras<'e>(
        &mut self,
        extras: impl Iterator<Item = (&'e str, &'e RawJson)>,
        knows: impl Fn(&str) -> bool,
    ) -> Result<()> {
        for (name, value) in extras {
            if knows(name) {
                self.member(name, value)?;
            } else {
                self.losses.tuning(name.to_owned())?;
            }
        }
        Ok(())
    }

    /// The body with all that the deployment sets, and what was lost.
    pub fn finish(self) -> (WireBody, Vec<Loss>) {
        self.finish_with(|_| true)
    }

    /// The body with what the deployment sets, as far as those are members (and were not worked in elsewhere), and
    /// what was lost.
    pub fn finish_with(mut self, is_member: impl Fn(&str) -> bool) -> (WireBody, Vec<Loss>) {
        for (name, value) in self.target.extra_body.iter().filter(|(name, _)| is_member(name)) {
            self.object.member(name, value);
        }
        (self.object.finish_body(), self.losses.into_list())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::RawObject;
    use crate::loss::LossPolicy;

    fn object(text: &str) -> RawObject {
        serde_json::from_str(text).expect("an object")
    }

    #[test]
    fn the_deployment_decides_over_what_the_request_says() {
        let target = Target {
            extra_body: object(r#"{"seed":7,"options":{"a":1}}"#),
            drop_fields: vec!["user".to_owned()],
            ..Target::default()
        };
        let drop_params = ["top_k".to_owned()];
        let request = ChatRequest::default();
        let mut body = RequestBody::new(&request, &target, &drop_params, Losses::default());
        body.member("model", "m").expect("allowed");
        body.member("seed", &1).expect("the deployment's own is written");
        body.member("user", "ada").expect("taken out without a word");
        body.optional::<u64>("none", None).expect("nothing");
        body.optional("top_k", Some(&5)).expect("dropped and told");
        body.joined("options", &object(r#"{"a":1,"b":2}"#)).expect("allowed");
        body.extras(object(r#"{"own":1,"foreign":2}"#).iter(), |name| name == "own")
            .expect("dropped and told");
        let (body, losses) = body.finish_with(|name| name != "options");
        assert_eq!(body.joined(), r#"{"model":"m","options":{"a":1,"b":2},"own":1,"seed":7}"#);
        let lost: Vec<&str> = losses.iter().map(|loss| loss.field.as_ref()).collect();
        assert_eq!(lost, ["top_k", "foreign"]);
    }

    #[test]
    fn what_the_policy_does_not_allow_to_drop_is_refused() {
        let (target, request) = (Target::default(), ChatRequest::default());
        let drop_params = ["seed".to_owned()];
        let mut body = RequestBody::new(&request, &target, &drop_params, Losses::new(LossPolicy::Reject));
        assert!(body.member("seed", &1).is_err_and(|error| error.param() == Some("seed")));
        assert!(body.extras(object(r#"{"foreign":2}"#).iter(), |_| false).is_err());
        assert!(body.member("model", "m").is_ok());
        assert_eq!(body.finish().0.joined(), r#"{"model":"m"}"#);
    }
}
