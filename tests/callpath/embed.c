/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A C program that launches, then loads a libpython, runs a script in it that launches through a C
 * function with the GIL held, finalizes the interpreter, launches, and does all of that again.
 * Usage: embed LIBPYTHON local|global SCRIPT TRUTH. With FAKE_PYTHON it is itself an
 * "interpreter" of an unknown version, and only launches.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int (*launch_kernel)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
			    unsigned, void *, void **, void **);
static void *function;

static const char ptx[] = ".version 7.0\n.target sm_70\n.address_size 64\n"
			  ".visible .entry probe_kernel(.param .u32 p)\n{\n\tret;\n}\n";

static void *symbol(void *library, const char *name)
{
	void *address = dlsym(library, name);

	if (!address) {
		fprintf(stderr, "embed: no %s\n", name);
		exit(1);
	}
	return address;
}

static void check(int result)
{
	if (result) {
		fprintf(stderr, "embed: CUDA error %d\n", result);
		exit(1);
	}
}

static void cuda_start(void)
{
	void *library = dlopen("libcuda.so.1", RTLD_NOW), *context, *module;
	int (*init)(unsigned), (*retain)(void **, int), (*use)(void *);
	int (*load)(void **, const void *), (*get)(void **, void *, const char *);

	if (!library)
		exit(1);
	*(void **)&init = symbol(library, "cuInit");
	*(void **)&retain = symbol(library, "cuDevicePrimaryCtxRetain");
	*(void **)&use = symbol(library, "cuCtxSetCurrent");
	*(void **)&load = symbol(library, "cuModuleLoadData");
	*(void **)&get = symbol(library, "cuModuleGetFunction");
	*(void **)&launch_kernel = symbol(library, "cuLaunchKernel");
	check(init(0));
	check(retain(&context, 0));
	check(use(context));
	check(load(&module, ptx));
	check(get(&function, module, "probe_kernel"));
}

/* The grid's x numbers a launch. */
static void launch(unsigned number)
{
	unsigned value = 7;
	void *parameters[] = { &value };

	check(launch_kernel(function, number, 1, 1, 32, 1, 1, 0, NULL, parameters, NULL));
}

#ifdef FAKE_PYTHON

#define EXPORT __attribute__((visibility("default")))

/* All that is known of an interpreter before its layout: this one has a layout nobody knows. */
EXPORT extern const unsigned long Py_Version;
EXPORT extern char _PyRuntime[4096];
const unsigned long Py_Version = 0x030f02f0;
char _PyRuntime[4096] = "xdebugpy\xf0\x02\x0f\x03";

EXPORT void *PyGILState_GetThisThreadState(void);

void *PyGILState_GetThisThreadState(void)
{
	return (void *)16;	/* whoever reads there dies */
}

int main(void)
{
	cuda_start();
	for (unsigned i = 1; i <= 3; i++)
		launch(i);
	return 0;
}

#else

static unsigned long (*to_number)(void *);
static void (*keep)(void *);

struct method {			/* PyMethodDef */
	const char *name;
	void *(*call)(void *self, void *argument);
	int flags;
	const char *doc;
};

static void *launch_method(void *self, void *argument)
{
	(void)self;
	launch((unsigned)to_number(argument));
	keep(argument);		/* the caller's reference to the result */
	return argument;
}

static void round_of_python(void *python, unsigned first, const char *script, const char *truth)
{
	static struct method method = { "launch_native", NULL, 0x0008, NULL };	/* METH_O */
	void (*initialize)(void), *(*add_module)(const char *), *(*dictionary)(void *);
	void *(*new_function)(struct method *, void *, void *);
	int (*set)(void *, const char *, void *), (*run)(const char *, void *), (*finalize)(void);
	char text[4096];
	void *main_dictionary;

	*(void **)&initialize = symbol(python, "Py_Initialize");
	*(void **)&add_module = symbol(python, "PyImport_AddModule");
	*(void **)&dictionary = symbol(python, "PyModule_GetDict");
	*(void **)&new_function = symbol(python, "PyCFunction_NewEx");
	*(void **)&set = symbol(python, "PyDict_SetItemString");
	*(void **)&run = symbol(python, "PyRun_SimpleStringFlags");
	*(void **)&finalize = symbol(python, "Py_FinalizeEx");
	*(void **)&to_number = symbol(python, "PyLong_AsUnsignedLong");
	*(void **)&keep = symbol(python, "Py_IncRef");
	method.call = launch_method;
	initialize();
	main_dictionary = dictionary(add_module("__main__"));
	set(main_dictionary, "launch_native", new_function(&method, NULL, NULL));
	snprintf(text, sizeof(text), "first = %u; truth = r'%s'; path = r'%s'\n"
		 "exec(compile(open(path).read(), path, 'exec'))\n", first, truth, script);
	if (run(text, NULL))
		exit(1);
	if (finalize())
		exit(1);
}

int main(int argc, char **argv)
{
	char path[1024];
	void *python;
	FILE *out;

	if (argc != 5)
		return 2;
	cuda_start();
	launch(1);
	python = dlopen(argv[1], RTLD_NOW | (strcmp(argv[2], "local") ? RTLD_GLOBAL : RTLD_LOCAL));
	if (!python) {
		fprintf(stderr, "embed: %s\n", dlerror());
		return 1;
	}
	for (unsigned round = 0; round < 2; round++) {
		round_of_python(python, 1000 * (round + 1) + 1, argv[3], argv[4]);
		launch(2 + round);
	}
	dlclose(python);
	launch(4);
	snprintf(path, sizeof(path), "%s.1", argv[4]);
	out = fopen(path, "w");
	return !out || fputs("[[], [], [], []]", out) < 0 || fclose(out);
}

#endif
