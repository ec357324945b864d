/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers the memfd to a collector: the one named by GPUTRAIL_SOCKET, else the one of the process
 * tree, which the first process of the tree to get here starts.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libprofile/env.h"

#define START_LIMIT_NS 2000000000ull
#define ANSWER_LIMIT_NS 2000000000ull
#define ANSWER_POLL_MS 50
#define RETRY_MS 2
#define ANCESTORS_MAX 64
#define LOW_DESCRIPTORS 256

/* A socket connected to abstract @name, or -1. A full backlog counts as nobody there: the caller
 * tries again. */
static int connect_to(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	int fd, high;

	if (length < 2 || length > sizeof(address.sun_path) || name[0] != '@')
		return -1;
	memcpy(address.sun_path + 1, name + 1, length - 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	high = fcntl(fd, F_DUPFD_CLOEXEC, LOW_DESCRIPTORS);
	if (high >= 0) {
		close(fd);
		fd = high;
	}
	if (!connect(fd, (struct sockaddr *)&address,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)))
		return fd;
	close(fd);
	return -1;
}

static bool send_hello(int fd)
{
	struct wire_hello hello = {
		.magic = WIRE_MAGIC, .version = WIRE_VERSION, .pid = process.control->pid,
		.memfd_bytes = process.memfd_bytes, .api_hash = driver_api_hash(),
	};
	struct iovec part = { &hello, sizeof(hello) };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { { 0 } };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &process.memfd, sizeof(int));
	return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(hello);
}

/* The program runs on as if nothing had been asked for; whoever preloaded the library and finds
 * no file is told why, on standard error. */
static void tell_refusal(struct wire_welcome *welcome)
{
	char text[256] = "gputrail: not recording: ";
	size_t at = strlen(text);

	welcome->reason[sizeof(welcome->reason) - 1] = '\0';
	at = util_append(text, at, sizeof(text), welcome->reason);
	at = util_append(text, at, sizeof(text), "\n");
	if (welcome->reason[0] && write(STDERR_FILENO, text, at) < 0)
		return;
}

static bool receive_welcome(int fd, bool is_own_collector)
{
	struct patience patience = patience_of(ANSWER_LIMIT_NS, ANSWER_POLL_MS * 1000000ull);
	struct wire_welcome welcome;
	ssize_t got;

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		got = recv(fd, &welcome, sizeof(welcome), 0);
		if (got >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
		if (!patience_left(&patience))
			return false;
		poll(&wait, 1, ANSWER_POLL_MS);
	}
	if (got != (ssize_t)sizeof(welcome) || welcome.magic != WIRE_MAGIC ||
	    welcome.version != WIRE_VERSION)
		return false;
	if (welcome.status && is_own_collector)
		tell_refusal(&welcome);
	return welcome.status == 0;
}

/* Looks for this library in LD_PRELOAD of an environment block, byte by byte. */
struct preload_scan {
	unsigned variable, library;	/* bytes matched of either name */
	bool in_value, is_other;
};

static bool preload_scan_byte(struct preload_scan *scan, char byte)
{
	static const char variable[] = "LD_PRELOAD=", library[] = "libprofile.so";

	if (!byte) {
		*scan = (struct preload_scan){ 0 };
	} else if (scan->in_value) {
		if (byte == library[scan->library])
			scan->library++;
		else
			scan->library = byte == library[0];
	} else if (!scan->is_other && byte == variable[scan->variable]) {
		scan->in_value = !variable[++scan->variable];
	} else {
		scan->is_other = true;
	}
	return !library[scan->library];
}

/* A process's environment as it was at exec is what its children got too. */
static bool has_preload(uint32_t pid)
{
	struct preload_scan scan = { 0 };
	char path[64], text[4096];
	size_t at = util_append(path, 0, sizeof(path), "/proc/");
	bool found = false;
	struct stat status;
	ssize_t got;
	int fd;

	at = util_append_number(path, at, sizeof(path), pid);
	util_append(path, at, sizeof(path), "/environ");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &status) || status.st_uid != getuid()) {
		close(fd);
		return false;
	}
	while (!found && (got = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < got && !found; i++)
			found = preload_scan_byte(&scan, text[i]);
	close(fd);
	return found;
}

/* The top-most ancestor that was started with this library: one collector for its whole tree. */
static uint32_t find_root(void)
{
	uint32_t pid = (uint32_t)getpid(), root = pid, parent;

	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		parent = 0;
		if (!util_start_ticks(pid, &parent) || !parent)
			break;
		if (has_preload(parent))
			root = parent;
		pid = parent;
	}
	return root;
}

static void socket_name(uint32_t root, char name[108])
{
	size_t at = util_append(name, 0, 108, "@gputrail-");

	at = util_append_number(name, at, 108, getuid());
	at = util_append(name, at, 108, "-");
	at = util_append_number(name, at, 108, root);
	at = util_append(name, at, 108, "-");
	util_append_number(name, at, 108, util_start_ticks(root, NULL));
}

/* Anybody on the machine can bind an abstract name; what we record is not for them. */
static bool is_own(int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) &&
		(peer.uid == getuid() || peer.uid == 0);
}

/* Several processes may start a collector at once; binding the name decides which one stays. */
static int connect_or_start(void)
{
	uint32_t root = find_root();
	struct patience patience;
	char name[108];
	int fd;

	socket_name(root, name);
	fd = connect_to(name);
	if (fd < 0 && !collector_start(name, root))
		return -1;
	patience = patience_of(START_LIMIT_NS, RETRY_MS * 1000000ull);
	while (fd < 0 && patience_left(&patience)) {
		poll(NULL, 0, RETRY_MS);
		fd = connect_to(name);
	}
	if (fd < 0 || is_own(fd))
		return fd;
	close(fd);
	return -1;
}

bool connect_collector(void)
{
	const char *name = env_get(ENV_GPUTRAIL_SOCKET);
	int fd = *name ? connect_to(name) : connect_or_start();

	if (fd < 0)
		return false;
	if (send_hello(fd) && receive_welcome(fd, !*name))
		return true;	/* fd stays open: its end tells the collector */
	close(fd);
	return false;
}
