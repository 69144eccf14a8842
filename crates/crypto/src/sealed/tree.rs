//! Merkle trees in the shape of RFC 9162, section 2.1 (section 2, *Trees*).

use super::Digest;
use crate::VerifyError;
use crate::label::SealedLabel;

/// The root of a tree whose leaves come one by one. Holds one digest for each level.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    count: u64,
    /// Roots of complete subtrees, the largest first; their sizes are the bits of `count`.
    complete: Vec<Digest>,
}

impl Tree {
    /// The tree of these leaves.
    pub fn of(leaves: impl IntoIterator<Item = Digest>) -> Self {
        let mut tree = Self::default();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }

    /// Adds a leaf behind the last.
    pub fn push(&mut self, leaf: Digest) {
        let mut subtree = leaf;
        for _ in 0..self.count.trailing_ones() {
            if let Some(left) = self.complete.pop() {
                subtree = node(&left, &subtree);
            }
        }
        self.complete.push(subtree);
        self.count += 1;
    }

    /// How many leaves there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The root.
    pub fn root(&self) -> Digest {
        let mut subtrees = self.complete.iter().rev().copied();
        let Some(last) = subtrees.next() else { return Digest::of(SealedLabel::TreeEmpty, &[]) };
        subtrees.fold(last, |right, left| node(&left, &right))
    }
}

/// The path from leaf `index` to the root (RFC 9162, section 2.1.3.1), from the leaf's neighbour up; none if there is
/// no such leaf.
pub fn path_of(leaves: &[Digest], index: usize) -> Option<Vec<Digest>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut part, mut at, mut path) = (leaves, index, Vec::new());
    while part.len() > 1 {
        let (left, right) = part.split_at(part.len().next_power_of_two() / 2);
        let other;
        (part, other, at) = if at < left.len() { (left, right, at) } else { (right, left, at - left.len()) };
        path.push(Tree::of(other.iter().copied()).root());
    }
    path.reverse();
    Some(path)
}

/// The paths of all leaves, as [`path_of`] gives each: `n log n` digests, and `n` of them hashed.
pub fn paths_of(leaves: &[Digest]) -> Vec<Vec<Digest>> {
    let mut paths = vec![Vec::new(); leaves.len()];
    let (mut level, mut width) = (leaves.to_vec(), 1);
    while level.len() > 1 {
        for (index, path) in paths.iter_mut().enumerate() {
            // The last of an odd number goes up as it is.
            path.extend(level.get((index / width) ^ 1));
        }
        level = level
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node(left, right)),
                rest => rest.first().copied(),
            })
            .collect();
        width *= 2;
    }
    paths
}

/// Checks that `leaf` is number `index` of the `count` leaves that give `root` (RFC 9162, section 2.1.3.2).
///
/// # Errors
/// It is not, or the path has another length than there are levels.
pub fn verify_path(
    root: &Digest,
    leaf: &Digest,
    index: u64,
    count: u64,
    path: &[Digest],
) -> Result<(), VerifyError> {
    if index >= count {
        return Err(VerifyError);
    }
    let (mut at, mut last, mut subtree) = (index, count - 1, *leaf);
    for other in path {
        if last == 0 {
            return Err(VerifyError);
        }
        if at % 2 == 1 || at == last {
            subtree = node(other, &subtree);
            while at % 2 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            subtree = node(&subtree, other);
        }
        at >>= 1;
        last >>= 1;
    }
    if last == 0 && subtree == *root { Ok(()) } else { Err(VerifyError) }
}

fn node(left: &Digest, right: &Digest) -> Digest {
    Digest::of(SealedLabel::TreeNode, &[left.as_bytes(), right.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u8) -> Vec<Digest> {
        (0..count).map(|at| Digest::from_bytes([at; 32])).collect()
    }

    #[test]
    fn all_paths_are_those_of_each() {
        for count in 0..40 {
            let leaves = leaves(count);
            let paths = paths_of(&leaves);
            assert_eq!(paths.len(), leaves.len());
            for (index, path) in paths.iter().enumerate() {
                assert_eq!(Some(path), path_of(&leaves, index).as_ref(), "{index} of {count}");
            }
        }
    }

    /// As RFC 9162 defines it, by recursion.
    fn root_by_definition(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Digest::of(SealedLabel::TreeEmpty, &[]),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node(&root_by_definition(left), &root_by_definition(right))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_definition() {
        for count in 0..40 {
            let tree = Tree::of(leaves(count));
            assert_eq!(tree.count(), u64::from(count));
            assert_eq!(tree.root(), root_by_definition(&leaves(count)), "{count}");
        }
    }

    #[test]
    fn a_path_holds_for_its_leaf_and_place_alone() {
        for count in 1..20_u8 {
            let leaves = leaves(count);
            let root = Tree::of(leaves.iter().copied()).root();
            for (index, leaf) in leaves.iter().enumerate() {
                let path = path_of(&leaves, index).unwrap();
                for other in 0..20 {
                    let held = verify_path(&root, leaf, other, u64::from(count), &path).is_ok();
                    assert_eq!(held, other == index as u64, "{count} {index} {other}");
                }
                let stranger = Digest::from_bytes([0xff; 32]);
                let (index, count) = (index as u64, u64::from(count));
                assert!(verify_path(&root, &stranger, index, count, &path).is_err());
                assert!(verify_path(&stranger, leaf, index, count, &path).is_err());
                let longer = [&path[..], &[stranger]].concat();
                assert!(verify_path(&root, leaf, index, count, &longer).is_err());
                if let [shorter @ .., _] = &path[..] {
                    assert!(verify_path(&root, leaf, index, count, shorter).is_err());
                }
                for at in 0..path.len() {
                    let mut broken = path.clone();
                    broken[at] = stranger;
                    assert!(verify_path(&root, leaf, index, count, &broken).is_err());
                }
            }
            assert_eq!(path_of(&leaves, leaves.len()), None);
        }
    }
}
