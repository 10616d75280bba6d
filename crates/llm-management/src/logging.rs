//! `metadata.logging` of keys and teams: who is told of their calls. What a gateway connects to, and with which
//! credentials, only its administrators say; what they say is kept encrypted, value by value.

use llm_core::Secret;
use serde_json::{Map, Value};

use crate::refused::Refused;
use crate::sealing::Sealing;

/// What a value begins with that is encrypted.
pub const SEALED: &str = "sealed:";

/// The most entries of one list.
const MOST: usize = 8;

/// Which calls an entry may be about.
const TYPES: [&str; 3] = ["failure", "success", "success_and_failure"];

/// What a value of an entry belongs to, for whoever encrypts and decrypts it.
pub fn belongs_to(name: &str) -> String {
    format!("callback:{name}")
}

/// Encrypts what the metadata of a body says of callbacks. What is encrypted already stays, so that what was shown may
/// be sent back.
///
/// # Errors
/// When it cannot be meant, or comes from somebody who may not say it.
pub(crate) fn seal<'a>(
    metadata: &mut Map<String, Value>,
    is_admin: bool,
    sealing: impl Fn() -> Result<&'a dyn Sealing, Refused>,
) -> Result<(), Refused> {
    let Some(list) = metadata.get_mut("logging").filter(|list| !list.is_null()) else { return Ok(()) };
    let wrong = |message: &str| Refused::field("metadata", message);
    let entries = list.as_array_mut().ok_or_else(|| wrong("`logging` should be a list of callbacks"))?;
    if entries.len() > MOST {
        return Err(wrong("`logging` has too many callbacks: 8 are enough"));
    }
    for entry in entries {
        let is_named = entry.get("callback_name").is_some_and(Value::is_string);
        let kind = entry.get("callback_type").filter(|kind| !kind.is_null());
        if !is_named || !kind.is_none_or(|kind| kind.as_str().is_some_and(|kind| TYPES.contains(&kind))) {
            return Err(wrong(
                "a callback of `logging` has a `callback_name`, and a `callback_type` that is `success`, \
                              `failure` or `success_and_failure`",
            ));
        }
        let Some(values) = entry.get_mut("callback_vars").filter(|values| !values.is_null()) else {
            continue;
        };
        let values =
            values.as_object_mut().ok_or_else(|| wrong("`callback_vars` should be a map of texts"))?;
        for (name, value) in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Bool(flag) => flag.to_string(),
                Value::Number(number) => number.to_string(),
                _ => return Err(wrong("`callback_vars` should be a map of texts")),
            };
            let (sealing, belongs_to) = (sealing()?, belongs_to(name));
            if text.strip_prefix(SEALED).is_some_and(|sealed| sealing.open(&belongs_to, sealed).is_ok()) {
                continue;
            }
            if !is_admin {
                let message = "only an administrator of the gateway says who is told of calls: leave `metadata.logging` out";
                return Err(Refused::forbidden(message).about("metadata"));
            }
            let sealed = sealing.seal(&belongs_to, &Secret::new(text));
            let sealed = sealed
                .map_err(|_| Refused::error(500, "internal_server_error", "nothing can be encrypted"))?;
            *value = Value::from(format!("{SEALED}{sealed}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_core::{Error, Result as CoreResult};
    use serde_json::json;

    struct Letters;

    impl Sealing for Letters {
        fn seal(&self, belongs_to: &str, secret: &Secret) -> CoreResult<String> {
            Ok(format!("{belongs_to}/{}", secret.expose()))
        }

        fn open(&self, belongs_to: &str, sealed: &str) -> CoreResult<Secret> {
            let rest = sealed.strip_prefix(belongs_to).and_then(|rest| rest.strip_prefix('/'));
            rest.map(|rest| Secret::new(rest.to_owned())).ok_or_else(|| Error::invalid("of something else"))
        }
    }

    fn sealed(logging: &Value, is_admin: bool) -> Result<Value, Refused> {
        let mut metadata = json!({"logging": logging}).as_object().cloned().expect("an object");
        seal(&mut metadata, is_admin, || Ok(&Letters as &dyn Sealing))?;
        Ok(metadata.remove("logging").expect("still there"))
    }

    #[test]
    fn values_are_encrypted_once_and_only_for_administrators() {
        let given = json!([{"callback_name": "langfuse", "callback_vars": {"langfuse_host": "https://a"}}]);
        let kept = sealed(&given, true).expect("an administrator may");
        assert_eq!(kept[0]["callback_vars"]["langfuse_host"], "sealed:callback:langfuse_host/https://a");
        assert_eq!(sealed(&kept, false).expect("it was shown so"), kept);
        assert!(sealed(&given, false).is_err());
        let mut moved = kept;
        moved[0]["callback_vars"]["langfuse_secret_key"] = moved[0]["callback_vars"]["langfuse_host"].clone();
        assert!(sealed(&moved, false).is_err(), "a value is of its own name");
    }

    #[test]
    fn what_is_no_list_of_callbacks_is_refused() {
        for wrong in [
            json!({}),
            json!([{}]),
            json!([{"callback_name": "langfuse", "callback_type": "never"}]),
            json!([{"callback_name": "langfuse", "callback_vars": {"a": []}}]),
            json!([{"callback_name": "langfuse", "callback_vars": "a"}]),
        ] {
            assert!(sealed(&wrong, true).is_err(), "{wrong}");
        }
    }
}
