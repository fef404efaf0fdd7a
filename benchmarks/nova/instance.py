"""Put the one instance into a fresh database of nova; runs in nova's own environment."""

import sys

from nova import config
from nova import context
from nova import objects
from nova.db.main import api

if __name__ == "__main__":
    objects.register_all()
    config.parse_args(sys.argv[:1], default_config_files=["nova.conf"], init_rpc=False)
    api.instance_create(context.get_admin_context(), {
        "uuid": "5c8d1f4e-0000-4000-8000-000000000001", "host": "one", "project_id": "red",
        "user_id": "alice", "vm_state": "active"})
