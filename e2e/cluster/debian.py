"""A Debian base image from the host's own package source.

Only for machines that can pull no image. It takes what such a machine needs
to install packages: the apt sources, the certificates that the host trusts,
and pip's configuration. Nothing of these is in this repository.
"""

import shlex
import shutil
from pathlib import Path

from cluster import cache
from cluster.builder import LABEL, workspace
from cluster.console import ClusterError, run

RELEASE = "bookworm"
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
PIP_OPTIONS = {"index-url", "extra-index-url", "trusted-host", "proxy", "timeout"}
LEFT_OUT = ("doc", "groff", "info", "linda", "lintian", "locale", "man")
APT_CACHES = 'APT::Keep-Downloaded-Packages "false";\nDir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'


def bootstrap(name: str, key: str) -> None:
    """Make a minimal Debian and import it into Docker as `name`."""
    log = cache.log("debootstrap")
    if not shutil.which("debootstrap"):
        if not shutil.which("apt-get"):
            raise ClusterError(f"{name} can neither be pulled nor made: debootstrap is missing", code=2)
        run(["apt-get", "update"], log=log)
        run(["apt-get", "install", "-y", "--no-install-recommends", "debootstrap"], log=log)
    sources = _apt_sources()
    with workspace() as folder:
        system, archive = folder / "system", folder / "system.tar"
        command: list[str | Path] = ["debootstrap", "--variant=minbase"]
        command += ["--include=ca-certificates", RELEASE, system, sources[0].split()[1]]
        run(command, log=log)
        _configure(system, sources)
        _slim(system)
        run(["tar", "--create", "--file", archive, "--directory", system, "."])
        run(["docker", "import", "--change", f"LABEL {LABEL}={key}", archive, name], log=log)


def _configure(system: Path, sources: list[str]) -> None:
    """Let apt and pip in the image reach what they reach on the host."""
    (system / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
    (system / "etc/apt/apt.conf.d/90host").write_text(_apt_options())
    (system / "etc/pip.conf").write_text(_pip_configuration())
    if (Path("/") / CERTIFICATES).exists():
        shutil.copy(Path("/") / CERTIFICATES, system / CERTIFICATES)


def _slim(system: Path) -> None:
    """Keep nothing that the published slim image does not, now and when packages are installed: sizes are as there."""
    (system / "etc/apt/apt.conf.d/90slim").write_text(APT_CACHES)
    (system / "etc/dpkg/dpkg.cfg.d/slim").write_text(
        "".join(f"path-exclude=/usr/share/{name}/*\n" for name in LEFT_OUT)
    )
    for used in ("var/cache/apt/archives", "var/lib/apt/lists", *(f"usr/share/{name}" for name in LEFT_OUT)):
        shutil.rmtree(system / used, ignore_errors=True)
        (system / used).mkdir()


def _apt_sources() -> list[str]:
    """The host's Debian sources of this release, main archive first."""
    asked = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = run(["apt-get", "indextargets", "--format", asked, "Created-By: Packages"])
    found = {
        f"deb {line}"
        for line in targets.splitlines()
        if line.split()[1].startswith(RELEASE) and line.split()[2] == "main"
    }
    if not found:
        raise ClusterError(f"this machine's apt has no source for Debian {RELEASE}", code=2)
    return sorted(found, key=lambda line: (len(line.split()[2]), line))


def _apt_options() -> str:
    """The host's options for fetching: proxies, certificates, clock checks."""
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check-")
    dump = run(["apt-config", "dump"]).splitlines()
    return "".join(f"{line}\n" for line in dump if line.startswith(wanted))


def _pip_configuration() -> str:
    """The host's pip options, from its files and its environment alike."""
    lines = ["[global]", f"cert = /{CERTIFICATES}", "disable-pip-version-check = true"]
    for line in run(["python3", "-m", "pip", "config", "list"]).splitlines():
        name, _, value = line.partition("=")
        option = name.rpartition(".")[2]
        if option in PIP_OPTIONS:
            lines.append(f"{option} = {' '.join(shlex.split(value))}")
    return "\n".join(lines) + "\n"
