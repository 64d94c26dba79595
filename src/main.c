/* main.c: the front door: the one place where commands and console meet. */
#include "command.h"
#include "console.h"
#include "sys.h"

int main(int argc, char **argv)
{
    return command_main(argc, argv, &sys_real, console_run);
}
