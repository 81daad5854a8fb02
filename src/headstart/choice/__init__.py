"""The guarded choice: transfer where it helps, decided on the training data alone.

Candidates of several kinds (networks from scratch and fine-tuned, frozen networks and fixed kernels with a ridge head)
are judged on the same held-out series; `decide` says how much each counts in their average, and ``docs/choice.md`` how
it is done, and why so.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from headstart.choice.budget import BUDGETS, Budget, candidates, get_budget
from headstart.choice.calibration import fit_temperature, log_losses, probabilities
from headstart.choice.candidate import Candidate, Member, Trial, stratified_folds
from headstart.choice.decision import Decision, averaged, decide, decide_without_evidence
from headstart.choice.features import FeatureMember
from headstart.choice.networks import NetworkCandidate, NetworkMember
from headstart.data.dataset import Dataset
from headstart.data.preprocessing import require_classes
from headstart.errors import DataError
from headstart.zoo.source import Source

if TYPE_CHECKING:
    import pandas as pd

MEMBERS: dict[str, type[Member]] = {"network": NetworkMember, "features": FeatureMember}
"""Kinds of members, by the names that saved models give them."""


class Part(NamedTuple):
    """A chosen candidate, fitted."""

    member: Member
    temperature: float
    """Of its scores."""
    share: float
    """What its probabilities count in the average."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen, fitted to all training data.

    Attributes
    ----------
    n_channels
        Of the training data.
    seed
        Of the folds.
    parts
        The chosen candidates by name.
    temperature
        Of the average of their probabilities.
    ranking
        A row a candidate, indexed by name, the best first: its `kind`, the `source` that it starts from, `log_loss` and
        `accuracy` out of fold, whether it is `chosen`, its `share` in the average, why, and the `seconds` it took. If
        candidates were judged with classes balanced, each class has the same part in loss and accuracy.
    report
        What was tried, in plain values; `balanced` says whether it was with classes balanced.
    """

    n_channels: int
    seed: int
    parts: dict[str, Part]
    temperature: float
    ranking: "pd.DataFrame"
    report: dict[str, Any]

    @property
    def networks(self) -> list[Source]:
        """All trained networks among the members."""
        return [network for part in self.parts.values() for network in part.member.networks]

    def predict_proba(self, data: Dataset, device: str = "auto") -> np.ndarray:
        """Probabilities of the classes, float64 (n_cases, n_classes): the parts' weighted mean, at its temperature."""
        of_parts = {
            name: probabilities(part.member.scores(data, device), part.temperature) for name, part in self.parts.items()
        }
        return averaged(of_parts, {name: part.share for name, part in self.parts.items()}, self.temperature)

    def to_files(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return what JSON can say of it, and the contents of its files by name."""
        described = []
        files: dict[str, bytes] = {}
        for i, (name, part) in enumerate(self.parts.items(), start=1):
            contents = part.member.to_files()
            names = [f"member{i}{f'-{j}' if j > 1 else ''}.safetensors" for j in range(1, len(contents) + 1)]
            files |= dict(zip(names, contents, strict=True))
            kind = next(kind for kind, cls in MEMBERS.items() if isinstance(part.member, cls))
            numbers = {"temperature": part.temperature, "share": part.share}
            described.append({"name": name, "kind": kind, **numbers, "files": names})
        rows = self.ranking.reset_index().to_dict("records")
        plain = {
            "n_channels": self.n_channels,
            "seed": self.seed,
            "temperature": self.temperature,
            "report": self.report,
        }
        return {"members": described, "ranking": _without_nan(rows), **plain}, files

    @classmethod
    def from_files(cls, settings: Mapping[str, Any], folder: Path) -> Self:
        """Make it again of what `to_files` gave, its files in a folder.

        Raises
        ------
        ModelError
            If a file is missing or damaged.
        """
        import pandas as pd

        parts = {}
        for one in settings["members"]:
            member = MEMBERS[one["kind"]].from_files([folder / name for name in one["files"]])
            parts[one["name"]] = Part(member, one["temperature"], one["share"])
        ranking = pd.DataFrame(settings["ranking"]).set_index("candidate")
        ranking = ranking.astype({"log_loss": float, "accuracy": float})
        if "source" not in ranking:  # models of before it was kept
            ranking.insert(1, "source", None)
        temperature = settings.get("temperature", 1.0)  # models of before the average had one
        report = {"balanced": False, **settings["report"]}
        return cls(settings["n_channels"], settings["seed"], parts, temperature, ranking, report)


def choose(
    data: Dataset,
    competing: Sequence[Candidate],
    *,
    n_folds: int,
    enough_held_out: int | None = None,
    balanced: bool = False,
    seed: int = 0,
    device: str = "auto",
    on_candidate: Callable[[int, str], None] | None = None,
) -> Choice:
    """Judge candidates on held-out training series, decide, and fit what is chosen to all of them.

    An interrupt (Ctrl-C) ends it: among the candidates that are fitted already, which needs no training of a network,
    it is decided at once, and the report says `interrupted`. If there are none, `KeyboardInterrupt` is raised.

    Parameters
    ----------
    data
        Labelled series; training data only.
    competing
        Candidates of different names. The first from scratch is what the choice is held against.
    n_folds
        Folds that all candidates share.
    enough_held_out
        Once so many cases were held out, no further fold is; None: all are.
    balanced
        Whether each class has the same part in the loss by which candidates are judged, instead of each case.
    seed
        Of the folds.
    device
        As in `TransferClassifier`.
    on_candidate
        Called before each trial, and each last fit of a candidate, with the number of trials done, and a name.

    Raises
    ------
    DataError
        If a case has no label, or there is only one class, or no candidate can be fitted. A candidate that cannot is
        left out, and `ranking` says why.

    Examples
    --------
    >>> from headstart import load
    >>> train, test = load("ItalyPowerDemand")
    >>> choice = choose(train, candidates(train, {}, BUDGETS["fast"]), n_folds=10)
    >>> list(choice.parts), bool((choice.predict_proba(test).argmax(axis=1) == test.y).mean() > 0.9)
    (['MiniROCKET', 'WEASEL'], True)
    """
    require_classes(data)
    start = time.perf_counter()
    folds = stratified_folds(data.y, n_folds, seed, enough_held_out)
    # Where nothing can be held out, members should at least be equally sure of the cases that they know.
    cases = np.sort(np.concatenate(folds)) if folds else np.arange(data.n_cases)
    kinds = {candidate.name: candidate.kind for candidate in competing}
    starts = {candidate.name: candidate.start for candidate in competing}
    y = data.y[cases]
    weights = compute_sample_weight("balanced", y) if balanced and folds else None
    trials: dict[str, Trial] = {}
    failures: dict[str, str] = {}
    seconds = dict.fromkeys(kinds, 0.0)

    def attempt(n_done: int, candidate: Candidate, make_trial: Callable[[Candidate], Trial]) -> None:
        """Keep a trial of a candidate, or why there is none."""
        name = candidate.name
        if on_candidate is not None:
            on_candidate(n_done, name)
        begin = time.perf_counter()
        try:
            trial = make_trial(candidate)
            if not np.isfinite(trial.held_out[cases]).all():
                raise DataError("its scores are not finite")
            trials[name] = trial
        except (DataError, np.linalg.LinAlgError) as error:  # of values too large for it, but not for all
            trials.pop(name, None)
            failures[name] = f"failed: {error}"
        seconds[name] += time.perf_counter() - begin

    def first_trial(candidate: Candidate) -> Trial:
        if folds:
            return candidate.trial(data, folds)
        member = candidate.fit(data)
        return Trial(member.scores(data, device), member)

    def fitted_trial(candidate: Candidate) -> Trial:
        return replace(trials[candidate.name], member=candidate.fit(data))

    def conclude() -> tuple[Decision, dict[str, np.ndarray], dict[str, Part]]:
        """Decide among the trials, and fit what is chosen; if something cannot be fitted, decide without it."""
        while trials:
            temperatures = {name: fit_temperature(trial.held_out[cases], y, weights) for name, trial in trials.items()}
            held_out = {
                name: probabilities(trial.held_out[cases], temperatures[name]) for name, trial in trials.items()
            }
            if folds:
                scratch = next((name for name in trials if kinds[name] == "scratch"), None)
                decision = decide(held_out, y, weights=weights, scratch=scratch)
            else:
                decision, held_out = decide_without_evidence(list(trials)), {}
            for candidate in competing:
                if candidate.name in decision.shares and trials[candidate.name].member is None:
                    attempt(len(competing), candidate, fitted_trial)
            members = {name: trials[name].member for name in decision.shares if name in trials}
            if len(members) == len(decision.shares):
                parts = {}
                for name, member in members.items():
                    assert member is not None
                    parts[name] = Part(member, temperatures[name], decision.shares[name])
                return decision, held_out, parts
        raise DataError(
            f"{data.name}: no candidate can be fitted to these values ({'; '.join(failures.values())}); "
            "normalise the series"
        )

    interrupted = False
    try:
        for i, candidate in enumerate(competing):
            attempt(i, candidate, first_trial)
        decision, held_out, parts = conclude()
    except KeyboardInterrupt:
        # What is fitted already can be used at once. A network was only tried without the folds.
        for name in [name for name, trial in trials.items() if trial.member is None]:
            del trials[name]
        if not trials:
            raise
        interrupted = True
        decision, held_out, parts = conclude()
    scratch = next((name for name in held_out if kinds[name] == "scratch"), None)
    report = {
        "verdict": decision.verdict,
        "chosen": list(decision.shares),
        "n_cases": data.n_cases,
        "n_held_out": len(cases) if folds else 0,
        "n_folds": len(folds),
        "balanced": bool(balanced),
        "scratch": _out_of_fold(held_out, {scratch: 1.0} if scratch else {}, y, weights),
        "choice": _out_of_fold(held_out, decision.shares, y, weights, decision.temperature),
        "interrupted": interrupted,
        "seconds": round(time.perf_counter() - start, 3),
    }
    ranking = _ranking(kinds, starts, decision.shares, decision.reasons | failures, held_out, y, weights, seconds)
    return Choice(data.n_channels, seed, parts, decision.temperature, ranking, report)


def count_epochs(
    competing: Sequence[Candidate], y: np.ndarray, n_folds: int, enough_held_out: int | None = None
) -> int:
    """Return how many epochs of networks a choice among these candidates trains, at most: all may be chosen.

    Parameters
    ----------
    competing, n_folds, enough_held_out
        As in `choose`.
    y
        Codes of the classes of the training data, (n_cases,).

    Examples
    --------
    >>> from headstart import load
    >>> train, _ = load("ItalyPowerDemand")
    >>> count_epochs(candidates(train, {}, BUDGETS["default"]), train.y, n_folds=4)  # the quick recipe has 100
    500
    """
    folds = stratified_folds(y, n_folds, enough=enough_held_out)
    return sum(one.n_epochs(len(y), folds) for one in competing if isinstance(one, NetworkCandidate))


def _ranking(
    kinds: Mapping[str, str],
    starts: Mapping[str, str | None],
    shares: Mapping[str, float],
    reasons: Mapping[str, str],
    held_out: Mapping[str, np.ndarray],
    y: np.ndarray,
    weights: np.ndarray | None,
    seconds: Mapping[str, float],
) -> "pd.DataFrame":
    import pandas as pd

    nothing = {"log_loss": np.nan, "accuracy": np.nan}
    rows = [
        {
            "candidate": name,
            "kind": kind,
            "source": starts[name],
            **(_out_of_fold(held_out, {name: 1.0}, y, weights) or nothing),
            "chosen": name in shares,
            "share": round(shares.get(name, 0.0), 4),
            "why": reasons.get(name, "interrupted before it could be used"),
            "seconds": round(seconds[name], 3),
        }
        for name, kind in kinds.items()
    ]
    return pd.DataFrame(rows).set_index("candidate").sort_values("log_loss", kind="stable")


def _out_of_fold(
    held_out: Mapping[str, np.ndarray],
    shares: Mapping[str, float],
    y: np.ndarray,
    weights: np.ndarray | None,
    temperature: float = 1.0,
) -> dict[str, float] | None:
    """Return log loss and accuracy of the weighted mean of candidates; None if there is nothing to judge them by.

    With `weights` of the cases, these count in both.
    """
    if not shares or not set(shares) <= set(held_out):
        return None
    together = averaged(held_out, shares, temperature)
    accuracy = float(np.average(together.argmax(axis=1) == y, weights=weights))
    return {"log_loss": float(np.average(log_losses(together, y), weights=weights)), "accuracy": accuracy}


def _without_nan(rows: list[dict[Any, Any]]) -> list[dict[str, Any]]:
    """Replace NaN, which JSON does not have, by None."""
    return [{str(key): None if value != value else value for key, value in row.items()} for row in rows]


__all__ = [
    "BUDGETS",
    "MEMBERS",
    "Budget",
    "Candidate",
    "Choice",
    "Decision",
    "Member",
    "Part",
    "Trial",
    "candidates",
    "choose",
    "count_epochs",
    "decide",
    "decide_without_evidence",
    "get_budget",
    "stratified_folds",
]
