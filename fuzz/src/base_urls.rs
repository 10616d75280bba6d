//! Base URLs as operators write them.

use std::sync::LazyLock;

use llm_core::Secret;
use llm_providers::{DeploymentSpec, Providers, Registry, Status};

use crate::sample::Draws;

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::default);

/// A text is a base URL or an error. A base URL is a valid address with nothing at its end, and a provider can be
/// made for it, or says why not.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let Ok(written) = std::str::from_utf8(data) else { return };
    REGISTRY.by_address(written);
    REGISTRY.split(written);
    REGISTRY.nearest(written);
    let providers = Providers::new(REGISTRY.clone());
    let ready: Vec<&str> =
        REGISTRY.iter().filter(|row| row.status == Status::Ready).map(|row| row.name.as_str()).collect();
    let vendor = *Draws::of(data).one(&ready);
    let spec = DeploymentSpec {
        vendor: vendor.to_owned(),
        api_base: Some(written.to_owned()),
        api_key: Some(Secret::new("sk-1".to_owned())),
        ..DeploymentSpec::default()
    };
    if let Ok(Some(base)) = providers.base_url(&spec) {
        base.url.parse::<http::Uri>().expect("an address");
        assert!(base.url.starts_with("http://") || base.url.starts_with("https://"), "{}", base.url);
        assert!(!base.url.ends_with('/') && !base.url.contains(['?', '#']), "{}", base.url);
        assert!(base.query.is_none_or(|query| !query.is_empty() && !query.contains('#')));
        // A host that no certificate can hold is refused only here.
        drop(providers.build(&spec));
    }
}
