//! Keys that are put together when a test runs: the files of this project have none that a scanner of forges would find.

/// Numbers that are the same in every run.
#[derive(Debug)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % end.max(1)
    }

    fn letters(&mut self, alphabet: &str, count: usize) -> String {
        let alphabet = alphabet.as_bytes();
        (0..count).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    /// A secret: `=` as it stands, `~` in base64, `@` a token or a block, or a pattern.
    pub(crate) fn secret(&mut self, text: &str) -> String {
        if let Some(value) = text.strip_prefix('=') {
            return value.to_owned();
        }
        if let Some(value) = text.strip_prefix('~') {
            return base64(value.as_bytes());
        }
        match text.split_once(':') {
            Some(("@pem", label)) => self.block(label, "\n"),
            Some(("@pemline", label)) => self.block(label, "\\n"),
            _ if text == "@jwt" => self.token(),
            _ => self.pattern(text),
        }
    }

    /// A text in which `<a36>` are 36 letters of the class `a`.
    pub(crate) fn pattern(&mut self, pattern: &str) -> String {
        const SMALL: &str = "abcdefghijklmnopqrstuvwxyz";
        const LARGE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        const DIGITS: &str = "0123456789";
        let mut out = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('<') {
            out.push_str(before);
            let (run, tail) = after.split_once('>').expect("a run that ends");
            let (class, count) = run.split_at(1);
            let alphabet = match class {
                "d" => DIGITS.to_owned(),
                "h" => format!("{DIGITS}abcdef"),
                "l" => format!("{DIGITS}{SMALL}"),
                "u" => format!("{DIGITS}{LARGE}"),
                "n" => format!("{LARGE}234567"),
                "a" => format!("{DIGITS}{SMALL}{LARGE}"),
                "t" => format!("{DIGITS}{SMALL}{LARGE}{DIGITS}{SMALL}{LARGE}_-"),
                "B" => format!("{DIGITS}{SMALL}{LARGE}+/"),
                other => panic!("no class {other}"),
            };
            let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
            let mut letters = self.letters(&alphabet, digits.parse().expect("a count"));
            // Keys that end in a hyphen are rare, and no one can tell where they end.
            while letters.ends_with(['-', '_']) {
                letters.pop();
                letters.push('x');
            }
            out.push_str(&letters);
            out.push_str(&count[digits.len()..]);
            rest = tail;
        }
        out + rest
    }

    fn token(&mut self) -> String {
        let header = base64_url(br#"{"alg":"HS256","typ":"JWT"}"#);
        let claims =
            base64_url(format!(r#"{{"sub":"{}","exp":1893456000}}"#, self.below(1 << 30)).as_bytes());
        format!("{header}.{claims}.{}", self.pattern("<t43>"))
    }

    fn block(&mut self, label: &str, line: &str) -> String {
        let lines: Vec<String> = (0..8).map(|_| self.pattern("<B64>")).collect();
        let dashes = "-".repeat(5);
        let body = lines.join(line);
        format!(
            "{dashes}BEGIN {label}{dashes}{line}{body}{line}{}=={line}{dashes}END {label}{dashes}",
            self.pattern("<B30>")
        )
    }
}

fn base64_url(bytes: &[u8]) -> String {
    base64(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}
