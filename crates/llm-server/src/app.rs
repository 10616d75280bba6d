//! What all requests share: the gateway, the limits, and whether we are about to go.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderMap;
use http::request::Parts;
use llm_config::DatabaseLink;
use llm_core::Result;
use llm_gateway::Gateway;
use llm_governance::Principal;
use llm_management::Management;

use crate::client_address::{client_address, peer};
use crate::intake::Budget;
use crate::limits::Limits;
use crate::openapi::Docs;
use crate::tls::Certificate;

/// What all requests share.
pub(crate) struct App {
    pub gateway: Arc<Gateway>,
    pub limits: Limits,
    pub budget: Arc<Budget>,
    /// Answers of the mock break on the wire where it says so.
    pub wire_faults: bool,
    /// Proxies of the operator's that stand between clients and us.
    pub proxies: usize,
    /// What encrypted connections show; `None`: connections are not encrypted.
    pub certificate: Option<Certificate>,
    /// Keys, teams, users; `None`: there is no store for them.
    pub management: Option<Arc<Management>>,
    /// The database; `None`: there is none.
    pub database: Option<Arc<DatabaseLink>>,
    /// Pages about the API.
    pub docs: Docs,
    /// The dashboard; `None`: there is none.
    #[cfg(feature = "dashboard")]
    pub ui: Option<Arc<crate::ui::Ui>>,
    leaving: Arc<AtomicBool>,
}

impl App {
    pub(crate) fn new(gateway: Arc<Gateway>, limits: Limits) -> Self {
        let budget = Arc::new(Budget::new(limits.buffered));
        Self {
            gateway,
            limits,
            budget,
            wire_faults: false,
            proxies: 0,
            certificate: None,
            management: None,
            database: None,
            docs: Docs::default(),
            #[cfg(feature = "dashboard")]
            ui: None,
            leaving: Arc::default(),
        }
    }

    /// The same, in memory of its own: each worker counts references to its own copy, so that cores don't fight
    /// over one counter at every request.
    pub(crate) fn copy(&self) -> Arc<Self> {
        Arc::new(Self {
            gateway: Arc::clone(&self.gateway),
            limits: self.limits.clone(),
            budget: Arc::clone(&self.budget),
            wire_faults: self.wire_faults,
            proxies: self.proxies,
            certificate: self.certificate.clone(),
            management: self.management.clone(),
            database: self.database.clone(),
            docs: self.docs.clone(),
            #[cfg(feature = "dashboard")]
            ui: self.ui.clone(),
            leaving: Arc::clone(&self.leaving),
        })
    }

    /// Where a request came from.
    pub(crate) fn address(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        client_address(peer, headers, self.proxies)
    }

    /// Who asks a route beside the model APIs, by the head of their request.
    ///
    /// # Errors
    /// When they may not use it.
    pub(crate) async fn authorise(&self, head: &Parts) -> Result<Arc<Principal>> {
        let address = self.address(peer(&head.extensions), &head.headers);
        let looks = head.method.is_safe();
        self.gateway.authorise(&head.headers, address, (head.uri.path(), looks)).await
    }

    /// Whether there are pages at `/ui`.
    #[cfg(feature = "dashboard")]
    pub(crate) fn has_dashboard(&self) -> bool {
        self.ui.is_some()
    }

    /// A program without pages.
    #[cfg(not(feature = "dashboard"))]
    #[expect(clippy::unused_self, reason = "with pages it is needed")]
    pub(crate) fn has_dashboard(&self) -> bool {
        false
    }

    /// From now on readiness says that we are going.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }
}
