"""Trees on fixed features: the head of QUANT.

Extremely randomised trees (Geurts, Ernst & Wehenkel, Machine Learning 63, 2006), as QUANT has them: 200, of which each
looks at a tenth of the features at each split, and judges it by entropy. scikit-learn grows them. What they have learnt
is kept as arrays, because nothing is pickled.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from headstart.errors import DataError

N_TREES = 200


@dataclass(frozen=True, eq=False)
class ForestHead:
    """Trees that were grown, the nodes of all one after the other.

    Attributes
    ----------
    roots
        First node of each tree, (n_trees,).
    features
        What each node looks at, (n_nodes,).
    thresholds
        Up to which it goes on with the left child, float64 (n_nodes,).
    children
        The left and the right, (n_nodes, 2); a leaf's are itself.
    votes
        Shares of the classes among the training cases of the node, float32 (n_nodes, n_classes).
    """

    roots: np.ndarray
    features: np.ndarray
    thresholds: np.ndarray
    children: np.ndarray
    votes: np.ndarray

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Logarithms of the votes' shares, (n_cases, n_classes), as if one more tree found all classes equally likely.

        X is (n_cases, n_features).
        """
        cases = np.arange(len(X))
        votes = np.full((len(X), self.votes.shape[1]), 1 / self.votes.shape[1])
        for root in self.roots:
            before, nodes = None, np.full(len(X), root)
            while before is None or (nodes != before).any():
                before = nodes
                is_right = X[cases, self.features[nodes]] > self.thresholds[nodes]
                nodes = self.children[nodes, is_right.astype(np.intp)]
            votes += self.votes[nodes]
        return np.log(votes / (len(self.roots) + 1))


def fit_forest(
    X: np.ndarray,
    y: np.ndarray,
    n_classes: int,
    folds: Sequence[np.ndarray] = (),
    *,
    weights: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[ForestHead, np.ndarray]:
    """Grow trees on all cases, and say what those that are grown without each fold say of its cases.

    Parameters
    ----------
    X, y, n_classes, folds, weights
        As in `headstart.choice.ridge.fit_ridge`. Each class needs a case outside every fold.
    seed
        Of the trees.

    Returns
    -------
    head, held_out
        The head, and scores, (n_cases, n_classes), NaN for cases in no fold.

    Raises
    ------
    DataError
        If a feature is not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 10)
    >>> X = (y[:, None] + 0.1 * rng.normal(size=(20, 50))).astype(np.float32)
    >>> head, held_out = fit_forest(X, y, 2, folds=[np.arange(0, 20, 2), np.arange(1, 20, 2)])
    >>> (held_out.argmax(axis=1) == y).all(), (head.scores(X).argmax(axis=1) == y).all()
    (np.True_, np.True_)
    """
    if not np.isfinite(X).all():
        raise DataError("its features are not finite")

    def grown(cases: np.ndarray) -> ForestHead:
        trees = ExtraTreesClassifier(N_TREES, criterion="entropy", max_features=0.1, random_state=seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The number of unique classes")  # with few cases of each
            trees.fit(X[cases], y[cases], None if weights is None else weights[cases])
        return _as_arrays(trees, n_classes)

    all_cases = np.arange(len(X))
    held_out = np.full((len(X), n_classes), np.nan)
    for fold in folds:
        held_out[fold] = grown(np.setdiff1d(all_cases, fold)).scores(X[fold])
    return grown(all_cases), held_out


def _as_arrays(forest: ExtraTreesClassifier, n_classes: int) -> ForestHead:
    trees = [one.tree_ for one in forest.estimators_]
    ends = np.cumsum([tree.node_count for tree in trees])
    roots = np.append(0, ends[:-1])
    own = np.arange(ends[-1])[:, None]
    pairs = [np.column_stack([tree.children_left, tree.children_right]) for tree in trees]
    children = np.concatenate([root + pair for root, pair in zip(roots, pairs, strict=True)])
    features = np.concatenate([tree.feature for tree in trees])
    is_leaf = features < 0
    votes = np.zeros((len(features), n_classes), np.float32)  # classes without a case have no column in the trees
    votes[:, forest.classes_] = np.concatenate([tree.value[:, 0] for tree in trees])
    return ForestHead(
        roots=roots,
        features=np.where(is_leaf, 0, features),
        thresholds=np.concatenate([tree.threshold for tree in trees]),
        children=np.where(is_leaf[:, None], own, children).astype(np.int32),
        votes=votes,
    )
