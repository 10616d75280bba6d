//! What guardrails found last, for people: who, by which rule, in which call; never the text.

use std::collections::VecDeque;
use std::sync::Arc;

use llm_core::guard::{Action, Asker, Side};
use llm_governance::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;

use crate::gateway::Gateway;

/// So many are remembered.
const MOST: usize = 100;

/// What was found last. It outlives changes of the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hits(Arc<Mutex<VecDeque<GuardrailHit>>>);

/// Something that a guardrail found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GuardrailHit {
    /// When, as ISO 8601.
    pub time: String,
    /// The guardrail.
    pub guardrail: String,
    /// By which rule.
    pub rule: String,
    /// What was done: `flagged`, `masked` or `blocked`.
    pub action: &'static str,
    /// Where: `request` or `answer`.
    pub side: &'static str,
    /// How many passages of the call, one behind the other.
    pub passages: u32,
    /// The call, by the id that the client knows.
    pub call_id: String,
    /// The model that was asked for.
    pub model: String,
    /// What people call the key.
    pub key_alias: Option<String>,
    /// The team.
    pub team_id: Option<String>,
}

/// Whose call is looked at.
#[derive(Debug, Default)]
pub(super) struct Whose {
    pub asker: Asker,
    pub call_id: String,
    pub model: String,
}

impl Hits {
    /// Something was found. What was found before in the same call by the same rule is counted there.
    pub(super) fn note(&self, whose: &Whose, (guardrail, rule): (&str, &str), action: Action, side: Side) {
        let action = match action {
            Action::Flag => "flagged",
            Action::Mask => "masked",
            Action::Block => "blocked",
        };
        let side = if side == Side::Request { "request" } else { "answer" };
        let mut all = self.0.lock();
        if let Some(last) = all.back_mut()
            && (last.call_id.as_str(), last.guardrail.as_str(), last.rule.as_str())
                == (whose.call_id.as_str(), guardrail, rule)
            && (last.action, last.side) == (action, side)
        {
            last.passages += 1;
            return;
        }
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back(GuardrailHit {
            time: Timestamp::now().iso(),
            guardrail: guardrail.to_owned(),
            rule: rule.to_owned(),
            action,
            side,
            passages: 1,
            call_id: whose.call_id.clone(),
            model: whose.model.clone(),
            key_alias: whose.asker.key_alias.clone(),
            team_id: whose.asker.team_id.clone(),
        });
    }
}

impl Gateway {
    /// What guardrails found last in calls, the newest first.
    pub fn guardrail_hits(&self) -> Vec<GuardrailHit> {
        self.hits().0.lock().iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered_and_those_of_one_call_are_counted() {
        let hits = Hits::default();
        let whose = |number: usize| Whose { call_id: format!("call {number}"), ..Whose::default() };
        for number in 0..MOST + 5 {
            hits.note(&whose(number), ("personal", "email"), Action::Mask, Side::Request);
            hits.note(&whose(number), ("personal", "email"), Action::Mask, Side::Request);
        }
        hits.note(&whose(MOST + 4), ("personal", "email"), Action::Mask, Side::Answer);
        let all = hits.0.lock();
        assert_eq!(all.len(), MOST);
        assert_eq!((all[0].call_id.as_str(), all[0].passages), ("call 6", 2));
        assert_eq!((all[MOST - 1].side, all[MOST - 1].passages), ("answer", 1));
    }
}
