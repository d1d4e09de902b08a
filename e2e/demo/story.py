"""The story: a first version, a better one, a faulty one, under load from the second on."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import aiohttp
import yaml

from demo import images, install
from demo.counters import Counters
from demo.kube import Api
from demo.record import PROMOTED, TAKEN_BACK, Act, Record
from demo.scene import Scene
from demo.screen import Screen
from demo.site import Site
from demo.trouble import Trouble
from demo.view import Frame
from demo.watchers import Watchers
from load import Load, Plan, Target

MODEL, PORT = "recommender", 8000
HOST = "recommender.example.com"
SERVING, ROLLOUT, REACHED = 180.0, 300.0, 60.0
WARM_UP, SETTLE = 5.0, 12.0
LOOK = 0.25
TIMEOUT = 15.0
"""Longer than the route's, so that the gateway tells what was late."""


@dataclass(slots=True)
class Story:
    """Plays on one cluster and keeps what it saw."""

    site: Site
    screen: Screen
    rate: float
    scene: Scene = field(default_factory=Scene)
    tasks: Sequence[asyncio.Task[None]] = ()
    load: Load | None = None
    began: float = field(default_factory=time.time)

    async def play(self, api: Api, versions: Sequence[int]) -> Record:
        """Tell everything; what went wrong is in the record's problems."""
        selector = f"serinus.dev/modeldeployment={MODEL}"
        counters = Counters(api, install.NAMESPACE, selector, PORT)
        watchers = Watchers(api, self.scene, install.NAMESPACE, MODEL, install.SYSTEM)
        async with watchers.running(counters) as self.tasks:
            await self._first()
            plan = Plan(Target(self.site.gateway_url, HOST), rate=self.rate, timeout=TIMEOUT)
            load = self.load = Load(plan).start()
            self.began = time.time()
            overlay = yaml.safe_load(install.OVERLAY.read_text())
            record = Record(overlay, self.scene, counters, load, self.began)
            try:
                await self._pass(WARM_UP)
                for version in versions:
                    await self._act(record, version)
                self.screen.note("\nthe old pods leave, the load goes on ...")
                await self._pass(SETTLE)
            except Trouble as trouble:
                record.problems.append(str(trouble))
            except asyncio.CancelledError:
                record.problems.append("interrupted")
            await asyncio.to_thread(load.stop)
            self._show()
            self.screen.leave()
            await counters.read()
            return record

    async def _first(self) -> None:
        """Deploy the first version and wait until the gateway reaches it."""
        self.screen.title("v1: the first deploy, served as soon as it is ready")
        image = await self._apply(1)
        await self._until(
            lambda: self.scene.status.get("phase") == "Stable" and self._stable_image() == image, SERVING, "v1 serves"
        )
        reached = await reach(self.site.gateway_url)
        self.screen.note(f"v1 serves: the gateway answered {reached:.1f} s after it was Stable")
        self.screen.title(f"load: {self.rate:g} requests a second through the gateway, none sent twice")

    async def _act(self, record: Record, version: int) -> None:
        """Apply a version and watch until it is decided."""
        expected = PROMOTED if version == 2 else TAKEN_BACK
        what = {2: "a better model", 3: "5 % of its answers are a 500", 4: "all of its answers are a 500"}[version]
        self.screen.title(f"v{version}: {what}; it should be {expected}")
        self.scene.forget_verdict()
        applied_at = time.time()
        act = Act(version, expected, await self._apply(version), applied_at)
        record.acts.append(act)
        try:
            await self._until(lambda: self._decided(act) != "", ROLLOUT, f"v{version} is {expected}")
        finally:
            self._close(act)
        self.screen.note(
            f"v{version} was {act.outcome} after {act.ended_at - applied_at:.0f} s. {act.status['message']}".strip()
        )
        if act.outcome != expected:
            record.problems.append(f"v{version} was {act.outcome}, not {expected}: {act.status['message']}")

    def _decided(self, act: Act) -> str:
        """Return the outcome of a version, empty while it is open."""
        status = self.scene.status
        act.revision = act.revision or self.scene.revision(act.image)
        failed = [known["revision"] for known in (status.get("rollout") or {}).get("failed", [])]
        if status.get("phase") == "Stable" and self._stable_image() == act.image:
            return PROMOTED
        if status.get("phase") == "RolledBack" and act.revision in failed:
            return TAKEN_BACK
        return ""

    def _close(self, act: Act) -> None:
        act.ended_at = time.time()
        status = self.scene.last_status
        act.outcome = self._decided(act) or f"still {status.get('phase', 'unknown')}"
        act.status = {key: status.get(key, "") for key in ("phase", "reason", "message")}
        act.status["verdict"] = self.scene.verdict

    async def _apply(self, version: int) -> str:
        """Apply a version of the model, return its image."""
        manifest = install.model(version)
        await asyncio.to_thread(install.apply, self.site, manifest, "--namespace", install.NAMESPACE)
        self.screen.note(f"kubectl apply -n {install.NAMESPACE} -f examples/recommender/v{version}.yaml")
        image: str = manifest["spec"]["runtime"]["image"]
        assert image == images.recommender(version).tag
        return image

    def _stable_image(self) -> str:
        return str((self.scene.status.get("stable") or {}).get("image", ""))

    async def _until(self, done: Callable[[], bool], limit: float, what: str) -> None:
        """Show the view until something is so."""
        end = time.monotonic() + limit
        while not done():
            if time.monotonic() > end:
                status = self.scene.last_status
                raise Trouble(
                    f"after {limit:g} s this is not so: {what}. The model is {status.get('phase') or 'not seen'}"
                    f" {status.get('reason', '')} {status.get('message', '')}".rstrip()
                )
            await self._pass(LOOK)
        self._show()

    async def _pass(self, seconds: float) -> None:
        """Let time pass, redrawing once a second."""
        end = time.monotonic() + seconds
        while True:
            for task in self.tasks:
                if task.done() and not task.cancelled():
                    task.result()
            self._show()
            left = end - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, LOOK))

    def _show(self) -> None:
        self.screen.show(Frame(self.scene, self.load, self.began, time.time()))


async def reach(url: str) -> float:
    """Wait until the gateway answers for the model three times in a row; return how long it took."""
    began, good = time.monotonic(), 0
    limit = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=limit, headers={"Host": HOST}) as session:
        while good < 3:
            try:
                async with session.get(f"{url}/recommend?user_id=1") as response:
                    good = good + 1 if response.status == 200 else 0
            except (aiohttp.ClientError, TimeoutError):
                good = 0
            if time.monotonic() - began > REACHED:
                raise Trouble(f"the gateway at {url} did not answer for {HOST} within {REACHED:g} s")
            await asyncio.sleep(0.1)
    return time.monotonic() - began
