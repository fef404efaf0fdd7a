"""What the API does, one file a resource; each function is one row of the routes.

A handler is called with the services, Falcon's request and response, and the parts of the path.
"""
