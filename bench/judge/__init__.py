"""Operating characteristics of the judge: false rollbacks, delays, and other tools' rules beside it.

Simulated traffic goes through the shipped functions of `serinus.analysis`, in two ways: `scene`
builds what Prometheus would hold and folds it run by run; `stream` gives the shipped e-values, mixture
and past the counts of many runs at once. Run by `make bench-judge`; the figures are in
bench/results/judge.json and bench/results/judge.md.
"""
