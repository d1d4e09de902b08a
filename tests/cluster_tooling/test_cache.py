"""What a killed or a concurrent run may leave behind."""

from pathlib import Path

import pytest

from cluster import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERINUS_CACHE", str(tmp_path / "cache"))


def test_a_target_is_built_once(tmp_path: Path) -> None:
    built: list[Path] = []

    def build(partial: Path) -> None:
        built.append(partial)
        partial.write_text("done")

    for _ in range(2):
        assert cache.once(tmp_path / "deep" / "tool", build).read_text() == "done"
    assert len(built) == 1


def test_a_build_that_ends_half_way_leaves_no_target_and_is_repeated(tmp_path: Path) -> None:
    target = tmp_path / "tool"

    def stop(partial: Path) -> None:
        partial.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.once(target, stop)
    assert not target.exists()
    assert cache.once(target, lambda partial: partial.touch()).read_text() == ""


def test_a_digest_sees_names_contents_and_the_executable_bit(tmp_path: Path) -> None:
    file = tmp_path / "tree" / "a"
    file.parent.mkdir()
    file.write_text("1")
    seen = {cache.digest([file.parent])}
    file.write_text("2")
    seen.add(cache.digest([file.parent]))
    file.chmod(0o755)
    seen.add(cache.digest([file.parent]))
    file.rename(file.with_name("b"))
    seen.add(cache.digest([file.parent]))
    seen.add(cache.digest([file.parent, "text"]))
    assert len(seen) == 5
    assert cache.digest(["ab", "c"]) != cache.digest(["a", "bc"])
