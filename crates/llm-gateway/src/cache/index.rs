//! Questions by their meaning, where the store has no index of its own: vectors in lists beside the answers, one list for
//! all questions with the same surroundings, looked through from end to end.

use std::time::Duration;

use bytes::Bytes;
use llm_core::order;
use llm_core::{Question, QuestionLists, Result};

/// How many questions with the same surroundings are remembered; the oldest give way.
const MOST: usize = 512;

/// The most numbers of a vector.
const LONGEST: usize = 8192;

/// A question that was asked before.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Near {
    /// The key of its answer.
    pub(super) key: String,
    /// The cosine of the angle between the two.
    pub(super) similarity: f32,
}

/// The questions of a list that are near enough, the nearest first.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn near(lists: &dyn QuestionLists, question: Question<'_>, least: f32) -> Result<Vec<Near>> {
    let items = lists.list(question.list).await?;
    let mut found: Vec<Near> =
        items.iter().filter_map(|item| compared(item, question.vector, least)).collect();
    order::sort_by(&mut found, |one, other| other.similarity.total_cmp(&one.similarity));
    Ok(found)
}

/// Remembers a question, and where its answer is.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn add(
    lists: &dyn QuestionLists,
    question: Question<'_>,
    key: &str,
    life: Option<Duration>,
) -> Result<()> {
    let Question { list, vector } = question;
    let mut item = Vec::with_capacity(vector.len() * 4 + key.len() + 4);
    item.extend_from_slice(&u32::try_from(vector.len()).unwrap_or(u32::MAX).to_le_bytes());
    vector.iter().for_each(|number| item.extend_from_slice(&number.to_le_bytes()));
    item.extend_from_slice(key.as_bytes());
    lists.append(list, item.into(), MOST, life).await
}

/// A vector of length one; `None`: it has no direction, or is none.
pub(super) fn normalized(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
    if vector.len() > LONGEST || !length.is_finite() || length < 1e-9 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a factor of a vector of such numbers")]
    let factor = (1.0 / length) as f32;
    vector.iter_mut().for_each(|number| *number *= factor);
    Some(vector)
}

/// What an item says, when it is near enough. Items of another model's length are passed over.
fn compared(item: &Bytes, vector: &[f32], least: f32) -> Option<Near> {
    let (length, rest) = item.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*length) as usize != vector.len() {
        return None;
    }
    let (numbers, key) = rest.split_at_checked(vector.len() * 4)?;
    let similarity = product(numbers, vector);
    let near = || Some(Near { key: std::str::from_utf8(key).ok()?.to_owned(), similarity });
    if similarity >= least { near() } else { None }
}

/// The product of two vectors, the one as little-endian bytes. Eight sums that do not wait for each other.
fn product(bytes: &[u8], vector: &[f32]) -> f32 {
    let (numbers, _) = bytes.as_chunks::<4>();
    let mut sums = [0.0_f32; 8];
    let (eights, rest) = numbers.as_chunks::<8>();
    let (vector_eights, vector_rest) = vector.as_chunks::<8>();
    for (one, other) in eights.iter().zip(vector_eights) {
        for ((sum, left), right) in sums.iter_mut().zip(one).zip(other) {
            *sum += f32::from_le_bytes(*left) * right;
        }
    }
    let rest: f32 = rest.iter().zip(vector_rest).map(|(left, right)| f32::from_le_bytes(*left) * right).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::MemoryAnswers;

    fn vector(numbers: &[f32]) -> Vec<f32> {
        normalized(numbers.to_vec()).expect("a direction")
    }

    fn asked<'a>(list: &'a str, vector: &'a [f32]) -> Question<'a> {
        Question { list, vector }
    }

    #[tokio::test]
    async fn the_nearest_comes_first_and_the_far_not_at_all() {
        let store = MemoryAnswers::new(1 << 20);
        for (key, numbers) in [("far", [0.0, 1.0, 0.0]), ("near", [1.0, 0.1, 0.0]), ("same", [2.0, 0.0, 0.0])]
        {
            add(&store, asked("list", &vector(&numbers)), key, None).await.expect("memory");
        }
        add(&store, asked("list", &vector(&[1.0])), "of another model", None).await.expect("memory");
        let found = near(&store, asked("list", &vector(&[1.0, 0.0, 0.0])), 0.9).await.expect("memory");
        let keys: Vec<_> = found.iter().map(|near| near.key.as_str()).collect();
        assert_eq!(keys, ["same", "near"]);
        assert!((found[0].similarity - 1.0).abs() < 1e-6);
        assert_eq!(near(&store, asked("other", &vector(&[1.0])), 0.0).await.expect("memory"), []);
    }

    #[test]
    fn products_are_those_of_the_plain_sum() {
        let one: Vec<f32> = (0..1537_u16).map(|at| f32::from(at % 13) - 6.0).collect();
        let other: Vec<f32> = (0..1537_u16).map(|at| f32::from(at % 7) - 3.0).collect();
        let bytes: Vec<u8> = one.iter().flat_map(|number| number.to_le_bytes()).collect();
        let plain: f32 = one.iter().zip(&other).map(|(left, right)| left * right).sum();
        assert!((product(&bytes, &other) - plain).abs() < 0.5);
    }

    #[test]
    fn what_has_no_direction_is_no_vector() {
        assert!(normalized(vec![0.0; 3]).is_none() && normalized(vec![f32::NAN]).is_none());
        assert!(normalized(Vec::new()).is_none() && normalized(vec![1.0; LONGEST + 1]).is_none());
    }
}
