/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocates from stacks that no compiler made: below code written in memory, in a signal handler
 * on a stack of its own, and below assembly without call frame information on another stack.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)

#define STACK_BYTES (1u << 17)

void leaf_jit(void);
void leaf_signal(int number);
void leaf_assembly(void);
void assembly_root(void *stack_end);

static int (*allocate)(uint64_t *address, size_t bytes);

static void allocate_some(void)
{
	uint64_t address;

	if (allocate(&address, 256))
		exit(1);
}

__attribute__((noinline)) void leaf_jit(void)
{
	allocate_some();
	__asm__ volatile("");
}

__attribute__((noinline)) void leaf_signal(int number)
{
	(void)number;
	allocate_some();
	__asm__ volatile("");
}

__attribute__((noinline)) void leaf_assembly(void)
{
	allocate_some();
	__asm__ volatile("");
}

__asm__(".text\n\t.globl assembly_root\n\t.type assembly_root, @function\nassembly_root:\n"
	"\tpush %rbx\n\tmov %rsp, %rbx\n\tmov %rdi, %rsp\n\tcall leaf_assembly\n"
	"\tmov %rbx, %rsp\n\tpop %rbx\n\tret\n\t.size assembly_root, . - assembly_root\n");

/* push %rbp; mov %rsp, %rbp; mov $leaf_jit, %rax; call *%rax; pop %rbp; ret */
static void run_jit(void)
{
	static const uint8_t begin[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0xb8 },
			     end[] = { 0xff, 0xd0, 0x5d, 0xc3 };
	uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void (*leaf)(void) = leaf_jit, (*run)(void);
	char path[64];
	FILE *map;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	map = fopen(path, "we");
	if (code == MAP_FAILED || !map)
		exit(1);
	fprintf(map, "%lx 18 jit_function\n", (unsigned long)(uintptr_t)code);
	fclose(map);
	memcpy(code, begin, sizeof(begin));
	memcpy(code + sizeof(begin), &leaf, 8);
	memcpy(code + sizeof(begin) + 8, end, sizeof(end));
	mprotect(code, 4096, PROT_READ | PROT_EXEC);
	memcpy(&run, &code, sizeof(run));
	run();
	run();
}

int main(void)
{
	void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL), *context;
	struct sigaction action = { .sa_handler = leaf_signal, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_sp = malloc(STACK_BYTES), .ss_size = STACK_BYTES };
	char *other = aligned_alloc(64, STACK_BYTES);
	int (*init)(unsigned);
	int (*create)(void **, unsigned, int);

	if (!driver || !stack.ss_sp || !other)
		return 1;
	*(void **)&init = dlsym(driver, "cuInit");
	*(void **)&create = dlsym(driver, "cuCtxCreate_v2");
	*(void **)&allocate = dlsym(driver, "cuMemAlloc_v2");
	if (init(0) || create(&context, 0, 0))
		return 1;
	run_jit();
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	assembly_root(other + STACK_BYTES);
	return 0;
}

#else

int main(void)
{
	return 77;
}

#endif
