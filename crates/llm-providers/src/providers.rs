//! Builds providers: what a configuration says about a deployment becomes something that can be called.

use std::borrow::Cow;
use std::sync::{Arc, Weak};
use std::time::Duration;

use llm_core::dialect::Target;
use llm_core::request::Sampling;
use llm_core::{Authenticator, ChatRequest, Error, LossPolicy, Provider, RawObject, Result, Secret};
use llm_transport::{Options, Upstream};
use parking_lot::Mutex;

use crate::base_url::BaseUrl;
use crate::cache_points::CachePoint;
use crate::credentials;
use crate::dialects;
use crate::files::Files;
use crate::headers::{Fixed, Forwarding};
use crate::http_provider::media::MediaSettings;
use crate::http_provider::{Authenticated, HttpProvider, Places, shown_keys};
use crate::parameters::{Parameters, Settled};
use crate::programs::Programs;
use crate::recordings::Recordings;
use crate::registry::Registry;
use crate::vendor::{Auth, Status, Vendor};

/// What a configuration says about one deployment.
#[derive(Clone, Debug, Default)]
pub struct DeploymentSpec {
    /// The vendor's name or alias.
    pub vendor: String,
    /// Another address than the vendor's own.
    pub api_base: Option<String>,
    /// The credential.
    pub api_key: Option<Secret>,
    /// Another way of showing the credential than the vendor's row says.
    pub auth: Option<Auth>,
    /// What the vendor's row names as parameters: region, project, tenant, other credentials.
    pub parameters: Parameters,
    /// Reads files that parameters name, such as tokens that are replaced now and then.
    pub files: Files,
    /// Runs programs that parameters name, which write credentials.
    pub programs: Programs,
    /// The organization that pays, where the vendor has such a header.
    pub organization: Option<String>,
    /// Headers to add to every request. They may be credentials.
    pub extra_headers: Vec<(String, Secret)>,
    /// Another dialect than the vendor's row says.
    pub dialect: Option<String>,
    /// What to do with what cannot be expressed.
    pub policy: LossPolicy,
    /// Sampling for what clients leave open.
    pub sampling: Sampling,
    /// Output limit for what clients leave open.
    pub max_output_tokens: Option<u64>,
    /// The model's own output limit.
    pub model_max_output_tokens: Option<u64>,
    /// Members set in every body.
    pub extra_body: RawObject,
    /// Members taken out of every body.
    pub drop_fields: Vec<String>,
    /// Where each prompt is marked for the vendor's cache, beside the client's own marks.
    pub cache_points: Vec<CachePoint>,
    /// What chats say where the client's do not ([`ChatRequest::or`]).
    pub defaults: Option<Arc<ChatRequest>>,
    /// Whether the vendor is told the trace that a request is part of (`traceparent`, `tracestate`).
    pub forwards_trace: bool,
    /// Which headers of clients it is sent.
    pub forwarding: Forwarding,
    /// What answers in the vendor's place.
    pub mock: MockSettings,
    /// Connections.
    pub transport: Options,
}

/// LiteLLM's settings of an answer without a vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MockSettings {
    /// What is answered; `litellm.RateLimitError` and the like stand for errors.
    pub response: Option<String>,
    /// How long the answer takes.
    pub delay: Option<Duration>,
    /// Whether nothing is answered, so that a deadline passes.
    pub timeout: bool,
}

impl MockSettings {
    /// Whether the vendor is not asked at all.
    pub fn replace_the_vendor(&self) -> bool {
        self.response.is_some() || self.timeout
    }
}

/// The known vendors, and the connections that deployments share.
#[derive(Default)]
pub struct Providers {
    registry: Registry,
    media: Arc<MediaSettings>,
    recordings: Option<Recordings>,
    #[cfg_attr(not(feature = "mock"), expect(dead_code, reason = "nothing else is a vendor for tests"))]
    mock_server: bool,
    upstreams: Mutex<Vec<Shared>>,
}

struct Shared {
    url: String,
    options: Options,
    upstream: Weak<Upstream>,
}

impl Providers {
    /// Providers of these vendors.
    pub fn new(registry: Registry) -> Self {
        Self { registry, ..Self::default() }
    }

    /// The same, with other rules for files that requests point to.
    pub fn with_media(self, media: MediaSettings) -> Self {
        Self { media: Arc::new(media), ..self }
    }

    /// The same, with vendor traffic that is recorded or told again.
    pub fn with_recordings(self, recordings: Option<Recordings>) -> Self {
        Self { recordings, ..self }
    }

    /// The same, for a server that is a vendor for tests: what it can break on the wire, the mock leaves to it.
    pub fn for_a_mock_server(self, mock_server: bool) -> Self {
        Self { mock_server, ..self }
    }

    /// The known vendors.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// A provider for a deployment. Deployments with the same address and options share connections.
    ///
    /// # Errors
    /// When the vendor is unknown or not supported yet, or a setting cannot be meant.
    pub fn build(&self, spec: &DeploymentSpec) -> Result<Arc<dyn Provider>> {
        let vendor = self.vendor(spec)?;
        let dialect_name = spec.dialect.as_deref().unwrap_or(&vendor.dialect);
        if let Some(mock) = self.mock(dialect_name, spec)? {
            return Ok(mock);
        }
        let own = dialect_name == vendor.dialect;
        let base = base_url(vendor, dialect_name, spec)?;
        let quirks = if own { vendor.quirks_at(base.host()) } else { Cow::default() };
        let dialect = dialects::dialect(dialect_name, &quirks, &base)?;
        let authenticator = credentials::authenticator(vendor, spec)?;
        let fixed = fixed_headers(vendor, spec, &base, authenticator.is_some())?;
        let (upstream, authenticator) = match &self.recordings {
            None => (self.upstream(&base.url, &spec.transport)?, authenticator),
            Some(recordings) => {
                let tape = recordings.tape(&vendor.name, credentials_of(spec));
                // Tokens are fetched from a network, and what is told again asks for none.
                let authenticator = authenticator.filter(|_| !recordings.is_replay());
                (Upstream::taped(&base.url, &spec.transport, tape)?, authenticator)
            }
        };
        Ok(Arc::new(HttpProvider {
            dialect,
            upstream,
            authenticator: authenticator
                .map(|authenticator| Authenticated { authenticator, base_url: base.url.clone() }),
            fixed,
            places: Places::of(&base.url, vendor),
            query: base.query,
            media: Arc::clone(&self.media),
            cache_points: spec.cache_points.clone(),
            defaults: spec.defaults.clone(),
            forwards_trace: spec.forwards_trace,
            forwarding: spec.forwarding.is_any().then(|| Box::new(spec.forwarding.clone())),
            target: target(spec),
        }))
    }

    /// A provider of nothing but an address, for requests that pass to it as they are. Of its query that stands in each
    /// request in which services are shown keys; the rest is for whoever writes requests.
    ///
    /// # Errors
    /// When the address or a header is none, or this build speaks no dialect at all.
    pub fn pass_through(
        &self,
        url: &str,
        headers: &[(String, Secret)],
        transport: &Options,
    ) -> Result<Arc<dyn Provider>> {
        let (url, query) = url.split_once('?').unwrap_or((url, ""));
        let keys = shown_keys(query);
        let mut fixed = Fixed::new(Auth::None, None)?;
        for (name, value) in headers {
            fixed.set(name, value.expose())?;
        }
        let dialect = dialects::any().ok_or_else(|| Error::unsupported("this build speaks no dialect"))?;
        Ok(Arc::new(HttpProvider {
            dialect,
            upstream: self.upstream(url, transport)?,
            authenticator: None,
            fixed,
            places: Places::at(url),
            query: (!keys.is_empty()).then_some(keys),
            media: Arc::clone(&self.media),
            cache_points: Vec::new(),
            defaults: None,
            forwards_trace: false,
            forwarding: None,
            target: Target::default(),
        }))
    }

    /// The mock, where it is the vendor or takes a vendor's place.
    #[cfg(feature = "mock")]
    fn mock(&self, dialect_name: &str, spec: &DeploymentSpec) -> Result<Option<Arc<dyn Provider>>> {
        use crate::mock::{MOCK, Mock};
        let mock = if dialect_name == MOCK.name() {
            Mock::scripted_by_name(spec.mock.clone())
        } else if spec.mock.replace_the_vendor() {
            Mock::in_place_of_a_vendor(spec.mock.clone())
        } else {
            return Ok(None);
        };
        Ok(Some(Arc::new(mock.for_a_server(self.mock_server))))
    }

    #[cfg(not(feature = "mock"))]
    fn mock(&self, _: &str, spec: &DeploymentSpec) -> Result<Option<Arc<dyn Provider>>> {
        if spec.mock.replace_the_vendor() {
            return Err(Error::unsupported(
                "this build has no mock: leave `mock_response` and `mock_timeout` out",
            ));
        }
        Ok(None)
    }

    /// The address that a deployment's requests go to, in its one form; `None` for vendors without a network.
    ///
    /// # Errors
    /// As [`Providers::build`].
    pub fn base_url(&self, spec: &DeploymentSpec) -> Result<Option<BaseUrl>> {
        let vendor = self.vendor(spec)?;
        let dialect_name = spec.dialect.as_deref().unwrap_or(&vendor.dialect);
        if spec.mock.replace_the_vendor() {
            return Ok(None);
        }
        if vendor.auth == Auth::None && vendor.base_url.is_none() && spec.api_base.is_none() {
            return Ok(None);
        }
        base_url(vendor, dialect_name, spec).map(Some)
    }

    /// What makes the credentials of requests to a vendor, for services of it that are no models; `None`: a key in a
    /// header is all.
    ///
    /// # Errors
    /// When the vendor is unknown, or the parameters name no credentials that could work.
    pub fn authenticator(&self, spec: &DeploymentSpec) -> Result<Option<Arc<dyn Authenticator>>> {
        credentials::authenticator(self.vendor(spec)?, spec)
    }

    fn vendor(&self, spec: &DeploymentSpec) -> Result<&Vendor> {
        let vendor = self.registry.get(&spec.vendor).ok_or_else(|| self.registry.unknown(&spec.vendor))?;
        if vendor.status == Status::Planned && spec.dialect.is_none() {
            let name = &spec.vendor;
            return Err(Error::unsupported(format!(
                "`{name}/` is not supported yet: its wire format comes with a later version"
            )));
        }
        match &spec.api_base {
            Some(address) if spec.dialect.is_none() => Ok(self.registry.meant(vendor, address)),
            _ => Ok(vendor),
        }
    }

    fn upstream(&self, url: &str, options: &Options) -> Result<Arc<Upstream>> {
        let mut known = self.upstreams.lock();
        known.retain(|shared| shared.upstream.strong_count() > 0);
        let same = known.iter().find(|shared| shared.url == url && same(&shared.options, options));
        if let Some(upstream) = same.and_then(|shared| shared.upstream.upgrade()) {
            return Ok(upstream);
        }
        let upstream = Upstream::new(url, options)?;
        let weak = Arc::downgrade(&upstream);
        known.push(Shared { url: url.to_owned(), options: options.clone(), upstream: weak });
        Ok(upstream)
    }
}

/// Whether two settings of connections are one. Taken apart so that a new setting cannot be forgotten.
fn same(one: &Options, other: &Options) -> bool {
    let Options { connect_timeout, max_idle_per_core, idle_timeout, http_version, proxy, tls, max_body } =
        one;
    *connect_timeout == other.connect_timeout
        && *max_idle_per_core == other.max_idle_per_core
        && *idle_timeout == other.idle_timeout
        && *http_version == other.http_version
        && *proxy == other.proxy
        && *tls == other.tls
        && *max_body == other.max_body
}

fn base_url(vendor: &Vendor, dialect_name: &str, spec: &DeploymentSpec) -> Result<BaseUrl> {
    let rules = dialects::url_rules(dialect_name)?;
    let parameters = credentials::completed(vendor, &spec.parameters);
    let settled = Settled::new(vendor, &parameters);
    let written = spec.api_base.clone().filter(|written| !written.trim().is_empty());
    let own = |own: &String| settled.filled(own).map_err(|missing| missing.in_address(vendor));
    let named = || settled.get(vendor.base_parameter.as_deref()?).map(str::to_owned);
    let written = match written.or_else(named) {
        Some(written) => Some(written),
        None => {
            let keyed = vendor.key_base_url.as_ref().filter(|_| has_key(spec));
            keyed.or(vendor.base_url.as_ref()).map(own).transpose()?
        }
    };
    let Some(written) = written else {
        let variables = list(&vendor.base_env, "or");
        return Err(Error::invalid(format!(
            "vendor `{}` has no address of its own: set `api_base`{variables}",
            vendor.name
        )));
    };
    let mut base = match rules {
        Some(rules) => BaseUrl::normalise(&written, vendor, rules)?,
        None => BaseUrl::as_written(&written)?,
    };
    base.query = settled.query(base.query.as_deref());
    Ok(dialects::place(dialect_name, base))
}

/// Everything of a deployment that may be a credential.
fn credentials_of(spec: &DeploymentSpec) -> impl Iterator<Item = &Secret> {
    let headers = spec.extra_headers.iter().map(|(_, value)| value);
    spec.api_key.iter().chain(headers).chain(spec.parameters.credentials())
}

/// Whether the credential is a plain key.
pub(crate) fn has_key(spec: &DeploymentSpec) -> bool {
    spec.api_key.as_ref().is_some_and(|key| !key.expose().trim().is_empty())
}

fn fixed_headers(
    vendor: &Vendor,
    spec: &DeploymentSpec,
    base: &BaseUrl,
    authenticated: bool,
) -> Result<Fixed> {
    let auth = credentials::way_of_keys(spec.auth.unwrap_or(vendor.auth), base.host());
    let key = spec.api_key.as_ref().filter(|key| !key.expose().trim().is_empty());
    let own_headers = spec.extra_headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    let shown_otherwise = own_headers.into_iter().any(|name| CREDENTIALS.contains(&name.as_str()));
    let needless = vendor.key_optional || auth == Auth::None || authenticated;
    let needed = !(needless || spec.api_base.is_some() || shown_otherwise);
    if key.is_none() && needed {
        let variables = list(&vendor.key_env, "or");
        return Err(Error::invalid(format!(
            "vendor `{}` needs a key: set `api_key`{variables}",
            vendor.name
        )));
    }
    let mut fixed = Fixed::new(auth, key)?;
    if let (Some(header), Some(organization)) = (&vendor.organization_header, &spec.organization) {
        fixed.set(header, organization)?;
    }
    for (name, value) in &spec.extra_headers {
        fixed.set(name, value.expose())?;
    }
    Ok(fixed)
}

const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

fn list(names: &[String], word: &str) -> String {
    names.iter().map(|name| format!(" {word} `{name}`")).collect()
}

fn target(spec: &DeploymentSpec) -> Target {
    Target {
        policy: spec.policy,
        sampling: spec.sampling.clone(),
        max_output_tokens: spec.max_output_tokens,
        model_max_output_tokens: spec.model_max_output_tokens,
        extra_body: spec.extra_body.clone(),
        drop_fields: spec.drop_fields.clone(),
        ..Target::default()
    }
}
