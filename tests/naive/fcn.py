"""The FCN of the paper, slow and obvious: float64, numpy alone, sums over taps, derivatives by hand.

Wang, Yan & Oates (IJCNN 2017): three times convolution, batch normalisation and ReLU, then the mean over time and one
linear layer. A batch is a list of series, each (channels, time) of its own length, so there is no padding and no mask.
"""

import numpy as np

EPS = 1e-3
MOMENTUM = 0.01

Weights = dict[str, np.ndarray]
Batch = list[np.ndarray]


def features(weights: Weights, series: Batch, training: bool) -> tuple[np.ndarray, list, Weights]:
    """Return features (batch, 128), what `backward` needs, and the batch statistics of the three layers."""
    h, tape, statistics = list(series), [], {}
    for block in (1, 2, 3):
        prefix = f"block{block}."
        z = [_convolve(x, weights[prefix + "convolution.weight"], weights[prefix + "convolution.bias"]) for x in h]
        values = np.concatenate(z, axis=1)  # (filters, all time steps of all series)
        mean, variance = values.mean(axis=1), values.var(axis=1)
        n_values = values.shape[1]
        statistics[prefix + "norm.running_mean"] = mean
        statistics[prefix + "norm.running_var"] = variance * n_values / max(n_values - 1, 1)
        if not training:
            mean, variance = weights[prefix + "norm.running_mean"], weights[prefix + "norm.running_var"]
        spread = np.sqrt(variance + EPS)
        normal = [(x - mean[:, None]) / spread[:, None] for x in z]
        gain, shift = weights[prefix + "norm.weight"], weights[prefix + "norm.bias"]
        out = [np.maximum(gain[:, None] * x + shift[:, None], 0) for x in normal]
        tape.append((h, normal, spread, out))
        h = out
    return np.array([x.mean(axis=1) for x in h]), tape, statistics


def scores(weights: Weights, series: Batch, training: bool = False) -> np.ndarray:
    """Class scores before softmax, (batch, classes)."""
    return features(weights, series, training)[0] @ weights["head.weight"].T + weights["head.bias"]


def loss_and_gradients(weights: Weights, series: Batch, y: np.ndarray) -> tuple[float, Weights, Weights]:
    """Cross-entropy of a batch in training mode, its derivatives by all weights, and the batch statistics."""
    pooled, tape, statistics = features(weights, series, training=True)
    z = pooled @ weights["head.weight"].T + weights["head.bias"]
    exponentials = np.exp(z - z.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    n_cases = len(series)
    loss = -np.log(probabilities[np.arange(n_cases), y]).mean()

    d_scores = probabilities.copy()
    d_scores[np.arange(n_cases), y] -= 1
    d_scores /= n_cases
    gradients = {"head.weight": d_scores.T @ pooled, "head.bias": d_scores.sum(axis=0)}
    d_pooled = d_scores @ weights["head.weight"]
    d_out = [np.repeat(d[:, None], x.shape[1], axis=1) / x.shape[1] for d, x in zip(d_pooled, tape[-1][3], strict=True)]
    for block in (3, 2, 1):
        prefix = f"block{block}."
        h, normal, spread, out = tape[block - 1]
        d_affine = [d * (x > 0) for d, x in zip(d_out, out, strict=True)]
        gradients[prefix + "norm.bias"] = sum(d.sum(axis=1) for d in d_affine)
        gradients[prefix + "norm.weight"] = sum((d * x).sum(axis=1) for d, x in zip(d_affine, normal, strict=True))
        # Batch normalisation: mean and deviation depend on every value of the batch.
        n_values = sum(x.shape[1] for x in normal)
        d_normal = [d * weights[prefix + "norm.weight"][:, None] for d in d_affine]
        total = sum(d.sum(axis=1) for d in d_normal) / n_values
        along = sum((d * x).sum(axis=1) for d, x in zip(d_normal, normal, strict=True)) / n_values
        d_z = [
            (d - total[:, None] - x * along[:, None]) / spread[:, None] for d, x in zip(d_normal, normal, strict=True)
        ]
        kernel = weights[prefix + "convolution.weight"]
        d_kernel, d_out = np.zeros_like(kernel), []
        for x, d in zip(h, d_z, strict=True):
            d_kernel_of_one, d_x = _convolve_backward(x, kernel, d)
            d_kernel += d_kernel_of_one
            d_out.append(d_x)
        gradients[prefix + "convolution.weight"] = d_kernel
        gradients[prefix + "convolution.bias"] = sum(d.sum(axis=1) for d in d_z)
    return loss, gradients, statistics


def adam_step(
    weights: Weights, gradients: Weights, first: Weights, second: Weights, step: int, learning_rate: float
) -> tuple[Weights, Weights, Weights]:
    """Kingma & Ba (ICLR 2015), Algorithm 1: new weights and moments; `step` counts from 1."""
    weights, first, second = dict(weights), dict(first), dict(second)
    for name, gradient in gradients.items():
        first[name] = 0.9 * first.get(name, 0) + 0.1 * gradient
        second[name] = 0.999 * second.get(name, 0) + 0.001 * gradient**2
        mean = first[name] / (1 - 0.9**step)
        square = second[name] / (1 - 0.999**step)
        weights[name] = weights[name] - learning_rate * mean / (np.sqrt(square) + 1e-8)
    return weights, first, second


def train(weights: Weights, series: Batch, y: np.ndarray, n_steps: int, learning_rate: float) -> tuple[Weights, list]:
    """Take `n_steps` steps, all series in each, and move the running statistics; return weights and losses."""
    first: Weights = {}
    second: Weights = {}
    losses = []
    for step in range(1, n_steps + 1):
        loss, gradients, statistics = loss_and_gradients(weights, series, y)
        weights, first, second = adam_step(weights, gradients, first, second, step, learning_rate)
        momentum = max(MOMENTUM, 1 / step)  # the plain mean of the first hundred batches
        for name, value in statistics.items():
            weights[name] = (1 - momentum) * weights[name] + momentum * value
        losses.append(loss)
    return weights, losses


def _convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Slide a kernel (filters, channels, taps) over x (channels, time), zeros around it, the odd one after."""
    n_filters, _, n_taps = kernel.shape
    before = (n_taps - 1) // 2
    n_steps = x.shape[1]
    out = np.repeat(bias[:, None], n_steps, axis=1).astype(np.float64)
    for step in range(n_steps):
        for tap in range(n_taps):
            if 0 <= step + tap - before < n_steps:
                out[:, step] += kernel[:, :, tap] @ x[:, step + tap - before]
    assert out.shape == (n_filters, n_steps)
    return out


def _convolve_backward(x: np.ndarray, kernel: np.ndarray, d_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    d_kernel, d_x = np.zeros_like(kernel), np.zeros_like(x)
    before = (kernel.shape[2] - 1) // 2
    n_steps = x.shape[1]
    for step in range(n_steps):
        for tap in range(kernel.shape[2]):
            if 0 <= step + tap - before < n_steps:
                d_kernel[:, :, tap] += np.outer(d_out[:, step], x[:, step + tap - before])
                d_x[:, step + tap - before] += kernel[:, :, tap].T @ d_out[:, step]
    return d_kernel, d_x
