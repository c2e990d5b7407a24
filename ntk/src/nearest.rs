//! The known word nearest to a mistyped one, for "did you mean".

/// The word of `among` closest to `word` by edit distance, if it is close enough to be meant.
///
/// Distance counts insertions, deletions, substitutions and swaps of neighbours, letters compared without case.
/// Close enough is a third of the longer word's length, at least 1; the first of equally close words wins.
///
/// # Cost
/// `O(len^2)` per word; words longer than 64 characters are not compared, so hostile input costs nothing.
pub fn nearest<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    let letters = |w: &str| w.chars().take(LONGEST + 1).flat_map(char::to_lowercase).collect::<Vec<char>>();
    let typed = letters(word);
    if typed.is_empty() || typed.len() > LONGEST {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for known in among {
        let candidate = letters(known);
        let allowed = (typed.len().max(candidate.len()) / 3).max(1);
        if candidate.len() > LONGEST || candidate.len().abs_diff(typed.len()) > allowed {
            continue;
        }
        let d = distance(&typed, &candidate);
        if d <= allowed && d < candidate.len() && best.is_none_or(|(least, _)| d < least) {
            best = Some((d, known));
        }
    }
    best.map(|(_, known)| known)
}

/// Edit distance with swaps of neighbours (optimal string alignment), three rows of the table at a time.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut row = above.clone();
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let substituted = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = substituted.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        std::mem::swap(&mut before, &mut above);
        std::mem::swap(&mut above, &mut row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_equal_those_counted_by_hand() {
        let d = |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(d("kitten", "sitting"), 3);
        assert_eq!(d("digist", "digits"), 1);
        assert_eq!(d("", "abc"), 3);
        assert_eq!(d("flaw", "lawn"), 2);
        assert_eq!(d("same", "same"), 0);
    }

    #[test]
    fn a_typo_finds_its_word_and_a_stranger_finds_none() {
        let known = ["digits", "fashion", "mnist", "cifar10", "csv", "npz"];
        assert_eq!(nearest("digist", known), Some("digits"));
        assert_eq!(nearest("FASHION", known), Some("fashion"));
        assert_eq!(nearest("minst", known), Some("mnist"));
        assert_eq!(nearest("cifar", known), Some("cifar10"));
        assert_eq!(nearest("imagenet", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn a_word_of_a_million_letters_is_not_compared() {
        assert_eq!(nearest(&"a".repeat(1_000_000), ["a"]), None);
    }
}
