"""The decision: how much each candidate counts, judged by series that it was not fitted to.

With ten to sixty training series an out-of-fold accuracy is uncertain by five to ten points, so the best of several by
it is often not the best (Cawley & Talbot, "On over-fitting in model selection", Journal of Machine Learning Research
11, 2010). So none is picked. The probabilities of all are averaged, with the weights under which the held-out cases are
likeliest (Yao, Vehtari, Simpson & Gelman, "Using stacking to average Bayesian predictive distributions", Bayesian
Analysis 13, 2018), as if each candidate had explained one more case. That is their most likely value under a Dirichlet
prior: with few cases all count alike, and the more there are, the more the evidence decides.

An average of probabilities that are each as sure as they are right is less sure than it is right (Ranjan & Gneiting,
"Combining probability forecasts", Journal of the Royal Statistical Society B 72, 2010), so it gets a temperature, too.

What comes out is held against the network from scratch on the same cases. If it is worse by more than a standard error
of the difference, scratch alone is used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.choice.calibration import fit_temperature, log_losses, probabilities

CASES_BEFORE = 1.0
"""What each candidate has explained before any evidence, in cases."""
LEAST_WEIGHT = 0.05
"""Candidates that count less are left out, for they would only cost time at each prediction."""
_ITERATIONS = 500


@dataclass(frozen=True)
class Decision:
    """What is used, and why.

    Attributes
    ----------
    shares
        What each candidate that is used counts in the average of probabilities, by name; they sum up to 1.
    temperature
        Of the average.
    reasons
        How each candidate did, in words, by name.
    verdict
        One sentence on the whole.
    """

    shares: dict[str, float]
    temperature: float
    reasons: dict[str, str]
    verdict: str


def decide(
    held_out: Mapping[str, np.ndarray],
    y: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    scratch: str | None = None,
) -> Decision:
    """Say how much each candidate counts.

    Parameters
    ----------
    held_out
        Calibrated probabilities of the held-out cases, (n_held_out, n_classes), by candidate.
    y
        Codes of their classes, (n_held_out,).
    weights
        Of their losses, (n_held_out,), with mean 1; None: all are 1.
    scratch
        Which candidate is the network from scratch; None if it does not compete.

    Examples
    --------
    >>> y = np.array([0, 1, 0, 1])
    >>> good, bad = np.where(y[:, None] == [0, 1], 0.9, 0.1), np.full((4, 2), 0.5)
    >>> decision = decide({"good": good, "from scratch": bad}, y, scratch="from scratch")
    >>> {name: round(share, 2) for name, share in decision.shares.items()}, decision.reasons["from scratch"]
    ({'good': 0.71, 'from scratch': 0.29}, 'worse by 0.588 ± 0.000')
    """
    w = np.ones(len(y)) if weights is None else weights
    losses = {name: w * log_losses(of_one, y) for name, of_one in held_out.items()}
    best = min(losses, key=lambda name: losses[name].mean())
    reasons = {
        name: "smallest loss out of fold" if name == best else f"worse by {_difference(loss - losses[best])}"
        for name, loss in losses.items()
    }
    shares = stacked(held_out, y, w)
    temperature = fit_temperature(logarithms(averaged(held_out, shares)), y, weights) if len(shares) > 1 else 1.0
    why = "it was not compared with a network from scratch"
    if scratch is not None:
        gain = losses[scratch] - w * log_losses(averaged(held_out, shares, temperature), y)
        if gain.mean() < -_standard_error(gain):
            shares, temperature = {scratch: 1.0}, 1.0
            why = f"out of fold, the average of all is worse by {_difference(-gain)}"
        elif list(shares) == [scratch]:
            why = "out of fold, what the others add to it is next to nothing"
        elif gain.mean() < 0:
            why = f"out of fold, the loss is larger than that from scratch, but within chance, by {_difference(-gain)}"
        else:
            why = f"out of fold, the loss is smaller than that from scratch by {_difference(gain)}"
    return Decision(shares, temperature, reasons, f"{_listed(shares)}: {why}")


def decide_without_evidence(names: Sequence[str]) -> Decision:
    """Let all candidates count alike.

    Examples
    --------
    >>> decide_without_evidence(["MiniROCKET", "from scratch"]).shares
    {'MiniROCKET': 0.5, 'from scratch': 0.5}
    """
    shares = dict.fromkeys(names, 1 / len(names))
    why = "no class has two cases, so nothing could be held out, and all count alike"
    return Decision(shares, 1.0, dict.fromkeys(names, "not judged"), f"{_listed(shares)}: {why}")


def averaged(
    probabilities_by_name: Mapping[str, np.ndarray], shares: Mapping[str, float], temperature: float = 1.0
) -> np.ndarray:
    """Return the weighted mean of probabilities, (n_cases, n_classes), of the candidates that have a share.

    The temperature, below which it is surer than the mean is, leaves the order of the classes as it is.

    Examples
    --------
    >>> of_two = {"one": np.array([[0.9, 0.1]]), "other": np.array([[0.7, 0.3]])}
    >>> for temperature in (1, 0.5):
    ...     print(averaged(of_two, {"one": 0.5, "other": 0.5}, temperature).round(2))
    [[0.8 0.2]]
    [[0.94 0.06]]
    """
    mean = np.asarray(sum(share * probabilities_by_name[name] for name, share in shares.items()))
    return mean if temperature == 1 else probabilities(logarithms(mean), temperature)


def logarithms(of_probabilities: np.ndarray) -> np.ndarray:
    """Return scores of which they are the softmax, finite where one is 0."""
    return np.log(np.maximum(of_probabilities, 1e-15))


def stacked(
    held_out: Mapping[str, np.ndarray], y: np.ndarray, weights: np.ndarray, cases_before: float = CASES_BEFORE
) -> dict[str, float]:
    """Return the weights of candidates under which cases are likeliest, without the least ones.

    They are found by expectation and maximisation: each case is shared out among the candidates by how well they
    explain it, and a candidate's weight is its share of all cases, those before included.

    Parameters
    ----------
    held_out, y, weights
        As in `decide`.
    cases_before
        What each candidate has explained before.

    Examples
    --------
    >>> candidates = {"right": np.array([[1.0, 0.0]]), "wrong": np.array([[0.0, 1.0]])}
    >>> {name: round(share, 2) for name, share in stacked(candidates, np.array([0]), np.ones(1)).items()}
    {'right': 0.67, 'wrong': 0.33}
    """
    likelihoods = np.exp([-log_losses(of_one, y) for of_one in held_out.values()])
    shares = np.full(len(likelihoods), 1 / len(likelihoods))
    for _ in range(_ITERATIONS):
        explained = shares[:, None] * likelihoods  # (n_candidates, n_held_out)
        explained *= weights / explained.sum(axis=0)
        shares = explained.sum(axis=1) + cases_before
        shares /= shares.sum()
    least = min(LEAST_WEIGHT, shares.max())  # of very many candidates all may count less
    kept = {name: share for name, share in zip(held_out, shares, strict=True) if share >= least}
    return {name: float(share / sum(kept.values())) for name, share in kept.items()}


def _standard_error(differences: np.ndarray) -> float:
    """Return that of the mean; a single case, which tells nothing of it, is taken for certain."""
    return float(differences.std(ddof=1) / np.sqrt(len(differences))) if len(differences) > 1 else 0.0


def _difference(differences: np.ndarray) -> str:
    """Return the mean with its standard error, which a single case does not have."""
    error = f" ± {_standard_error(differences):.3f}" if len(differences) > 1 else ""
    return f"{differences.mean():.3f}{error}"


def _listed(shares: Mapping[str, float]) -> str:
    """Name the candidates that are used, those that count most first."""
    names = sorted(shares, key=lambda name: -shares[name])
    if len(names) == 1:
        return names[0]
    parts = [f"{name} ({shares[name]:.0%})" for name in names]
    return f"the weighted mean of {', '.join(parts[:-1])} and {parts[-1]}"
