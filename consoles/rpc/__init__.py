"""The bus: one file an interface, shared by both ends; `transport` alone knows its workings."""

import warnings

from oslo_service import backend

# oslo.messaging asks oslo.service for a service class while it is imported, and would get it
# from eventlet's backend, which no process of ours runs on.
backend.register_backend_default_hook(lambda: backend.BackendType.THREADING)

with warnings.catch_warnings():
    # futurist, which oslo.messaging's executor comes from, looks whether eventlet is there, and
    # eventlet answers every import with a warning that no operator can do anything about.
    warnings.simplefilter("ignore")
    import futurist  # noqa: F401
