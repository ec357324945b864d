/* SPDX-License-Identifier: Apache-2.0 */
/* The paged KV cache's block allocator: a stack of free block numbers. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/server.h"

#include <stdlib.h>

static int *free_blocks;
static int free_count;

void blocks_open(int count)
{
	free_blocks = calloc((size_t)count, sizeof(*free_blocks));
	if (!free_blocks)
		abort();
	for (free_count = 0; free_count < count; free_count++)
		free_blocks[free_count] = count - 1 - free_count;
}

void blocks_close(void)
{
	free(free_blocks);
	free_blocks = NULL;
}

bool blocks_extend(struct request *request, int tokens)
{
	int wanted = (tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS;

	if (wanted > BLOCKS_PER_REQUEST)
		wanted = BLOCKS_PER_REQUEST;
	if (wanted - request->block_count > free_count)
		return false;
	while (request->block_count < wanted)
		request->blocks[request->block_count++] = free_blocks[--free_count];
	return true;
}

void blocks_free(struct request *request)
{
	while (request->block_count > 0)
		free_blocks[free_count++] = request->blocks[--request->block_count];
}
