//! A request as bytes, with everything that a client may get wrong.

use serde_json::Value;

/// The key that clients of the tested gateways show.
pub const CLIENT_KEY: &str = "sk-client-0123456789abcdef";

/// A request to be written.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    version: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    length: Length,
}

/// How the end of the body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Told,
    Announced(usize),
    Chunked(usize),
    Absent,
}

impl Request {
    /// A POST of bytes with the right key.
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = [("host", "gateway"), ("content-type", "application/json")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self {
            method: "POST".to_owned(),
            path: path.to_owned(),
            version: "HTTP/1.1",
            headers,
            body: body.into(),
            length: Length::Told,
        }
        .header("authorization", &format!("Bearer {CLIENT_KEY}"))
    }

    /// A POST of JSON with the right key.
    pub fn json(path: &str, body: &Value) -> Self {
        Self::post(path, body.to_string())
    }

    /// A GET with the right key.
    pub fn get(path: &str) -> Self {
        Self { method: "GET".to_owned(), length: Length::Absent, ..Self::post(path, "") }
            .without("content-type")
    }

    /// With another method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// With another version of HTTP.
    #[must_use]
    pub fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// With a header, in place of one of the same name.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        let mut request = self.without(name);
        request.headers.push((name.to_owned(), value.to_owned()));
        request
    }

    /// Without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// With a body in chunks of so many bytes.
    #[must_use]
    pub fn chunked(mut self, size: usize) -> Self {
        self.length = Length::Chunked(size.max(1));
        self
    }

    /// With a length in the head that is not the body's.
    #[must_use]
    pub fn announcing(mut self, length: usize) -> Self {
        self.length = Length::Announced(length);
        self
    }

    /// The request as it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} {}\r\n", self.method, self.path, self.version);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        match self.length {
            Length::Told => head += &format!("content-length: {}\r\n", self.body.len()),
            Length::Announced(length) => head += &format!("content-length: {length}\r\n"),
            Length::Chunked(_) => head += "transfer-encoding: chunked\r\n",
            Length::Absent => {}
        }
        let mut bytes = (head + "\r\n").into_bytes();
        match self.length {
            Length::Chunked(size) => bytes.extend(chunked(&self.body, size)),
            _ => bytes.extend_from_slice(&self.body),
        }
        bytes
    }
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() * 2);
    for chunk in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}
