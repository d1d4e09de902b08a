"""An HTTP client that puts steady load on a gateway and tells exactly what came back.

It never retries, keeps its rate whatever the latency, and talks to 127.0.0.1 only:

    with Load(Target("http://127.0.0.1:8080", "recommender.example.com"), rate=50) as load:
        ...
        load.journal.first_injected("3")
    print(load.summary())
"""

from load.answer import Answer, Outcome
from load.journal import Journal
from load.mixes import MIXES, Mix, Request, house_prices, recommender
from load.plan import Plan, Target, TargetRefusedError
from load.runner import Load
from load.summary import Summary

__all__ = [
    "MIXES",
    "Answer",
    "Journal",
    "Load",
    "Mix",
    "Outcome",
    "Plan",
    "Request",
    "Summary",
    "Target",
    "TargetRefusedError",
    "house_prices",
    "recommender",
]
