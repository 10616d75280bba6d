//! The built `llm` program against a gateway in this process, and without one: every command, its output, its JSON and its
//! exit code.

#[path = "command/asking.rs"]
mod asking;
#[path = "command/conversation.rs"]
mod conversation;
#[path = "command/embedded.rs"]
mod embedded;
#[path = "command/governed.rs"]
mod governed;
#[path = "command/init.rs"]
mod init;
#[path = "command/looks.rs"]
mod looks;
#[path = "command/page.rs"]
mod page;
#[path = "command/stage.rs"]
mod stage;
#[path = "command/typist.rs"]
mod typist;
