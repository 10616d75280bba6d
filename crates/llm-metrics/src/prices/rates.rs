//! The rates of one schedule: pico-dollars a unit, one for each class of tokens.

use std::fmt;

use llm_core::Usage;
use llm_core::money::PicoDollars;

/// What is priced on its own. Its position is its place in [`Rates`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    CacheWriteHour,
    Reasoning,
    AudioIn,
    AudioOut,
    ImageIn,
    ImageOut,
    WebSearch,
    Image,
    Second,
    Character,
}

impl Class {
    /// Every class with its letter in the table and its meaning.
    pub(crate) const ALL: [(Self, char, &'static str); 14] = [
        (Self::Input, 'i', "prompt token"),
        (Self::Output, 'o', "answer token"),
        (Self::CacheRead, 'r', "token read from a cache"),
        (Self::CacheWrite, 'w', "token written to a cache for five minutes"),
        (Self::CacheWriteHour, 'h', "token written to a cache for an hour"),
        (Self::Reasoning, 't', "thinking token"),
        (Self::AudioIn, 'a', "audio token of the prompt"),
        (Self::AudioOut, 'b', "audio token of the answer"),
        (Self::ImageIn, 'm', "image token of the prompt"),
        (Self::ImageOut, 'n', "image token of the answer"),
        (Self::WebSearch, 's', "web search, or search of a reranking"),
        (Self::Image, 'g', "picture that is made"),
        (Self::Second, 'e', "second of sound"),
        (Self::Character, 'c', "letter that is read aloud"),
    ];

    /// Whose rate holds when this class has none.
    pub(crate) fn fallback(self) -> Option<Self> {
        match self {
            Self::Input | Self::Output | Self::WebSearch | Self::Image | Self::Second | Self::Character => {
                None
            }
            Self::CacheWriteHour => Some(Self::CacheWrite),
            Self::CacheRead | Self::CacheWrite | Self::AudioIn | Self::ImageIn => Some(Self::Input),
            Self::Reasoning | Self::AudioOut | Self::ImageOut => Some(Self::Output),
        }
    }

    /// Whether this class is `root`, or falls back to it.
    pub(crate) fn belongs_to(self, root: Self) -> bool {
        self == root || self.fallback().is_some_and(|next| next.belongs_to(root))
    }

    /// How much of it was used.
    pub(crate) fn count(self, usage: &Usage) -> Option<u64> {
        match self {
            Self::Input => usage.input,
            Self::Output => usage.output,
            Self::CacheRead => usage.cache_read,
            Self::CacheWrite => usage.cache_write_5m,
            Self::CacheWriteHour => usage.cache_write_1h,
            Self::Reasoning => usage.reasoning,
            Self::AudioIn => usage.audio_in,
            Self::AudioOut => usage.audio_out,
            Self::ImageIn => usage.image_in,
            Self::ImageOut => usage.image_out,
            Self::WebSearch => usage.web_searches,
            Self::Image => usage.images,
            Self::Second => usage.audio_seconds,
            Self::Character => usage.characters,
        }
    }

    /// The name of its bucket in [`Usage`].
    pub(crate) fn bucket(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::CacheRead => "cache_read",
            Self::CacheWrite => "cache_write_5m",
            Self::CacheWriteHour => "cache_write_1h",
            Self::Reasoning => "reasoning",
            Self::AudioIn => "audio_in",
            Self::AudioOut => "audio_out",
            Self::ImageIn => "image_in",
            Self::ImageOut => "image_out",
            Self::WebSearch => "web_searches",
            Self::Image => "images",
            Self::Second => "audio_seconds",
            Self::Character => "characters",
        }
    }

    fn of_letter(letter: char) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == letter).map(|(class, ..)| *class)
    }
}

/// One rate for each class; `None` is "not named", which is not free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates([Option<PicoDollars>; Class::ALL.len()]);

impl Rates {
    pub(crate) fn get(&self, class: Class) -> Option<PicoDollars> {
        self.0[class as usize]
    }

    pub(crate) fn set(&mut self, class: Class, rate: Option<PicoDollars>) {
        self.0[class as usize] = rate;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Reads `i2500000 o10000000`. `None`: no such letter, no whole number, or a letter twice.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rates = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let mut letters = word.chars();
            let class = Class::of_letter(letters.next()?)?;
            if rates.get(class).is_some() {
                return None;
            }
            rates.set(class, Some(PicoDollars(letters.as_str().parse().ok()?)));
        }
        Some(rates)
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Class::ALL.iter().filter_map(|(class, letter, _)| Some((letter, self.get(*class)?)));
        for (at, (letter, rate)) in named.enumerate() {
            let gap = if at == 0 { "" } else { " " };
            write!(formatter, "{gap}{letter}{}", rate.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_stand_at_their_positions() {
        for (at, (class, ..)) in Class::ALL.iter().enumerate() {
            assert_eq!(*class as usize, at);
        }
    }

    #[test]
    fn rates_survive_their_text() {
        let text = "i2500000 o10000000 r0 s10000000000";
        let rates = Rates::parse(text).expect("valid rates");
        assert_eq!(rates.to_string(), text);
        assert_eq!(rates.get(Class::CacheRead), Some(PicoDollars(0)));
        assert_eq!(rates.get(Class::CacheWrite), None);
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["x1", "i", "i-1", "i1.5", "i1 i2", "é1"] {
            assert_eq!(Rates::parse(text), None, "{text}");
        }
    }
}
