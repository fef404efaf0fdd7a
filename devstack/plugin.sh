# shellcheck shell=bash
# consoles in devstack, which sources this as `plugin.sh MODE PHASE` after `settings`.
#
# Each phase may be repeated. A node has what its enabled services need, and no password more.

CONSOLES_PROXIES=(
    consoles-novncproxy consoles-xvpvncproxy consoles-spicehtml5proxy
    consoles-serialproxy consoles-mksproxy
)
# In the order in which they need each other.
CONSOLES_SERVICES=(consoles-consoleauth consoles-compute "${CONSOLES_PROXIES[@]}" consoles-api)

# The services among those named that run on this node.
function _consoles_enabled {
    local service
    for service in "$@"; do
        if is_service_enabled "$service"; then
            echo "$service"
        fi
    done
}

function _consoles_driver {
    if [[ -n "$CONSOLES_DRIVER" ]]; then
        echo "$CONSOLES_DRIVER"
    elif is_service_enabled n-cpu && [[ "$VIRT_DRIVER" == libvirt ]]; then
        echo libvirt
    else
        echo stub
    fi
}

function _consoles_agent_has_libvirt {
    is_service_enabled consoles-compute && [[ "$(_consoles_driver)" == libvirt ]]
}

function _consoles_service_type {
    if [[ -n "$CONSOLES_SERVICE_TYPE" ]]; then
        echo "$CONSOLES_SERVICE_TYPE"
    elif is_service_enabled n-api; then
        echo console
    else
        echo compute
    fi
}

function preinstall_consoles {
    if [[ -n "$(_consoles_enabled "${CONSOLES_PROXIES[@]}")" ]]; then
        install_package npm
    fi
    # Python's module for libvirt is compiled.
    if _consoles_agent_has_libvirt; then
        if is_ubuntu; then
            install_package libvirt-dev pkg-config
        else
            install_package libvirt-devel pkgconf
        fi
    fi
}

function install_consoles {
    local extras=""
    if is_service_enabled consoles-consoleauth; then
        extras=$DATABASE_TYPE
    fi
    if _consoles_agent_has_libvirt; then
        extras+="${extras:+,}libvirt"
    fi
    setup_develop "$CONSOLES_DIR" "$extras"
    if [[ -n "$(_consoles_enabled "${CONSOLES_PROXIES[@]}")" ]]; then
        "$CONSOLES_DIR/tools/pages"
    fi
}

function configure_consoles {
    sudo install -d -o "$STACK_USER" "$CONSOLES_CONF_DIR"
    install -m 0600 /dev/null "$CONSOLES_CONF"
    iniset "$CONSOLES_CONF" DEFAULT debug "$ENABLE_DEBUG_LOG_LEVEL"
    iniset_rpc_backend consoles "$CONSOLES_CONF" DEFAULT "$CONSOLES_VHOST"
    if is_service_enabled consoles-consoleauth; then
        iniset "$CONSOLES_CONF" database connection "$(database_connection_url consoles)"
    fi
    if is_service_enabled consoles-api; then
        _configure_consoles_api
    fi
    if is_service_enabled consoles-compute; then
        _configure_consoles_agent
    fi
    _configure_consoles_proxies
}

function _configure_consoles_api {
    iniset "$CONSOLES_CONF" api auth_strategy keystone
    configure_keystone_authtoken_middleware "$CONSOLES_CONF" consoles keystone_authtoken
    iniset "$CONSOLES_CONF" keystone_authtoken service_type "$(_consoles_service_type)"

    local prefix ini=$CONSOLES_UWSGI_CONF listen=$CONSOLES_LISTEN_ADDRESS:$CONSOLES_API_PORT
    if is_service_enabled tls-proxy; then
        listen=127.0.0.1:$CONSOLES_API_PORT_INT
        iniset "$CONSOLES_CONF" oslo_middleware enable_proxy_headers_parsing True
    fi
    install -m 0644 "$CONSOLES_DIR/etc/consoles/uwsgi.ini" "$ini"
    prefix=$(dirname "$CONSOLES_BIN_DIR")
    if [[ -e "$prefix/pyvenv.cfg" ]]; then
        iniset "$ini" uwsgi virtualenv "$prefix"
    else
        inidelete "$ini" uwsgi virtualenv
    fi
    # A distribution's uWSGI has Python in a plugin, and devstack knows its name.
    if [[ -n "${UWSGI_PYTHON_PLUGIN:-}" ]]; then
        iniset "$ini" uwsgi plugins "$UWSGI_PYTHON_PLUGIN"
    fi
    iniset "$ini" uwsgi http-socket "$listen"
    iniset "$ini" uwsgi processes "$API_WORKERS"
    iniset "$ini" uwsgi env "OS_CONSOLES_CONFIG_FILES=$CONSOLES_CONF"
}

function _configure_consoles_agent {
    local section
    iniset "$CONSOLES_CONF" compute driver "$(_consoles_driver)"
    for section in vnc spice; do
        iniset "$CONSOLES_CONF" $section enabled False
        iniset "$CONSOLES_CONF" $section server_listen "$HOST_IP"
        iniset "$CONSOLES_CONF" $section server_proxyclient_address "$HOST_IP"
    done
    iniset "$CONSOLES_CONF" serial_console proxyclient_address "$HOST_IP"
    # Types whose group is on for the other one.
    iniset "$CONSOLES_CONF" vnc novncproxy_base_url ""
    iniset "$CONSOLES_CONF" vnc xvpvncproxy_base_url ""
}

function _configure_consoles_proxies {
    local listen
    listen=$(ipv6_unquote "$CONSOLES_LISTEN_ADDRESS")
    _configure_consoles_proxy consoles-novncproxy "$CONSOLES_NOVNCPROXY_PORT" \
        vnc novncproxy novncproxy_base_url http /vnc_auto.html
    _configure_consoles_proxy consoles-xvpvncproxy "$CONSOLES_XVPVNCPROXY_PORT" \
        vnc xvpvncproxy xvpvncproxy_base_url http /console
    _configure_consoles_proxy consoles-spicehtml5proxy "$CONSOLES_SPICEHTML5PROXY_PORT" \
        spice html5proxy html5proxy_base_url http /spice_auto.html
    _configure_consoles_proxy consoles-serialproxy "$CONSOLES_SERIALPROXY_PORT" \
        serial_console serialproxy base_url ws /
    _configure_consoles_proxy consoles-mksproxy "$CONSOLES_MKSPROXY_PORT" \
        mks mksproxy mksproxy_base_url http /
    # devstack's tls-proxy passes no WebSockets, so that proxies speak TLS themselves.
    if is_service_enabled tls-proxy; then
        iniset "$CONSOLES_CONF" DEFAULT cert "$DEVSTACK_CERT"
        iniset "$CONSOLES_CONF" DEFAULT ssl_only True
    fi
    if [[ -n "$CONSOLES_ALLOWED_TARGETS" ]]; then
        iniset "$CONSOLES_CONF" proxy allowed_targets "$CONSOLES_ALLOWED_TARGETS"
    fi
}

# Where a proxy listens, for itself, and where users reach it, for an agent that offers its kind.
# $1 service, $2 port, $3 group of options, $4 prefix of its own, $5 base URL's option, $6 scheme
# and $7 path of that URL; `listen` is the caller's.
function _configure_consoles_proxy {
    local host=$SERVICE_HOST scheme=$6 offered
    offered=${CONSOLES_OFFERED:-$(_consoles_enabled "${CONSOLES_PROXIES[@]}")}
    if is_service_enabled "$1"; then
        iniset "$CONSOLES_CONF" "$3" "$4_host" "$listen"
        iniset "$CONSOLES_CONF" "$3" "$4_port" "$2"
        host=$HOST_IP
    fi
    if is_service_enabled consoles-compute && [[ " ${offered//$'\n'/ } " == *" $1 "* ]]; then
        if is_service_enabled tls-proxy; then
            scheme+=s
        fi
        iniset "$CONSOLES_CONF" "$3" enabled True
        iniset "$CONSOLES_CONF" "$3" "$5" "$scheme://${CONSOLES_PROXY_HOST:-$host}:$2$7"
    fi
}

function init_consoles {
    if is_service_enabled rabbit; then
        rpc_backend_add_vhost "$CONSOLES_VHOST"
    fi
    if is_service_enabled consoles-consoleauth; then
        recreate_database consoles
        "$CONSOLES_BIN_DIR/consoles-manage" --config-file "$CONSOLES_CONF" db sync
    fi
    if is_service_enabled consoles-api; then
        local scheme=http
        if is_service_enabled tls-proxy; then
            scheme=https
        fi
        create_service_user consoles
        get_or_create_service consoles "$(_consoles_service_type)" "Consoles of virtual machines"
        get_or_create_endpoint "$(_consoles_service_type)" "$REGION_NAME" \
            "$scheme://$CONSOLES_API_HOST:$CONSOLES_API_PORT/v2.1"
    fi
}

function start_consoles {
    local service command group uwsgi
    for service in $(_consoles_enabled "${CONSOLES_SERVICES[@]}"); do
        command="$CONSOLES_BIN_DIR/$service --config-file $CONSOLES_CONF"
        group=""
        if [[ "$service" == consoles-api ]]; then
            # stack.sh itself has installed it, as other services' APIs need it, too.
            if ! uwsgi=$(command -v uwsgi); then
                die $LINENO "consoles-api needs uwsgi, which is not on the PATH: pip install uwsgi"
            fi
            command="$uwsgi --procname-prefix consoles-api --ini $CONSOLES_UWSGI_CONF"
        elif [[ "$service" == consoles-compute ]] && _consoles_agent_has_libvirt; then
            group=${LIBVIRT_GROUP:-libvirt}
        fi
        run_process "$service" "$command" "$group"
    done
    if is_service_enabled consoles-api && is_service_enabled tls-proxy; then
        _start_consoles_tls_proxy
    fi
}

# Apache's, which unstack stops with devstack's own.
function _start_consoles_tls_proxy {
    local front=$CONSOLES_LISTEN_ADDRESS
    if [[ "$front" == 0.0.0.0 || "$front" == "[::]" ]]; then
        front="*"
    fi
    start_tls_proxy consoles-api "$front" "$CONSOLES_API_PORT" 127.0.0.1 "$CONSOLES_API_PORT_INT"
}

function stop_consoles {
    local service
    for service in "${CONSOLES_SERVICES[@]}"; do
        stop_process "$service"
    done
}

# The database and what Keystone knows go with devstack's own.
function clean_consoles {
    sudo rm -rf "$CONSOLES_CONF_DIR"
    if is_service_enabled rabbit; then
        sudo rabbitmqctl delete_vhost "$CONSOLES_VHOST" || true
    fi
    if is_service_enabled consoles-api && is_service_enabled tls-proxy; then
        disable_apache_site consoles-api-tls-proxy
        sudo rm -f "$(apache_site_config_for consoles-api-tls-proxy)"
    fi
}

if [[ -n "$(_consoles_enabled "${CONSOLES_SERVICES[@]}")" ]]; then
    CONSOLES_BIN_DIR=$(get_python_exec_prefix)
    case "$1 ${2:-}" in
        "stack pre-install") preinstall_consoles ;;
        "stack install") install_consoles ;;
        "stack post-config") configure_consoles ;;
        # A database is not made anew, nor a configuration changed, under services that run.
        "stack extra") stop_consoles; init_consoles; start_consoles ;;
        "unstack "*) stop_consoles ;;
        "clean "*) clean_consoles ;;
    esac
fi
