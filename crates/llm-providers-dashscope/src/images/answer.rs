//! Answers with pictures, and tasks on their way.

use http::{HeaderMap, Method};
use llm_core::conversion::Progress;
use llm_core::images::{ImageResponse, MadeImage};
use llm_core::message::Source;
use llm_core::wire::{WireBody, WireRequest, WireResponse};
use llm_core::{RawObject, Result, Usage};

use crate::embeddings::answered;
use crate::error;
use crate::wire::{no_answer, read as wire};

pub(super) fn read(reply: &WireResponse) -> Result<Progress<ImageResponse>> {
    let (top, output) = answered(reply)?;
    let status: Option<String> = wire(&output, "task_status");
    match status.as_deref() {
        None | Some("SUCCEEDED") => pictures(&top, &output).map(Progress::Done),
        Some("PENDING" | "RUNNING" | "SUSPENDED") => question(&output).map(Progress::Pending),
        Some(_) => Err(error::of_task(&output)),
    }
}

/// How far the vendor is, to be asked. The id goes into the path only when it cannot lead elsewhere.
fn question(output: &RawObject) -> Result<Box<WireRequest>> {
    let id: String = read_id(output).ok_or_else(|| no_answer("`output.task_id` is missing"))?;
    Ok(Box::new(WireRequest {
        method: Method::GET,
        path: format!("/tasks/{id}"),
        headers: HeaderMap::new(),
        body: WireBody::default(),
    }))
}

fn read_id(output: &RawObject) -> Option<String> {
    let plain = |id: &String| {
        (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    wire(output, "task_id").filter(plain)
}

fn pictures(top: &RawObject, output: &RawObject) -> Result<ImageResponse> {
    let results: Vec<RawObject> = wire(output, "results").unwrap_or_default();
    let mut images: Vec<MadeImage> = results.iter().filter_map(|result| made(result, "url")).collect();
    for choice in wire::<Vec<RawObject>>(output, "choices").unwrap_or_default() {
        let message: RawObject = wire(&choice, "message").unwrap_or_default();
        let contents: Vec<RawObject> = wire(&message, "content").unwrap_or_default();
        images.extend(contents.iter().filter_map(|content| made(content, "image")));
    }
    if images.is_empty() {
        // Each of several may fail on its own.
        let failed = results.iter().find(|result| result.get("code").is_some());
        return Err(failed.map_or_else(|| no_answer("it holds no picture"), error::of_task));
    }
    let count = wire::<RawObject>(top, "usage").and_then(|usage| wire(&usage, "image_count"));
    let usage = Usage { images: count.or(Some(images.len() as u64)), ..Usage::default() };
    Ok(ImageResponse { images, usage })
}

fn made(of: &RawObject, key: &str) -> Option<MadeImage> {
    let url: String = wire(of, key).filter(|url: &String| !url.is_empty())?;
    Some(MadeImage { source: Source::from_url(&url), revised_prompt: wire(of, "actual_prompt") })
}
