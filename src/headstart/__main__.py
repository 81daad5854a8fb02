"""Let ``python -m headstart`` do what ``headstart`` does."""

from headstart.cli import main

main()
