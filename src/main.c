/* main.c: the front door: the one place where commands and console meet. */
#include <malloc.h>

#include "command.h"
#include "console.h"
#include "sys.h"

int main(int argc, char **argv)
{
#ifdef M_TRIM_THRESHOLD
    /* Each file is read through a buffer of its own: the heap is not given back and asked for again at every one of them. */
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
#endif
    return command_main(argc, argv, &sys_real, console_run, console_key);
}
