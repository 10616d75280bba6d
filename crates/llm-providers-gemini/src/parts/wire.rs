//! A part as it is written.

use std::borrow::Cow;

use llm_core::custom_tools;
use llm_core::message::ToolCall;
use llm_core::{RawJson, Wording};
use serde::Serialize;

use crate::ids;
use crate::wire::{ObjectWriter, json};

/// A part of a content.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum WirePart<'a> {
    /// One that is written from its members.
    Own(Box<Members<'a>>),
    /// One that goes back as it came.
    Raw(&'a RawJson),
}

/// The members of a part. Of those that hold something there is one.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Members<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Wording<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inline_data: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file_data: Option<FileData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) function_call: Option<FunctionCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) function_response: Option<FunctionResponse<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thought: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thought_signature: Option<Cow<'a, str>>,
}

/// Bytes.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Blob<'a> {
    pub(crate) mime_type: Cow<'a, str>,
    pub(crate) data: Cow<'a, str>,
}

/// An address.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileData<'a> {
    pub(crate) mime_type: Cow<'a, str>,
    pub(crate) file_uri: &'a str,
}

/// A call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FunctionCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    args: RawJson,
}

/// What a call's tool answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FunctionResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<&'a str>,
    pub(crate) name: Cow<'a, str>,
    pub(crate) response: RawJson,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<WirePart<'a>>,
}

/// Where arguments go that are no JSON object.
const INVALID_ARGUMENTS: &str = "invalid_arguments";

impl<'a> FunctionCall<'a> {
    pub(crate) fn of(call: &'a ToolCall) -> Self {
        let args =
            if call.custom { Some(custom_tools::wrap(&call.arguments)) } else { call.arguments_object() };
        let args = args.unwrap_or_else(|| {
            let mut object = ObjectWriter::new();
            object.member(INVALID_ARGUMENTS, &call.arguments);
            object.json()
        });
        Self { id: ids::shown(&call.id), name: &call.name, args }
    }
}

impl<'a> WirePart<'a> {
    pub(crate) fn new(members: Members<'a>) -> Self {
        Self::Own(Box::new(members))
    }

    pub(crate) fn text(text: impl Into<Wording<'a>>) -> Self {
        Self::new(Members { text: Some(text.into()), ..Members::default() })
    }

    /// A part that holds nothing but a signature.
    pub(crate) fn signature(data: Cow<'a, str>) -> Self {
        let text = Some("".into());
        Self::new(Members { text, thought_signature: Some(data), ..Members::default() })
    }

    /// The members of a part of the answer itself that has no signature yet: where one may be put.
    pub(crate) fn unsigned_answer(&mut self) -> Option<&mut Members<'a>> {
        match self {
            Self::Own(members) if members.thought.is_none() && members.thought_signature.is_none() => {
                (members.text.is_some() || members.inline_data.is_some()).then_some(&mut **members)
            }
            _ => None,
        }
    }

    /// The members of a call.
    pub(crate) fn call(&mut self) -> Option<&mut Members<'a>> {
        match self {
            Self::Own(members) if members.function_call.is_some() => Some(&mut **members),
            _ => None,
        }
    }

    pub(crate) fn to_json(&self) -> RawJson {
        json(self)
    }
}
