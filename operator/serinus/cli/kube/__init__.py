"""The API server as kubectl sees it, in a client that starts in a tenth of the time of the operator's."""
