"""Which rule should choose: the tuning that stands behind `headstart.choice.decision`, on the tuning list only.

    OMP_NUM_THREADS=1 python benchmarks/choice_rules.py --archive UCR --budget default --scores scores

fits all candidates of a budget to each of the small tuning sets, whole or with `--cases-per-class` in `--draws` draws,
and keeps their scores out of fold, and on at most 200 test series, in the folder `--scores`: a file a training set;
what is there is not made again. Then it prints what each rule makes of these scores: on the test series the mean
accuracy, the log loss with a temperature that is fitted to the average out of fold, and that of the average as it is;
how far it is from `headstart` (a 95% interval over data sets); and how many training sets end up worse than the network
from scratch by more than two points, and by how much at worst.
`--without` leaves candidates out, by name or by kind: they are neither fitted nor, where scores are kept already,
looked at. `--enough N` judges by no more folds than hold out N cases. A rule gives every candidate a weight, by which
the calibrated probabilities are averaged:

- a kind (`scratch`, `fine-tuned`, `frozen`, `kernels`, `dictionary`, `intervals`): the first candidate of this kind,
  the best-ranked source's;
- `best`: the candidate with the smallest log loss out of fold;
- `one standard error`: all that are within one standard error of it;
- `one standard error and kernels`: the same, and kernels in any case;
- `kernels and fine-tuned`: these two, the second from the best-ranked source;
- `all`: all alike;
- `headstart`: what `headstart.choice.decide` says, which is
- `stacked 1`, held against scratch; `stacked A`: the weights under which the held-out cases are likeliest, as if each
  candidate had explained A cases before;
- `stacked 1, never worse`: the same, but scratch alone where it is better by however little.
"""

import argparse
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from archive_lists import SMALL_TUNING
from choice import difference, few
from markdown import print_table

from headstart import Dataset, load
from headstart.choice import BUDGETS, candidates, decide, stratified_folds
from headstart.choice.budget import sources_at_hand
from headstart.choice.calibration import fit_temperature, log_losses, probabilities
from headstart.choice.decision import averaged, logarithms, stacked

N_TEST = 200
HELD_OUT, TEST = "held out: ", "test: "
Probabilities = Mapping[str, np.ndarray]
Weights = Mapping[str, float]
Rule = Callable[[Probabilities, np.ndarray, Mapping[str, str]], Weights]
"""From probabilities out of fold by candidate, the codes of their classes, and the candidates' kinds."""


def alone(kind: str, held_out: Probabilities, y: np.ndarray, kinds: Mapping[str, str]) -> Weights:
    return dict.fromkeys([name for name in held_out if kinds[name] == kind][:1], 1.0)


def near(n_errors: float, held_out: Probabilities, y: np.ndarray, kinds: Mapping[str, str]) -> Weights:
    losses = {name: log_losses(of_one, y) for name, of_one in held_out.items()}
    best = min(losses, key=lambda name: losses[name].mean())
    worse = {name: loss - losses[best] for name, loss in losses.items()}
    error = {name: one.std(ddof=1) / np.sqrt(len(one)) for name, one in worse.items()}
    return {name: 1.0 for name, one in worse.items() if one.mean() <= n_errors * error[name]}


def near_and_kernels(held_out: Probabilities, y: np.ndarray, kinds: Mapping[str, str]) -> Weights:
    return dict(near(1, held_out, y, kinds)) | dict(alone("kernels", held_out, y, kinds))


def pair(held_out: Probabilities, y: np.ndarray, kinds: Mapping[str, str]) -> Weights:
    return dict(alone("kernels", held_out, y, kinds)) | dict(alone("fine-tuned", held_out, y, kinds))


def alike(held_out: Probabilities, y: np.ndarray, kinds: Mapping[str, str]) -> Weights:
    return dict.fromkeys(held_out, 1.0)


def headstart(held_out: Probabilities, y: np.ndarray, kinds: Mapping[str, str]) -> Weights:
    scratch = next((name for name, kind in kinds.items() if kind == "scratch"), None)
    return decide(held_out, y, scratch=scratch).shares


def never_worse(held_out: Probabilities, y: np.ndarray, kinds: Mapping[str, str]) -> Weights:
    weights, scratch = likeliest(1, held_out, y, kinds), alone("scratch", held_out, y, kinds)
    losses = [
        log_losses(averaged(held_out, one, temperature_of(one, held_out, y)), y).mean()
        for one in (weights, scratch)
        if one
    ]
    return scratch if losses[-1] < losses[0] else weights


def temperature_of(weights: Weights, held_out: Probabilities, y: np.ndarray) -> float:
    return fit_temperature(logarithms(averaged(held_out, weights)), y)


def likeliest(cases_before: float, held_out: Probabilities, y: np.ndarray, kinds: Mapping[str, str]) -> Weights:
    return stacked(held_out, y, np.ones(len(y)), cases_before)


RULES: dict[str, Rule] = {
    **{
        kind: partial(alone, kind) for kind in ("scratch", "fine-tuned", "frozen", "kernels", "dictionary", "intervals")
    },
    "best": partial(near, 0),
    "one standard error": partial(near, 1),
    "one standard error and kernels": near_and_kernels,
    "kernels and fine-tuned": pair,
    "all": alike,
    **{f"stacked {cases}": partial(likeliest, cases) for cases in (0.3, 1, 3, 10)},
    "stacked 1, never worse": never_worse,
    "headstart": headstart,
}


def training_sets(options: argparse.Namespace) -> Iterator[tuple[str, int, int]]:
    for draw in range(options.draws if options.cases_per_class else 1):
        for dataset in options.datasets:
            yield dataset, options.cases_per_class, draw


def collect(options: argparse.Namespace, dataset: str, cases_per_class: int, draw: int) -> dict[str, np.ndarray]:
    """Return the scores of all candidates, (n_cases, n_classes) each, and what they are to be judged by."""
    path = options.scores / f"{dataset}-{cases_per_class}-{draw}.npz"
    if path.exists():
        return dict(np.load(path))
    whole, test = load(dataset, archive=options.archive)
    assert test is not None
    test = test.subset(np.random.default_rng(0).permutation(test.n_cases)[:N_TEST])
    train: Dataset = few(whole, cases_per_class, draw)
    budget = BUDGETS[options.budget]
    folds = stratified_folds(train.y, budget.n_folds)
    cases = np.sort(np.concatenate(folds))
    competing = candidates(train, sources_at_hand(options.sources), budget, recipe=options.recipe, device="cpu")
    competing = [one for one in competing if not {one.name, one.kind} & set(options.without)]
    arrays = {"y": train.y[cases], "test_y": test.y, "kinds": np.array([candidate.kind for candidate in competing])}
    for candidate in competing:
        trial = candidate.trial(train, folds)
        member = candidate.fit(train) if trial.member is None else trial.member
        arrays[HELD_OUT + candidate.name] = trial.held_out[cases]
        arrays[TEST + candidate.name] = member.scores(test)
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.savez(file, **arrays)
    temporary.replace(path)
    return arrays


def judge(
    scores: Mapping[str, np.ndarray], without: Collection[str], n_folds: int, enough: int | None
) -> Iterator[dict[str, object]]:
    """Yield what each rule reaches on the test series of one training set."""
    judged = np.sort(np.concatenate(stratified_folds(scores["y"], n_folds, enough=enough)))
    y, test_y = scores["y"][judged], scores["test_y"]
    names = [key.removeprefix(HELD_OUT) for key in scores if key.startswith(HELD_OUT)]
    of_all = zip(names, scores["kinds"].tolist(), strict=True)
    kinds = {name: kind for name, kind in of_all if not {name, kind} & set(without)}
    held_out, test = {}, {}
    for name in kinds:
        temperature = fit_temperature(scores[HELD_OUT + name][judged], y)
        held_out[name] = probabilities(scores[HELD_OUT + name][judged], temperature)
        test[name] = probabilities(scores[TEST + name], temperature)
    for rule, weigh in RULES.items():
        weights = weigh(held_out, y, kinds)
        if weights:
            shares = {name: weight / sum(weights.values()) for name, weight in weights.items()}
            together = averaged(test, shares)
            surer = averaged(test, shares, temperature_of(shares, held_out, y))
            yield {
                "rule": rule,
                "accuracy": float((together.argmax(axis=1) == test_y).mean()),
                "log_loss": float(log_losses(surer, test_y).mean()),
                "plain_log_loss": float(log_losses(together, test_y).mean()),
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"), help="folder of the UCR archive")
    parser.add_argument("--sources", type=Path, help="folder of sources; none: the known ones")
    parser.add_argument("--budget", default="default", choices=list(BUDGETS))
    parser.add_argument("--recipe", help="of networks; none: the budget's")
    parser.add_argument("--datasets", nargs="+", default=SMALL_TUNING)
    parser.add_argument("--cases-per-class", type=int, default=0, help="0: all of them")
    parser.add_argument("--draws", type=int, default=2, help="with --cases-per-class")
    parser.add_argument("--without", nargs="+", default=[], help="names or kinds of candidates")
    parser.add_argument("--enough", type=int, help="held-out cases by which rules judge; none: all")
    parser.add_argument("--scores", type=Path, required=True, help="folder to keep scores in, one for each setting")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.scores.mkdir(parents=True, exist_ok=True)
    rows = []
    for training_set in training_sets(options):
        scores = collect(options, *training_set)
        judged = list(judge(scores, options.without, BUDGETS[options.budget].n_folds, options.enough))
        print(*training_set, *(f"{row['rule']} {row['accuracy']:.3f}" for row in judged), sep=", ", flush=True)
        rows += [{"set": training_set, **row} for row in judged]
    table = pd.DataFrame(rows)
    accuracy = table.pivot_table("accuracy", "set", "rule")
    losses = table.groupby("rule")[["log_loss", "plain_log_loss"]].mean()
    lines = []
    for rule in accuracy[[rule for rule in RULES if rule in accuracy]]:
        harm = ["", ""]
        if "scratch" in accuracy:
            gain = accuracy[rule] - accuracy["scratch"]
            harm = [str((gain < -0.02 - 1e-9).sum()), f"{min(gain.min(), 0.0):.3f}"]
        apart = (accuracy[rule] - accuracy["headstart"]).groupby(lambda training_set: training_set[0]).mean()
        mean = [f"{accuracy[rule].mean():.4f}", difference(apart)[0]]
        lines.append([rule, *mean, *(f"{loss:.3f}" for loss in losses.loc[rule]), *harm])
    recipe = options.recipe or BUDGETS[options.budget].recipe
    print(f"\n{len(accuracy)} training sets, budget {options.budget}, recipe {recipe}")
    harm = ["worse than scratch by two points", "at worst"]
    print_table(["", "accuracy", "against headstart", "log loss", "of the average as it is", *harm], lines)


if __name__ == "__main__":
    main()
