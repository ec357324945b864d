/* SPDX-License-Identifier: Apache-2.0 */
/* A library whose frames are FRAME_BYTES large; two of them replace each other in a test. */
#ifndef FRAME_BYTES
#define FRAME_BYTES 48
#endif

void plugin_enter(int depth, void (*leaf)(void));

__attribute__((visibility("default"))) void plugin_enter(int depth, void (*leaf)(void))
{
	volatile char room[FRAME_BYTES];

	room[0] = (char)depth;
	if (depth > 1)
		plugin_enter(depth - 1, leaf);
	else
		leaf();
	room[1] = room[0];
}
