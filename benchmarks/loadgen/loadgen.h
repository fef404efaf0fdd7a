/* A load generator: plays the clients of a console proxy and the VNC server behind it.
 *
 * One thread, one epoll. Nothing is buffered for a connection: a message is a stamp of eight
 * bytes and a fixed pattern, so that what is left of a half-sent one can be made again, and
 * every received byte is compared with what must have come.
 */
#ifndef LOADGEN_H
#define LOADGEN_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BLOCK 65536
#define PICTURE 20000
#define KEY 10
#define ECHO 8
#define STAMP 8
#define SECOND 1000000000ull

enum role { CLIENT, TARGET, STDIN, LISTENER };
enum stage { CONNECTING, ENCRYPTING, UPGRADING, RFB_VERSION, RFB_SECURITY, RFB_RESULT, RFB_INIT,
             LIVE, GONE };

struct conn {
    int fd;
    uint32_t events;         /* what epoll watches it for */
    uint8_t role, stage;
    uint8_t framed;          /* speaks WebSocket */
    uint8_t brief;           /* closed as soon as it is live, carries nothing */
    uint8_t opcode, head_size;
    uint8_t head[10];        /* of a frame that is under way */
    uint64_t left;           /* bytes to come of its payload */
    uint16_t text_size;
    uint8_t text[1024];      /* of a handshake, then of the stamp under way */
    size_t in, out;          /* bytes of the message under way, each direction; framing in `out` */
    uint64_t stamp;          /* of the message being sent, or to come back */
    uint64_t seen;           /* stamp of the message that came last */
    uint64_t began;          /* ns: when it was opened */
    uint32_t index;          /* among those of its role */
    uint64_t messages_in, messages_out, owed;
    SSL *tls;
    struct conn *next;       /* in the list of those to be freed */
};

struct options {
    const char *work, *path;
    int port, target_port, framed, tls, clients, parallel, active;
    double seconds, open_rate;
    uint64_t bytes;          /* of each client */
};

struct samples { const char *name; uint64_t *ns; size_t count, room; };

extern struct options options;
extern int epoll;
extern uint64_t now;         /* ns, taken once an event */

/* main.c */
_Noreturn void fail(const char *format, ...);
uint64_t clock_ns(void);
void sample(struct samples *all, uint64_t ns);
void report(const char *event, uint64_t since, uint64_t bytes, uint64_t lost,
            struct samples *all, size_t kinds);

/* wire.c: connections, TLS, WebSocket (RFC 6455) */
void wire_init(void);
struct conn *wire_open(int brief);
struct conn *wire_accept(int listener);
int wire_listen(int port);
void wire_watch(struct conn *conn, uint32_t events);
void wire_event(struct conn *conn, uint32_t events);
void wire_say(struct conn *conn, const void *data, size_t size);
void wire_close(struct conn *conn);
void wire_free(void);
ssize_t wire_write(struct conn *conn, const void *data, size_t size);

/* message.c: sending and checking stamped messages */
void message_init(void);
int message_send(struct conn *conn, uint64_t stamp, size_t size);
void message_receive(struct conn *conn, const uint8_t *data, size_t size, size_t message,
                     void (*done)(struct conn *, uint64_t stamp));

/* rfb.c: the opening of RFB 3.8 with security None (RFC 6143), both sides */
size_t rfb_receive(struct conn *conn, const uint8_t *data, size_t size);
void rfb_start(struct conn *conn);

/* work.c: the workloads */
void work_init(void);
void work_live(struct conn *conn);
void work_lost(struct conn *conn, const char *why);
void work_payload(struct conn *conn, const uint8_t *data, size_t size);
void work_writable(struct conn *conn);
void work_line(void);        /* the harness says: go on */
uint64_t work_turn(void);    /* once a round; -> ns when the next is wanted at the latest */
extern int work_ended;

#endif
