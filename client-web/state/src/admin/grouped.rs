//! What belongs together in a list.

/// Puts what has the same key in one group. Groups are in the order in which the first of each came, and so is what is
/// in them.
pub fn grouped<T, K: PartialEq>(all: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<Vec<T>> {
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for one in all {
        let key = key(&one);
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, group)) => group.push(one),
            None => groups.push((key, vec![one])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_the_order_in_which_they_came() {
        assert_eq!(grouped([31, 12, 11, 32, 2], |number| number / 10), [vec![31, 32], vec![12, 11], vec![2]]);
        assert!(grouped(Vec::<u8>::new(), |number| *number).is_empty());
    }
}
