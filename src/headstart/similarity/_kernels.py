"""Kernels for dynamic time warping: many pairs at once, one pair a vector lane.

The recurrence of Sakoe & Chiba (1978, eq. 2), cost[i, j] = (x[i] - y[j])² + min(cost[i-1, j-1], cost[i-1, j],
cost[i, j-1]), gives one pair nothing to do in parallel along a row. So the lanes of a vector register hold as many
*pairs*: both series of pair `l` lie in lane `l` of the arrays `X` and `Y`, and each arithmetic instruction advances
16 pairs in float32, or 8 in float64. `ROWS` rows of the cost matrix are advanced together and stay in registers, so
that a column costs one load and one store of state for `ROWS` cells a lane.

A compiler left to vectorise lane loops makes of this whatever it likes (a factor of ten lies between two ways to
write them), so the vectors are types here: `Lanes` is one vector, `Rows` is `ROWS` of them, and the small functions
below say which instruction each operation is. LLVM splits them into what the processor has: one AVX-512 register,
two of AVX, four of SSE or NEON.

Series that do not fit each other are padded so that nothing has to be masked:

- x is padded at its *front* with infinity, up to a multiple of `ROWS` and to the longest x of the lanes. Those rows
  cost infinity, so no path enters them, and all lanes end in the same, last row.
- y is padded at its end with anything: the cost in column m - 1 does not depend on the columns after it.

Multiplication and addition are fused in float32 only. In float64 each operation is rounded by itself, in the order
in which a plain loop over channels does them, so that costs and paths equal those of such a loop bit for bit.

All compiled functions are in this one module, because numba's cache on disk is checked against the file of the
cached function alone.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import float32, float64, int64, njit, types, void
from numba.extending import intrinsic, models, register_model

VECTOR_BYTES = 64
ROWS = 8
DIAGONAL, UP, LEFT = 0, 1, 2
"""Where a path comes from: (i-1, j-1), (i-1, j), (i, j-1). Two bits a row are kept, `ROWS` rows in 16 bits."""


# --- vectors as types -------------------------------------------------------------------------------------------------


class Lanes(types.Type):
    """One value a lane: 16 in float32, 8 in float64."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


class Rows(types.Type):
    """`ROWS` × `Lanes`: one column of the rows that are advanced together."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Rows({dtype})")


def _vector(dtype: Any) -> ir.VectorType:
    return ir.VectorType(ir.FloatType() if dtype == float32 else ir.DoubleType(), VECTOR_BYTES * 8 // dtype.bitwidth)


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, _vector(lanes.dtype))


@register_model(Rows)
class _RowsModel(models.PrimitiveModel):
    def __init__(self, manager: Any, rows: Rows) -> None:
        super().__init__(manager, rows, ir.ArrayType(_vector(rows.dtype), ROWS))


# --- what is done with them -------------------------------------------------------------------------------------------


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, vector: ir.VectorType) -> Any:
    """Address of vector `index` in a contiguous array whose last axis holds the lanes."""
    data = context.make_array(array_type)(context, builder, array).data
    position = builder.mul(index, ir.Constant(index.type, vector.count))
    return builder.bitcast(builder.gep(data, [position]), vector.as_pointer())


def _split(builder: Any, rows: Any) -> list[Any]:
    return [builder.extract_value(rows, k) for k in range(ROWS)]


def _join(builder: Any, vectors: list[Any]) -> Any:
    rows = ir.Constant(ir.ArrayType(vectors[0].type, ROWS), ir.Undefined)
    for k, vector in enumerate(vectors):
        rows = builder.insert_value(rows, vector, k)
    return rows


def _smaller(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _fused(dtype: Any) -> tuple[str, ...]:
    return ("contract",) if dtype == float32 else ()


@intrinsic
def load(_: Any, array: Any, index: Any) -> tuple[Any, Callable]:
    """Vector `index` of an array."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_value, index_value = arguments
        pointer = _pointer(context, builder, array, array_value, index_value, _vector(array.dtype))
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return Lanes(array.dtype)(array, types.intp), emit


@intrinsic
def load_rows(_: Any, array: Any, index: Any) -> tuple[Any, Callable]:
    """Vectors `index` to `index + ROWS - 1` of an array."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_value, index_value = arguments
        first = _pointer(context, builder, array, array_value, index_value, _vector(array.dtype))
        pointers = [builder.gep(first, [ir.Constant(ir.IntType(64), k)]) for k in range(ROWS)]
        return _join(builder, [builder.load(pointer, align=array.dtype.bitwidth // 8) for pointer in pointers])

    return Rows(array.dtype)(array, types.intp), emit


@intrinsic
def store(_: Any, array: Any, index: Any, lanes: Any) -> tuple[Any, Callable]:
    """Write vector `index` of an array."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_value, index_value, value = arguments
        pointer = _pointer(context, builder, array, array_value, index_value, value.type)
        builder.store(value, pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return void(array, types.intp, lanes), emit


@intrinsic
def last(_: Any, rows: Any) -> tuple[Any, Callable]:
    """Return the last of the rows."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.extract_value(arguments[0], ROWS - 1)

    return Lanes(rows.dtype)(rows), emit


@intrinsic
def only(_: Any, rows: Any, low: Any, high: Any) -> tuple[Any, Callable]:
    """Keep rows `low` to `high`, both included; the others become infinite."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows_value, low_value, high_value = arguments
        infinity = ir.Constant(_vector(rows.dtype), [float("inf")] * _vector(rows.dtype).count)
        kept = []
        for k, x in enumerate(_split(builder, rows_value)):
            row = ir.Constant(ir.IntType(64), k)
            inside = builder.and_(builder.icmp_signed("<=", low_value, row), builder.icmp_signed("<=", row, high_value))
            kept.append(builder.select(inside, x, infinity))
        return _join(builder, kept)

    return rows(rows, types.intp, types.intp), emit


def _square(builder: Any, dtype: Any, x: Any, y: Any) -> Any:
    difference = builder.fsub(x, y)
    return builder.fmul(difference, difference, flags=_fused(dtype))


@intrinsic
def squared(_: Any, x: Any, y: Any) -> tuple[Any, Callable]:
    """(x - y)² for each row of x."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x_value, y_value = arguments
        return _join(builder, [_square(builder, x.dtype, row, y_value) for row in _split(builder, x_value)])

    return x(x, y), emit


@intrinsic
def plus(_: Any, a: Any, b: Any) -> tuple[Any, Callable]:
    """Return a + b, row by row."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pairs = zip(*(_split(builder, rows) for rows in arguments), strict=True)
        return _join(builder, [builder.fadd(left, right, flags=_fused(a.dtype)) for left, right in pairs])

    return a(a, b), emit


def _relaxed(builder: Any, dtype: Any, squares: Iterable[Any], left: Any, diagonal: Any, up: Any) -> Any:
    costs = []
    for square, left_row in zip(squares, _split(builder, left), strict=True):
        best = _smaller(builder, _smaller(builder, left_row, diagonal), up)
        up = builder.fadd(square, best, flags=_fused(dtype))
        costs.append(up)
        diagonal = left_row
    return _join(builder, costs)


@intrinsic
def relax(_: Any, squares: Any, left: Any, corner: Any, above: Any) -> tuple[Any, Callable]:
    """Costs of a column of cells.

    `left` are the costs of the column before, `corner` and `above` those of the row over the first one, in the column
    before and in this one.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        squares_value, *others = arguments
        return _relaxed(builder, squares.dtype, _split(builder, squares_value), *others)

    return squares(squares, left, corner, above), emit


@intrinsic
def squared_and_relax(_: Any, x: Any, y: Any, left: Any, corner: Any, above: Any) -> tuple[Any, Callable]:
    """Return relax(squared(x, y), left, corner, above), each square made where it is used.

    With AVX, all of them at once do not fit into the registers, and LLVM keeps the order: that halves the speed.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x_value, y_value, *others = arguments
        squares = (_square(builder, x.dtype, row, y_value) for row in _split(builder, x_value))  # lazily
        return _relaxed(builder, x.dtype, squares, *others)

    return x(x, y, left, corner, above), emit


@intrinsic
def store_steps(_: Any, steps: Any, index: Any, costs: Any, left: Any, corner: Any, above: Any) -> tuple[Any, Callable]:
    """Write where the best path into each cell of a column comes from; of equals, up, then left.

    The arguments are those of `relax`, and `costs` what it gave. Row k has bits 2k and 2k + 1.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_value, index_value, costs_value, left_value, diagonal, up = arguments
        codes = ir.VectorType(ir.IntType(16), _vector(costs.dtype).count)

        def constant(code: int) -> ir.Constant:
            return ir.Constant(codes, [code] * codes.count)

        packed = constant(0)
        for k, (cost, left_row) in enumerate(
            zip(_split(builder, costs_value), _split(builder, left_value), strict=True)
        ):
            is_left = builder.fcmp_ordered("<=", left_row, diagonal)
            otherwise = builder.select(is_left, constant(LEFT << 2 * k), constant(DIAGONAL << 2 * k))
            is_up = builder.fcmp_ordered("<=", up, _smaller(builder, left_row, diagonal))
            code = builder.select(is_up, constant(UP << 2 * k), otherwise)
            packed = builder.or_(packed, code)
            up, diagonal = cost, left_row
        builder.store(packed, _pointer(context, builder, steps, array_value, index_value, codes), align=2)
        return context.get_dummy_value()

    return void(steps, types.intp, costs, left, corner, above), emit


# --- kernels ----------------------------------------------------------------------------------------------------------


@njit(nogil=True)
def sweep(X, Y, edge, row, band, steps):  # type: ignore[no-untyped-def]
    """Fill the cost matrices of all lanes.

    Parameters
    ----------
    X
        (n_channels, n, lanes), n a multiple of ROWS, padded at the front.
    Y
        (n_channels, m, lanes), padded at the end.
    edge
        (n + 1, lanes): the costs of column -1, from row -1 on: 0 just over a lane's first row, else infinity.
    row
        (m, lanes), infinite; afterwards the last row's costs.
    band
        (first, radius): cells with |i - first - j| > radius are left out.
    steps
        None, or (n / ROWS, m, lanes) uint16 for the steps of the best paths.
    """
    n_channels, n, _ = X.shape
    m = Y.shape[1]
    first, radius = band
    for i in range(0, n, ROWS):
        j = max(0, i - first - radius)
        end = min(m, i - first + radius + ROWS)
        left = load_rows(edge, i + 1)
        corner = load(edge, i) if j == 0 else load(row, j - 1)
        while j < end:
            x = load_rows(X, i)
            offset = i - first - j
            if -radius <= offset and offset + ROWS - 1 <= radius:  # all rows are inside the band from here on
                stop = min(end, j + offset + radius + 1)
            else:  # some rows are, in this column
                x = only(x, -radius - offset, radius - offset)
                stop = j + 1
            for column in range(j, stop):
                above = load(row, column)
                if n_channels == 1:
                    costs = squared_and_relax(x, load(Y, column), left, corner, above)
                else:
                    squares = squared(x, load(Y, column))
                    for channel in range(1, n_channels):
                        squares = plus(squares, squared(load_rows(X, channel * n + i), load(Y, channel * m + column)))
                    costs = relax(squares, left, corner, above)
                if steps is not None:
                    store_steps(steps, i // ROWS * m + column, costs, left, corner, above)
                store(row, column, last(costs))
                left = costs
                corner = above
            j = stop


@njit(nogil=True)
def _aligned_like(a, n):  # type: ignore[no-untyped-def]
    """`n` values of the type of `a` that begin at a cache line, so that no load of a vector touches two."""
    memory = np.empty(n + VECTOR_BYTES // a.itemsize, a.dtype)
    start = -memory.ctypes.data % VECTOR_BYTES // a.itemsize
    return memory[start : start + n]


@njit(nogil=True)
def _fill_front(X, edge, series, lane):  # type: ignore[no-untyped-def]
    """Put a series at the end of a lane of X."""
    n_channels, n, _ = X.shape
    front = n - series.shape[1]
    for channel in range(n_channels):
        for i in range(front):
            X[channel, i, lane] = np.inf
        for i in range(front, n):
            X[channel, i, lane] = series[channel, i - front]
    for i in range(n + 1):
        edge[i, lane] = np.inf
    edge[front, lane] = 0


@njit(nogil=True)
def _fill_end(Y, series, lane):  # type: ignore[no-untyped-def]
    """Put a series at the beginning of a lane of Y."""
    n_channels, m, _ = Y.shape
    length = series.shape[1]
    for channel in range(n_channels):
        for j in range(length):
            Y[channel, j, lane] = series[channel, j]
        for j in range(length, m):
            Y[channel, j, lane] = 0


@njit(
    [
        void(T[:, ::1], int64[::1], int64[:, ::1], int64, T[::1])  # one line a dtype
        for T in (float32, float64)
    ],
    nogil=True,
    cache=True,
)
def squared_costs(values, starts, pairs, radius, costs):  # type: ignore[no-untyped-def]
    """Squared DTW costs of pairs of series.

    Parameters
    ----------
    values
        (n_channels, total): all series, one after the other.
    starts
        (n_series + 1,): where each begins, and the end of the last.
    pairs
        (n_pairs, 2): series by number; fastest where neighbours have like lengths.
    radius
        Half-width of the band in time steps; negative = no band.
    costs
        (n_pairs,), written.
    """
    n_channels = values.shape[0]
    n_pairs = pairs.shape[0]
    lanes = VECTOR_BYTES // values.itemsize
    lengths = starts[1:] - starts[:-1]
    n_most = (lengths[pairs[:, 0]].max() + ROWS - 1) // ROWS * ROWS
    m_most = lengths[pairs[:, 1]].max()
    X_memory = _aligned_like(values, n_channels * n_most * lanes)
    Y_memory = _aligned_like(values, n_channels * m_most * lanes)
    edge_memory = _aligned_like(values, (n_most + 1) * lanes)
    row_memory = _aligned_like(values, m_most * lanes)
    begin = 0
    while begin < n_pairs:
        end = begin
        n = m = 0
        while end < n_pairs and end - begin < lanes:
            x_length = lengths[pairs[end, 0]]
            if radius >= 0 and end > begin and x_length != n:
                break  # the band lies differently for another length of x
            n = max(n, x_length)
            m = max(m, lengths[pairs[end, 1]])
            end += 1
        first = -n % ROWS
        n += first
        X = X_memory[: n_channels * n * lanes].reshape(n_channels, n, lanes)
        Y = Y_memory[: n_channels * m * lanes].reshape(n_channels, m, lanes)
        edge = edge_memory[: (n + 1) * lanes].reshape(n + 1, lanes)
        row = row_memory[: m * lanes].reshape(m, lanes)
        row[:] = np.inf
        for lane in range(lanes):
            x, y = pairs[min(begin + lane, end - 1)]  # lanes to spare repeat the last pair
            _fill_front(X, edge, values[:, starts[x] : starts[x + 1]], lane)
            _fill_end(Y, values[:, starts[y] : starts[y + 1]], lane)
        sweep(X, Y, edge, row, (first, radius if radius >= 0 else n + m), None)
        for lane in range(end - begin):
            costs[begin + lane] = row[lengths[pairs[begin + lane, 1]] - 1, lane]
        begin = end


@njit(nogil=True)
def _origin(steps, i, j, lane):  # type: ignore[no-untyped-def]
    """Return the cell from which the best path enters cell (i, j)."""
    step = (steps[i // ROWS, j, lane] >> np.uint16(2 * (i % ROWS))) & np.uint16(3)
    return i - (step != LEFT), j - (step != UP)


@njit(int64[:, ::1](float64[:, ::1], float64[:, ::1], int64), nogil=True, cache=True)
def best_path(x, y, radius):  # type: ignore[no-untyped-def]
    """Cells (i, j) of the cheapest path between x (n_channels, n) and y (n_channels, m), from first to last.

    There are none if the path costs more than float64 can hold: no step leads back from infinity.
    """
    n_channels, n = x.shape
    m = y.shape[1]
    lanes = VECTOR_BYTES // x.itemsize
    first = -n % ROWS
    X = np.empty((n_channels, first + n, lanes))
    Y = np.empty((n_channels, m, lanes))
    edge = np.empty((first + n + 1, lanes))
    for lane in range(lanes):
        _fill_front(X, edge, x, lane)
        _fill_end(Y, y, lane)
    row = np.full((m, lanes), np.inf)
    steps = np.empty(((first + n) // ROWS, m, lanes), np.uint16)
    sweep(X, Y, edge, row, (first, radius if radius >= 0 else n + m), steps)
    path = np.empty((n + m, 2), np.int64)
    k = n + m
    if row[m - 1, 0] == np.inf:
        return path[k:].copy()
    i, j = first + n - 1, m - 1
    while True:
        k -= 1
        path[k] = i - first, j
        if i == first and j == 0:
            return path[k:].copy()
        i, j = _origin(steps, i, j, 0)


@njit(
    float64[:, ::1](float64[:, ::1], float64[:, ::1], int64[::1], float64[::1], int64, float64[::1]),
    nogil=True,
    cache=True,
)
def align(average, values, starts, weights, radius, costs):  # type: ignore[no-untyped-def]
    """Align series with an average, and sum what meets each of its time steps.

    Parameters
    ----------
    average
        (n_channels, n).
    values, starts
        The series, as for `squared_costs`.
    weights
        (n_series,).
    radius
        As for `squared_costs`.
    costs
        (n_series,), written: the squared DTW costs.

    Returns
    -------
    (n_channels + 1, n): the weighted sums, and in the last row the sums of the weights. A series whose cost is infinite
    adds nothing: no step leads back from there.
    """
    n_channels, n = average.shape
    n_series = len(weights)
    lanes = VECTOR_BYTES // average.itemsize
    lengths = starts[1:] - starts[:-1]
    first = -n % ROWS
    sums = np.zeros((n_channels + 1, n))
    m_most = lengths.max()
    X = _aligned_like(values, n_channels * (first + n) * lanes).reshape(n_channels, first + n, lanes)
    edge = _aligned_like(values, (first + n + 1) * lanes).reshape(first + n + 1, lanes)
    for lane in range(lanes):
        _fill_front(X, edge, average, lane)
    Y_memory = _aligned_like(values, n_channels * m_most * lanes)
    row_memory = _aligned_like(values, m_most * lanes)
    steps_memory = np.empty((first + n) // ROWS * m_most * lanes, np.uint16)
    for begin in range(0, n_series, lanes):
        end = min(begin + lanes, n_series)
        m = lengths[begin:end].max()
        Y = Y_memory[: n_channels * m * lanes].reshape(n_channels, m, lanes)
        row = row_memory[: m * lanes].reshape(m, lanes)
        steps = steps_memory[: (first + n) // ROWS * m * lanes].reshape((first + n) // ROWS, m, lanes)
        row[:] = np.inf
        for lane in range(lanes):
            y = min(begin + lane, end - 1)
            _fill_end(Y, values[:, starts[y] : starts[y + 1]], lane)
        sweep(X, Y, edge, row, (first, radius if radius >= 0 else n + m), steps)
        for y in range(begin, end):
            costs[y] = row[lengths[y] - 1, y - begin]
            if costs[y] == np.inf:
                continue
            i, j = first + n - 1, lengths[y] - 1
            while True:
                for channel in range(n_channels):
                    sums[channel, i - first] += weights[y] * values[channel, starts[y] + j]
                sums[n_channels, i - first] += weights[y]
                if i == first and j == 0:
                    break
                i, j = _origin(steps, i, j, y - begin)
    return sums
