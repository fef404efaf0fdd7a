/* The workloads: who sends what when, and when it is done. */
#include "loadgen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define FRAME_RATE 30
#define KEY_INTERVAL SECOND
#define STANDSTILL (3 * SECOND) /* TCP looks for room again after 0.2, 0.4, 0.8, 1.6 s */
#define TURN 4 /* messages that one connection may send before others have theirs */

enum { FIRST, SECOND_KIND, OPENING_TIME, KINDS };
enum { PREPARING, READY, RUNNING, STALLED, DRAINING, DONE };

struct work {
    const char *name;
    size_t down, up;                 /* bytes of a message to the client, to the target */
    void (*start)(void);
    void (*at_client)(struct conn *, uint64_t stamp);
    void (*at_target)(struct conn *, uint64_t stamp);
    uint64_t (*turn)(void);          /* -> ns when it is wanted next */
    const char *samples[2];
};

int work_ended;
static const struct work *work;
static int phase;
static uint64_t started, deadline, arrived, expected, rounds, opened_briefly, lost;
static uint64_t progress, progress_at;
static struct conn **clients, **targets;
static int opening, opened, target_count;
static struct samples samples[KINDS] = {[OPENING_TIME] = {.name = "opening"}};

static uint64_t seconds(double s) { return s * SECOND; }

static void finish(void) {
    phase = DONE;
    report("done", started, arrived * (work->down > work->up ? work->down : work->up), lost,
           samples, KINDS);
}

static void arrive(void) {
    if (++arrived == expected) finish();
}

/* -- bulk: each sends so many blocks, numbered ----------------------------------------------- */

static void send_blocks(struct conn *conn) {
    uint64_t blocks = options.bytes / BLOCK;
    for (int i = 0; i < TURN && conn->messages_out < blocks; i++)
        if (!message_send(conn, conn->messages_out, BLOCK)) return;
    uint32_t reading = conn->events & EPOLLIN;
    wire_watch(conn, conn->messages_out < blocks ? reading | EPOLLOUT : reading);
}

static void start_bulk(void) {
    expected = options.bytes / BLOCK * options.clients;
    struct conn **senders = work->down ? targets : clients;
    for (int i = 0; i < options.clients; i++) send_blocks(senders[i]);
}

static void block_arrived(struct conn *conn, uint64_t stamp) {
    if (stamp != conn->messages_in - 1) fail("a block is missing");
    arrive();
}

/* -- stall: the clients do not read ---------------------------------------------------------- */

static void start_stall(void) {
    for (int i = 0; i < options.clients; i++) wire_watch(clients[i], 0);
    start_bulk();
}

static uint64_t turn_stall(void) {
    uint64_t sent = 0;
    if (phase != RUNNING) return UINT64_MAX;
    for (int i = 0; i < options.clients; i++)
        sent += targets[i]->messages_out * BLOCK + targets[i]->out;
    if (sent != progress) progress = sent, progress_at = now;
    if (now - progress_at > STANDSTILL) {
        phase = STALLED;
        report("stalled", started, sent, lost, samples, 0);
    }
    return now + STANDSTILL / 20;
}

/* -- echo: the next is sent when the last has come back -------------------------------------- */

static void send_eight(struct conn *conn, uint64_t stamp) {
    if (!message_send(conn, stamp, ECHO) && conn->stage != GONE)
        fail("a socket took no %d bytes", ECHO);
}

static void send_echo(struct conn *conn) { send_eight(conn, clock_ns()); }

static void start_echo(void) {
    expected = options.clients;
    for (int i = 0; i < options.clients; i++) send_echo(clients[i]);
}

static void echoed(struct conn *conn, uint64_t stamp) {
    if (stamp != conn->stamp) fail("an echo of something else");
    now = clock_ns();
    sample(&samples[FIRST], now - stamp);
    if (now < deadline) send_echo(conn);
    else arrive();
}

static void send_back(struct conn *conn, uint64_t stamp) { send_eight(conn, stamp); }

/* -- idle: a key a second on some of the sessions; in the end one on all ---------------------- */

static void ask_all(void) {
    expected = arrived = 0;
    phase = DRAINING;
    for (int i = 0; i < options.clients; i++)
        if (clients[i]) expected += clients[i]->owed = 1;
    if (!expected) finish();
    for (int i = 0; i < options.clients; i++)
        if (clients[i]) send_echo(clients[i]);
}

static uint64_t turn_idle(void) {
    if (phase != RUNNING) return UINT64_MAX;
    if (!options.active || now >= deadline) {
        if (arrived < rounds && now < deadline + SECOND) return deadline + SECOND;
        ask_all();
        return UINT64_MAX;
    }
    uint64_t gap = KEY_INTERVAL / options.active;
    for (; started + rounds * gap <= now; rounds++) {
        struct conn *conn = clients[rounds % options.active];
        if (conn) send_echo(conn);
    }
    return started + rounds * gap;
}

/* Keys may be under way when all are asked: the answer to that is the last one. */
static void answered(struct conn *conn, uint64_t stamp) {
    int last = conn->messages_in == conn->messages_out;
    if (last ? stamp != conn->stamp : stamp <= conn->seen || stamp >= conn->stamp)
        fail("an echo of something else");
    conn->seen = stamp;
    int all = last && conn->owed;
    now = clock_ns();
    sample(&samples[all], now - stamp);
    if (all) {
        conn->owed = 0;
        arrive();
    } else if (phase == RUNNING) {
        arrived++;
    }
}

/* -- mix: pictures down and keys up, at fixed times ------------------------------------------- */

static uint64_t frames(void) { return options.seconds * FRAME_RATE; }

static uint64_t due(struct conn *conn) {
    return started + conn->index * (SECOND / FRAME_RATE / options.clients)
        + conn->messages_out * (SECOND / FRAME_RATE);
}

static void send_owed(struct conn *conn) {
    size_t size = conn->role == TARGET ? PICTURE : KEY;
    while (conn->messages_out < conn->owed)
        if (!message_send(conn, due(conn), size)) return;
    wire_watch(conn, EPOLLIN);
}

static void start_mix(void) {
    expected = 2 * frames() * options.clients;
}

static uint64_t turn_mix(void) {
    if (phase != RUNNING) return UINT64_MAX;
    uint64_t gap = SECOND / FRAME_RATE / options.clients, next = UINT64_MAX;
    uint64_t all = frames() * options.clients;
    for (; rounds < all && started + rounds * gap <= now; rounds++) {
        struct conn *pair[2] = {targets[rounds % options.clients],
                                clients[rounds % options.clients]};
        for (int i = 0; i < 2; i++) {
            pair[i]->owed++;
            if (pair[i]->owed == pair[i]->messages_out + 1 && !pair[i]->out) send_owed(pair[i]);
        }
    }
    if (rounds < all) next = started + rounds * gap;
    if (options.open_rate && rounds < all) {
        uint64_t wait = seconds(1 / options.open_rate);
        for (; started + opened_briefly * wait <= now; opened_briefly++) wire_open(1);
        if (started + opened_briefly * wait < next) next = started + opened_briefly * wait;
    }
    return next;
}

/* Stamps are when a message was due: each is one turn after the last. */
static void check_turn(struct conn *conn, uint64_t stamp) {
    if (conn->seen && stamp != conn->seen + SECOND / FRAME_RATE) fail("a message is missing");
    conn->seen = stamp;
}

static void picture_arrived(struct conn *conn, uint64_t stamp) {
    check_turn(conn, stamp);
    sample(&samples[FIRST], clock_ns() - stamp);
    arrive();
}

static void key_arrived(struct conn *conn, uint64_t stamp) {
    check_turn(conn, stamp);
    sample(&samples[SECOND_KIND], clock_ns() - stamp);
    arrive();
}

/* -- open: so many sessions, some at a time ---------------------------------------------------- */

static uint64_t turn_open(void) {
    expected = options.clients;
    if (phase == RUNNING)
        for (; opening < options.parallel && opened + opening < options.clients; opening++)
            wire_open(1);
    return UINT64_MAX;
}

static void nothing(void) {}

static const struct work WORKS[] = {
    {"down", BLOCK, 0, start_bulk, block_arrived, NULL, NULL, {0}},
    {"up", 0, BLOCK, start_bulk, NULL, block_arrived, NULL, {0}},
    {"stall", BLOCK, 0, start_stall, block_arrived, NULL, turn_stall, {0}},
    {"echo", ECHO, ECHO, start_echo, echoed, send_back, NULL, {"echo", 0}},
    {"idle", ECHO, ECHO, nothing, answered, send_back, turn_idle, {"key", "all"}},
    {"mix", PICTURE, KEY, start_mix, picture_arrived, key_arrived, turn_mix, {"picture", "key"}},
    {"open", 0, 0, nothing, NULL, NULL, turn_open, {0}},
};

void work_init(void) {
    for (size_t i = 0; i < sizeof WORKS / sizeof *WORKS; i++)
        if (!strcmp(options.work, WORKS[i].name)) work = &WORKS[i];
    if (!work) fail("unknown work %s", options.work);
    samples[0].name = work->samples[0];
    samples[1].name = work->samples[1];
    clients = calloc(options.clients, sizeof *clients);
    targets = calloc(options.clients, sizeof *targets);
    started = now;
}

uint64_t work_turn(void) {
    int held = work->turn == turn_open ? 0 : options.clients;
    if (phase == PREPARING) {
        for (; opening < options.parallel && opened + opening < held; opening++) wire_open(0);
        if (opened < held || (!held && !options.clients)) return UINT64_MAX;
        phase = READY;
        report("ready", started, 0, lost, samples, KINDS);
        opened = 0;
    }
    return work->turn ? work->turn() : UINT64_MAX;
}

void work_line(void) {
    if (phase == READY) {
        started = progress_at = now;
        deadline = started + seconds(options.seconds);
        phase = RUNNING;
        work->start();
    } else if (phase == STALLED) {
        phase = DRAINING;
        for (int i = 0; i < options.clients; i++) wire_watch(clients[i], EPOLLIN);
    } else if (phase == DONE) {
        work_ended = 1;
    }
}

void work_live(struct conn *conn) {
    if (conn->role == TARGET) {
        if (conn->brief || target_count >= options.clients) return;
        conn->index = target_count;
        targets[target_count++] = conn;
        return;
    }
    sample(&samples[OPENING_TIME], clock_ns() - conn->began);
    if (!conn->brief) {
        opening--;
        conn->index = opened;
        clients[opened++] = conn;
    } else {
        wire_close(conn);
        if (work->turn != turn_open) return;
        opening--;
        opened++;
        arrive();
    }
}

void work_lost(struct conn *conn, const char *why) {
    /* No harm: brief ones end so, and a proxy may try the target for a client that has gone. */
    if (conn->role == TARGET && (conn->brief || conn->stage < LIVE || !options.clients)) return;
    if (phase == DONE) return;
    if (work->turn != turn_idle || phase < RUNNING)
        fail("a session's %s side %s", conn->role == TARGET ? "target" : "client", why);
    if (conn->role == CLIENT) {
        lost++;
        clients[conn->index] = NULL;
        if (phase == DRAINING && conn->owed && --expected == arrived) finish();
    }
}

void work_payload(struct conn *conn, const uint8_t *data, size_t size) {
    int client = conn->role == CLIENT;
    size_t message = client ? work->down : work->up;
    if (!message || conn->brief) fail("payload that nobody sent");
    message_receive(conn, data, size, message, client ? work->at_client : work->at_target);
}

void work_writable(struct conn *conn) {
    if (work->turn == turn_mix) send_owed(conn);
    else send_blocks(conn);
}
