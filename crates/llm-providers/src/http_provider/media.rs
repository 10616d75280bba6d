//! Pictures and files that a request points to by address, for vendors that take bytes only.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt as _, TryStreamExt as _};
use llm_core::message::Source;
use llm_core::sources::media_type_of;
use llm_core::{ChatRequest, Error, Result, Retry};
use llm_transport::{Fetched, PublicLimits, fetch_public};

/// How many addresses of one request are fetched at once.
const AT_ONCE: usize = 4;
/// How many addresses one request may have fetched.
const MOST: usize = 50;

/// Whether and how the gateway fetches what requests point to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSettings {
    /// Whether it does at all; where not, a request that needs it is refused.
    pub fetch: bool,
    /// The most bytes of one file.
    pub size: usize,
    /// How long fetching one may take.
    pub deadline: Duration,
    /// Hosts that may be fetched from though their addresses are not public.
    pub trusted_hosts: Vec<String>,
}

impl Default for MediaSettings {
    fn default() -> Self {
        Self { fetch: true, size: 20 << 20, deadline: Duration::from_secs(10), trusted_hosts: Vec::new() }
    }
}

/// The request with bytes in the place of addresses that the vendor does not fetch itself.
///
/// # Errors
/// When fetching is switched off, or an address cannot be fetched.
pub(crate) async fn with_bytes<'a>(
    request: &'a ChatRequest,
    takes_url: impl Fn(&str) -> bool,
    settings: &MediaSettings,
) -> Result<Cow<'a, ChatRequest>> {
    let foreign = |source: &&Source| matches!(source, Source::Url(url) if !takes_url(url));
    if !request.sources().iter().any(foreign) {
        return Ok(Cow::Borrowed(request));
    }
    let mut request = request.clone();
    fill(request.sources_mut(), takes_url, settings).await?;
    Ok(Cow::Owned(request))
}

/// Puts bytes in the place of addresses that the vendor does not fetch itself.
///
/// # Errors
/// As [`with_bytes`].
pub(crate) async fn fill(
    sources: Vec<&mut Source>,
    takes_url: impl Fn(&str) -> bool,
    settings: &MediaSettings,
) -> Result<()> {
    let mut foreign = Vec::new();
    let mut urls: Vec<String> = Vec::new();
    for source in sources {
        if let Source::Url(url) = &*source
            && !takes_url(url)
        {
            if !urls.contains(url) {
                urls.push(url.clone());
            }
            foreign.push(source);
        }
    }
    if urls.is_empty() {
        return Ok(());
    }
    check(urls.len(), settings)?;
    let limits = PublicLimits {
        size: settings.size,
        deadline: settings.deadline,
        trusted_hosts: settings.trusted_hosts.clone(),
    };
    let fetched: Vec<(String, Source)> = futures_util::stream::iter(urls)
        .map(|url| fetch(url, &limits))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    for source in foreign {
        if let Source::Url(url) = source
            && let Some((_, bytes)) = fetched.iter().find(|(known, _)| known == url)
        {
            *source = bytes.clone();
        }
    }
    Ok(())
}

/// Fetches what a vendor's answer points to. A vendor is trusted with an address no more than a client is.
///
/// # Errors
/// When fetching is switched off, and the vendor's fault when an address cannot be fetched.
pub(crate) async fn fetch_answer(sources: Vec<&mut Source>, settings: &MediaSettings) -> Result<()> {
    if !settings.fetch && sources.iter().any(|source| matches!(source, Source::Url(_))) {
        return Err(Error::unsupported(
            "this model's vendor answers with an address, and the gateway does not fetch addresses: switch it on, or \
             ask for `response_format: url` where there is one",
        ));
    }
    fill(sources, |_| false, settings).await.map_err(|error| {
        // The words are about a request; what comes after them is about the address.
        let why = error.message().split_once(": ").map_or(error.message(), |(_, why)| why);
        let message = format!("the vendor's answer points to a file that cannot be fetched: {why}");
        // It is made and paid for: nobody is asked to make it again.
        Error::bad_answer(message).with_retry(Retry::Never)
    })
}

fn check(count: usize, settings: &MediaSettings) -> Result<()> {
    if !settings.fetch {
        return Err(Error::unsupported(
            "this model's vendor takes pictures and files as bytes only, and the gateway does not fetch addresses: \
             send the bytes in base64",
        ));
    }
    if count > MOST {
        return Err(Error::invalid(format!(
            "the request points to {count} files: at most {MOST} are fetched"
        )));
    }
    Ok(())
}

async fn fetch(url: String, limits: &PublicLimits) -> Result<(String, Source)> {
    let Fetched { bytes, media_type } = fetch_public(&url, limits).await?;
    let said = Some(media_type).filter(|said| !said.is_empty() && said != "application/octet-stream");
    let media_type = media_type_of(&bytes).map(str::to_owned).or(said).unwrap_or_default();
    if media_type.starts_with("text/html") {
        return Err(Error::invalid(
            "a file that the request points to is a web page, no picture or document",
        ));
    }
    Ok((url, Source::Base64 { media_type, data: STANDARD.encode(&bytes) }))
}

#[cfg(test)]
mod tests {
    use llm_core::message::{Media, Message, Part, Role};

    use super::*;

    fn request(urls: &[&str]) -> ChatRequest {
        let image = |url: &&str| Part::Image(Media::new(Source::from_url(url)));
        let message = Message { parts: urls.iter().map(image).collect(), ..Message::text(Role::User, "") };
        ChatRequest { messages: vec![message], ..ChatRequest::default() }
    }

    fn trusting() -> MediaSettings {
        MediaSettings { trusted_hosts: vec!["127.0.0.1".to_owned()], ..MediaSettings::default() }
    }

    #[tokio::test]
    async fn addresses_that_the_vendor_does_not_take_become_bytes() {
        let mut server = mockito::Server::new_async().await;
        let png = b"\x89PNG\r\n\x1a\nrest";
        // Asked once, though two parts point to it; the server's word about the type is wrong.
        let picture =
            server.mock("GET", "/a").with_header("content-type", "text/plain").with_body(png).expect(1);
        let picture = picture.create_async().await;
        let url = format!("{}/a", server.url());
        let request = request(&[&url, "store://kept", &url]);
        let fetched =
            with_bytes(&request, |url| url.starts_with("store:"), &trusting()).await.expect("it is there");
        picture.assert_async().await;
        let bytes = Source::Base64 { media_type: "image/png".to_owned(), data: STANDARD.encode(png) };
        assert_eq!(fetched.sources(), [&bytes, &Source::Url("store://kept".to_owned()), &bytes]);
    }

    #[tokio::test]
    async fn nothing_is_copied_or_fetched_when_the_vendor_takes_addresses() {
        let request = request(&["https://a.example/x.png", "data:image/png;base64,iVBORw0="]);
        let same = with_bytes(&request, |_| true, &MediaSettings::default()).await.expect("as it is");
        assert!(matches!(same, Cow::Borrowed(_)));
    }

    #[tokio::test]
    async fn what_may_not_be_fetched_is_refused() {
        let request = request(&["http://127.0.0.1:1/x.png"]);
        let off = MediaSettings { fetch: false, ..trusting() };
        let inner = MediaSettings::default();
        for (settings, why) in [(off, "send the bytes in base64"), (inner, "not a public address")] {
            let error = with_bytes(&request, |_| false, &settings).await.expect_err("refused");
            assert!(error.message().contains(why), "{error}");
        }
        let many: Vec<String> = (0..51).map(|at| format!("http://127.0.0.1:1/{at}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let error = with_bytes(&self::request(&many), |_| false, &trusting()).await.expect_err("too many");
        assert!(error.message().contains("at most 50"), "{error}");
    }
}
