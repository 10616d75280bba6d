//! Guardrails of a configuration become judges.

use std::sync::Arc;
use std::time::Duration;

use llm_core::guard::{Action, Finding, Found, Inspection, Inspector, Judge, Piece, Scanner};
use llm_core::{Authenticator, BoxFuture, Error, Result, Secret};
use llm_gateway::{GuardrailSpec, ModelJudge, OnlyAsks};
use llm_providers::{DeploymentSpec as ProviderSpec, Files, Parameters, Providers};
use serde_json::Value;

use crate::keys::nearest;
use crate::programs;
use crate::report::Report;
use crate::settings::GuardrailConfig;

/// Builds all of them. One that cannot be built is an error: calls would pass unguarded.
pub(crate) fn build(
    all: &[GuardrailConfig],
    providers: &Providers,
    report: &mut Report,
) -> Vec<GuardrailSpec> {
    let built = all.iter().filter_map(|one| match judge(one, providers) {
        Ok((judge, model)) => Some(GuardrailSpec {
            model,
            modes: one.modes,
            default_on: one.default_on,
            on_error: one.on_error,
            restores: one.restores,
            only_flags: one.only_flags,
            places: one.places.clone(),
            unseen: one.unseen,
            kind: one.kind.clone(),
            about: one.info.clone(),
            stored: one.stored().map(str::to_owned),
            ..GuardrailSpec::new(one.name.as_str(), judge)
        }),
        Err(message) => {
            report.error(&one.place, format!("guardrail `{}`: {message}", one.name));
            None
        }
    });
    built.collect()
}

/// Who judges, and the model that is asked besides.
fn judge(one: &GuardrailConfig, providers: &Providers) -> Result<(Judge, Option<ModelJudge>), String> {
    if let Some(why) = &one.damage {
        return Ok((damaged(one, why), None));
    }
    let is_injection = matches!(one.kind.as_str(), "prompt_injection" | "detect_prompt_injection");
    let Some(asks) = is_injection.then(|| asked_model(&one.parameters)).transpose()?.flatten() else {
        return Ok((plain_judge(one, &one.parameters, providers)?, None));
    };
    if one.modes.logging_only {
        return Err("`llm_api_check` asks a model, which nobody does for what is logged".to_owned());
    }
    let (model, rest) = asks;
    let is_off = |name: &str| rest.get(name).and_then(Value::as_bool) == Some(false);
    let judge = if is_off("heuristics_check") && is_off("similarity_check") {
        Judge::Scanner(Arc::new(OnlyAsks))
    } else {
        plain_judge(one, &rest, providers)?
    };
    Ok((judge, Some(model)))
}

/// The model of `llm_api_check`, and the parameters that are left.
fn asked_model(parameters: &Value) -> Result<Option<(ModelJudge, Value)>, String> {
    let mut rest = parameters.as_object().cloned().unwrap_or_default();
    let mut text = |name: &str| match rest.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
        Some(_) => Err(format!("`{name}` is no text")),
    };
    let (name, system) = (text("llm_api_name")?, text("llm_api_system_prompt")?);
    let fails = text("llm_api_fail_call_string")?;
    let asks = match rest.remove("llm_api_check") {
        None | Some(Value::Null | Value::Bool(false)) => return Ok(None),
        Some(Value::Bool(true)) => {
            name.ok_or("`llm_api_check` needs `llm_api_name`, a model of this gateway")
        }
        Some(_) => Err("`llm_api_check` is neither true nor false"),
    };
    let mut model = ModelJudge::new(asks?);
    model.system = system.unwrap_or(model.system);
    model.fails = fails.unwrap_or(model.fails);
    if let Some(seconds) = rest.remove("timeout") {
        let seconds = seconds.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let seconds = seconds.filter(|time| !time.is_zero());
        model.timeout = seconds.ok_or("`timeout` is no number of seconds above 0")?;
    }
    Ok(Some((model, Value::Object(rest))))
}

fn plain_judge(one: &GuardrailConfig, parameters: &Value, providers: &Providers) -> Result<Judge, String> {
    if let Some(scanner) = llm_guardrails::build(&one.kind, parameters)? {
        return Ok(Judge::Scanner(scanner));
    }
    let signing = |aws: &Value| signer(aws, providers);
    if let Some(inspector) = llm_guardrails_remote::build(&one.kind, parameters, &signing)? {
        if one.modes.logging_only {
            return Err(
                "a service cannot look at what is logged: `logging_only` is for judges without a network"
                    .to_owned(),
            );
        }
        return Ok(Judge::Inspector(inspector));
    }
    let kinds = llm_guardrails::kinds();
    let here = kinds.iter().flat_map(|kind| [kind.name].into_iter().chain(kind.aliases.iter().copied()));
    let known: Vec<&str> = here.chain(llm_guardrails_remote::KINDS.iter().map(|(name, _)| *name)).collect();
    let shown: String = one.kind.chars().filter(|letter| !letter.is_control()).take(64).collect();
    Err(match nearest(&one.kind, known.iter().copied()) {
        Some(near) => format!("there is no guardrail `{shown}`: did you mean `{near}`?"),
        None => format!(
            "there is no guardrail `{shown}` here: use generic_guardrail_api for a service of your own, or one of {}",
            known.join(", ")
        ),
    })
}

/// Signs requests to AWS with the credentials among a guardrail's parameters, or with those of the machine.
fn signer(aws: &Value, providers: &Providers) -> Result<Arc<dyn Authenticator>> {
    let mut parameters = Parameters::default();
    for (name, value) in aws.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        parameters.set(name, Secret::new(text));
    }
    let spec = ProviderSpec {
        vendor: "bedrock".to_owned(),
        parameters,
        files: Files::new(|path| std::fs::read_to_string(path)),
        programs: programs::runner(),
        ..ProviderSpec::default()
    };
    let signer = providers.authenticator(&spec)?;
    signer
        .ok_or_else(|| Error::unsupported("a guardrail of this kind signs its requests and takes no API key"))
}

/// What stands in the place of a guardrail of the store that cannot be built any more: nobody relies on one that is not
/// there.
struct Damaged(String);

/// What is written down of calls is judged without waiting, all else as if its service did not answer.
fn damaged(one: &GuardrailConfig, why: &str) -> Judge {
    match one.modes.logging_only {
        true => Judge::Scanner(Arc::new(Damaged(why.to_owned()))),
        false => Judge::Inspector(Arc::new(Damaged(why.to_owned()))),
    }
}

impl Inspector for Damaged {
    fn inspect<'a>(&'a self, _: Inspection<'a>) -> BoxFuture<'a, Result<Vec<Found>>> {
        let error = Error::internal(format!("this guardrail of the store cannot be built: {}", self.0));
        Box::pin(async move { Err(error) })
    }
}

impl Scanner for Damaged {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        findings.push(Finding {
            range: 0..piece.text.len(),
            rule: "damaged".into(),
            action: Action::Block,
            replacement: "".into(),
        });
    }

    fn reach(&self) -> usize {
        usize::MAX
    }
}
