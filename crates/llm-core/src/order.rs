//! Putting in order where nobody waits for it: the machine code that sorts is in the program once, not once for each
//! kind of thing that is sorted.
//!
//! The standard library's stable sort is some eight kilobytes for each type. Here it sorts places, of which there is one
//! type, and things are then moved to theirs.

use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Sorts by a comparison; equal ones stay as they were, as with [`slice::sort_by`].
pub fn sort_by<T>(things: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut places = sorted(things, &compare);
    arrange(things, &mut places);
}

/// Sorts by a key, which is made once of each; equal ones stay as they were, as with [`slice::sort_by_cached_key`].
pub fn sort_by_key<T, K: Ord>(things: &mut [T], key: impl FnMut(&T) -> K) {
    let keys: Vec<K> = things.iter().map(key).collect();
    let mut places = sorted(&keys, &K::cmp);
    arrange(things, &mut places);
}

/// A set of these, put in one by one: collecting them would sort them first.
pub fn set_of<T: Ord>(things: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    set.extend(things);
    set
}

/// The places of things in their order.
fn sorted<T>(things: &[T], compare: &dyn Fn(&T, &T) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..things.len()).collect();
    sort_places(&mut places, &|one, other| match (things.get(one), things.get(other)) {
        (Some(one), Some(other)) => compare(one, other),
        _ => Ordering::Equal,
    });
    places
}

#[inline(never)]
fn sort_places(places: &mut [usize], compare: &dyn Fn(usize, usize) -> Ordering) {
    places.sort_by(|one, other| compare(*one, *other));
}

/// Puts at each place what is at the place that is named there, circle by circle.
fn arrange<T>(things: &mut [T], places: &mut [usize]) {
    for start in 0..places.len() {
        let mut place = start;
        while let Some(named) = places.get_mut(place) {
            let from = std::mem::replace(named, place);
            if from == start {
                break;
            }
            things.swap(place, from);
            place = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(keys in prop::collection::vec(0_u8..40, 0..120)) {
            let mut things: Vec<(u8, usize)> = keys.into_iter().zip(0..).collect();
            let mut expected = things.clone();
            expected.sort_by_key(|(key, _)| *key);
            sort_by_key(&mut things, |(key, _)| *key);
            prop_assert_eq!(&things, &expected);
            expected.sort_by_key(|(key, _)| std::cmp::Reverse(*key));
            sort_by(&mut things, |one, other| other.0.cmp(&one.0));
            prop_assert_eq!(&things, &expected);
        }
    }
}
