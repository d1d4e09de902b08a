"""Prediction logs of any server: a proxy in front of its port that passes bytes on as they are, and reads them too."""
