//! How a model may be written: the names under which the price table may know it.

use std::iter::successors;

/// Words before a model that say how or where it is reached, not which it is.
const ROUTES: [&str; 5] = ["converse", "converse_like", "invoke", "responses", "global"];

/// Geographies that stand before a model (`eu.acme.model`, `eu/model`).
const GEOGRAPHIES: [&str; 9] = ["apac", "au", "ca", "eu", "global", "jp", "uk", "us", "us-gov"];

/// The names to try for a model of a provider, best first: as it is written, without routes and regions, without
/// the date; each with the provider's prefix and without.
pub(crate) fn candidates(provider: &str, model: &str) -> Vec<String> {
    let own = model.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/'));
    let model = own.filter(|_| !provider.is_empty()).unwrap_or(model);
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: String| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    let prefixes: Vec<&str> = [provider, provider.strip_suffix("_chat").unwrap_or(provider)]
        .into_iter()
        .filter(|prefix| !prefix.is_empty())
        .collect();
    for spelling in spellings(model) {
        prefixes.iter().for_each(|prefix| add(format!("{prefix}/{spelling}")));
        add(spelling.to_owned());
    }
    names
}

/// The model as written, then with one thing less each: route or region, date, fine-tuning.
fn spellings(model: &str) -> Vec<&str> {
    let places: Vec<&str> = successors(Some(model), |model| without_place(model)).take(8).collect();
    let undated = places.iter().filter_map(|model| without_date(model));
    let tuned = fine_tuned_base(model);
    places.iter().copied().chain(undated).chain(tuned).collect()
}

fn without_place(model: &str) -> Option<&str> {
    if let Some((first, rest)) = model.split_once('/')
        && (ROUTES.contains(&first) || GEOGRAPHIES.contains(&first) || is_region(first))
    {
        return Some(rest);
    }
    let (first, rest) = model.split_once('.')?;
    (GEOGRAPHIES.contains(&first) && rest.contains('.')).then_some(rest)
}

/// `us-east-1`, `ap-southeast-2`: at least three parts, the last a number.
fn is_region(word: &str) -> bool {
    let mut parts = word.rsplit('-');
    let number =
        parts.next().is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()));
    let names = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    number && word.matches('-').count() >= 2 && parts.all(names)
}

/// The name before `-2024-08-06`, `-20240806`, `@20240806` or `-latest`.
pub(crate) fn without_date(model: &str) -> Option<&str> {
    if let Some(base) = model.strip_suffix("-latest") {
        return Some(base);
    }
    ["-dddd-dd-dd", "-dddddddd", "@dddddddd"].iter().find_map(|pattern| {
        let (base, date) = model.split_at_checked(model.len().checked_sub(pattern.len())?)?;
        (!base.is_empty() && follows(date, pattern)).then_some(base)
    })
}

/// Whether a text follows a pattern in which `d` is a digit.
fn follows(text: &str, pattern: &str) -> bool {
    let fits = |(byte, wanted): (u8, u8)| if wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(fits)
}

/// `ft:base` of `ft:base:organisation:name:id`: tuned models have a price for each base.
fn fine_tuned_base(model: &str) -> Option<&str> {
    let base = model.strip_prefix("ft:")?.find(':')?;
    model.get(.."ft:".len() + base)
}

/// Whether a table's entry of provider `entry` may serve for a deployment of provider `wanted`.
pub(crate) fn is_same_provider(wanted: &str, entry: &str) -> bool {
    let part_of = |part: &str, whole: &str| {
        part.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-']))
    };
    wanted.is_empty() || part_of(wanted, entry) || part_of(entry, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_name_comes_first_and_the_date_goes_last() {
        assert_eq!(
            candidates("acme", "acme/model-2024-08-06"),
            ["acme/model-2024-08-06", "model-2024-08-06", "acme/model", "model"]
        );
        assert_eq!(candidates("", "model"), ["model"]);
        assert_eq!(candidates("acme_chat", "m"), ["acme_chat/m", "acme/m", "m"]);
    }

    #[test]
    fn routes_regions_and_geographies_are_no_part_of_a_model() {
        for (model, base) in [
            ("converse/us-east-1/acme.large", "acme.large"),
            ("eu.acme.large-v1:0", "acme.large-v1:0"),
            ("us/model", "model"),
            ("responses/model", "model"),
        ] {
            assert_eq!(candidates("", model).last().map(String::as_str), Some(base));
        }
        for model in ["eu.model", "folder/model", "a-b/model", "gpt-4-1"] {
            assert_eq!(candidates("", model), [model]);
        }
    }

    #[test]
    fn only_dates_are_dates() {
        for (model, base) in
            [("m-20240806", "m"), ("m@20240806", "m"), ("m-latest", "m"), ("é-2024-08-06", "é")]
        {
            assert_eq!(without_date(model), Some(base), "{model}");
        }
        for model in ["m-0613", "m-2024-8-6", "m", "", "-20240806", "ééééé", "m-2024080x"] {
            assert_eq!(without_date(model), None, "{model}");
        }
    }

    #[test]
    fn tuned_models_are_priced_by_their_base() {
        assert_eq!(fine_tuned_base("ft:model-1:org::id"), Some("ft:model-1"));
        assert_eq!(fine_tuned_base("ft:model-1"), None);
    }

    #[test]
    fn parts_of_a_provider_are_the_provider() {
        assert!(is_same_provider("acme_chat", "acme"));
        assert!(is_same_provider("acme", "acme-language-models"));
        assert!(!is_same_provider("acme", "acmeology"));
        assert!(is_same_provider("", "acme"));
    }
}
