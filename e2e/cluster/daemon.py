"""The Docker daemon: the one that runs, or one of our own.

Ours lives in the cache (data, socket, pid file), outlives the process that
started it, and is the only one that `stop` ever stops.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from cluster import cache
from cluster.console import ClusterError, run, say, step, succeeds

CAP_SYS_RESOURCE = 24
START_SECONDS = 60
NO_DOCKER = (
    "a cluster needs Docker: start it and let this user reach it (`docker info`), or run this"
    " as root on Linux, where it installs docker.io and starts a daemon of its own, or name"
    " a cluster of yours with CLUSTER=current"
)


def home() -> Path:
    """The folder of our own daemon."""
    return cache.root() / "docker"


def own_host() -> str:
    """The address of our own daemon, running or not."""
    return f"unix://{home() / 'docker.sock'}"


def find() -> bool:
    """Use the daemon that answers, if one does; from here on children find it.

    Ours runs only where there was no other, so while it runs the clusters are there.
    """
    if own_pid() and succeeds(["docker", "info"], env={"DOCKER_HOST": own_host()}):
        os.environ["DOCKER_HOST"] = own_host()
        return True
    return succeeds(["docker", "info"])


def ensure() -> None:
    """Find a daemon or start our own."""
    if find():
        return
    if os.geteuid() != 0 or os.uname().sysname != "Linux":
        raise ClusterError(NO_DOCKER, code=2)
    with cache.lock("docker"):
        if find():
            return
        if not shutil.which("dockerd"):
            _install()
            if find():
                return
        _start()
    if not find():
        raise ClusterError(f"dockerd started but does not answer; its log: {home() / 'dockerd.log'}")


def host() -> str:
    """The daemon that this process uses, as DOCKER_HOST would name it; "" = the default one."""
    return os.environ.get("DOCKER_HOST", "")


def stop() -> None:
    """Stop our own daemon with its containers, and nobody else's."""
    pid = own_pid()
    if pid is None:
        say("no docker daemon of ours runs")
        return
    with step("stopping our docker daemon"):
        os.kill(pid, signal.SIGTERM)
        for _ in range(START_SECONDS * 10):
            if own_pid() is None:
                return
            time.sleep(0.1)
    raise ClusterError(f"the docker daemon {pid} did not stop")


def own_pid() -> int | None:
    """The process of our daemon."""
    return _process_of(home() / "dockerd.pid")


def _process_of(pid_file: Path) -> int | None:
    """The process that wrote the file; a program that got its number since is not it."""
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if str(home()).encode() in command else None


def _install() -> None:
    if not shutil.which("apt-get"):
        raise ClusterError(NO_DOCKER, code=2)
    log = cache.log("install-docker")
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    with step("installing docker.io", "30 s"):
        run(["apt-get", "update"], log=log, env=env)
        run(
            ["apt-get", "install", "-y", "--no-install-recommends", "docker.io", "iptables"],
            log=log,
            env=env,
        )


def _start() -> None:
    """Start dockerd in a session of its own, so that it survives this process."""
    base = cache.folder("docker")
    for pid_file in (base / "dockerd.pid", base / "exec/containerd/containerd.pid"):
        if _process_of(pid_file) is None:
            # dockerd would take whoever has that number now for itself
            pid_file.unlink(missing_ok=True)
    command = ["dockerd", "--host", own_host(), "--pidfile", str(base / "dockerd.pid")]
    command += ["--data-root", str(base / "data"), "--exec-root", str(base / "exec")]
    if not _holds(CAP_SYS_RESOURCE):
        runtime = base / "runc-without-resource"
        shutil.copy(cache.HERE / "docker" / runtime.name, runtime)
        command += ["--add-runtime", f"without-resource={runtime}"]
        command += ["--default-runtime", "without-resource"]
    with step("starting a docker daemon", "5 s"), (base / "dockerd.log").open("a") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        for _ in range(START_SECONDS * 5):
            if process.poll() is not None or find():
                return
            time.sleep(0.2)


def _holds(capability: int) -> bool:
    """Whether this process may hand the capability on (its bounding set)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return True
