"""The number of parameters that are trained, for one channel and without the head, against the papers' networks.

The head is left out because it depends on the number of classes. Batch normalisation has two parameters a channel (its
running statistics are not trained).
"""

import pytest

from headstart.networks import NETWORKS, build


def conv(in_channels, n_filters, kernel_size, *, bias=True):
    return in_channels * n_filters * kernel_size + n_filters * bias


def norm(n_channels):
    return 2 * n_channels


def residual_block(in_channels, n_filters):
    """Of ResNet, without its shortcut."""
    widths = [in_channels, n_filters, n_filters]
    return sum(conv(n, n_filters, k) + norm(n_filters) for n, k in zip(widths, (8, 5, 3), strict=True))


def inception_module():
    """All but the first: bottleneck, filters of three lengths, pooling branch, batch normalisation."""
    return (
        conv(128, 32, 1, bias=False)
        + sum(conv(32, 32, k, bias=False) for k in (40, 20, 10))
        + conv(128, 32, 1, bias=False)
        + norm(128)
    )


# The counts that the layers of the papers' own code give (hfawaz/dl-4-tsc for FCN and ResNet, hfawaz/InceptionTime,
# MSD-IRIMAS/LITE), as a number and as the sum that it comes from. LITE's is also in the abstract of its paper: "only
# 9,814 trainable parameters", "2.34% of InceptionTime", that is of the 420,192 of one of its networks.
PUBLISHED = {
    "fcn": (
        264_704,
        conv(1, 128, 8) + norm(128) + conv(128, 256, 5) + norm(256) + conv(256, 128, 3) + norm(128),
    ),
    "resnet": (
        504_000,
        residual_block(1, 64)
        + residual_block(64, 128)
        + residual_block(128, 128)
        + conv(1, 64, 1)
        + norm(64)
        + conv(64, 128, 1)
        + norm(128)
        + norm(128),  # the third shortcut has no convolution
    ),
    "inceptiontime": (
        420_192,
        sum(conv(1, 32, k, bias=False) for k in (40, 20, 10, 1))  # the first module has no bottleneck
        + norm(128)
        + 5 * inception_module()
        + conv(1, 128, 1, bias=False)
        + norm(128)
        + conv(128, 128, 1, bias=False)
        + norm(128),
    ),
    "lite": (
        9_814,
        sum(conv(1, 32, k, bias=False) for k in (40, 20, 10))
        + norm(3 * 32 + 17)  # 17 fixed filters, which have no parameters
        + (20 * 113 + 113 * 32 + norm(32))  # separable: a filter for each channel, then a mixture
        + (10 * 32 + 32 * 32 + norm(32)),
    ),
    "dilated": (  # of no paper
        100_032,
        2 * conv(1, 32, 9, bias=False) + 8 * conv(64, 64, 3, bias=False) + 9 * norm(64),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_parameters_of_its_paper(name):
    network = build(name, n_channels=1, n_classes=2, seed=0)
    n_parameters = sum(p.numel() for key, p in network.named_parameters() if not key.startswith("head."))
    published, by_hand = PUBLISHED[name]
    assert n_parameters == published == by_hand
