"""Variables in a user's PromQL are names and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.metrics.query import substitute
from serinus.metrics.series import Series

VALUES = {"namespace": "models", "name": "recommender", "canary": "bbbbbbbbbb", "stable": "aaaaaaaaaa"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("up", "up"),
        ('x{pod=~"$name-$canary-.+"}', 'x{pod=~"recommender-bbbbbbbbbb-.+"}'),
        ("$namespace/$name/$canary/$stable", "models/recommender/bbbbbbbbbb/aaaaaaaaaa"),
        ("$names $name_ $canaryx $unknown $ $$", "$names $name_ $canaryx $unknown $ $$"),
        ("$NAME", "$NAME"),
        ("$name$name", "recommenderrecommender"),
    ],
)
def test_known_variables_are_replaced_and_all_else_stays(query: str, expected: str) -> None:
    assert substitute(query, VALUES) == expected


@pytest.mark.parametrize("value", ['a"}', "a or b", "a\n", "A", "$stable", "", "a{b}", "ä", "a,b", 'x"} or up{a="'])
def test_a_value_that_could_be_read_as_more_than_a_name_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"\$canary is .* not a plain name"):
        substitute("x{revision='$canary'}", {**VALUES, "canary": value})


def test_a_value_that_the_query_does_not_use_is_not_looked_at() -> None:
    assert substitute("$name", {**VALUES, "canary": ""}) == "recommender"


@given(st.text(max_size=20))
def test_nothing_outside_the_plain_alphabet_ever_gets_in(value: str) -> None:
    try:
        answer = substitute("[$canary]", {**VALUES, "canary": value})
    except ValueError:
        return
    assert set(answer[1:-1]) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert answer == f"[{value}]"


def test_a_value_is_never_expanded_again() -> None:
    assert substitute("$name", {**VALUES, "name": "a.b"}) == "a.b"


def test_a_series_knows_its_target() -> None:
    assert Series({"job": "j", "instance": "i"}, ()).target == ("j", "i")
    assert Series({"__name__": "up"}, ()).is_up
    assert not Series({"__name__": "upper"}, ()).is_up
    assert (Series({"__name__": "x"}, ()).name, Series({}, ()).name) == ("x", "")
