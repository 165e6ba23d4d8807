/* A disk on which a sync takes 2 ms longer: LD_PRELOAD it. SLOW_SYNC_US=2000 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_for_disk(void)
{
	const char *us = getenv("SLOW_SYNC_US");

	if (us != NULL)
		usleep((useconds_t)atoi(us));
}

#define SLOW(name)                                                   \
	int name(int fd)                                             \
	{                                                            \
		static int (*real)(int);                             \
                                                                     \
		if (real == NULL)                                    \
			*(void **)&real = dlsym(RTLD_NEXT, #name);   \
		wait_for_disk();                                     \
		return real(fd);                                     \
	}

SLOW(fsync)
SLOW(fdatasync)
SLOW(syncfs)
