/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost-user messages as they travel, and sending and receiving them. */
#ifndef HOST_VHOST_WIRE_H
#define HOST_VHOST_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "host/vhost.h"

enum vhost_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_RESET_OWNER = 4,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SET_VRING_ERR = 14,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_SET_BACKEND_REQ_FD = 21,
	VHOST_USER_GET_CONFIG = 24,
	VHOST_USER_SET_CONFIG = 25,
	VHOST_USER_RESET_DEVICE = 34,
};

#define VHOST_USER_BACKEND_CONFIG_CHANGE_MSG 2U

#define VHOST_USER_F_PROTOCOL_FEATURES 30
#define PROTOCOL_F_REPLY_ACK (1ULL << 3)
#define PROTOCOL_F_BACKEND_REQ (1ULL << 5)
#define PROTOCOL_F_CONFIG (1ULL << 9)
#define PROTOCOL_FEATURES (PROTOCOL_F_REPLY_ACK | PROTOCOL_F_BACKEND_REQ | PROTOCOL_F_CONFIG)

#define FLAG_VERSION 1U
#define FLAG_VERSION_MASK 3U
#define FLAG_REPLY 4U
#define FLAG_NEED_REPLY 8U

#define VRING_INDEX_MASK 0xffU
#define VRING_NOFD (1U << 8)

#define MAX_PAYLOAD_BYTES 1024U
#define MAX_CONFIG_BYTES 256U

struct message_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

struct memory_entry {
	uint64_t guest_addr;
	uint64_t size_bytes;
	uint64_t user_addr;
	uint64_t mmap_offset;
};

struct memory_table {
	uint32_t nb_regions;
	uint32_t padding;
	struct memory_entry entries[VHOST_MAX_REGIONS];
};

struct vring_state {
	uint32_t index;
	uint32_t num;
};

struct vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log;
};

struct config_message {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t data[MAX_CONFIG_BYTES];
};

struct message {
	struct message_header header;
	union {
		uint64_t u64;
		struct memory_table table;
		struct vring_state state;
		struct vring_addr addr;
		struct config_message config;
		uint8_t bytes[MAX_PAYLOAD_BYTES];
	} payload;
	int fds[VHOST_MAX_REGIONS]; /* a handler that keeps one sets it to -1 here */
	unsigned nb_fds;
};

/* Set vh->error; returns -1. */
__attribute__((format(printf, 2, 3))) int vhost_fail(struct vhost *vh, const char *format, ...);

/* Read one message and the files with it: 0, 1 at the connection's end, or -1 and vh->error. */
int vhost_receive(struct vhost *vh, struct message *msg);

/* Answer @msg with the first @size bytes of its payload: 0, or -1 and vh->error. */
int vhost_reply(struct vhost *vh, struct message *msg, uint32_t size);

/* Read exactly @len bytes: 0, 1 at the connection's end, or -1 and errno. */
int vhost_read(int fd, void *data, size_t len);

/* Write all of it, without SIGPIPE: 0 or -1 and errno. */
int vhost_write(int fd, const void *data, size_t len);

#endif
