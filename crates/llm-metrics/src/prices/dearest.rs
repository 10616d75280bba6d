//! The most that a model can charge for a unit: what a call is held for before anybody knows what it will use.

use llm_core::Usage;
use llm_core::money::PicoDollars;

use super::price::Price;
use super::rates::Class;

/// What is known of a call before it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prospect {
    /// Tokens of the prompt, at most: no schedule for longer prompts can hold.
    pub prompt: u64,
    /// There may be sound in it, or in the answer.
    pub sound: bool,
    /// A cache may be written to for an hour.
    pub long_cache: bool,
    /// It may be served in a tier with prices of its own.
    pub tiers: bool,
}

/// The most that each unit of a call can cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dearest {
    /// A token of the prompt.
    pub input: PicoDollars,
    /// A token of the answer.
    pub output: PicoDollars,
    /// A picture that is made.
    pub image: PicoDollars,
    /// A second of sound.
    pub second: PicoDollars,
    /// A letter that is read aloud.
    pub character: PicoDollars,
    /// A web search, or a search of a reranking.
    pub search: PicoDollars,
}

impl Price {
    /// The most that each unit of a call can cost.
    pub fn dearest(&self, prospect: &Prospect) -> Dearest {
        let of = |classes: &[Class]| {
            let rates = classes.iter().map(|class| self.highest(*class, prospect.prompt, prospect.tiers));
            rates.max().unwrap_or_default()
        };
        let mut input = of(&[Class::Input, Class::CacheRead, Class::CacheWrite, Class::ImageIn]);
        let mut output = of(&[Class::Output, Class::Reasoning, Class::ImageOut]);
        if prospect.long_cache {
            input = input.max(of(&[Class::CacheWriteHour]));
        }
        if prospect.sound {
            input = input.max(of(&[Class::AudioIn]));
            output = output.max(of(&[Class::AudioOut]));
        }
        Dearest {
            input,
            output,
            image: of(&[Class::Image]),
            second: of(&[Class::Second]),
            character: of(&[Class::Character]),
            search: of(&[Class::WebSearch]),
        }
    }

    /// The rates that this usage was billed by: pico-dollars for each bucket, under the names of [`Usage`].
    pub fn rates(&self, usage: &Usage) -> impl Iterator<Item = (&'static str, PicoDollars)> {
        let (prompt, tier) =
            (usage.prompt_total().unwrap_or(0), usage.tier.map(super::cost::in_the_words_of_the_table));
        let used = Class::ALL.iter().filter(|(class, ..)| class.count(usage).is_some_and(|count| count > 0));
        used.map(move |(class, ..)| (class.bucket(), self.rate(*class, prompt, tier)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        Price::parse(text.split('\t')).expect("a valid price")
    }

    #[test]
    fn a_token_costs_at_most_its_dearest_class_that_can_come_up() {
        let price = price("i10 o20 r1 w12 h20 t30 a100 b200");
        let plain = price.dearest(&Prospect::default());
        assert_eq!((plain.input.0, plain.output.0), (12, 30));
        let other = price.dearest(&Prospect { sound: true, long_cache: true, ..Prospect::default() });
        assert_eq!((other.input.0, other.output.0), (100, 200));
        let hour = price.dearest(&Prospect { long_cache: true, ..Prospect::default() });
        assert_eq!(hour.input.0, 20);
    }

    #[test]
    fn schedules_that_cannot_hold_are_left_out() {
        let price = price("i10 o20\t@priority=i40\t>100=i15 o35");
        let at = |prompt, tiers| {
            let dearest = price.dearest(&Prospect { prompt, tiers, ..Prospect::default() });
            (dearest.input.0, dearest.output.0)
        };
        assert_eq!([at(100, false), at(101, false), at(101, true)], [(10, 20), (15, 35), (40, 35)]);
    }

    #[test]
    fn rates_have_the_names_of_the_buckets() {
        let usage = Usage { input: Some(5), cache_read: Some(2), output: Some(0), ..Usage::default() };
        let rates: Vec<_> = price("i10 o20 r1").rates(&usage).collect();
        assert_eq!(rates, [("input", PicoDollars(10)), ("cache_read", PicoDollars(1))]);
        let names: Vec<_> = usage.counted().map(|(name, _)| name).collect();
        assert_eq!(names, ["input", "cache_read", "output"]);
    }
}
