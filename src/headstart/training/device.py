"""Where to compute."""

import torch

from headstart.errors import HeadstartError


def find_device(device: str = "auto") -> torch.device:
    """Return the device to train on: ``auto`` is a CUDA GPU where there is one, else the CPU.

    Raises
    ------
    HeadstartError
        If there is no such device on this machine.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=device).item()  # of the device "meta" it has no value
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise HeadstartError(f"device {device!r} cannot be used here ({reason}); use 'auto' or 'cpu'") from None


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16; emulated, it would be many times slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # before torch 2.11 it does not say
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
