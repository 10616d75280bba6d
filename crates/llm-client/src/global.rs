//! One client for the whole program, for those who want one.

use std::sync::OnceLock;

use crate::answer::Answer;
use crate::chat::Chat;
use crate::client::Client;
use crate::error::Error;
use crate::{Report, Result};

static GLOBAL: OnceLock<Client> = OnceLock::new();

/// Makes this the program's client.
///
/// # Errors
/// Gives it back when there is one already.
pub fn install(client: Client) -> Result<(), Client> {
    GLOBAL.set(client)
}

/// The program's client: the one that was installed, or one of this process ([`Client::from_process`]), which is made when
/// it is asked for first.
///
/// # Errors
/// Everything that is wrong with the configuration of this process.
pub fn global() -> Result<&'static Client, Report> {
    if let Some(client) = GLOBAL.get() {
        return Ok(client);
    }
    let made = Client::from_process()?;
    Ok(GLOBAL.get_or_init(|| made))
}

/// Asks a chat model through the program's client.
///
/// # Errors
/// As [`Client::chat`], and with status 500 where there is no client because the configuration is wrong.
pub async fn chat(request: impl Into<Chat>) -> Result<Answer> {
    let request = request.into();
    let client = global().map_err(|report| Error {
        status: 500,
        message: report.to_string(),
        code: None,
        retry_after: None,
    })?;
    client.chat(request).await
}
