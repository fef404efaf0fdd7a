/* Connections: TCP or TLS, bare or as a WebSocket's client (RFC 6455). */
#include "loadgen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static uint8_t buffer[4 * BLOCK];
static struct conn *gone;
static SSL_CTX *tls;

void wire_init(void) {
    if (!options.tls) return;
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                     | SSL_MODE_RELEASE_BUFFERS);
}

static struct conn *new_conn(int fd, int role, uint32_t events) {
    struct conn *conn = calloc(1, sizeof *conn);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    conn->fd = fd;
    conn->role = role;
    conn->began = clock_ns();
    conn->events = events;
    struct epoll_event event = {.events = events, .data.ptr = conn};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) fail("epoll: %s", strerror(errno));
    return conn;
}

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int wire_listen(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = loopback(port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (void *)&address, sizeof address) || listen(fd, 4096))
        fail("target port %d: %s", port, strerror(errno));
    return fd;
}

struct conn *wire_accept(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno != EAGAIN && errno != ECONNABORTED) fail("accept: %s", strerror(errno));
        return NULL;
    }
    struct conn *conn = new_conn(fd, TARGET, EPOLLIN);
    rfb_start(conn);
    return conn;
}

struct conn *wire_open(int brief) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(options.port);
    if (fd < 0) fail("socket: %s", strerror(errno));
    if (connect(fd, (void *)&address, sizeof address) && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    struct conn *conn = new_conn(fd, CLIENT, EPOLLOUT);
    conn->brief = brief;
    return conn;
}

void wire_watch(struct conn *conn, uint32_t events) {
    if (conn->events == events || conn->stage == GONE) return;
    conn->events = events;
    struct epoll_event event = {.events = events, .data.ptr = conn};
    epoll_ctl(epoll, EPOLL_CTL_MOD, conn->fd, &event);
}

void wire_close(struct conn *conn) {
    if (conn->stage == GONE) return;
    conn->stage = GONE;
    if (conn->tls) SSL_free(conn->tls);
    close(conn->fd);
    conn->next = gone;
    gone = conn;
}

/* After a round of events: none of them can name these any more. */
void wire_free(void) {
    for (struct conn *conn; (conn = gone);) {
        gone = conn->next;
        free(conn);
    }
}

static void lost(struct conn *conn, const char *why) {
    work_lost(conn, why);
    wire_close(conn);
}

/* -> bytes written, 0 when none can be now, -1 when the connection is gone. */
ssize_t wire_write(struct conn *conn, const void *data, size_t size) {
    ssize_t done;
    if (conn->tls) {
        done = SSL_write(conn->tls, data, size);
        if (done > 0) return done;
        int error = SSL_get_error(conn->tls, done);
        if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return 0;
        ERR_clear_error();
    } else {
        done = send(conn->fd, data, size, MSG_NOSIGNAL);
        if (done >= 0) return done;
        if (errno == EAGAIN) return 0;
    }
    lost(conn, "cannot be written to");
    return -1;
}

/* -> bytes read, 0 when there are none now, -1 when the connection is gone. */
static ssize_t wire_read(struct conn *conn) {
    ssize_t done;
    if (conn->tls) {
        done = SSL_read(conn->tls, buffer, sizeof buffer);
        if (done > 0) return done;
        int error = SSL_get_error(conn->tls, done);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
        ERR_clear_error();
    } else {
        done = recv(conn->fd, buffer, sizeof buffer, 0);
        if (done > 0) return done;
        if (done < 0 && errno == EAGAIN) return 0;
    }
    lost(conn, done == 0 ? "was closed" : "was reset");
    return -1;
}

static void control(struct conn *conn, int opcode, const void *data, size_t size) {
    uint8_t frame[6 + 125] = {0x80 | opcode, 0x80 | size}; /* a mask of zeros changes nothing */
    memcpy(frame + 6, data, size);
    wire_write(conn, frame, 6 + size);
}

/* A few bytes of a handshake, as one frame where there are frames. */
void wire_say(struct conn *conn, const void *data, size_t size) {
    if (conn->framed) {
        control(conn, 2, data, size);
    } else if (wire_write(conn, data, size) == 0) {
        fail("a socket took no %zu bytes", size);
    }
}

static void payload(struct conn *conn, const uint8_t *data, size_t size) {
    if (conn->stage != LIVE) {
        size_t used = rfb_receive(conn, data, size);
        data += used;
        size -= used;
    }
    if (size && conn->stage == LIVE) work_payload(conn, data, size);
}

static int frame_head(struct conn *conn) {
    if (conn->head_size < 2) return 2;
    int size = conn->head[1] & 0x7f;
    return size == 126 ? 4 : size == 127 ? 10 : 2;
}

static void frame_begin(struct conn *conn) {
    const uint8_t *head = conn->head;
    conn->opcode = head[0] & 0x0f;
    conn->left = head[1] & 0x7f;
    if (head[1] & 0x80) fail("the proxy masks its frames");
    int size = conn->left == 126 ? 2 : conn->left == 127 ? 8 : 0;
    if (size) conn->left = 0;
    for (int i = 0; i < size; i++) conn->left = conn->left << 8 | head[2 + i];
}

/* Takes frames apart; pongs a ping that comes whole, which is how they come. */
static void deframe(struct conn *conn, const uint8_t *data, size_t size) {
    while (size && conn->stage != GONE) {
        if (!conn->left) {
            conn->head[conn->head_size++] = *data++;
            size--;
            if (conn->head_size < frame_head(conn)) continue;
            frame_begin(conn);
            conn->head_size = 0;
            if (conn->opcode == 9 && conn->left <= size && !conn->out)
                control(conn, 10, data, conn->left);
            if (!conn->left) continue;
        }
        size_t part = size < conn->left ? size : conn->left;
        conn->left -= part;
        if (conn->opcode == 8) {
            lost(conn, "got a Close frame");
            return;
        }
        if (conn->opcode <= 2) payload(conn, data, part);
        data += part;
        size -= part;
    }
}

static void ask_upgrade(struct conn *conn) {
    char text[1024];
    int size = snprintf(text, sizeof text,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: binary\r\n\r\n", options.path, options.port);
    conn->stage = UPGRADING;
    wire_write(conn, text, size);
}

/* -> bytes that belong to the answer's head. */
static size_t upgraded(struct conn *conn, const uint8_t *data, size_t size) {
    for (size_t used = 0; used < size;) {
        if (conn->text_size + 1u >= sizeof conn->text) fail("the answer's head is too long");
        conn->text[conn->text_size++] = data[used++];
        if (conn->text_size < 4 || memcmp(conn->text + conn->text_size - 4, "\r\n\r\n", 4))
            continue;
        if (memcmp(conn->text, "HTTP/1.1 101", 12))
            fail("the upgrade was refused: %.40s", (char *)conn->text);
        conn->text_size = 0;
        conn->framed = 1;
        rfb_start(conn);
        return used;
    }
    return size;
}

/* The TCP connection is there, or a step of TLS can be done. */
static void established(struct conn *conn) {
    wire_watch(conn, EPOLLIN);
    if (options.tls) {
        if (!conn->tls) {
            conn->tls = SSL_new(tls);
            SSL_set_fd(conn->tls, conn->fd);
            conn->stage = ENCRYPTING;
        }
        int done = SSL_connect(conn->tls);
        if (done != 1) {
            if (SSL_get_error(conn->tls, done) != SSL_ERROR_WANT_READ) lost(conn, "speaks no TLS");
            return;
        }
    }
    if (options.framed) ask_upgrade(conn);
    else rfb_start(conn);
}

static void readable(struct conn *conn) {
    do {
        ssize_t size = wire_read(conn);
        if (size <= 0) return;
        const uint8_t *data = buffer;
        if (conn->stage == UPGRADING) {
            size_t used = upgraded(conn, data, size);
            data += used;
            size -= used;
        }
        if (conn->framed) deframe(conn, data, size);
        else payload(conn, data, size);
    } while (conn->stage != GONE && conn->tls && conn->events & EPOLLIN);
}

void wire_event(struct conn *conn, uint32_t events) {
    if (conn->stage <= ENCRYPTING && conn->role == CLIENT) {
        established(conn);
        return;
    }
    if (events & EPOLLOUT) work_writable(conn);
    if (conn->stage == GONE || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    if (conn->events & EPOLLIN) readable(conn);
    else lost(conn, "was cut");
}
