//! `pii`: personal data that can be told by its format, its checksum and the words around it.

mod card;
mod checks;
mod context;
mod date;
mod document;
mod entities;
mod iban;
mod mail;
mod national;
mod network;
mod number;
mod phone;
mod wallet;

use std::borrow::Cow;

use llm_core::guard::{Action, Finding, Piece, Scanner};

pub(crate) use self::entities::rules;
use self::entities::{ENTITIES, Entity};
use self::number::Groups;
use crate::bytes::{Class, at, before};
use crate::candidates::{Candidate, settle};
use crate::choice::{Choice, Verdict, chosen_rules};
use crate::parameters::{Parameters, action, nearest};
use crate::words::Words;

/// The longest passage (an e-mail address) with the words before it that explain it.
const REACH: usize = 512;

/// Longer words of letters and digits are no data of a person.
const LONGEST_WORD: usize = 96;

/// Entities that others find with a model of language; said so to who asks for them here.
const NOT_HERE: [&str; 6] = ["LOCATION", "NRP", "DATE_TIME", "MEDICAL_LICENSE", "URL", "US_DRIVER_LICENSE"];

/// Looks for personal data.
#[derive(Debug)]
struct Personal {
    choice: Choice,
    /// By the number of the entity: whether it is looked for, and what is done about it.
    on: Vec<bool>,
    verdicts: Vec<Verdict>,
    names: Option<Words>,
}

/// Builds the judge from its parameters.
pub(crate) fn build(mut parameters: Parameters<'_>) -> Result<impl Scanner + use<>, String> {
    let known: Vec<&'static str> = ENTITIES.iter().map(|(_, id, _)| *id).collect();
    let mut on = chosen_rules(&mut parameters, &known)?;
    let mut actions = vec![None; known.len()];
    if let Some(config) = parameters.object("pii_entities_config")? {
        on.fill(false);
        for (name, value) in config {
            let path = format!("pii_entities_config.{name}");
            let place = place(&path, name, &known)?;
            let text = value.as_str().ok_or_else(|| format!("`{path}` must be `BLOCK` or `MASK`"))?;
            if let (Some(on), Some(slot)) = (on.get_mut(place), actions.get_mut(place)) {
                *on = true;
                *slot = Some(action(&path, text)?);
            }
        }
    }
    let names: Vec<&str> = parameters.texts("names")?;
    let wants_names = on.get(Entity::Person as usize) == Some(&true);
    if names.is_empty() && wants_names && parameters.value("pii_entities_config").is_some() {
        return Err(
            "`pii_entities_config.PERSON` needs a list of `names`: without a model only those are found"
                .into(),
        );
    }
    let names = (!names.is_empty()).then(|| Words::new(&names, true)).transpose()?;
    let choice = Choice::read(&mut parameters)?;
    parameters.finish()?;
    let verdict = |(id, own): (&&'static str, Option<Action>)| Verdict {
        rule: Cow::Borrowed(*id),
        own,
        usual: Action::Mask,
        replacement: Cow::Owned(format!("<{id}>")),
    };
    let verdicts = known.iter().zip(actions).map(verdict).collect();
    Ok(Personal { choice, on, verdicts, names })
}

/// A judge of one entity.
pub(crate) fn only(rule: &str) -> Result<impl Scanner + use<>, String> {
    build(Parameters::of(&serde_json::json!({ "rules": [rule] }))?)
}

fn place(path: &str, name: &str, known: &[&str]) -> Result<usize, String> {
    known.iter().position(|known| known.eq_ignore_ascii_case(name)).ok_or_else(|| {
        if NOT_HERE.contains(&name) {
            format!("`{path}`: {name} is found by a model of language only: use a guardrail that asks one, such as `presidio`")
        } else {
            format!("`{path}` is no entity that is known: {}", nearest(name, known))
        }
    })
}

impl Scanner for Personal {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        let text = &piece.text;
        let mut seen = Seen { text: text.as_bytes(), on: &self.on, all: Vec::new() };
        mail::look(&mut seen);
        let mails = seen.all.len();
        network::look(&mut seen);
        words(&mut seen, mails);
        if let Some(names) = &self.names {
            names.each(text, |_, range| seen.add(Entity::Person, range.start, range.end));
        }
        let mut all = seen.all;
        settle(&mut all);
        for candidate in all {
            let Some(verdict) = self.verdicts.get(candidate.rule) else { continue };
            findings.extend(self.choice.finding(text, candidate.range(), verdict));
        }
    }

    fn reach(&self) -> usize {
        self.names.as_ref().map_or(REACH, |names| names.reach().max(REACH))
    }
}

/// A text that is looked at, and what was seen.
struct Seen<'a> {
    text: &'a [u8],
    on: &'a [bool],
    all: Vec<Candidate>,
}

impl Seen<'_> {
    fn wants(&self, entity: Entity) -> bool {
        self.on.get(entity as usize) == Some(&true)
    }

    fn add(&mut self, entity: Entity, start: usize, end: usize) {
        if self.wants(entity) {
            self.all.push(Candidate { start, end, rule: entity as usize, rank: entity.rank() });
        }
    }
}

/// Looks at every word that has a digit in it, and at the numbers that go on after it. What lies within an e-mail address,
/// of which the first candidates are, is no word of its own: nothing there would stay beside it.
fn words(seen: &mut Seen<'_>, mails: usize) {
    let text = seen.text;
    let (mut place, mut mail) = (0, 0);
    while let Some(digit) = next_digit(text, place) {
        while seen.all.get(mail).is_some_and(|one| mail < mails && one.end <= digit) {
            mail += 1;
        }
        if let Some(one) = seen.all.get(mail).filter(|one| mail < mails && one.start <= digit) {
            place = one.end;
            continue;
        }
        let start = digit - Class::ALNUM.run_before(text, digit, digit - place);
        let end = digit + Class::ALNUM.run(text, digit, text.len());
        place = end;
        let word = text.get(start..end).unwrap_or_default();
        if word.len() > LONGEST_WORD || at(text, end) == b'_' || before(text, start) == b'_' {
            continue;
        }
        let found =
            if word.iter().all(u8::is_ascii_digit) { number(seen, start) } else { mixed(seen, start, end) };
        if let Some((entity, start, end)) = found {
            seen.add(entity, start, end);
            place = place.max(end);
        }
    }
}

/// The next digit: eight bytes at a time where there is none.
fn next_digit(text: &[u8], from: usize) -> Option<usize> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut place = from;
    while let Some(eight) = text.get(place..place + 8).and_then(|eight| <[u8; 8]>::try_from(eight).ok()) {
        let word = u64::from_le_bytes(eight);
        // Each byte without its high bit, so that nothing carries over: `0` to `9` become 0x80 and more, but not more
        // than nine of it.
        let low = word & !HIGH;
        let at_least_zero = low + 0x5050_5050_5050_5050;
        let above_nine = low + 0x4646_4646_4646_4646;
        let digits = at_least_zero & !above_nine & !word & HIGH;
        if digits != 0 {
            return Some(place + (digits.trailing_zeros() / 8) as usize);
        }
        place += 8;
    }
    let rest = text.get(place..)?;
    rest.iter().position(u8::is_ascii_digit).map(|at| place + at)
}

type Found = Option<(Entity, usize, usize)>;

/// What a number may be, the surest first.
fn number(seen: &Seen<'_>, start: usize) -> Found {
    let text = seen.text;
    if !number::may_begin(text, start) {
        return None;
    }
    let groups = Groups::at(text, start);
    if groups.is_short(text) || groups.is_amount(text) {
        return None;
    }
    if groups.is_day(text) {
        return date::of_birth(seen, &groups).filter(|(entity, ..)| seen.wants(*entity));
    }
    let looks: [fn(&Seen<'_>, &Groups) -> Found; 10] = [
        network::version_4,
        phone::international,
        card::find,
        national::certain,
        national::in_context,
        phone::formatted,
        document::spaced_letters,
        date::of_birth,
        national::loose,
        phone::in_context,
    ];
    looks.iter().find_map(|look| look(seen, &groups).filter(|(entity, ..)| seen.wants(*entity)))
}

/// What a word of letters and digits may be.
fn mixed(seen: &Seen<'_>, start: usize, end: usize) -> Found {
    let looks: [fn(&Seen<'_>, usize, usize) -> Found; 4] =
        [iban::find, wallet::find, document::find, network::hyphenated];
    looks.iter().find_map(|look| look(seen, start, end).filter(|(entity, ..)| seen.wants(*entity)))
}
