# devstack/plugin.sh: consoles in devstack; sourced as `plugin.sh MODE PHASE` after settings.

# Where each service of ours is started, in the order in which they need each other.
CONSOLES_SERVICES="consoles-consoleauth consoles-compute consoles-novncproxy consoles-api"

function _consoles_enabled {
    local service
    for service in $CONSOLES_SERVICES; do
        is_service_enabled "$service" && return 0
    done
    return 1
}

function _consoles_transport_url {
    echo "rabbit://$RABBIT_USERID:$RABBIT_PASSWORD@$RABBIT_HOST:5672/$CONSOLES_VHOST"
}

function install_consoles {
    setup_develop "$CONSOLES_DIR"
    # What the pages of the noVNC proxy load.
    if is_service_enabled consoles-novncproxy; then
        "$CONSOLES_DIR/tools/pages"
    fi
}

function configure_consoles {
    sudo install -d -o "$STACK_USER" "$CONSOLES_CONF_DIR"
    install -m 0640 /dev/null "$CONSOLES_CONF"
    iniset "$CONSOLES_CONF" DEFAULT debug "${ENABLE_DEBUG_LOG_LEVEL:-False}"
    iniset "$CONSOLES_CONF" DEFAULT transport_url "$(_consoles_transport_url)"
    if is_service_enabled consoles-consoleauth; then
        iniset "$CONSOLES_CONF" database connection "$(database_connection_url consoles)"
    fi
    _configure_consoles_api
    _configure_consoles_consoles
}

function _configure_consoles_api {
    local section=keystone_authtoken
    iniset "$CONSOLES_CONF" api host "$CONSOLES_API_HOST"
    iniset "$CONSOLES_CONF" api port "$CONSOLES_API_PORT"
    iniset "$CONSOLES_CONF" api auth_strategy keystone
    iniset "$CONSOLES_CONF" $section auth_type password
    iniset "$CONSOLES_CONF" $section auth_url "$KEYSTONE_SERVICE_URI"
    iniset "$CONSOLES_CONF" $section username consoles
    iniset "$CONSOLES_CONF" $section password "$SERVICE_PASSWORD"
    iniset "$CONSOLES_CONF" $section project_name "$SERVICE_PROJECT_NAME"
    iniset "$CONSOLES_CONF" $section user_domain_name "$SERVICE_DOMAIN_NAME"
    iniset "$CONSOLES_CONF" $section project_domain_name "$SERVICE_DOMAIN_NAME"
}

function _configure_consoles_consoles {
    iniset "$CONSOLES_CONF" vnc novncproxy_host "$CONSOLES_NOVNC_HOST"
    iniset "$CONSOLES_CONF" vnc novncproxy_port "$CONSOLES_NOVNC_PORT"
    iniset "$CONSOLES_CONF" vnc novncproxy_base_url \
        "http://$CONSOLES_PUBLIC_HOST:$CONSOLES_NOVNC_PORT/vnc_auto.html"
    # The one driver there is so far: its guests are built in and are none of Nova's.
    iniset "$CONSOLES_CONF" compute driver stub
}

function init_consoles {
    sudo rabbitmqctl list_vhosts --silent | grep -qx "$CONSOLES_VHOST" ||
        sudo rabbitmqctl add_vhost "$CONSOLES_VHOST"
    sudo rabbitmqctl set_permissions -p "$CONSOLES_VHOST" "$RABBIT_USERID" '.*' '.*' '.*'
    if is_service_enabled consoles-consoleauth; then
        recreate_database consoles
        "$CONSOLES_BIN_DIR/consoles-manage" --config-file "$CONSOLES_CONF" db sync
    fi
    if is_service_enabled consoles-api; then
        create_service_user consoles
        # Beside Nova: clients use POST /servers/ID/console of this endpoint.
        get_or_create_service consoles console "Consoles of virtual machines"
        get_or_create_endpoint console "$REGION_NAME" \
            "http://$CONSOLES_PUBLIC_HOST:$CONSOLES_API_PORT/v2.1"
    fi
}

function start_consoles {
    local service
    for service in $CONSOLES_SERVICES; do
        if is_service_enabled "$service"; then
            run_process "$service" "$CONSOLES_BIN_DIR/$service --config-file $CONSOLES_CONF"
        fi
    done
}

function stop_consoles {
    local service
    for service in $CONSOLES_SERVICES; do
        stop_process "$service"
    done
}

function clean_consoles {
    sudo rm -rf "$CONSOLES_CONF_DIR"
}

if _consoles_enabled; then
    CONSOLES_BIN_DIR=$(get_python_exec_prefix)
    case "$1 ${2:-}" in
        "stack install") install_consoles ;;
        "stack post-config") configure_consoles ;;
        "stack extra") init_consoles; start_consoles ;;
        "unstack "*) stop_consoles ;;
        "clean "*) clean_consoles ;;
    esac
fi
