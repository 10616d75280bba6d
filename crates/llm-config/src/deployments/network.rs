//! How a deployment's vendor is reached: which certificates are believed and shown, and which proxy stands on the way.

use llm_core::Secret;
use llm_transport::{ClientCertificate, HttpVersion, Proxy, Tls};

use super::{Draft, Maker, weak};
use crate::config::NetworkConfig;
use crate::environment::Environment;
use crate::files;
use crate::node::Node;
use crate::report::{Place, Report};
use crate::strict::flag;

/// What LiteLLM's settings and variables say of all vendors.
#[derive(Clone, Default)]
pub(crate) struct Network {
    verify: Option<Said>,
    certificate: Option<Said>,
    /// Further certificate authorities.
    authorities: Option<Said>,
}

/// A value and where it stands.
type Said = (String, Place);

impl Network {
    /// What holds for deployments that do not say themselves.
    pub(crate) fn of(root: &Node, environment: &Environment) -> Self {
        let variable = |name: &str| {
            let value = environment.get(name)?.to_owned();
            Some((value, environment.place(name)))
        };
        let litellm = root.get("litellm_settings");
        let key = |name: &str| litellm.and_then(|litellm| said(litellm, name));
        // Where the process has it, it stands for the machine's own authorities, which are read from there.
        let is_of_process = |(_, place): &Said| matches!(place, Place::Variable(_));
        Self {
            verify: variable("SSL_VERIFY").or_else(|| key("ssl_verify")),
            certificate: variable("SSL_CERTIFICATE").or_else(|| key("ssl_certificate")),
            authorities: variable("SSL_CERT_FILE").filter(|said| !is_of_process(said)),
        }
    }
}

impl Maker<'_> {
    /// How connections of a deployment are made. Files that it names are read now, so that a configuration that is read
    /// again finds what was renewed.
    pub(super) fn network(&mut self, draft: &Draft<'_>) -> NetworkConfig {
        let own = |key: &str| draft.layers.iter().find_map(|layer| said(layer, key));
        let verify = own("ssl_verify").or_else(|| self.network.verify.clone());
        let certificate = own("ssl_certificate").or_else(|| self.network.certificate.clone());
        let tls = Tls {
            client_certificate: certificate.and_then(|said| self.shown(&said)),
            ..self.believed(verify)
        };
        let http_version = match draft.text("http_version") {
            Some("2") => HttpVersion::Http2,
            Some("auto") => HttpVersion::Auto,
            _ => HttpVersion::Http1,
        };
        NetworkConfig { tls, proxy: proxy(draft.text("proxy")), http_version }
    }

    /// Whose certificates are believed.
    fn believed(&mut self, verify: Option<Said>) -> Tls {
        let authorities = match verify {
            Some((text, at)) if flag(&text) == Some(false) => {
                weak::unverified(self.report, &at);
                return Tls { verify: false, ..Tls::default() };
            }
            Some((text, at)) if flag(&text).is_none() => Some((text, at)),
            _ => self.network.authorities.clone(),
        };
        let extra_ca_pem = authorities.and_then(|(path, at)| read(self.report, "ssl_verify", &path, &at));
        Tls { extra_ca_pem, ..Tls::default() }
    }

    /// The certificate to show.
    fn shown(&mut self, (path, at): &Said) -> Option<ClientCertificate> {
        let pem = read(self.report, "ssl_certificate", path, at)?;
        Some(ClientCertificate { key_pem: Secret::new(pem.clone()), chain_pem: pem })
    }
}

fn said(map: &Node, key: &str) -> Option<Said> {
    let node = map.get(key)?;
    Some((map.get_text(key)?.to_owned(), node.at.clone()))
}

fn proxy(said: Option<&str>) -> Proxy {
    match said {
        None => Proxy::Environment,
        Some("none") => Proxy::None,
        Some(url) => Proxy::Url(url.to_owned()),
    }
}

fn read(report: &mut Report, key: &str, path: &str, at: &Place) -> Option<Vec<u8>> {
    let read = std::fs::read(path);
    if let Err(error) = &read {
        let message = format!("the file of `{key}` cannot be read: {}", files::reason(error));
        if !report.problems.iter().any(|known| known.place == *at && known.message == message) {
            report.error(at, message).help("name a file in PEM that is there");
        }
    }
    read.ok()
}
