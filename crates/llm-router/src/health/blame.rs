//! Whom a failure speaks against: nobody, the deployment, one model there, or the key.

use llm_core::{Error, ErrorKind, Fault};

/// What is left alone after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The deployment.
    Deployment,
    /// One model, or one kind of call, of the deployment.
    Model,
    /// The credential, and with it every deployment that shows it.
    Key,
}

impl Scope {
    /// A word for logs and status pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Model => "model",
            Self::Key => "key",
        }
    }
}

/// Whom an error speaks against; `None` when it is the client's or the gateway's own.
///
/// Of a call whose request nobody read (`known` is false) only the vendor's own trouble counts: any client could make a
/// path answer 401, 404 or 429.
pub(super) fn scope(error: &Error, known: bool) -> Option<Scope> {
    if error.fault() != Fault::Upstream {
        return None;
    }
    match error.kind() {
        // A key that may not use one model is still good for others.
        ErrorKind::UpstreamAuth if error.status() == 403 => known.then_some(Scope::Model),
        ErrorKind::UpstreamAuth | ErrorKind::QuotaExhausted => known.then_some(Scope::Key),
        ErrorKind::UpstreamNotFound => (known && !names_another_thing(error)).then_some(Scope::Model),
        ErrorKind::RateLimited => known.then_some(Scope::Deployment),
        _ => Some(Scope::Deployment),
    }
}

/// Whether what was not found is something of the client's: a file, an earlier answer.
fn names_another_thing(error: &Error) -> bool {
    let param = error.param().is_some_and(|param| !matches!(param, "" | "model" | "deployment" | "engine"));
    let of_model =
        |code: &str| ["model", "deployment", "resource", "engine"].iter().any(|word| code.contains(word));
    let codes = [error.code(), error.error_type()].into_iter().flatten().map(str::to_ascii_lowercase);
    param || codes.into_iter().any(|code| code.ends_with("_not_found") && !of_model(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ErrorKind) -> Option<Scope> {
        scope(&Error::new(kind, "no"), true)
    }

    #[test]
    fn the_clients_own_mistakes_speak_against_nobody() {
        use ErrorKind::*;
        for kind in [
            InvalidRequest,
            Unsupported,
            Unauthenticated,
            PermissionDenied,
            UnknownModel,
            NotFound,
            MethodNotAllowed,
            PayloadTooLarge,
            ContextLength,
            ContentFilter,
            BudgetExceeded,
            Cancelled,
            Internal,
        ] {
            assert_eq!(of(kind), None, "{kind:?}");
        }
        let file = Error::new(UpstreamNotFound, "no such file").with_param("file_id");
        assert_eq!(scope(&file, true), None);
        let earlier = Error::new(UpstreamNotFound, "no").with_code("previous_response_not_found");
        assert_eq!(scope(&earlier, true), None);
        let excused = Error::new(Timeout, "late").with_fault(Fault::Client);
        assert_eq!(scope(&excused, true), None);
    }

    #[test]
    fn each_failure_speaks_against_what_failed() {
        use ErrorKind::*;
        assert_eq!(of(UpstreamAuth), Some(Scope::Key));
        assert_eq!(of(QuotaExhausted), Some(Scope::Key));
        assert_eq!(of(UpstreamNotFound), Some(Scope::Model));
        let coded = Error::new(UpstreamNotFound, "no").with_code("model_not_found").with_param("model");
        assert_eq!(scope(&coded, true), Some(Scope::Model));
        let forbidden = Error::new(UpstreamAuth, "not this model").with_status(403);
        assert_eq!(scope(&forbidden, true), Some(Scope::Model));
        for kind in
            [RateLimited, Timeout, Overloaded, UpstreamFailure, Connection, BadUpstreamAnswer, Truncated]
        {
            assert_eq!(of(kind), Some(Scope::Deployment), "{kind:?}");
        }
    }

    #[test]
    fn of_a_call_that_nobody_read_only_the_vendors_own_trouble_counts() {
        use ErrorKind::*;
        for kind in [UpstreamAuth, QuotaExhausted, UpstreamNotFound, RateLimited] {
            assert_eq!(scope(&Error::new(kind, "no"), false), None, "{kind:?}");
        }
        assert_eq!(scope(&Error::new(Overloaded, "no"), false), Some(Scope::Deployment));
    }
}
