"""`TransferClassifier`: scikit-learn's contract for transfer to labelled series, and for the choice whether to.

Several networks that differ in their seed alone, their probabilities averaged, err less than one: Ismail Fawaz et al.,
"InceptionTime" (Data Mining and Knowledge Discovery 34, 2020, section 3.2), who take five; Lakshminarayanan et al.,
"Simple and scalable predictive uncertainty estimation using deep ensembles" (NeurIPS 2017, section 2.4).
"""

import hashlib
import json
import warnings
from contextlib import nullcontext
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from headstart.arguments import checked_seed
from headstart.choice import Choice, candidates, choose, count_epochs, get_budget
from headstart.choice.budget import sources_at_hand
from headstart.choice.networks import NetworkCandidate, NetworkMember
from headstart.data.dataset import Dataset, as_labels, checked_labels, unmasked
from headstart.data.preprocessing import flat_cases
from headstart.errors import DataError, ModelError, ShapeError
from headstart.files import new_folder
from headstart.progress import ChoiceProgress, epoch_bar, spinner
from headstart.selection import choose_source
from headstart.training import Recipe
from headstart.training.device import find_device
from headstart.training.loop import OnEpoch
from headstart.training.recipe import get_recipe
from headstart.zoo.names import find, sources_in
from headstart.zoo.source import Source

FORMAT_VERSION = 1
_MODEL, _SOURCE = "model.json", "source.safetensors"
_OF_TABLE = ("n_features_in_", "feature_names_in_")
_OF_FILE_MANAGERS = {".DS_Store", "Thumbs.db", "desktop.ini"}  # nobody's work


class TransferClassifier(ClassifierMixin, BaseEstimator):
    """Classify time series by what is best on the training data, or by networks that start as you say.

    `fit` and `predict` take series in any of these forms: an array (n_cases, n_timepoints), as scikit-learn's own
    estimators do; an array (n_cases, n_channels, n_timepoints); a list of arrays, each (n_timepoints,) or (n_channels,
    n_timepoints), of any lengths; or a `Dataset`. NaN at the end of a series means that it is shorter, NaN inside that
    a value is missing; missing values are interpolated. Only a 2-D array (or what scikit-learn takes for one: a
    DataFrame, lists of numbers of one length) fixes the number of time steps, which is scikit-learn's number of
    features; in the other forms series to predict may have any length.

    Parameters
    ----------
    source
        ``"auto"``: candidates with and without transfer compete on the training data, and one or the average of
        several is used (``docs/choice.md``). Otherwise where to start: a `Source`; the name of one, such as
        ``"ECG200"``, its path or its address ``"hf://OWNER/REPOSITORY/NAME"``; ``"nearest"`` for the most similar of
        `sources`; or None to train from scratch. All members start there.
    sources
        Folder of saved sources among which ``"auto"`` and ``"nearest"`` choose, the latter by the DTW distance between
        class prototypes; None for all that headstart knows by name. ``"auto"`` does without, too.
    budget
        What competes in ``"auto"``: ``"fast"`` trains no network, ``"thorough"`` seven times as much as
        ``"default"`` or more.
    network
        Architecture if there is no source; otherwise the source's is used.
    recipe
        A `Recipe`, or the name of one, a key of `RECIPES`; None for ``"default"``, or, in ``"auto"``, the budget's.
    n_members
        Networks, trained alike but with the seeds `random_state`, `random_state` + 1 and so on, whose probabilities are
        averaged. Ensembles that are to be compared need seeds `n_members` apart, or they share networks. In ``"auto"``,
        networks of each candidate that is chosen, at least three if the budget is ``"thorough"``; it is judged by one.
    balanced
        Whether every class counts the same, in all that is trained and in the choice, however many cases it has.
    normalise
        Whether to z-normalise each series if there is no source; otherwise it is done if the source's were.
    random_state
        Seed of weights and order of the first member: an int gives the same result every time.
    device
        ``"auto"`` (a GPU where there is one), ``"cpu"`` or ``"cuda"``.
    verbose
        Whether to show a progress bar, in a terminal or a notebook (where it needs ``ipywidgets``).

    Attributes
    ----------
    classes_
        The labels, sorted.
    source_
        The `Source` it started from; None from scratch, and in ``"auto"``.
    model_
        The trained network with its card, itself a `Source` that others may start from; of several the first; None if
        ``"auto"`` chose no network. After ``"auto"`` it is one part of what `predict` averages, not the classifier.
    models_
        All networks, in the order of their seeds; after ``"auto"`` those of one candidate after the other.
    choice_
        What ``"auto"`` chose, a `headstart.choice.Choice`; otherwise None.
    ranking_
        In ``"auto"``: a DataFrame, a row a candidate, with what it reached out of fold, whether it is used, and why.
    report_
        In ``"auto"``: what was tried and why it was decided so, with accuracy and log loss out of fold of the choice
        and of the network from scratch.
    n_features_in_
        Time steps, if it was fitted on a 2-D array.
    channel_names_
        Names of the channels, if the training data have them. Series to predict whose channels have names, too, are
        put in this order.
    step_names_
        Names of the time steps, the columns of a wide table. Series to predict with one of them at another place are
        refused.

    Examples
    --------
    >>> from headstart import Recipe, TransferClassifier, load, pretrain
    >>> short = Recipe(name="short", epochs=20)
    >>> source = pretrain(load("GunPoint")[0], recipe=short)
    >>> train, test = load("ItalyPowerDemand")
    >>> classifier = TransferClassifier(source, recipe=short).fit(train)
    >>> bool(classifier.score(test, test.labels) > 0.9)
    True
    """

    def __init__(
        self,
        source: Source | str | Path | None = "auto",
        *,
        sources: str | Path | None = None,
        budget: str = "default",
        network: str = "fcn",
        recipe: str | Recipe | None = None,
        n_members: int = 1,
        balanced: bool = False,
        normalise: bool = True,
        random_state: Any = 0,
        device: str = "auto",
        verbose: bool = False,
    ) -> None:
        self.source = source
        self.sources = sources
        self.budget = budget
        self.network = network
        self.recipe = recipe
        self.n_members = n_members
        self.balanced = balanced
        self.normalise = normalise
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> "TransferClassifier":
        """Train on labelled series; `y` holds their labels, or is None if X is a `Dataset`.

        An interrupt (Ctrl-C) keeps the members that are trained, or of the first the best network so far. With these
        the classifier can predict and be saved; `KeyboardInterrupt` is raised all the same, so that loops around it
        stop too. A choice is then made among the candidates that are fitted already.

        Raises
        ------
        DataError
            If the series or labels cannot be used; it is a `ValueError`.
        ModelError
            If the source cannot be read.
        """
        data, of_table = self._training_data(X, y)
        if not isinstance(self.n_members, int | np.integer) or self.n_members < 1:
            raise DataError(f"n_members is {self.n_members!r}; it must be a whole number of at least 1")
        choice = None
        source = None if self._is_auto() else self._find_source(data)
        is_normalised = self.normalise if source is None else source.card.normalise
        _warn_of_flat(data, is_normalised, "remove them, or set normalise=False")
        if self._is_auto():
            choice = self._choose(data)
            models, was_interrupted = choice.networks, choice.report["interrupted"]
        else:
            models, was_interrupted = self._train_members(data, source)
        # Together, at the end: what an earlier fit learnt stays whole if this one fails.
        self.source_, self.classes_ = source, data.classes
        self.channel_names_, self.step_names_ = data.channel_names, data.step_names
        for name in _OF_TABLE:
            self.__dict__.pop(name, None)
        self.__dict__.update(of_table)
        self._set_models(models, choice)
        if was_interrupted:
            raise KeyboardInterrupt
        return self

    def _is_auto(self) -> bool:
        return isinstance(self.source, str) and self.source == "auto"

    def _set_models(self, models: list[Source], choice: Choice | None) -> None:
        self.models_, self.model_ = models, models[0] if models or choice is None else None
        self.choice_ = choice
        for name in ("ranking_", "report_"):  # of an earlier fit
            self.__dict__.pop(name, None)
        if choice is not None:
            self.ranking_, self.report_ = choice.ranking, choice.report

    def _choose(self, data: Dataset) -> Choice:
        budget, seed = get_budget(self.budget), _seed(self.random_state)
        find_device(self.device)  # raises, where there is none, also if nothing is to be trained on it
        progress = ChoiceProgress()
        with spinner("ranking sources") if self.verbose else nullcontext():
            competing = candidates(
                data,
                sources_at_hand(self.sources),
                budget,
                recipe=None if self.recipe is None else get_recipe(self.recipe),
                network=self.network,
                normalise=bool(self.normalise),
                n_members=self.n_members,
                balanced=bool(self.balanced),
                seed=seed,
                device=self.device,
                on_epoch=progress.on_epoch,
            )
        n_epochs = count_epochs(competing, data.y, budget.n_folds, budget.enough_held_out)
        with progress.bar(n_epochs, len(competing)) if self.verbose else nullcontext():
            return choose(
                data,
                competing,
                n_folds=budget.n_folds,
                enough_held_out=budget.enough_held_out,
                balanced=self.balanced,
                seed=seed,
                device=self.device,
                on_candidate=progress.on_candidate,
            )

    def _train_members(self, data: Dataset, source: Source | None) -> tuple[list[Source], bool]:
        """Return what was trained, and whether an interrupt ended it."""
        seed = _seed(self.random_state)
        recipe = get_recipe("default" if self.recipe is None else self.recipe)
        n_epochs = recipe.n_epochs(data.n_cases)
        verb = "training from scratch" if source is None else f"fine-tuning from {source.card.dataset}"
        networks = NetworkCandidate(
            verb,
            source,
            recipe=recipe,
            network=self.network,
            normalise=self.normalise,
            balanced=self.balanced,
            device=self.device,
        )
        models: list[Source] = []
        try:
            with epoch_bar(verb, self.n_members * n_epochs) if self.verbose else nullcontext() as show:
                for member in range(self.n_members):
                    on_epoch = None if show is None else partial(_show_member, show, member * n_epochs)
                    model = networks.train(data, seed + member, on_epoch)
                    if model.card.interrupted:
                        return models or [model], True  # half trained, it would spoil the average of the others
                    models.append(model)
        except KeyboardInterrupt:
            if not models:
                raise
            return models, True
        return models, False

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes, the mean over all members, float64 (n_cases, n_classes), as in `classes_`.

        Raises
        ------
        DataError
            If the series cannot be used.
        ShapeError
            If they have other channels than those of training.

        Warns
        -----
        UserWarning
            If series never change, of which z-normalisation leaves nothing, or missing values were interpolated (those
            of a `Dataset` were, when it was made: it counts them).
        """
        check_is_fitted(self, "model_")
        data = self._dataset("data to predict", X)
        n_channels = self.models_[0].card.n_channels if self.choice_ is None else self.choice_.n_channels
        if data.n_channels != n_channels:
            raise ShapeError(
                f"{data.name} has {data.n_channels} channels, the model was trained on {n_channels}; "
                "give the same channels in the same order"
            )
        data = data.with_channels(self.channel_names_).with_steps(self.step_names_)
        is_normalised = self.normalise if self.source_ is None else self.source_.card.normalise
        _warn_of_flat(data, is_normalised, "what is predicted of them says nothing")
        if self.choice_ is not None:
            return self.choice_.predict_proba(data, self.device)
        return NetworkMember(self.models_).probabilities(data, self.device)

    def predict(self, X: Any) -> np.ndarray:
        """Labels of the series, (n_cases,), as they were in training."""
        codes = self.predict_proba(X).argmax(axis=1)
        return self.classes_[codes]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Share of the series whose predicted label is right; `y` may be None if X is a labelled `Dataset`.

        Raises
        ------
        DataError
            If the series cannot be used, or have no labels.
        """
        if y is None:
            if not isinstance(X, Dataset):
                raise DataError("score wants labels to compare with; give y, or a labelled Dataset")
            y = X.labels
        return super().score(X, y, sample_weight)

    def save(self, folder: str | Path) -> None:
        """Write the fitted classifier to a folder: JSON and safetensors, no pickle.

        An older model at that place is replaced; anything else there is left alone.

        Raises
        ------
        HeadstartError
            If the folder is something else than a model, holds other files beside one, or cannot be written, or if
            `source` was set to another `Source` since the fit; nothing half-written is left then.
        """
        check_is_fitted(self, "model_")
        folder = Path(folder)
        check_replaceable(folder)
        if isinstance(self.source, Source) and self.source is not self.source_:
            raise ModelError("source was set to another since the fit; fit again, or set it back")
        parameters = self.get_params(deep=False)
        for name, value in parameters.items():
            if isinstance(value, np.generic):  # out of an array, as in a grid search
                parameters[name] = value.item()
        if isinstance(self.recipe, Recipe):
            parameters["recipe"] = self.recipe.to_dict()
        if isinstance(self.source, Source):
            parameters["source"] = {"file": _SOURCE}
        elif self.source is not None:
            parameters["source"] = str(self.source)
        parameters["sources"] = None if self.sources is None else str(self.sources)
        parameters["device"] = str(self.device)
        if not isinstance(self.random_state, int):
            parameters["random_state"] = self.models_[0].card.seed if self.choice_ is None else self.choice_.seed
        with new_folder(folder) as temporary:
            if self.choice_ is not None:
                choice, contents = self.choice_.to_files()
            else:
                choice, contents = None, {_network_file(i): m.to_bytes() for i, m in enumerate(self.models_)}
            if self.source_ is not None:
                contents[_SOURCE] = self.source_.to_bytes()
            model = {
                "parameters": parameters,
                "choice": choice,
                "classes": self.classes_.tolist(),
                "classes_dtype": self.classes_.dtype.str,
                "n_features_in": getattr(self, "n_features_in_", None),
                "channel_names": list(self.channel_names_),
                "step_names": list(self.step_names_),
                "feature_names_in": getattr(self, "feature_names_in_", np.array([])).tolist(),
                "headstart": version("headstart"),
                "sha256": {name: _sha256(content) for name, content in contents.items()},
            }
            document = {"format_version": FORMAT_VERSION, "sha256": _sha256(_canonical(model)), "model": model}
            contents[_MODEL] = json.dumps(document, indent=1).encode()
            for name, content in contents.items():
                (temporary / name).write_bytes(content)

    @classmethod
    def load(cls, folder: str | Path) -> "TransferClassifier":
        """Read a classifier that `save` wrote.

        Raises
        ------
        ModelError
            If a file is missing, truncated, altered, or of a newer version.
        """
        folder = Path(folder)
        model = _read_model(folder)
        files: dict[str, Source] = {}
        try:
            choice = None if model.get("choice") is None else Choice.from_files(model["choice"], folder)
            for name, digest in model["sha256"].items():
                if choice is None:
                    files[name] = Source.load(folder / name)
                if _sha256((folder / name).read_bytes()) != digest:
                    raise ModelError(f"{folder / name}: is not the file this model was saved with; fit the model again")
            parameters = model["parameters"]
            if isinstance(parameters["recipe"], dict):
                parameters["recipe"] = Recipe(**parameters["recipe"])
            if isinstance(parameters["source"], dict):
                parameters["source"] = files[_SOURCE]
            classifier = cls(**parameters)
            classifier.source_ = files.pop(_SOURCE, None)
            models = [files[_network_file(i)] for i in range(len(files))] if choice is None else choice.networks
            classifier._set_models(models, choice)
            classifier.classes_ = np.array(model["classes"], dtype=model["classes_dtype"])
            classifier.channel_names_ = tuple(model.get("channel_names", ()))
            classifier.step_names_ = tuple(model.get("step_names", ()))
            if model["n_features_in"] is not None:
                classifier.n_features_in_ = model["n_features_in"]
            if model["feature_names_in"]:
                classifier.feature_names_in_ = np.array(model["feature_names_in"], dtype=object)
        except (KeyError, TypeError, IndexError):  # settings of other versions
            raise ModelError(
                f"{folder / _MODEL}: does not fit this headstart (it was made by headstart "
                f"{model.get('headstart', 'of unknown version')}); install that version, or fit the model again"
            ) from None
        return classifier

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        # scikit-learn's checks ask for accuracy on points in the plane. z-normalised, such a "series" of two time steps
        # is (-1, 1) or (1, -1), whatever it was. Without normalisation the checks' accuracy is reached.
        tags.classifier_tags.poor_score = self.normalise
        return tags

    def _training_data(self, X: Any, y: Any) -> tuple[Dataset, dict[str, Any]]:
        """Return the data, and what scikit-learn notes of a table's columns."""
        if isinstance(X, Dataset):
            if y is not None:
                raise DataError("give either a Dataset, which has its own labels, or series and labels")
            return X, {}
        _check_no_pair(X, "first, which is for training")
        if y is None:
            raise DataError("requires y to be passed, but the target y is None: give a label for every series")
        X, y = _as_listed(unmasked(X)), _typed(y)
        note = TransferClassifier()  # not this one, which may be fitted already, and this fit may fail
        if _is_table(X):
            minimum = 2 if self.normalise and (self.source is None or self._is_auto()) else 1
            X, y = validate_data(note, X, y, ensure_all_finite="allow-nan", ensure_min_features=minimum)
        else:
            y = column_or_1d(y, warn=True)
            check_consistent_length(X, y)
        check_classification_targets(y)
        data = Dataset.from_arrays("training data", X, labels=y)
        _warn_of_gaps(data)
        return data, {name: value for name, value in vars(note).items() if name in _OF_TABLE}

    def _dataset(self, name: str, X: Any) -> Dataset:
        if isinstance(X, Dataset):
            return X
        _check_no_pair(X, "one to predict")
        X = _as_listed(unmasked(X))
        if _is_table(X):
            is_fixed = hasattr(self, "n_features_in_")
            X = validate_data(self, X, reset=False, skip_check_array=not is_fixed, ensure_all_finite="allow-nan")
        data = Dataset.from_arrays(name, X if isinstance(X, list | tuple) else np.asarray(X))
        _warn_of_gaps(data)
        return data

    def _find_source(self, data: Dataset) -> Source | None:
        if self.source is None or isinstance(self.source, Source):
            return self.source
        if self.source == "scratch":
            raise DataError("source is 'scratch'; a network from scratch is asked for by source=None")
        if self.source != "nearest":
            return find(self.source)
        return choose_source(data, sources_in(self.sources), by="dtw")


def _check_no_pair(X: Any, which: str) -> None:
    if isinstance(X, tuple) and any(isinstance(part, Dataset) for part in X):
        raise DataError(f"X is a pair of data sets, as `load` returns; give the {which}")


def _warn_of_flat(data: Dataset, is_normalised: bool, advice: str) -> None:
    if is_normalised and (n_flat := len(flat_cases(data))):
        warnings.warn(
            f"{n_flat} of {data.n_cases} series never change, and z-normalisation leaves nothing of them; {advice}",
            stacklevel=3,
        )


def _warn_of_gaps(data: Dataset) -> None:
    if data.n_interpolated:
        warnings.warn(f"{data.n_interpolated} missing values inside series were interpolated", stacklevel=4)


def _network_file(member: int) -> str:
    """Return the name of a member's file in a model's folder."""
    return f"network{member + 1 if member else ''}.safetensors"


def _show_member(show: OnEpoch, n_epochs_before: int, epoch: int, loss: float) -> None:
    """Show an epoch of one member on the bar of all."""
    show(n_epochs_before + epoch, loss)


def check_replaceable(folder: Path) -> None:
    """Raise `ModelError` if at `folder` is anything but a saved model that is whole: it is not to be overwritten."""
    there = {path.name for path in folder.iterdir()} - _OF_FILE_MANAGERS if folder.is_dir() else set()
    if not there and (folder.is_dir() or not folder.exists()):
        return
    if _MODEL not in there:
        raise ModelError(f"{folder}: exists and is no headstart model, so it is left alone; choose another place")
    try:
        own = {_MODEL, *_read_model(folder)["sha256"]}
    except (ModelError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder}: is left alone, for its {_MODEL} is not that of a whole model ({error}); remove it, or choose "
            "another place"
        ) from None
    if others := sorted(there - own):
        raise ModelError(
            f"{folder}: beside a headstart model it holds {', '.join(others)}, which would be lost; move that away, or "
            "choose another place"
        )


def _as_listed(X: Any) -> Any:
    """Return a one-dimensional array or column of series as a list of them, and anything else as it is."""
    if getattr(X, "ndim", 0) == 1 and X.dtype == object and any(np.ndim(one) for one in X):
        return list(X)
    if hasattr(X, "iloc") and X.ndim == 2 and len(X) and any(np.ndim(cell) for cell in X.iloc[0]):
        raise DataError("the cells of the table hold series; give a list of arrays of shape (channels, time)")
    return X


def _typed(y: Any) -> Any:
    """Return labels, also those that come as objects, as in a list or a column that may have gaps, in their type."""
    labels = as_labels(y)
    return checked_labels("training data", labels) if labels.ndim == 1 else y


def _is_table(X: Any) -> bool:
    """Whether X is one series a row in two dimensions, as scikit-learn knows it, and not one of our own forms."""
    if isinstance(X, Dataset):
        return False
    if isinstance(X, list | tuple):
        if not X or any(getattr(series, "ndim", 0) for series in X):
            return False  # a list of series, whose lengths may be equal by chance
        try:
            return np.ndim(X) != 3
        except ValueError:  # series of different lengths
            return False
    return bool(getattr(X, "ndim", 2) != 3)


def _seed(random_state: Any) -> int:
    """Return the seed that scikit-learn's `random_state` stands for: an int is one already."""
    if isinstance(random_state, int | np.integer):
        return checked_seed(random_state, "random_state")
    return int(check_random_state(random_state).randint(2**31))


def _read_model(folder: Path) -> dict[str, Any]:
    """Read and check model.json."""
    path = folder / _MODEL
    try:
        document = json.loads(path.read_text())
        format_version, digest, model = document["format_version"], document["sha256"], document["model"]
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(
            f"{folder}: is no headstart model (it has no {_MODEL}); make one with `headstart fit`"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); fit the model again") from None
    if format_version != FORMAT_VERSION:
        raise ModelError(
            f"{path}: has format version {format_version}, this headstart reads {FORMAT_VERSION}; "
            "install a newer headstart, or fit the model again"
        )
    if digest != _sha256(_canonical(model)):
        raise ModelError(f"{path}: was altered since it was written (the sha256 differs); fit the model again")
    return model


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
