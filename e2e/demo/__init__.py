"""`make demo`: a good version promoted and a bad one taken back, on a real cluster, watched live."""
