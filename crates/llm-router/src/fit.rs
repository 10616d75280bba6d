//! Which deployments are fit for a request: kind of call, tags, region, and, where they are switched on, the checks
//! of prompt length and abilities before a vendor is asked.

use std::sync::Arc;

use llm_core::{Error, ErrorKind, tokens};

use crate::deployment::Deployment;
use crate::needs::Needs;
use crate::router::RouterSettings;
use crate::rule::Rule;
use crate::run::Route;

/// The tag of deployments that take requests which none with their tags takes.
const DEFAULT_TAG: &str = "default";

/// How a request's tags choose among deployments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagFiltering {
    /// Not at all.
    #[default]
    Off,
    /// A deployment has one of them.
    Any,
    /// A deployment has all of them.
    All,
}

/// What a request asks of any deployment of a group.
pub(crate) struct Fit<'a> {
    route: &'a Route<'a>,
    tags: Tags<'a>,
    /// Tokens of the prompt and what it needs, where that is checked.
    checked: Option<(u64, Needs)>,
}

/// Which deployments the tags leave.
enum Tags<'a> {
    All,
    Matching(TagFiltering, &'a [String]),
    Default,
}

impl<'a> Fit<'a> {
    /// What a request asks of the deployments of a group. Reads the request only where checks need it.
    pub(crate) fn of(route: &'a Route<'a>, settings: &RouterSettings, group: &[Arc<Deployment>]) -> Self {
        let tags = Tags::of(settings.tag_filtering, &route.options.tags, group);
        let is_checked = settings.pre_call_checks && route.inbound.asked.operation.is_chat();
        // A request that is none is the vendor's to refuse, in its own words.
        let request = is_checked.then(|| route.inbound.decoded().ok()).flatten();
        let checked = request.map(|request| (tokens::of_request(request), Needs::of(request)));
        Self { route, tags, checked }
    }

    /// Whether every deployment is fit, so that nobody needs to look at each.
    pub(crate) fn is_open(&self) -> bool {
        let route = self.route;
        route.inbound.asked.operation.is_chat()
            && route.avoid.is_empty()
            && route.options.region.is_none()
            && route.requires == Needs::default()
            && matches!(self.tags, Tags::All)
            && self.checked.is_none()
    }

    /// Why a deployment is not fit; `None` when it is.
    pub(crate) fn refuses(&self, deployment: &Deployment) -> Option<Rule> {
        let inbound = self.route.inbound;
        if self.route.avoid.contains(&deployment.id) {
            return Some(Rule::Tried);
        }
        if !inbound.asked.operation.is_chat() && !deployment.provider.serves(inbound) {
            return Some(Rule::Unserved);
        }
        if let Some(lacking) = self.route.requires.beyond(deployment.facts.can) {
            return Some(Rule::Lacks(lacking));
        }
        if !self.tags.leave(&deployment.tags) {
            return Some(Rule::Tags);
        }
        if let Some(region) = &self.route.options.region
            && deployment.region.as_ref().is_none_or(|own| !own.starts_with(region.as_str()))
        {
            return Some(Rule::Region);
        }
        let (prompt, needs) = self.checked?;
        if let Some(limit) = deployment.facts.max_input_tokens.filter(|limit| prompt > *limit) {
            return Some(Rule::ContextWindow { prompt, limit });
        }
        needs.shared(deployment.facts.cannot).map(Rule::Lacks)
    }
}

impl<'a> Tags<'a> {
    /// Those with the request's tags; where there is none, or the request has no tags, those with the tag `default`;
    /// where there is none either, all for a request without tags.
    fn of(filtering: TagFiltering, asked: &'a [String], group: &[Arc<Deployment>]) -> Self {
        if filtering == TagFiltering::Off {
            return Self::All;
        }
        let matching = Self::Matching(filtering, asked);
        let has = |tags: &Self| group.iter().any(|deployment| tags.leave(&deployment.tags));
        if !asked.is_empty() && has(&matching) {
            matching
        } else if has(&Self::Default) {
            Self::Default
        } else if asked.is_empty() {
            Self::All
        } else {
            matching
        }
    }

    fn leave(&self, own: &[String]) -> bool {
        match self {
            Self::All => true,
            Self::Default => own.iter().any(|tag| tag == DEFAULT_TAG),
            Self::Matching(TagFiltering::All, asked) => asked.iter().all(|tag| own.contains(tag)),
            Self::Matching(_, asked) => asked.iter().any(|tag| own.contains(tag)),
        }
    }
}

/// The error of a request that no deployment of a group is fit for; `None` when the rules are none of these.
pub(crate) fn unfit(model: &str, rules: &[&Rule]) -> Option<Error> {
    let longest = rules.iter().filter_map(|rule| match rule {
        Rule::ContextWindow { prompt, limit } => Some((*limit, *prompt)),
        _ => None,
    });
    if let Some((limit, prompt)) = longest.max() {
        let message = format!(
            "the prompt has about {prompt} tokens, and no deployment of `{model}` takes more than {limit}: shorten it, or ask a model with a larger context window"
        );
        return Some(
            Error::new(ErrorKind::ContextLength, message)
                .with_param("messages")
                .with_code("context_length_exceeded"),
        );
    }
    rules.iter().find_map(|rule| match rule {
        Rule::Lacks(ability) => Some(Error::unsupported(format!(
            "no deployment of `{model}` has the ability `{ability}` that the request needs: ask another model"
        ))),
        Rule::Tags => Some(Error::invalid(format!(
            "no deployment of `{model}` has the request's tags, and none is the `default`"
        ))),
        Rule::Region => {
            Some(Error::invalid(format!("no deployment of `{model}` stands in the region asked for")))
        }
        _ => None,
    })
}
