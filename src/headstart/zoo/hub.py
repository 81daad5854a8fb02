"""Sources in repositories of the Hugging Face Hub: push, pull, and fetch one.

What comes from a repository is read as any source file is: its digest is checked, and nothing of it is executed. The
package huggingface_hub, the extra ``headstart[hub]``, keeps the access token and knows the Hub's address, which the
environment variable HF_ENDPOINT can change.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headstart.data.archives import cache_folder
from headstart.errors import HeadstartError, UnknownNameError
from headstart.zoo.folder import SUFFIX, Sources

PREFIX = "hf://"
"""What the address of a source on the Hub begins with."""


def push(repository: str, sources: Sources) -> str:
    """Upload sources to a repository in one commit, and return its address.

    Parameters
    ----------
    repository
        ``OWNER/REPOSITORY``; made if it is missing.
    sources
        What to upload; a file of the same name there is replaced.

    Raises
    ------
    ModelError
        If one of them is damaged; nothing is uploaded then.
    HeadstartError
        If the Hub cannot be reached, or refuses.
    """
    for name in sources:
        sources[name]  # raises if it is damaged
    with _explained(repository):
        from huggingface_hub import CommitOperationAdd

        api = _api()
        api.create_repo(repository, exist_ok=True)
        operations = [CommitOperationAdd(path.name, path) for path in sources.paths.values()]
        commit = api.create_commit(repository, operations, commit_message=f"{len(sources)} sources of headstart")
    return str(commit.repo_url)


def pull(repository: str, names: Iterable[str] | None = None) -> Sources:
    """Download sources of a repository, all or those named; they are kept in the user's cache.

    Raises
    ------
    UnknownNameError
        If the repository has no source of a name.
    HeadstartError
        If it has no sources at all, or the Hub cannot be reached, or refuses.
    """
    with _explained(repository):
        files = _api().list_repo_files(repository)
    known = [file.removesuffix(SUFFIX) for file in files if file.endswith(SUFFIX) and "/" not in file]
    if not known:
        raise HeadstartError(f"{PREFIX}{repository}: has no sources (*{SUFFIX}); check the name of the repository")
    wanted = known if names is None else list(names)
    for name in wanted:
        if name not in known:
            raise UnknownNameError(f"source in {PREFIX}{repository}", name, known)
    return Sources({name: _download(repository, name) for name in wanted})


def fetch(address: str) -> Path:
    """Download the source at ``hf://OWNER/REPOSITORY/NAME``, unless it is in the user's cache as it is there now.

    Raises
    ------
    HeadstartError
        If there is none, or the Hub cannot be reached and the cache does not have it.
    """
    parts = address.removeprefix(PREFIX).removesuffix(SUFFIX).split("/")
    if len(parts) != 3 or not all(parts):
        raise HeadstartError(f"{address}: is no address of a source; write {PREFIX}OWNER/REPOSITORY/NAME")
    return _download("/".join(parts[:2]), parts[2])


def _download(repository: str, name: str) -> Path:
    with _explained(f"{repository}/{name}"):
        return Path(_api().hf_hub_download(repository, f"{name}{SUFFIX}", cache_dir=cache_folder() / "hub"))


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi()


@contextmanager
def _explained(place: str) -> Iterator[None]:
    """Say in a sentence what went wrong on the Hub."""
    try:
        from huggingface_hub import errors
    except ImportError:
        raise HeadstartError("the Hugging Face Hub needs huggingface_hub: pip install 'headstart[hub]'") from None
    try:
        yield
    except Exception as error:  # each version of huggingface_hub has another library for HTTP, with errors of its own
        if isinstance(error, errors.RepositoryNotFoundError):
            reason = (
                "there is no such repository, or you may not see it; check the name, or log in with `hf auth login`"
            )
        elif isinstance(error, errors.LocalEntryNotFoundError):
            reason = "the Hub cannot be reached, and the cache does not have it; check the connection"
        elif isinstance(error, errors.EntryNotFoundError):
            reason = "the repository has no such source; check the name"
        elif isinstance(error, errors.HFValidationError):
            reason = "is no name of a repository; write OWNER/REPOSITORY"
        else:
            lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            reason = f"the Hub cannot be reached, or refuses ({lines[0].strip()}); try later, or `hf auth login`"
        raise HeadstartError(f"{PREFIX}{place}: {reason}") from None
