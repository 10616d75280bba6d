//! Rows of numbers as small pictures: a line of bars, and one bar of a share.

const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The most letters of one bar.
const BROADEST: usize = 3;

const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// One bar for each number, the largest at full height; a dot where there is none. More numbers than `width` are
/// taken together.
pub(crate) fn sparkline(numbers: &[Option<f64>], width: usize) -> String {
    let numbers = taken_together(numbers, width.max(1));
    let most = numbers.iter().flatten().copied().fold(0.0, f64::max);
    // A few numbers are easier to see as broad bars.
    let broad = width.checked_div(numbers.len()).unwrap_or(1).clamp(1, BROADEST);
    numbers.iter().flat_map(|number| std::iter::repeat_n(step(*number, most), broad)).collect()
}

fn step(number: Option<f64>, most: f64) -> char {
    let Some(number) = number else { return '·' };
    if most <= 0.0 || number <= 0.0 {
        return STEPS[0];
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 7")]
    let at = (number / most * 7.0).round() as usize;
    STEPS.get(at).copied().unwrap_or('█')
}

/// At most `width` numbers: each the mean of those that fall together.
fn taken_together(numbers: &[Option<f64>], width: usize) -> Vec<Option<f64>> {
    if numbers.len() <= width {
        return numbers.to_vec();
    }
    let size = numbers.len().div_ceil(width);
    numbers.chunks(size).map(mean).collect()
}

#[expect(clippy::cast_precision_loss, reason = "days are few")]
fn mean(numbers: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = numbers.iter().flatten().copied().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// A bar of `width` letters that is filled up to a share of it.
pub(crate) fn bar(share: f64, width: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "as wide as a terminal")]
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to eight times the width"
    )]
    let eighths = eighths as usize;
    let mut text: String = std::iter::repeat_n('█', eighths / 8).collect();
    if !eighths.is_multiple_of(8) {
        text.extend(EIGHTHS.get(eighths % 8));
    }
    let filled = text.chars().count();
    text.extend(std::iter::repeat_n('░', width.saturating_sub(filled)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_number_is_the_highest_bar() {
        let numbers = [Some(0.0), Some(1.0), None, Some(7.0), Some(3.5)];
        assert_eq!(sparkline(&numbers, 5), "▁▂·█▅");
        assert_eq!(sparkline(&numbers, 11), "▁▁▂▂··██▅▅");
        assert_eq!(sparkline(&[Some(0.0); 3], 3), "▁▁▁");
        assert_eq!(sparkline(&[], 10), "");
    }

    #[test]
    fn more_numbers_than_letters_are_taken_together() {
        let numbers: Vec<Option<f64>> = (0..100).map(|number| Some(f64::from(number))).collect();
        assert_eq!(sparkline(&numbers, 8).chars().count(), 8);
        assert!(sparkline(&numbers, 8).ends_with('█'));
    }

    #[test]
    fn bars_are_filled_by_their_share() {
        assert_eq!(bar(0.5, 4), "██░░");
        assert_eq!(bar(0.28125, 4), "█▏░░");
        assert_eq!(bar(2.0, 3), "███");
        assert_eq!(bar(0.0, 2), "░░");
    }
}
