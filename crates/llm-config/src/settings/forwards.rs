//! Which headers of clients go on to vendors.

use http::HeaderName;
use llm_providers::Forwarding;

use crate::node::Node;

/// Which headers of clients go on to vendors, in LiteLLM's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardSettings {
    /// Those of clients, to all vendors.
    pub everywhere: bool,
    /// The same for these groups; a `*` at the end stands for any text.
    pub groups: Vec<String>,
    /// Those that say who asks.
    pub callers: bool,
}

impl ForwardSettings {
    /// What a file says.
    pub(crate) fn of(root: &Node) -> Self {
        const NAME: &str = "forward_client_headers_to_llm_api";
        let litellm = root.get("litellm_settings");
        let of = |section: Option<&Node>, key: &str| section.and_then(|section| section.get_flag(key));
        let groups = litellm.and_then(|litellm| litellm.get("model_group_settings"));
        Self {
            everywhere: of(root.get("general_settings"), NAME).or(of(litellm, NAME)).unwrap_or(false),
            groups: groups.map(|groups| groups.get_texts(NAME)).unwrap_or_default(),
            callers: of(litellm, "add_user_information_to_llm_headers").unwrap_or(false),
        }
    }

    /// What the deployments of a group are sent. `key_header`: where clients show their key to the gateway.
    pub(crate) fn to_group(&self, group: &str, key_header: Option<&HeaderName>) -> Forwarding {
        let is_named = |name: &String| match name.strip_suffix('*') {
            Some(begin) => group.starts_with(begin),
            None => name == group,
        };
        let own = self.everywhere || self.groups.iter().any(is_named);
        Forwarding { own, withheld: key_header.into_iter().cloned().collect(), caller: self.callers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_named_or_matched() {
        let settings =
            ForwardSettings { groups: vec!["smart".to_owned(), "open/*".to_owned()], ..Default::default() };
        let own = |group| settings.to_group(group, None).own;
        assert!(own("smart") && own("open/x") && !own("smarter") && !own("other"));
        assert!(ForwardSettings { everywhere: true, ..Default::default() }.to_group("other", None).own);
    }
}
