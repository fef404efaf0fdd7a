"""The JSON schemas of requests (Draft 2020-12), one file a resource."""
