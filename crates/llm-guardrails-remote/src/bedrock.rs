//! Guardrails of AWS Bedrock, applied for themselves.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html> (read 2026-11-22)

use llm_core::Result;
use llm_core::guard::{Action, Finding, Found, Inspection, Inspector, Side};
use llm_core::provider::BoxFuture;
use serde_json::{Value, json};

use crate::Signing;
use crate::generic::rewritten;
use crate::parameters::Parameters;
use crate::service::{Service, strange};

/// A guardrail of AWS Bedrock.
pub(crate) struct Bedrock {
    service: Service,
}

impl Bedrock {
    pub(crate) fn new(parameters: &mut Parameters, signing: Signing<'_>) -> Result<Self, String> {
        let id = parameters.needed("guardrailIdentifier", "the guardrail's id or ARN")?;
        let version = parameters.needed("guardrailVersion", "a number or DRAFT")?;
        let aws = parameters.take_all("aws_");
        let region = aws.get("aws_region_name").and_then(Value::as_str).unwrap_or("us-east-1");
        let endpoint = aws.get("aws_bedrock_runtime_endpoint").and_then(Value::as_str);
        let base = endpoint.map_or_else(
            || format!("https://bedrock-runtime.{region}.amazonaws.com"),
            |endpoint| endpoint.trim_end_matches('/').to_owned(),
        );
        let path = format!("/guardrail/{}/version/{}/apply", escaped(&id), escaped(&version));
        let service = Service::new(&base, &path, parameters.timeout()?)?;
        let signer = signing(&aws).map_err(|error| error.message().to_owned())?;
        // Which half is masked is said by `mode`; that something is masked, by the guardrail at AWS.
        parameters.flag("mask_request_content")?;
        parameters.flag("mask_response_content")?;
        Ok(Self { service: service.signed(signer) })
    }
}

/// An id as a segment of a path.
fn escaped(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The policy that blocks, by the assessments: any `action` that is `BLOCKED`.
fn blocks(said: &Value) -> Option<&str> {
    fn has_block(value: &Value) -> bool {
        match value {
            Value::Object(members) => members
                .iter()
                .any(|(name, value)| (name == "action" && value == "BLOCKED") || has_block(value)),
            Value::Array(items) => items.iter().any(has_block),
            _ => false,
        }
    }
    let assessments = said.get("assessments")?.as_array()?;
    let policies = assessments.iter().filter_map(Value::as_object).flatten();
    policies.into_iter().find(|(_, policy)| has_block(policy)).map(|(name, _)| name.as_str())
}

impl Inspector for Bedrock {
    fn inspect<'a>(&'a self, inspection: Inspection<'a>) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(async move {
            if inspection.pieces.is_empty() {
                return Ok(Vec::new());
            }
            let source = if inspection.side == Side::Request { "INPUT" } else { "OUTPUT" };
            let content: Vec<Value> =
                inspection.pieces.iter().map(|piece| json!({"text": {"text": piece.text}})).collect();
            let said = self.service.ask(&json!({"source": source, "content": content})).await?;
            match said.get("action").and_then(Value::as_str) {
                Some("NONE") => return Ok(Vec::new()),
                Some("GUARDRAIL_INTERVENED") => {}
                _ => return Err(strange()),
            }
            let outputs: Vec<&Value> =
                said.get("outputs").and_then(Value::as_array).into_iter().flatten().collect();
            if let (None, true) = (blocks(&said), outputs.len() == inspection.pieces.len()) {
                let texts: Vec<&Value> = outputs.iter().filter_map(|output| output.get("text")).collect();
                return rewritten(&inspection, &json!({"texts": texts}));
            }
            let rule = blocks(&said).unwrap_or("intervened").to_owned();
            let range = 0..inspection.pieces.first().map_or(0, |piece| piece.text.len());
            let finding = Finding { range, rule: rule.into(), action: Action::Block, replacement: "".into() };
            Ok(vec![Found { piece: 0, finding }])
        })
    }
}
