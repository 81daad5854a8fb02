"""Commands that compare data sets and sources: rank and similarity."""

from pathlib import Path
from typing import Annotated

import typer

from headstart.cli.options import (
    Archive,
    Case,
    Label,
    Normalise,
    Sources,
    Time,
    check_file,
    check_picture,
    console,
    load_for_fit,
    whole_sources,
)


def rank(
    train: Annotated[str | None, typer.Argument(help="File of labelled series, or name of a data set.")] = None,
    sources: Sources = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Rankers, with commas, the first decides: dtw, probe, logme, h_score, silhouette, size, random.  "
            "[default: dtw; to evaluate: all]"
        ),
    ] = None,
    allow_overlap: Annotated[
        bool,
        typer.Option("--allow-overlap", help="Rank also sources that have seen the target's series, or are relatives."),
    ] = False,
    evaluate: Annotated[
        Path | None, typer.Option(help="Instead, say how well rankers choose: a run folder of `headstart grid`.")
    ] = None,
    network: Annotated[str | None, typer.Option(help="To evaluate: of a run with several networks, this one.")] = None,
    recipe: Annotated[str | None, typer.Option(help="To evaluate: of a run with several recipes, this one.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Table of the ranking, or to evaluate of all pairs: .csv or .parquet.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="To evaluate: draw it, .html, .png, .svg or .pdf.")] = None,
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Rank saved sources for a target, the best first. Only the training part of a data set is used."""
    from headstart.errors import DataError
    from headstart.selection import RANKERS, ranker_names
    from headstart.tables import check_table_path, save_table

    if out is not None:
        check_table_path(out)
        check_file(out)
    if evaluate is not None:
        if train is not None or sources is not None:
            raise DataError("--evaluate takes targets and sources from the run: leave out TRAIN and --sources")
        names = ranker_names(by or list(RANKERS))
        _evaluate(evaluate, archive, names, network, recipe, out, picture, allow_overlap=allow_overlap)
        return
    if train is None:
        raise typer.BadParameter("name what to rank for, TRAIN; or a run to --evaluate")
    if network is not None or recipe is not None or picture is not None:
        raise DataError("--network, --recipe and --picture are about a run to --evaluate; leave them out")
    from headstart.progress import spinner
    from headstart.report.rankings import ranking_table
    from headstart.selection import rank_sources
    from headstart.zoo.overlap import caution

    names = ranker_names(by or "dtw")
    zoo = whole_sources(sources)
    if not zoo:
        raise DataError("all sources are damaged; make or fetch them again")
    train_set, _ = load_for_fit(train, None, archive, label, case, time, with_test=False)
    with spinner("ranking sources"):
        ranking = rank_sources(train_set, zoo, names, allow_overlap=allow_overlap)
    console.print(ranking_table(ranking, train_set.name, names))
    if out is not None:
        save_table(ranking.assign(overlap=ranking["overlap"].map(str)), out)
        console.print(f"Written to {out}.")
    if allow_overlap and (words := caution(train_set.name, dict(ranking["overlap"]))):
        console.print(words)


def _evaluate(
    run: Path,
    archive: Path | None,
    by: list[str],
    network: str | None,
    recipe: str | None,
    out: Path | None,
    picture: Path | None,
    *,
    allow_overlap: bool,
) -> None:
    from headstart.progress import progress_bar
    from headstart.report.charts import save_chart
    from headstart.report.rankings import regret_tables
    from headstart.report.regret_chart import regret_chart
    from headstart.report.run_scores import score_run
    from headstart.selection.evaluation import evaluate, summarise
    from headstart.tables import save_table

    if picture is not None:
        check_picture(picture)
    with progress_bar("ranking", 100, "%") as update:
        pairs = score_run(
            run,
            archive,
            by,
            network=network,
            recipe=recipe,
            allow_overlap=allow_overlap,
            on_progress=lambda done, total: update(round(100 * done / total), ""),
        )
    if out is not None:
        save_table(pairs.set_index(["target", "source", "seed"]), out)
        console.print(f"Pairs and scores written to {out}.")
    outcomes = evaluate(pairs, by)
    console.print(*regret_tables(summarise(outcomes), f"{outcomes['target'].nunique()} targets"))
    if picture is not None:
        save_chart(regret_chart(outcomes), picture)
        console.print(f"Drawn in {picture}.")


def similarity(
    archive: Annotated[Path, typer.Option(help="Folder of data sets.", envvar="HEADSTART_ARCHIVE", show_envvar=True)],
    out: Annotated[Path, typer.Option(help="Matrix of distances: .csv or .parquet.")],
    names: Annotated[list[str] | None, typer.Option("--name", help="Only this data set; repeat for more.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw it: .html, .png, .svg or .pdf.")] = None,
    per_class: Annotated[int, typer.Option(min=1, help="Prototypes a class.")] = 1,
    radius: Annotated[
        int | None, typer.Option(min=0, help="Half-width of the band in time steps; none: no band.")
    ] = None,
    normalise: Normalise = True,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps prototypes, so that a run goes on.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Threads; none: one a core.")] = None,
) -> None:
    """Compute the distances between all training sets of an archive: the smallest DTW distance of class prototypes."""
    from headstart.data import archive_names, load
    from headstart.data.preprocessing import z_normalise
    from headstart.progress import progress_bar
    from headstart.similarity import similarity_matrix
    from headstart.tables import check_table_path, save_table

    check_table_path(out)
    check_file(out)
    if picture is not None:
        check_picture(picture)
    train_sets = [load(name, archive)[0] for name in names or archive_names(archive)]
    if normalise:
        train_sets = [z_normalise(train_set) for train_set in train_sets]
    with progress_bar("prototypes and distances", 100, "%") as update:
        matrix = similarity_matrix(
            train_sets,
            per_class=per_class,
            radius=radius,
            n_jobs=jobs,
            cache=cache,
            on_progress=lambda done, total: update(round(100 * done / total), ""),
        )
    save_table(matrix.rename_axis("data set"), out)
    console.print(f"Distances of {len(matrix)} data sets written to {out}.")
    if picture is not None:
        from headstart.report.charts import save_chart
        from headstart.report.similarity_chart import similarity_chart

        save_chart(similarity_chart(matrix), picture)
        console.print(f"Drawn in {picture}.")
