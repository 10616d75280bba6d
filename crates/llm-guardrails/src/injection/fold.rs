//! A text without its disguises: no blanks and signs, no accents, look-alikes and digits for letters, no invisible marks.

use super::Signal;

const HIDDEN: usize = 7;

/// The letters of a text, squeezed together, and where they come from.
pub(super) struct Folded {
    /// Lower case; ASCII where a letter looks like one.
    pub(super) letters: Vec<u8>,
    /// For each byte of `letters`: where its character begins in the text.
    places: Vec<u32>,
    length: usize,
    tags: usize,
    marks: usize,
    first_hidden: usize,
}

impl Folded {
    pub(super) fn new(text: &str) -> Self {
        let mut folded = Self {
            letters: Vec::with_capacity(text.len()),
            places: Vec::with_capacity(text.len()),
            length: text.len(),
            tags: 0,
            marks: 0,
            first_hidden: text.len(),
        };
        let mut last = ' ';
        for (place, letter) in text.char_indices() {
            if letter.is_ascii() {
                let byte = plain(letter as u8);
                if byte != 0 {
                    folded.push(byte, place);
                }
            } else {
                folded.other(letter, last, place);
            }
            last = letter;
        }
        folded
    }

    fn push(&mut self, byte: u8, place: usize) {
        self.letters.push(byte);
        self.places.push(u32::try_from(place).unwrap_or(u32::MAX));
    }

    fn other(&mut self, letter: char, last: char, place: usize) {
        match letter {
            '\u{e0020}'..='\u{e007e}' => {
                self.tags += 1;
                self.first_hidden = self.first_hidden.min(place);
                let byte = plain((letter as u32 - 0xe0000) as u8);
                if byte != 0 {
                    self.push(byte, place);
                }
            }
            // A joiner between letters of Latin script, or a mark that turns the direction of reading.
            '\u{200b}'..='\u{200f}'
            | '\u{2060}'..='\u{2064}'
            | '\u{feff}'
            | '\u{ad}'
            | '\u{202a}'..='\u{202e}' => {
                if last.is_ascii_alphanumeric() {
                    self.marks += 1;
                    self.first_hidden = self.first_hidden.min(place);
                }
            }
            _ => match look_alike(letter) {
                Some(byte) => self.push(byte, place),
                None if letter.is_alphabetic() => {
                    let mut bytes = [0; 4];
                    for lower in letter.to_lowercase() {
                        lower.encode_utf8(&mut bytes).bytes().for_each(|byte| self.push(byte, place));
                    }
                }
                None => {}
            },
        }
    }

    /// The passage of the text from one letter to another, as bytes of the text.
    pub(super) fn passage(&self, text_end: usize, from: usize, to: usize) -> std::ops::Range<usize> {
        let place = |at: usize| self.places.get(at).map_or(text_end, |place| *place as usize);
        place(from)..place(to).max(place(from))
    }

    /// The passage from one letter to the one before another; it ends where the next character begins.
    pub(super) fn range(&self, from: usize, to: usize) -> std::ops::Range<usize> {
        self.passage(self.length, from, to)
    }

    /// What speaks for letters that nobody shall see.
    pub(super) fn hidden(&self, text: &str) -> Option<Signal> {
        let weight = match (self.tags, self.marks) {
            // A flag of a region has up to seven of them.
            (8.., _) => 0.9,
            (_, 12..) => 0.5,
            _ => return None,
        };
        let end = text.len();
        Some(Signal { rule: HIDDEN, weight, range: self.first_hidden.min(end)..end })
    }
}

/// Squeezes a word of the tables as texts are.
pub(super) fn squeeze(word: &str) -> Vec<u8> {
    Folded::new(word).letters
}

/// The letter that a byte is, or stands for; 0 for none.
fn plain(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => byte,
        b'A'..=b'Z' => byte | 32,
        b'0' => b'o',
        b'1' | b'!' | b'|' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' => b't',
        _ => 0,
    }
}

/// The letter of ASCII that a character looks like.
fn look_alike(letter: char) -> Option<u8> {
    /// Each row: the letter, and what looks like it.
    const ROWS: [(u8, &str); 24] = [
        (b'a', "àáâãäåāăąаαɑ"),
        (b'b', "Ьв"),
        (b'c', "çćčсϲ"),
        (b'd', "ďđԁ"),
        (b'e', "èéêëēėęěеεё"),
        (b'f', "ƒ"),
        (b'g', "ğģɡ"),
        (b'h', "һ"),
        (b'i', "ìíîïīįıіιӏ"),
        (b'j', "ј"),
        (b'k', "ķкκ"),
        (b'l', "łļĺľ"),
        (b'm', "м"),
        (b'n', "ñńņňη"),
        (b'o', "òóôõöøōőоο"),
        (b'p', "рρ"),
        (b'r', "řŕг"),
        (b's', "śšşșѕß"),
        (b't', "ťţțтτ"),
        (b'u', "ùúûüūůűųυ"),
        (b'v', "νѵ"),
        (b'x', "хχ"),
        (b'y', "ýÿуγ"),
        (b'z', "źżž"),
    ];
    let lower = letter.to_lowercase().next()?;
    match letter {
        '\u{ff01}'..='\u{ff5e}' => {
            return Some(plain((letter as u32 - 0xfee0) as u8)).filter(|byte| *byte != 0);
        }
        // Mathematical letters: alphabets of 52, one after the other.
        '\u{1d400}'..='\u{1d6a3}' => return Some(b'a' + ((letter as u32 - 0x1d400) % 26) as u8),
        '\u{24b6}'..='\u{24e9}' => return Some(b'a' + ((letter as u32 - 0x24b6) % 26) as u8),
        '\u{1f130}'..='\u{1f149}' => return Some(b'a' + (letter as u32 - 0x1f130) as u8),
        // Beyond the scripts of the rows there is nothing to look for.
        '\u{530}'..='\u{1d3ff}' => return None,
        _ => {}
    }
    ROWS.iter().find(|(_, alike)| alike.contains(lower)).map(|(byte, _)| *byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_are_taken_off() {
        for text in [
            "ignore",
            "I G N O R E",
            "1gn0r3",
            "ign\u{200b}ore",
            "іgnоrе",
            "ｉｇｎｏｒｅ",
            "i.g-n_o r\ne",
            "𝐢𝐠𝐧𝐨𝐫𝐞",
            "ïgnöré",
        ] {
            assert_eq!(squeeze(text), b"ignore", "{text}");
        }
        assert_eq!(squeeze("忽 略"), "忽略".as_bytes());
    }

    #[test]
    fn passages_are_those_of_the_text() {
        let text = "a é 忽略 b";
        let folded = Folded::new(text);
        assert_eq!(&text[folded.range(1, 2)], "é ");
        assert_eq!(&text[folded.range(2, folded.letters.len())], "忽略 b");
    }
}
