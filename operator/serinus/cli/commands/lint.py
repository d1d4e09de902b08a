"""`serinus lint`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from serinus.cli import options
from serinus.cli.trouble import Exit, Trouble

_ENDINGS = (".yaml", ".yml", ".json")


@click.command(
    epilog="Exit code: 0 all is well, 1 there are errors, 2 there is nothing to check or a file cannot be read."
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--runtimes", metavar="FILE", default="", help="Laid over the catalogue of runtimes, as by the chart.")
@options.output
def lint(files: tuple[str, ...], runtimes: str, output: str | None) -> None:
    """Check manifests without a cluster, with the messages that the cluster would give.

    FILE is a file, a folder with all below it, or - for standard input. Other kinds than ModelDeployment are passed over, so
    whole charts can be checked: helm template CHART | serinus lint -
    """
    from serinus.cli.lint.check import catalogue

    known, findings, count = catalogue(runtimes), [], 0
    for name, text in _texts(files):
        checked, found = _checked(name, text, known)
        count += checked
        findings += found
    if output:
        options.show(findings, output)
    else:
        for one in findings:
            where = (
                click.style(f"{one['file']}:{one['line']}", bold=True)
                if options.coloured()
                else f"{one['file']}:{one['line']}"
            )
            click.echo(f"{where}: {one['message']}")
        click.echo(
            f"{count} model{'' if count == 1 else 's'}, {len(findings)} error{'' if len(findings) == 1 else 's'}",
            err=True,
        )
    if not count and not findings:
        raise Trouble(f"There is no ModelDeployment in {', '.join(files)}: name other files", Exit.USAGE)
    click.get_current_context().exit(Exit.FAILED if findings else Exit.DONE)


def _texts(files: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield name and text of every file that is meant."""
    for name in files:
        if name == "-":
            yield "<stdin>", sys.stdin.read()
            continue
        place = Path(name)
        below = (
            sorted(path for path in place.rglob("*") if path.suffix in _ENDINGS and path.is_file())
            if place.is_dir()
            else [place]
        )
        if not below:
            raise Trouble(f"{name} holds no file that ends in {', '.join(_ENDINGS)}: name another folder", Exit.USAGE)
        for path in below:
            try:
                yield str(path), path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                told = (error.strerror if isinstance(error, OSError) else None) or str(error)
                raise Trouble(f"{path} cannot be read: {told}", Exit.USAGE) from None


def _checked(name: str, text: str, known: Any) -> tuple[int, list[dict[str, Any]]]:
    """Return how many models a text holds, and what is wrong with them."""
    from serinus.cli.lint.check import check, is_ours
    from serinus.cli.lint.documents import Broken, documents

    count, found = 0, []
    try:
        for document in documents(text):
            if not is_ours(document.content):
                continue
            count += 1
            wrong = [(document.line(place), message) for place, message in check(document.content, known)]
            wrong += [(line, f"{key} stands twice in one object: remove one") for key, line in document.twice]
            model = str((document.content.get("metadata") or {}).get("name") or "")
            found += [{"file": name, "line": line, "model": model, "message": said} for line, said in sorted(wrong)]
    except Broken as broken:
        found.append({"file": name, "line": broken.line, "model": "", "message": str(broken)})
    return count, found
