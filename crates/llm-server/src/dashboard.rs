//! What an operator says of the dashboard.

use llm_core::Secret;

/// What an operator says of the dashboard. The default is one without a login: for a gateway that wants no key.
#[derive(Clone, Debug, Default)]
pub struct Dashboard {
    /// The key that the gateway wants. `None`: everybody who reaches the gateway is its administrator.
    pub master_key: Option<Secret>,
    /// The name that an administrator may sign in with, beside keys.
    pub username: Option<String>,
    /// The password of that name; `None`: the master key.
    pub password: Option<Secret>,
}
