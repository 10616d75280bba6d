//! The price of a model: a schedule of rates for ordinary calls, and those for long prompts and service tiers.

use std::borrow::Cow;
use std::fmt;

use llm_core::Usage;
use llm_core::money::PicoDollars;

use super::rates::{Class, Rates};

/// What a model charges.
///
/// A price is a list of schedules. One holds for prompts longer than its threshold (the whole request is then billed
/// by it) and for its service tier; the one without threshold and tier is the base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    schedules: Vec<Schedule>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Schedule {
    when: When,
    rates: Rates,
}

/// When a schedule holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct When {
    /// For prompts of more tokens than this.
    pub(crate) above: u64,
    /// For calls of this service tier.
    pub(crate) tier: Option<Cow<'static, str>>,
}

impl Price {
    /// Whether any rate is known. A price that is known may still be zero.
    pub fn is_known(&self) -> bool {
        self.schedules.iter().any(|schedule| !schedule.rates.is_empty())
    }

    /// The rate of a class for a prompt of so many tokens at a service tier; zero when nobody names one.
    pub(crate) fn rate(&self, class: Class, prompt: u64, tier: Option<&str>) -> PicoDollars {
        let mut next = Some(class);
        while let Some(class) = next {
            if let Some(rate) = self.named_rate(class, prompt, tier) {
                return rate;
            }
            next = class.fallback();
        }
        PicoDollars::default()
    }

    /// The highest rate of a class, of all schedules that can hold for a prompt of at most so many tokens; zero when
    /// nobody names one.
    pub(crate) fn highest(&self, class: Class, prompt: u64, tiers: bool) -> PicoDollars {
        let can_hold = |schedule: &&Schedule| {
            let When { above, tier } = &schedule.when;
            (*above == 0 || prompt > *above) && (tiers || tier.is_none())
        };
        let named = self.schedules.iter().filter(can_hold).filter_map(|schedule| schedule.rates.get(class));
        named.max().unwrap_or_default()
    }

    /// The rate that is named for the class itself. Where the tier names none for prompts as long as this one, but
    /// the ordinary schedule does, the dearer of both holds: a gap in the table must not undercharge.
    fn named_rate(&self, class: Class, prompt: u64, tier: Option<&str>) -> Option<PicoDollars> {
        let ordinary = self.longest(class, prompt, None);
        let tiered = tier.and_then(|tier| self.longest(class, prompt, Some(tier)));
        match (ordinary, tiered) {
            (Some((long, dear)), Some((above, rate))) if above < long => Some(rate.max(dear)),
            (ordinary, tiered) => tiered.or(ordinary).map(|(_, rate)| rate),
        }
    }

    /// Of the schedules of exactly this tier that name the class: the one with the highest threshold passed.
    fn longest(&self, class: Class, prompt: u64, tier: Option<&str>) -> Option<(u64, PicoDollars)> {
        let holds = |schedule: &&Schedule| {
            let When { above, tier: own } = &schedule.when;
            let same_tier = match (own, tier) {
                (Some(own), Some(tier)) => own.eq_ignore_ascii_case(tier),
                (own, tier) => own.is_none() && tier.is_none(),
            };
            same_tier && (*above == 0 || prompt > *above)
        };
        self.schedules
            .iter()
            .filter(holds)
            .filter_map(|schedule| Some((schedule.when.above, schedule.rates.get(class)?)))
            .max_by_key(|(above, _)| *above)
    }

    /// Names a rate; the schedules stay sorted by when they hold.
    pub(crate) fn set(&mut self, when: When, class: Class, rate: PicoDollars) {
        let at = self.schedules.binary_search_by(|schedule| schedule.when.cmp(&when)).unwrap_or_else(|at| {
            self.schedules.insert(at, Schedule { when, rates: Rates::default() });
            at
        });
        if let Some(schedule) = self.schedules.get_mut(at) {
            schedule.rates.set(class, Some(rate));
        }
    }

    /// Names a rate that may be named already, by another field: the dearer one holds. Of two prices of the same thing
    /// the table often has one as zero.
    pub(crate) fn raise(&mut self, when: When, class: Class, rate: PicoDollars) {
        let named = self.schedules.iter().find(|schedule| schedule.when == when);
        let named = named.and_then(|schedule| schedule.rates.get(class));
        self.set(when, class, named.map_or(rate, |named| named.max(rate)));
    }

    /// Whether anything that was used has a rate.
    pub fn covers(&self, usage: &Usage) -> bool {
        let used = |class: &Class| {
            let mut next = Some(*class);
            while let Some(class) = next {
                if self.schedules.iter().any(|schedule| schedule.rates.get(class).is_some()) {
                    return true;
                }
                next = class.fallback();
            }
            false
        };
        Class::ALL.iter().filter(|(class, ..)| class.count(usage).is_some()).any(|(class, ..)| used(class))
    }

    /// Forgets the rates of a class and of all that fall back to it, in every schedule.
    pub(crate) fn forget(&mut self, root: Class) {
        for (class, ..) in Class::ALL.iter().filter(|(class, ..)| class.belongs_to(root)) {
            self.schedules.iter_mut().for_each(|schedule| schedule.rates.set(*class, None));
        }
        self.schedules.retain(|schedule| !schedule.rates.is_empty());
    }

    /// Reads the columns of the table: rates, or `condition=rates`. `None`: one is malformed.
    pub(crate) fn parse<'a>(columns: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut price = Self::default();
        for column in columns.filter(|column| !column.is_empty()) {
            let (when, rates) = match column.split_once('=') {
                Some((when, rates)) => (When::parse(when)?, rates),
                None => (When::default(), column),
            };
            price.schedules.push(Schedule { when, rates: Rates::parse(rates)? });
        }
        let sorted = price.schedules.is_sorted_by(|left, right| left.when < right.when);
        sorted.then_some(price)
    }
}

/// The columns of the table, the base first (empty when there is none), with tabs between.
impl fmt::Display for Price {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, schedule) in self.schedules.iter().enumerate() {
            if schedule.when == When::default() {
                write!(formatter, "{}", schedule.rates)?;
            } else {
                let gap = if at == 0 { "" } else { "\t" };
                write!(formatter, "{gap}{}={}", schedule.when, schedule.rates)?;
            }
        }
        Ok(())
    }
}

impl When {
    fn parse(text: &str) -> Option<Self> {
        let (above, tier) = match text.split_once('@') {
            Some((above, tier)) if !tier.is_empty() => (above, Some(Cow::Owned(tier.to_owned()))),
            Some(_) => return None,
            None => (text, None),
        };
        let above = match above.strip_prefix('>') {
            Some(digits) => digits.parse().ok()?,
            None if above.is_empty() && tier.is_some() => 0,
            None => return None,
        };
        Some(Self { above, tier })
    }
}

impl fmt::Display for When {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.above > 0 {
            write!(formatter, ">{}", self.above)?;
        }
        self.tier.as_ref().map_or(Ok(()), |tier| write!(formatter, "@{tier}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        Price::parse(text.split('\t')).expect("a valid price")
    }

    #[test]
    fn prices_survive_their_text() {
        for text in ["i1 o2", "i1\t@flex=i1\t>200000=i2 o3\t>200000@priority=i4", ">128000=i2", ""] {
            assert_eq!(price(text).to_string(), text);
        }
    }

    #[test]
    fn malformed_prices_are_refused() {
        for text in ["i1\t=i2", "i1\t>x=i2", "i1\t@=i2", "i1\t>5=i1\t>5=i2", "i1\t@a"] {
            assert_eq!(Price::parse(text.split('\t')), None, "{text}");
        }
    }

    #[test]
    fn a_long_prompt_is_billed_whole_by_the_highest_threshold_it_passes() {
        let price = price("i1\t>100=i2\t>200=i3");
        let rates = [100, 101, 200, 201].map(|prompt| price.rate(Class::Input, prompt, None).0);
        assert_eq!(rates, [1, 2, 2, 3]);
    }

    #[test]
    fn a_tier_without_a_long_rate_is_billed_the_dearer_one() {
        let price = price("i10\t@flex=i5\t@priority=i20\t>100=i15");
        assert_eq!(price.rate(Class::Input, 50, Some("flex")), PicoDollars(5));
        assert_eq!(price.rate(Class::Input, 101, Some("flex")), PicoDollars(15));
        assert_eq!(price.rate(Class::Input, 101, Some("priority")), PicoDollars(20));
    }

    #[test]
    fn of_two_prices_of_one_thing_the_dearer_holds() {
        let mut price = price("i1");
        for rate in [0, 7, 3] {
            price.raise(When::default(), Class::Second, PicoDollars(rate));
        }
        assert_eq!(price.to_string(), "i1 e7");
    }

    #[test]
    fn a_price_of_other_things_covers_nothing() {
        let seconds = Usage { audio_seconds: Some(3), ..Usage::default() };
        assert!(!price("i1 o2").covers(&seconds));
        assert!(price("e1").covers(&seconds));
        assert!(price("i1").covers(&Usage { cache_read: Some(1), ..seconds }));
    }

    #[test]
    fn unnamed_classes_fall_back_and_unknown_tiers_are_ordinary() {
        let price = price("i10 o20 w12");
        assert_eq!(price.rate(Class::CacheRead, 1, Some("nonsense")), PicoDollars(10));
        assert_eq!(price.rate(Class::CacheWriteHour, 1, None), PicoDollars(12));
        assert_eq!(price.rate(Class::Reasoning, 1, None), PicoDollars(20));
        assert_eq!(price.rate(Class::WebSearch, 1, None), PicoDollars(0));
    }
}
