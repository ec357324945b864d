/* SPDX-License-Identifier: Apache-2.0 */
/* The way from the simulated libcupti.so to the simulated driver, without linking to it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_state.h"

#include <dlfcn.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *driver;
static void (*listen)(const struct sim_listener *listener);
static void (*watch)(uint64_t bits);
static void (*settle)(void);

static const struct sim_listener listener = {
	.enter = cupti_api_enter,
	.leave = cupti_api_leave,
	.activity = cupti_activity,
	.node = cupti_node_changed,
};

static void driver_open(void)
{
	pthread_mutex_lock(&lock);
	if (!driver)
		driver = dlopen("libcuda.so.1", RTLD_LAZY);
	if (driver && !listen) {
		listen = (void (*)(const struct sim_listener *))dlsym(driver, "simcuda_listen");
		watch = (void (*)(uint64_t))dlsym(driver, "simcuda_watch");
		settle = (void (*)(void))dlsym(driver, "simcuda_settle");
	}
	pthread_mutex_unlock(&lock);
}

void *cupti_driver_symbol(_Atomic(void *) *slot, const char *name)
{
	void *symbol = atomic_load_explicit(slot, memory_order_relaxed);

	if (symbol)
		return symbol;
	driver_open();
	symbol = driver ? dlsym(driver, name) : NULL;
	atomic_store_explicit(slot, symbol, memory_order_relaxed);
	return symbol;
}

void cupti_driver_settle(void)
{
	if (settle)
		settle();
}

bool cupti_driver_attach(void)
{
	bool is_wanted = cupti_any_kind_is_on() || cupti_has_subscriber();

	driver_open();
	if (!listen)
		return false;
	/* What has ended is told still, to a client that has no subscriber either. */
	if (!is_wanted)
		cupti_driver_settle();
	listen(is_wanted ? &listener : NULL);
	if (watch)
		watch(cupti_watched());
	return true;
}

/* The driver must not call into a library that is being unloaded. */
static void __attribute__((destructor)) driver_leave(void)
{
	if (listen)
		listen(NULL);
}
