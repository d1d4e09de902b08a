"""The state machine of a rollout: pure, total, with the clock as an argument."""
