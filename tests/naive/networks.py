"""Slow, obvious twins of the networks other than FCN, which has its own: one series, float64, no torch.

`w` holds a network's weights by the names that they have in it; `x` is a series, (channels, time).
"""

import numpy as np


def resnet(w, x):
    for i in (1, 2, 3):
        h = conv_block(w, f"block{i}.conv1", x)
        h = conv_block(w, f"block{i}.conv2", h)
        h = conv_norm(w, f"block{i}.conv3", h)
        shortcut = norm(w, "shortcut3", x) if i == 3 else conv_norm(w, f"shortcut{i}", x)
        x = relu(h + shortcut)
    return x.mean(axis=1)


def inceptiontime(w, x):
    for block in ("block1", "block2"):
        h = x
        for module in (f"{block}.module1", f"{block}.module2", f"{block}.module3"):
            first = module == "block1.module1"
            h = np.concatenate(
                [
                    multiplex(w, f"{module}.multiplex", h if first else conv(h, w[f"{module}.bottleneck.weight"])),
                    conv(max_of_neighbours(h), w[f"{module}.pooled.weight"]),
                ]
            )
            h = relu(norm(w, f"{module}.norm", h))
        x = relu(h + conv_norm(w, f"{block}.shortcut", x))
    return x.mean(axis=1)


def lite(w, x):
    h = np.concatenate([multiplex(w, "multiplex", x), relu(hand_crafted(x))])
    h = relu(norm(w, "norm", h))
    for block, dilation in (("block1", 2), ("block2", 4)):
        depthwise = w[f"{block}.depthwise.weight"]  # (channels, 1, kernel_size)
        h = np.concatenate([conv(h[i : i + 1], depthwise[i : i + 1], dilation=dilation) for i in range(len(h))])
        h = relu(norm(w, f"{block}.norm", conv(h, w[f"{block}.pointwise.weight"])))
    return h.mean(axis=1)


def dilated(w, x):
    step = np.diff(x, axis=1, prepend=x[:, :1])
    step = step / np.sqrt((step**2).mean(axis=1, keepdims=True) + 1e-8)
    h = np.concatenate([conv(x, w["of_series.weight"]), conv(step, w["of_difference.weight"])])
    features = []
    for i in range(9):
        z = (h - h.mean()) / np.sqrt(h.var() + 1e-5)
        z = z * w[f"norms.{i}.weight"][:, None] + w[f"norms.{i}.bias"][:, None]
        features += [relu(z).mean(axis=1), np.clip(2 * z + 0.5, 0, 1).mean(axis=1)]
        if i < 8:
            h = h + conv(relu(z), w[f"convolutions.{i}.weight"], dilation=2**i)
    return np.concatenate(features)


def hand_crafted(x):
    """Filters of LITE that are not learnt, each convolved alone; all channels have the same weights."""
    filters = []
    for sign in (-1, 1):
        for length in (2, 4, 8, 16, 32, 64):
            filters.append([sign * (-1) ** i for i in range(length)])
    for length in (4, 8, 16, 32, 64):
        up = np.linspace(0, 1, length // 4 + 1)[1:] ** 2
        down = up[::-1]
        filters.append([*-up, *-down, *2 * up, *2 * down, *-up, *-down])
    weights = [np.tile(np.asarray(f, dtype=float), (1, len(x), 1)) / np.sqrt(len(x)) for f in filters]
    return np.concatenate([conv(x, weight) for weight in weights])


def multiplex(w, name, x):
    return np.concatenate([conv(x, w[f"{name}.{branch}.weight"]) for branch in ("long", "middle", "short")])


def conv_block(w, name, x):
    return relu(conv_norm(w, name, x))


def conv_norm(w, name, x):
    h = conv(x, w[f"{name}.convolution.weight"])
    if f"{name}.convolution.bias" in w:
        h += w[f"{name}.convolution.bias"][:, None]
    return norm(w, f"{name}.norm", h)


def conv(x, weight, dilation=1):
    """Convolution with zeros around the series; of an odd number of zeros, the odd one follows it."""
    n_filters, _, kernel_size = weight.shape
    n_timepoints = x.shape[1]
    before = dilation * (kernel_size - 1) // 2
    y = np.zeros((n_filters, n_timepoints))
    for t in range(n_timepoints):
        for k in range(kernel_size):
            at = t - before + k * dilation
            if 0 <= at < n_timepoints:
                y[:, t] += weight[:, :, k] @ x[:, at]
    return y


def norm(w, name, x):
    centred = (x - w[f"{name}.running_mean"][:, None]) / np.sqrt(w[f"{name}.running_var"][:, None] + 1e-3)
    return centred * w[f"{name}.weight"][:, None] + w[f"{name}.bias"][:, None]


def max_of_neighbours(x):
    return np.stack([x[:, max(t - 1, 0) : t + 2].max(axis=1) for t in range(x.shape[1])], axis=1)


def relu(x):
    return np.maximum(x, 0)
