"""The decision: which candidates are used, judged by series that they were not fitted to.

With ten to sixty training series an out-of-fold accuracy is uncertain by five to ten points, so the best of several by
it is often not the best (Cawley & Talbot, "On over-fitting in model selection", Journal of Machine Learning Research
11, 2010). Four things are done about it:

- Candidates are compared by the log loss of calibrated probabilities, which tells more apart than counting mistakes
  does, case by case, on the same folds.
- Some candidates are used beforehand, whatever they reach out of fold, unless they would make the choice worse than
  scratch: kernels, and a network fine-tuned from a trunk. This is the prior: on small data sets, evidence against them
  was more often chance than not (``docs/choice.md``).
- With them are averaged all candidates that are no more than one standard error worse than the best (of the paired
  difference; the rule is that of Breiman et al., "Classification and regression trees", 1984), instead of one being
  picked.
- What comes out is held against the network from scratch on the same folds. If it is worse, first those go that have
  no other right to be there, and then all but scratch.

Where nothing can be held out, because no class has two cases, the prior alone decides.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from headstart.choice.calibration import log_losses

PRIOR_KINDS = ("fine-tuned", "scratch", "frozen")
"""Without evidence, where only kernels are used beforehand, the first candidate of the first of these kinds that is
there is averaged with them."""


@dataclass(frozen=True)
class Decision:
    """What is used, and why.

    Attributes
    ----------
    chosen
        Names of the candidates whose probabilities are averaged.
    reasons
        Why each candidate is chosen or not, in words, by name.
    losses
        Mean log loss of each candidate out of fold, by name; empty where nothing could be held out.
    verdict
        One sentence on the whole.
    """

    chosen: list[str]
    reasons: dict[str, str]
    losses: dict[str, float]
    verdict: str


def decide(
    held_out: Mapping[str, np.ndarray],
    y: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    scratch: str | None = None,
    beforehand: Collection[str] = (),
) -> Decision:
    """Choose among candidates.

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
    beforehand
        Which candidates are used whatever they reach.

    Examples
    --------
    >>> y = np.array([0, 1, 0, 1])
    >>> good, bad = np.where(y[:, None] == [0, 1], 0.9, 0.1), np.full((4, 2), 0.5)
    >>> decision = decide({"good": good, "from scratch": bad}, y, scratch="from scratch")
    >>> decision.chosen, decision.reasons["from scratch"]
    (['good'], 'worse by 0.588 ± 0.000')
    """
    w = np.ones(len(y)) if weights is None else weights
    losses = {name: w * log_losses(probabilities, y) for name, probabilities in held_out.items()}
    means = {name: float(loss.mean()) for name, loss in losses.items()}
    best = min(means, key=means.__getitem__)
    near, reasons = [], {best: "smallest loss out of fold"}
    for name, loss in losses.items():
        worse = loss - losses[best]
        error = _standard_error(worse)
        if worse.mean() <= error:
            near.append(name)
        if name != best:
            prefix = "as good as the best: " if name in near else ""
            reasons[name] = f"{prefix}worse by {worse.mean():.3f} ± {error:.3f}"
    chosen = [name for name in losses if name in near or name in beforehand]
    for name in chosen:
        if name not in near:
            reasons[name] = f"used beforehand; {reasons[name]}"
    if scratch is None:
        return Decision(chosen, reasons, means, _sentence(chosen, "it was not compared with a network from scratch"))

    def gain(names: list[str]) -> np.ndarray:
        return losses[scratch] - w * log_losses(np.mean([held_out[name] for name in names], axis=0), y)

    used = next(names for names in (chosen, near, [scratch]) if gain(names).mean() >= 0)
    for name in chosen:
        if name not in used:
            reasons[name] += "; with it, the choice would be worse than scratch"
    if used == [scratch]:
        return Decision(used, reasons, means, _sentence(used, "out of fold, no other choice is better"))
    by = f"{gain(used).mean():.3f} ± {_standard_error(gain(used)):.3f}"
    why = f"out of fold, the loss is smaller than that from scratch by {by}"
    return Decision(used, reasons, means, _sentence(used, why))


def decide_by_prior(kinds: Mapping[str, str], beforehand: Collection[str] = ()) -> Decision:
    """Choose without evidence: what is used beforehand, and if that is kernels alone, a network with them.

    Parameters
    ----------
    kinds
        The kind of each candidate, by name.
    beforehand
        As in `decide`.

    Examples
    --------
    >>> kinds = {"MiniROCKET": "kernels", "from scratch": "scratch", "from Wine": "fine-tuned"}
    >>> decide_by_prior(kinds, ["MiniROCKET"]).chosen
    ['MiniROCKET', 'from Wine']
    """
    chosen = [name for name in kinds if name in beforehand]
    if all(kinds[name] == "kernels" for name in chosen):
        by_kind = (name for wanted in PRIOR_KINDS for name, kind in kinds.items() if kind == wanted)
        chosen += list(by_kind)[:1]
    reasons = {name: "chosen beforehand" if name in chosen else "not judged" for name in kinds}
    return Decision(chosen, reasons, {}, _sentence(chosen, "no class has two cases, so nothing could be held out"))


def _standard_error(differences: np.ndarray) -> float:
    """Return that of the mean; infinite for a single case, which says nothing."""
    return float(differences.std(ddof=1) / np.sqrt(len(differences))) if len(differences) > 1 else np.inf


def _sentence(chosen: list[str], why: str) -> str:
    mean = "the mean of " if len(chosen) > 1 else ""
    return f"{mean}{' and '.join(chosen)}: {why}"
