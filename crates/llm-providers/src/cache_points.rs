//! Prompt-cache marks that a deployment sets by itself, for vendors that cache only what is marked.

use llm_core::ChatRequest;
use llm_core::message::{CacheMark, Message, Part, Role};
use llm_core::request::Tool;
use serde::Deserialize;

/// The most marks that a vendor takes in one request
/// (<https://docs.claude.com/en/docs/build-with-claude/prompt-caching>).
const MOST: usize = 4;

/// A place in each request up to which the prompt should be cached. The keys are those of LiteLLM's
/// `cache_control_injection_points`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", tag = "location", deny_unknown_fields)]
pub enum CachePoint {
    /// The end of some messages.
    Message {
        /// Only messages of this role.
        #[serde(default)]
        role: Option<PointRole>,
        /// Only this one, from 0; negative ones count from the end.
        #[serde(default)]
        index: Option<i64>,
    },
    /// The end of the tools.
    ToolConfig,
}

/// Whose messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointRole {
    /// Instructions, the application's too.
    System,
    /// The user's.
    User,
    /// The model's.
    Assistant,
    /// Results of tools.
    Tool,
}

impl PointRole {
    fn is(self, role: Role) -> bool {
        match self {
            Self::System => matches!(role, Role::System | Role::Developer),
            Self::User => role == Role::User,
            Self::Assistant => role == Role::Assistant,
            Self::Tool => role == Role::Tool,
        }
    }
}

/// Sets the marks. Those of the client stay, and count: no request gets more than a vendor takes.
pub(crate) fn mark(request: &mut ChatRequest, points: &[CachePoint]) {
    let mut left = MOST.saturating_sub(marks(request));
    for point in points {
        match point {
            CachePoint::Message { role, index } => {
                let count = i64::try_from(request.messages.len()).unwrap_or(i64::MAX);
                let wanted = index.map(|index| if index < 0 { index + count } else { index });
                for (at, message) in (0..).zip(&mut request.messages) {
                    let of_role = role.is_none_or(|role| role.is(message.role));
                    if of_role && wanted.is_none_or(|wanted| wanted == at) {
                        set(message.parts.last_mut().and_then(Part::cache_mut), &mut left);
                    }
                }
            }
            CachePoint::ToolConfig => set(request.tools.iter_mut().rev().find_map(tool_slot), &mut left),
        }
    }
}

fn set(slot: Option<&mut Option<CacheMark>>, left: &mut usize) {
    if let Some(slot @ None) = slot
        && *left > 0
    {
        *slot = Some(CacheMark::Short);
        *left -= 1;
    }
}

fn tool_slot(tool: &mut Tool) -> Option<&mut Option<CacheMark>> {
    if let Tool::Function(function) = tool { Some(&mut function.cache) } else { None }
}

fn marks(request: &mut ChatRequest) -> usize {
    let parts = |message: &mut Message| {
        message.parts.iter_mut().filter_map(Part::cache_mut).filter(|slot| slot.is_some()).count()
    };
    let in_messages: usize = request.messages.iter_mut().map(parts).sum();
    in_messages + request.tools.iter_mut().filter_map(tool_slot).filter(|slot| slot.is_some()).count()
}

#[cfg(test)]
mod tests {
    use llm_core::request::FunctionTool;

    use super::*;

    fn request(roles: &[Role]) -> ChatRequest {
        let messages = roles.iter().map(|role| Message::text(*role, "x")).collect();
        let tools = ["a", "b"]
            .map(|name| Tool::Function(FunctionTool { name: name.to_owned(), ..FunctionTool::default() }));
        ChatRequest { messages, tools: tools.into(), ..ChatRequest::default() }
    }

    fn points(json: &str) -> Vec<CachePoint> {
        serde_json::from_str(json).expect("points")
    }

    fn marked(request: &mut ChatRequest) -> Vec<bool> {
        let messages = request.messages.iter_mut();
        messages
            .map(|message| {
                message.parts.last_mut().and_then(Part::cache_mut).is_some_and(|slot| slot.is_some())
            })
            .collect()
    }

    #[test]
    fn points_are_found_by_role_and_by_place() {
        let mut request = request(&[Role::System, Role::User, Role::Assistant, Role::User]);
        mark(
            &mut request,
            &points(
                r#"[{"location":"message","role":"system"},{"location":"message","index":-1},{"location":"tool_config"}]"#,
            ),
        );
        assert_eq!(marked(&mut request), [true, false, false, true]);
        let tools: Vec<bool> =
            request.tools.iter_mut().map(|tool| tool_slot(tool).is_some_and(|slot| slot.is_some())).collect();
        assert_eq!(tools, [false, true]);
    }

    #[test]
    fn no_request_gets_more_marks_than_a_vendor_takes() {
        let mut request = request(&[Role::User; 9]);
        mark(&mut request, &points(r#"[{"location":"message","role":"user"},{"location":"tool_config"}]"#));
        assert_eq!(marks(&mut request), MOST);
        mark(
            &mut request,
            &points(r#"[{"location":"message","index":8},{"location":"message","index":99}]"#),
        );
        assert_eq!(marks(&mut request), MOST);
    }
}
