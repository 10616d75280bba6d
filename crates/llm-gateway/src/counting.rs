//! How many tokens a request has, for clients that ask before they send it.

use llm_core::provider::{Call, Inbound};
use llm_core::{Result, tokens};

use crate::answer::{Answer, AnswerBody};
use crate::gateway::State;
use crate::headers;
use crate::options::CallOptions;
use crate::settlement::{Outcome, Settlement};

impl State {
    /// Counts tokens at the vendor where its dialect is the client's, else roughly here.
    pub(crate) async fn count_tokens(
        &self,
        inbound: &Inbound,
        options: &CallOptions,
        settlement: &mut Settlement,
    ) -> Result<Answer> {
        let (group, name) = self.router.resolve(&options.model)?;
        if let Some(bill) = settlement.bill() {
            bill.admit_unmeasured(name).await?;
        }
        let limits = options.route.limits.or(self.router.settings().limits);
        for deployment in group.deployments() {
            let model = deployment.model_for(name);
            let call = Call {
                inbound,
                model: &model,
                public_model: &options.model,
                stream: false,
                canonical: false,
                policy: None,
                deadlines: limits.or(deployment.limits).deadlines(settlement.call().received),
            };
            settlement.asks();
            if let Some(tokens) = deployment.provider.count_tokens(call).await? {
                settlement.settle(Outcome::Complete);
                return Ok(counted(inbound, tokens, &settlement.call().call_id));
            }
        }
        let tokens = tokens::of_request(inbound.decoded()?);
        settlement.settle(Outcome::Complete);
        Ok(counted(inbound, tokens, &settlement.call().call_id))
    }
}

fn counted(inbound: &Inbound, tokens: u64, call_id: &str) -> Answer {
    let body = inbound.ingress.encode_token_count(tokens);
    Answer { status: 200, headers: headers::plain(call_id), body: AnswerBody::Whole(body.into()) }
}
