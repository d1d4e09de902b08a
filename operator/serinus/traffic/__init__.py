"""The two ways to split traffic: weights of a Gateway API route, and the ratio of pods."""
