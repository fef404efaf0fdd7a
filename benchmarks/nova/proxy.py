"""nova-novncproxy as nova starts it, in nova's own environment, but for one call.

Nova asks the compute host over RPC whether the console's port is still the instance's. There is no
compute host here, so that call alone is answered on the spot: nova is spared its cost.
"""

import sys

from nova.cmd import novncproxy
from nova.compute import rpcapi


def validate_console_port(self, ctxt, instance, port, console_type):
    return True


rpcapi.ComputeAPI.validate_console_port = validate_console_port

if __name__ == "__main__":
    sys.exit(novncproxy.main())
