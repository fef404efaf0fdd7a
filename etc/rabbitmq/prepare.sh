#!/bin/sh
# A virtual host and a login for consoles. Run it where rabbitmqctl works, once per cluster:
#
#   sh prepare.sh PASSWORD
#
# transport_url is then rabbit://consoles:PASSWORD@controller:5672/consoles (several brokers:
# rabbit://consoles:PASSWORD@one:5672,consoles:PASSWORD@two:5672/consoles). The virtual host is for
# consoles alone: names of queues hold for a whole virtual host.
set -eu

rabbitmqctl add_vhost consoles
rabbitmqctl add_user consoles "$1"
rabbitmqctl set_permissions -p consoles consoles '.*' '.*' '.*'
