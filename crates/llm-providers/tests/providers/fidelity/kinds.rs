//! Which kinds of calls each format has beside chat, and what of pictures and speech each maker's models take.

use std::fmt::Write as _;
use std::sync::Arc;

use llm_core::conversion::Conversion;
use llm_core::dialect::Encoded;
use llm_core::images::{Delivery, ImageRequest, ImageSize};
use llm_core::loss::How;
use llm_core::message::Source;
use llm_core::speech::{SpeechFormat, SpeechRequest};
use llm_core::{Dialect, Operation, Result, Target};

use super::Fate;
use super::page::word;

/// The kinds, in the order of the page.
const KINDS: [(&str, Operation); 10] = [
    ("embeddings", Operation::Embeddings),
    ("reranking", Operation::Rerank),
    ("images: generate", Operation::ImageGeneration),
    ("images: edit", Operation::ImageEdit),
    ("images: vary", Operation::ImageVariation),
    ("speech", Operation::Speech),
    ("transcription", Operation::Transcription),
    ("translation of speech", Operation::Translation),
    ("moderation", Operation::Moderation),
    ("realtime", Operation::Realtime),
];

/// Models that stand for all that are asked in the same words.
const DRAW: [(&str, &str); 6] = [
    ("bedrock.converse", "amazon.nova-canvas-v1:0"),
    ("bedrock.converse", "stability.sd3-5-large-v1:0"),
    ("gemini.generate", "gemini-2.5-flash-image"),
    ("gemini.generate", "imagen-4.0-generate-001"),
    ("dashscope.generation", "qwen-image-2.0"),
    ("dashscope.generation", "wan2.2-t2i-flash"),
];
const SPEAK: [(&str, &str); 4] = [
    ("gemini.generate", "gemini-2.5-flash-preview-tts"),
    ("gemini.generate", "gemini-3.8-flash-tts"),
    ("dashscope.generation", "qwen3-tts-flash"),
    ("dashscope.generation", "qwen3-tts-instruct-flash"),
];

/// The part of the page, and what was lost in silence.
pub(crate) fn render() -> (String, Vec<String>) {
    let dialects = llm_providers::dialects();
    let mut page = "\n## Other kinds of calls\n".to_owned();
    kinds(&mut page, &dialects);
    let mut lost = Vec::new();
    let find = |id: &str| dialects.iter().find(|dialect| dialect.id().name() == id).map(Arc::as_ref);
    let rows = pictures();
    let title = "Pictures, from clients of `openai.chat` to";
    fields(&mut page, title, &DRAW, &rows, &mut lost, |(id, model), request| {
        encoded(find(id)?.images()?, request, model)
    });
    let rows = sounds();
    let title = "Speech, from clients of `openai.chat` to";
    fields(&mut page, title, &SPEAK, &rows, &mut lost, |(id, model), request| {
        encoded(find(id)?.speech()?, request, model)
    });
    (page, lost)
}

fn kinds(page: &mut String, dialects: &[Arc<dyn Dialect>]) {
    let _ = writeln!(
        page,
        "\n`yes`: bodies of the format itself go through as they are, all others are translated. `as it is`: only for \
         clients of the same\nformat. `translated`: from clients of OpenAI's API; not every model has it.\n"
    );
    let mut columns: Vec<&Arc<dyn Dialect>> = Vec::new();
    for dialect in dialects {
        if !columns.iter().any(|known| known.id() == dialect.id()) {
            columns.push(dialect);
        }
    }
    let heads: Vec<String> = KINDS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let _ = writeln!(page, "| | {} |\n| --- | {} |", heads.join(" | "), ["---"; KINDS.len()].join(" | "));
    for dialect in columns {
        let cells = KINDS.map(|(_, operation)| kind(dialect.as_ref(), operation));
        let _ = writeln!(page, "| `{}` | {} |", dialect.id(), cells.join(" | "));
    }
}

fn kind(dialect: &dyn Dialect, operation: Operation) -> &'static str {
    let passes = dialect.passage().is_some_and(|passage| passage.has(operation));
    let converts = match operation {
        Operation::Speech => dialect.speech().is_some_and(|vendor| vendor.has(operation)),
        _ => dialect.images().is_some_and(|vendor| vendor.has(operation)),
    };
    match operation {
        Operation::Embeddings if dialect.embeddings().is_some() => "yes",
        Operation::Rerank if dialect.rerank().is_some() => "yes",
        Operation::Realtime if dialect.realtime().is_some() => "as it is",
        _ if passes => "as it is",
        _ if converts => "translated",
        _ => "-",
    }
}

fn encoded<Request, Answer>(
    vendor: &dyn Conversion<Request, Answer>,
    request: &Request,
    model: &str,
) -> Option<Result<Encoded>> {
    let target = Target { model: model.to_owned(), ..Target::default() };
    Some(vendor.encode(request, &target))
}

/// A field of a request that says only this and what it needs.
struct Row<Request> {
    name: &'static str,
    /// How losses call it.
    field: &'static str,
    /// Whether it is about the answer alone, so that the vendor need not be told.
    of_answer: bool,
    plain: Request,
    asked: Request,
}

fn picture() -> ImageRequest {
    ImageRequest { prompt: "a cat".to_owned(), ..ImageRequest::new(Operation::ImageGeneration) }
}

fn bytes(data: &str) -> Source {
    Source::Base64 { media_type: "image/jpeg".to_owned(), data: data.to_owned() }
}

fn pictures() -> Vec<Row<ImageRequest>> {
    let row = |name, field, change: fn(&mut ImageRequest)| {
        let mut asked = picture();
        change(&mut asked);
        Row { name, field, of_answer: false, plain: picture(), asked }
    };
    let edit = |images: &[&str]| {
        let images = images.iter().map(|data| bytes(data)).collect();
        ImageRequest { operation: Operation::ImageEdit, images, ..picture() }
    };
    let answer = |row: Row<ImageRequest>| Row { of_answer: true, ..row };
    let mask = ImageRequest { mask: Some(bytes("BBBB")), ..edit(&["AAAA"]) };
    vec![
        row("`size: 1024x1024`", "size", |request| request.size = Some(ImageSize::new(1024, 1024))),
        row("`size: 1536x1024`", "size", |request| request.size = Some(ImageSize::new(1536, 1024))),
        row("`quality: high`", "quality", |request| request.quality = Some("high".to_owned())),
        row("`style: vivid`", "style", |request| request.style = Some("vivid".to_owned())),
        row("`background: transparent`", "background", |request| {
            request.background = Some("transparent".to_owned());
        }),
        row("`output_format: jpeg`", "output_format", |request| request.format = Some("jpeg".to_owned())),
        row("`user`", "user", |request| request.user = Some("u".to_owned())),
        row("`stream`", "stream", |request| request.stream = true),
        answer(row("`response_format: url`", "response_format", |request| {
            request.delivery = Some(Delivery::Url);
        })),
        answer(row("`response_format: b64_json`", "response_format", |request| {
            request.delivery = Some(Delivery::Base64);
        })),
        Row {
            name: "edit: one picture",
            field: "image",
            of_answer: false,
            plain: picture(),
            asked: edit(&["AAAA"]),
        },
        Row {
            name: "edit: two pictures",
            field: "image",
            of_answer: false,
            plain: edit(&["AAAA"]),
            asked: edit(&["AAAA", "BBBB"]),
        },
        Row {
            name: "edit: mask, black and white",
            field: "mask",
            of_answer: false,
            plain: edit(&["AAAA"]),
            asked: mask,
        },
    ]
}

fn sounds() -> Vec<Row<SpeechRequest>> {
    let plain = || SpeechRequest {
        input: "Hello".to_owned(),
        format: Some(SpeechFormat::Wav),
        ..SpeechRequest::default()
    };
    let row = |name, field, of_answer, change: fn(&mut SpeechRequest)| {
        let mut asked = plain();
        change(&mut asked);
        Row { name, field, of_answer, plain: plain(), asked }
    };
    vec![
        row("a voice of the vendor's", "voice", false, |request| request.voice = Some("Cherry".to_owned())),
        row("`voice: alloy`", "voice", false, |request| request.voice = Some("alloy".to_owned())),
        row("`instructions`", "instructions", false, |request| {
            request.instructions = Some("slowly".to_owned());
        }),
        row("`speed`", "speed", false, |request| request.speed = Some(1.5)),
        row("no `response_format`", "response_format", true, |request| request.format = None),
        row("`response_format: wav`", "response_format", true, |_| {}),
        row("`response_format: pcm`", "response_format", true, |request| {
            request.format = Some(SpeechFormat::Pcm);
        }),
        row("`response_format: mp3`", "response_format", true, |request| {
            request.format = Some(SpeechFormat::Mp3);
        }),
        row("`stream_format: sse`", "stream_format", true, |request| request.events = true),
    ]
}

fn fields<Request>(
    page: &mut String,
    title: &str,
    models: &[(&str, &str)],
    rows: &[Row<Request>],
    lost: &mut Vec<String>,
    encode: impl Fn((&str, &str), &Request) -> Option<Result<Encoded>>,
) {
    let heads: Vec<String> = models.iter().map(|(_, model)| format!("`{model}`")).collect();
    let rules = vec!["---"; models.len()].join(" | ");
    let _ = writeln!(page, "\n### {title}\n\n| | {} |\n| --- | {rules} |", heads.join(" | "));
    for row in rows {
        let fates = models.iter().map(|model| {
            let plain = encode(*model, &row.plain).and_then(Result::ok);
            let fate = fate(row, plain.as_ref(), encode(*model, &row.asked));
            if fate == Fate::Lost {
                lost.push(format!("{title} {}: {}", model.1, row.name));
            }
            word(fate)
        });
        let cells: Vec<String> = fates.collect();
        let _ = writeln!(page, "| {} | {} |", row.name, cells.join(" | "));
    }
}

fn fate<Request>(row: &Row<Request>, plain: Option<&Encoded>, asked: Option<Result<Encoded>>) -> Fate {
    let encoded = match asked {
        Some(Ok(encoded)) => encoded,
        Some(Err(_)) => return Fate::Refused,
        None => return Fate::Unsayable,
    };
    let told = encoded.losses.iter().find(|loss| loss.field == row.field);
    let body = |encoded: &Encoded| encoded.request.body.joined();
    match told.map(|loss| &loss.how) {
        Some(How::Dropped) => Fate::Dropped,
        Some(How::Approximated(_)) => Fate::Approximated,
        None if row.of_answer => Fate::Carried,
        None if plain.is_some_and(|plain| body(plain) == body(&encoded)) => Fate::Lost,
        None => Fate::Carried,
    }
}
