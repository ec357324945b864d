/* SPDX-License-Identifier: Apache-2.0 */
/* What processes do around CUDA: fork, exec, end in all ways, threads, errno, dlclose. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/shim/launch3.h"

extern char **environ;
static const struct driver driver = LAUNCH3_LINKED;
static int children_ended;

static void launch(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		NEED(!cuLaunchKernel((CUfunction)(uintptr_t)0xf000, 1, 1, 1, 32, 1, 1, 0, NULL, NULL,
				     NULL));
}

static void wait_for(pid_t child)
{
	int status;

	NEED(waitpid(child, &status, 0) == child);
	NEED(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The child of a process that used CUDA may ask things, but has no rings of its own. */
static void do_fork(void)
{
	CUcontext context;
	pid_t child;

	launch3(&driver);
	child = fork();
	if (!child) {
		NEED(!cuCtxGetCurrent(&context));
		launch(5);
		_exit(0);
	}
	wait_for(child);
	launch(1);
}

static void do_fork_cuda(void)
{
	pid_t child;

	launch3(&driver);
	child = fork();
	if (!child) {
		launch3(&driver);
		exit(0);
	}
	wait_for(child);
}

static void do_spawn(void)
{
	char *const argv[] = { (char *)(uintptr_t)"true", NULL };
	pid_t child;

	launch3(&driver);
	NEED(!posix_spawnp(&child, "true", NULL, NULL, argv, environ));
	wait_for(child);
}

static void *thread_main(void *unused)
{
	(void)unused;
	launch(100);
	return NULL;
}

static void do_threads(void)
{
	pthread_t thread;

	NEED(!cuInit(0));
	for (int i = 0; i < 40; i++) {
		NEED(!pthread_create(&thread, NULL, thread_main, NULL));
		NEED(!pthread_join(thread, NULL));
		usleep(3000);
	}
}

static pthread_barrier_t barrier;

static void *waiting_thread(void *unused)
{
	(void)unused;
	launch(1);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void do_many_threads(void)
{
	enum { THREADS = 270 };
	static pthread_t threads[THREADS];
	pthread_attr_t small;

	NEED(!cuInit(0));
	NEED(!pthread_barrier_init(&barrier, NULL, THREADS));
	NEED(!pthread_attr_init(&small) && !pthread_attr_setstacksize(&small, 65536));
	for (int i = 0; i < THREADS; i++)
		NEED(!pthread_create(&threads[i], &small, waiting_thread, NULL));
	for (int i = 0; i < THREADS; i++)
		NEED(!pthread_join(threads[i], NULL));
}

static void do_errno(void)
{
	errno = 123;
	NEED(!cuInit(0));
	NEED(errno == 123);
	launch(1);
	NEED(errno == 123);
}

static void do_dlclose(void)
{
	for (int i = 0; i < 2; i++) {
		void *handle = dlopen("libcuda.so.1", RTLD_NOW);
		CUresult (*init)(unsigned);

		NEED(handle);
		*(void **)&init = dlsym(handle, "cuInit");
		NEED(init && !init(0));
		NEED(!dlclose(handle));
	}
}

/* Not inlined: a copy of it would be a call site not seen before. */
static __attribute__((noinline)) void quiet_round(void)
{
	CUdeviceptr pointer;

	launch(1);
	cuMemAlloc_v2(&pointer, 4096);
	cuMemcpyHtoDAsync_v2(pointer, "x", 1, NULL);
	cuStreamSynchronize(NULL);
	cuCtxSetLimit(CU_LIMIT_STACK_SIZE, 1);
}

static void nothing(void)
{
}

/* From here on any system call but the last ones kills the process. */
static void forbid_system_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	NEED(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0))
		_exit(77);
}

/* The first rounds see everything for the first time. No branch here, since compilers copy what
 * follows one, and the copy is another call site. */
static void do_quiet(void)
{
	static void (*const before[])(void) = { nothing, forbid_system_calls };

	NEED(!cuInit(0));
	for (unsigned i = 0; i < 10010; i++) {
		before[i == 10]();
		quiet_round();
	}
	syscall(SYS_exit_group, 0);
}

/* Loads, launches and unloads: with FAKECUDA_REUSE both kernels have the same handle. */
static void load_and_launch(const char *name, unsigned launches)
{
	CUfunction function;
	CUmodule module;

	NEED(!cuModuleLoadData(&module, "x"));
	NEED(!cuModuleGetFunction(&function, module, name));
	for (unsigned i = 0; i < launches; i++)
		NEED(!cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, NULL, NULL, NULL));
	NEED(!cuModuleUnload(module));
}

static void do_reuse(void)
{
	NEED(!cuInit(0));
	load_and_launch("first_kernel", 2);
	load_and_launch("second_kernel", 3);
}

static void *stress_thread(void *data)
{
	char name[32];

	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "kernel_%zu_%u", (size_t)(uintptr_t)data, i);
		load_and_launch(name, 10);
	}
	return NULL;
}

static void do_stress(void)
{
	enum { THREADS = 8 };
	pthread_t threads[THREADS];

	NEED(!cuInit(0));
	for (size_t i = 0; i < THREADS; i++)
		NEED(!pthread_create(&threads[i], NULL, stress_thread, (void *)(uintptr_t)i));
	for (int i = 0; i < THREADS; i++)
		NEED(!pthread_join(threads[i], NULL));
}

static void *killer(void *launches)
{
	const volatile uint32_t *count = launches;

	while (*count < 128)
		usleep(1000);
	usleep((unsigned)(getpid() % 97 * 500));
	kill(getpid(), SIGKILL);
	return NULL;
}

/* Launches until it is killed at some moment; the file says how many had returned by then. */
static void do_until_killed(void)
{
	const char *path = getenv("COUNT_FILE");
	int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC, 0600) : -1;
	volatile uint32_t *count;
	pthread_t thread;

	NEED(fd >= 0 && !ftruncate(fd, 4096));
	count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(count != MAP_FAILED);
	NEED(!cuInit(0));
	NEED(!pthread_create(&thread, NULL, killer, (void *)count));
	for (;;) {
		launch(1);
		++*count;
		if (*count % 64 == 0)
			usleep(100);
	}
}

static void on_child(int number)
{
	(void)number;
	children_ended++;
}

/* A collector that the shim starts is no child that the program could notice. */
static void do_no_child(void)
{
	struct sigaction action = { .sa_handler = on_child };

	NEED(!sigaction(SIGCHLD, &action, NULL));
	launch3(&driver);
	usleep(20000);
	NEED(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	NEED(!children_ended);
}

static void do_drop(void)
{
	NEED(!cuInit(0));
	launch(20000);
}

static void do_exit(void)
{
	launch3(&driver);
	exit(7);
}

static void do_underscore_exit(void)
{
	launch3(&driver);
	_exit(7);
}

static void do_abort(void)
{
	launch3(&driver);
	abort();
}

static void do_kill(void)
{
	launch3(&driver);
	kill(getpid(), SIGKILL);
}

static void do_exec(void)
{
	launch3(&driver);
	execlp("true", "true", NULL);
}

static void do_killed_inside(void)
{
	NEED(!cuInit(0));
	cuCtxSynchronize();
}

static const struct { const char *name; void (*run)(void); } modes[] = {
	{ "fork", do_fork }, { "fork-cuda", do_fork_cuda }, { "spawn", do_spawn },
	{ "threads", do_threads }, { "many-threads", do_many_threads }, { "errno", do_errno },
	{ "dlclose", do_dlclose }, { "quiet", do_quiet }, { "no-child", do_no_child },
	{ "drop", do_drop }, { "exit", do_exit }, { "_exit", do_underscore_exit },
	{ "abort", do_abort }, { "kill", do_kill }, { "exec", do_exec },
	{ "killed-inside", do_killed_inside }, { "reuse", do_reuse }, { "stress", do_stress },
	{ "until-killed", do_until_killed },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(argv[1], modes[i].name)) {
			modes[i].run();
			return 0;
		}
	}
	return 2;
}
