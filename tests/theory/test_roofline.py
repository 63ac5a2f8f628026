"""The roofline: a ramp as steep as the memory is fast, up to the arithmetic's peak."""

from benchbench.theory.roofline import balance, intensity, roof


def test_the_roof_rises_to_the_balance_and_no_further() -> None:
    assert balance(1e12, 1e11) == 10.0
    assert roof(5.0, 1e12, 1e11) == 5e11
    assert roof(10.0, 1e12, 1e11) == 1e12
    assert roof(100.0, 1e12, 1e11) == 1e12


def test_what_is_not_known_is_none() -> None:
    assert intensity(10.0, 4.0) == 2.5
    assert intensity(10.0, 0.0) is None
    assert balance(10.0, 0.0) is None
