"""Sines as integers, since the last digit of a float sine differs between machines."""

from __future__ import annotations

TURN = 256
ONE = 1 << 14
_PI = 0x3243F6A8885A308D31  # pi in steps of 2**-68
_UNIT = 1 << 68


def _sine(step: int) -> int:
    """Return the sine of `step` / 256 of a turn, in steps of 1 / 16384, by its series in Python integers."""
    angle = 2 * _PI * step // TURN
    term, total, order = angle, angle, 1
    while term:
        term = -(term * angle // _UNIT * angle // _UNIT) // ((order + 1) * (order + 2))
        total, order = total + term, order + 2
        if abs(term) <= 1:
            break
    return (total * ONE + _UNIT // 2) // _UNIT


# a quarter turn, then by symmetry, so that mirrored angles give mirrored values
_QUARTER = [_sine(step) for step in range(TURN // 4 + 1)]
_HALF = _QUARTER + _QUARTER[-2:0:-1]
SINES: tuple[int, ...] = (*_HALF, *(-value for value in _HALF))


def sine(angle: int) -> int:
    """Return the sine of `angle` (256 are a turn) in steps of 1 / 16384."""
    return SINES[angle % TURN]


def cosine(angle: int) -> int:
    """Return the cosine of `angle` (256 are a turn) in steps of 1 / 16384."""
    return SINES[(angle + TURN // 4) % TURN]
