"""The whole experiment: every source for every target, resumable, on one machine or on a cluster.

`run_grid` does it; `Cell` is its unit; `Grid` reads what is in a run folder. ``docs/grid.md`` describes the folder.
"""

from headstart.grid.cell import Cell
from headstart.grid.plan import Plan, make_plan
from headstart.grid.run import Grid, Status, load_results, run_grid, run_plan

__all__ = ["Cell", "Grid", "Plan", "Status", "load_results", "make_plan", "run_grid", "run_plan"]
