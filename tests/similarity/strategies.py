"""Collections of series for property tests."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def collections(draw, max_length=60, max_series=4, min_series=2):
    """Series of 1 to 4 channels and unequal lengths; some constant, some of few values, so that paths tie."""
    n_channels = draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(1, max_length), min_size=min_series, max_size=max_series))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    makers = {
        "normal": lambda length: rng.standard_normal((n_channels, length)),
        "constant": lambda length: np.full((n_channels, length), float(rng.integers(-2, 3))),
        "few values": lambda length: rng.integers(0, 3, (n_channels, length)).astype(float),
    }
    return [np.float32(makers[draw(st.sampled_from(sorted(makers)))](length)).astype(float) for length in lengths]


def radius_for(series, more):
    """Return None, or a radius that just holds the length differences and `more`."""
    lengths = [x.shape[1] for x in series]
    return None if more is None else max(lengths) - min(lengths) + more


radii = st.one_of(st.none(), st.integers(0, 12))
