//! What several gateways share.
