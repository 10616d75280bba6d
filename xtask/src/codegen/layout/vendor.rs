//! A vendor that answers each chat alike, with all that real ones tell of an answer: the program's mock tells less.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use anyhow::Result;

/// After <https://platform.openai.com/docs/api-reference/chat/object>.
const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1763700000,"model":"gpt-4o-mini-2024-07-18",
"choices":[{"index":0,"message":{"role":"assistant","content":"Hello!","refusal":null,"annotations":[]},"logprobs":null,
"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,
"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,
"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default",
"system_fingerprint":"fp_1"}"#;

/// Starts it, for as long as this program runs; its port.
pub(super) fn start() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Whoever hangs up wants nothing more.
            thread::spawn(move || answer(&client));
        }
    });
    Ok(port)
}

fn answer(client: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut writer = client;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.trim_end().to_ascii_lowercase().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap_or(0),
                Some(_) => {}
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        reader.read_exact(&mut vec![0; length])?;
        write!(
            writer,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nopenai-processing-ms: 9\r\nx-request-id: req_1\r\n\
             content-length: {}\r\n\r\n{ANSWER}",
            ANSWER.len()
        )?;
    }
}
