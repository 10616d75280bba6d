//! What hooks outside of this program are told and may answer, in JSON. `docs/hooks.md` describes it for people.

use std::time::Duration;

use bytes::Bytes;
use llm_core::{BoxFuture, Error, ErrorKind, Part, Result};
use llm_gateway::{Answers, Hook, HookedAnswer, HookedCall, HookedRequest, Wants};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// When a hook is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the call is made.
    PreCall,
    /// When its answer is there.
    PostCall,
}

/// What hooks outside of this program have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Its name, for logs and errors.
    pub name: String,
    /// When it is asked.
    pub stages: Vec<Stage>,
    /// How long it may take.
    pub timeout: Duration,
    /// Calls go on when it cannot be asked. The safe default is not.
    pub fail_open: bool,
    /// Streamed answers are shown too, and held back for it until they are complete.
    pub streams: bool,
}

/// A hook outside of this program: what is asked when, and who is asked.
pub struct ExternalHook<R> {
    pub(crate) external: External,
    pub(crate) respondent: R,
}

/// Somebody who can be asked.
pub trait Respondent: Send + Sync + 'static {
    /// Gives back the answer's JSON; an error is that there is none, in words without addresses.
    fn respond(&self, question: Value) -> BoxFuture<'_, Result<Bytes, String>>;
}

impl<R: Respondent> Hook for ExternalHook<R> {
    fn name(&self) -> &str {
        &self.external.name
    }

    fn wants(&self) -> Wants {
        self.external.wants()
    }

    fn before<'a>(
        &'a self,
        call: &'a HookedCall,
        request: &'a mut HookedRequest,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.external.before(&self.respondent, call, request))
    }

    fn after<'a>(
        &'a self,
        call: &'a HookedCall,
        answer: &'a mut HookedAnswer<'_>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.external.after(&self.respondent, call, answer))
    }
}

/// What it says.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Verdict<'a> {
    action: Action,
    /// Why it refuses, for the client.
    message: Option<String>,
    /// The status that the client gets.
    status: Option<u16>,
    #[serde(borrow)]
    request: Option<&'a RawValue>,
    #[serde(borrow)]
    answer: Option<&'a RawValue>,
    text: Option<String>,
    /// Lines of a process carry the number of their question.
    #[serde(rename = "id")]
    _id: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Action {
    #[default]
    Continue,
    Replace,
    Refuse,
}

impl External {
    pub(crate) fn wants(&self) -> Wants {
        let answers = match (self.stages.contains(&Stage::PostCall), self.streams) {
            (false, _) => Answers::None,
            (true, false) => Answers::Whole,
            (true, true) => Answers::All,
        };
        Wants { requests: self.stages.contains(&Stage::PreCall), answers, ..Wants::default() }
    }

    /// Shows a request.
    pub(crate) async fn before(
        &self,
        respondent: &dyn Respondent,
        call: &HookedCall,
        request: &mut HookedRequest,
    ) -> Result<()> {
        let body = if request.is_form() { Value::Null } else { read(request.body()) };
        let question = json!({"event": "pre_call", "call": told(call), "request": body});
        let Some(said) = self.ask(respondent, question).await? else { return Ok(()) };
        self.heed(&said, |verdict| match verdict.request {
            Some(body) if !request.is_form() => {
                let body = Bytes::copy_from_slice(body.get().as_bytes());
                request.set_body(body).map_err(|error| error.message().to_owned())
            }
            _ => Err("a request is replaced by a `request`, and none of a form is".to_owned()),
        })
    }

    /// Shows an answer.
    pub(crate) async fn after(
        &self,
        respondent: &dyn Respondent,
        call: &HookedCall,
        answer: &mut HookedAnswer<'_>,
    ) -> Result<()> {
        let shown = read(&answer.body()?);
        let text = answer.chat().map(|chat| chat.choices.first().map(|choice| choice.message.joined_text()));
        let request = read(answer.request_body());
        let question = json!({"event": "post_call", "call": told(call), "request": request, "answer": shown, "text": text});
        let Some(said) = self.ask(respondent, question).await? else { return Ok(()) };
        self.heed(&said, |verdict| match (verdict.answer, &verdict.text) {
            (_, Some(text)) => set_text(answer, text),
            (Some(body), None) if !call.stream => {
                answer.set_body(Bytes::copy_from_slice(body.get().as_bytes()));
                Ok(())
            }
            _ => Err("an answer is replaced by an `answer`, a streamed one by a `text`".to_owned()),
        })
    }

    /// `None`: it did not answer, and calls go on without it.
    async fn ask(&self, respondent: &dyn Respondent, question: Value) -> Result<Option<Bytes>> {
        let said = tokio::time::timeout(self.timeout, respondent.respond(question)).await;
        match said.unwrap_or_else(|_| Err("it did not answer in time".to_owned())) {
            Ok(said) => Ok(Some(said)),
            Err(why) => self.failed(&why).map(|()| None),
        }
    }

    /// Does what it says.
    fn heed(&self, said: &Bytes, replace: impl FnOnce(&Verdict<'_>) -> Result<(), String>) -> Result<()> {
        if said.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let Ok(verdict) = serde_json::from_slice::<Verdict<'_>>(said) else {
            return self.failed("its answer is not one that `docs/hooks.md` describes");
        };
        match verdict.action {
            Action::Continue => Ok(()),
            Action::Replace => replace(&verdict).or_else(|why| self.failed(&why)),
            Action::Refuse => Err(self.refusal(verdict)),
        }
    }

    fn refusal(&self, verdict: Verdict<'_>) -> Error {
        let message = verdict.message.unwrap_or_else(|| format!("the hook `{}` refused it", self.name));
        let error = Error::new(ErrorKind::PermissionDenied, message).with_code("refused_by_hook");
        match verdict.status.filter(|status| (400..500).contains(status)) {
            Some(status) => error.with_status(status),
            None => error,
        }
    }

    /// It could not be asked: calls go on without it, or not.
    fn failed(&self, why: &str) -> Result<()> {
        let (hook, goes_on) = (self.name.as_str(), self.fail_open);
        tracing::warn!(target: "llm_callbacks", hook, why, goes_on, "a hook failed");
        if goes_on {
            return Ok(());
        }
        let what =
            format!("the hook `{hook}` could not be asked, and no call is made without it: try again later");
        Err(Error::new(ErrorKind::Overloaded, what)
            .with_code("hook_failed")
            .with_fault(llm_core::Fault::Gateway))
    }
}

fn set_text(answer: &mut HookedAnswer<'_>, text: &str) -> Result<(), String> {
    let choice = answer.chat().and_then(|chat| chat.choices.first_mut());
    let choice =
        choice.ok_or("an answer that passes in the vendor's own bytes is replaced by an `answer`")?;
    choice.message.parts.retain(|part| !matches!(part, Part::Text(_)));
    choice.message.parts.push(Part::text(text));
    Ok(())
}

fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

fn told(call: &HookedCall) -> Value {
    json!({
        "id": call.call_id,
        "dialect": call.dialect.name(),
        "operation": call.operation.name(),
        "model": call.model,
        "stream": call.stream,
        "key_hash": call.key_hash,
        "key_alias": call.key_alias,
        "user_id": call.user_id,
        "team_id": call.team_id,
        "team_alias": call.team_alias,
        "customer": call.customer,
        "tags": call.tags,
        "address": call.address.map(|address| address.to_string()),
    })
}
